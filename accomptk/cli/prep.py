"""``accomptk prep``: any source of music becomes a set of stems with an index."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from accomptk.cli.options import (
    echo_json,
    force_option,
    json_option,
    out_option,
    progress,
    quiet_option,
    seed_option,
    workers_option,
)
from accomptk.errors import DatasetError

if TYPE_CHECKING:
    from accomptk.stems.index import Song
    from accomptk.stems.prepare import Summary, Task

Command = TypeVar("Command", bound=Callable[..., Any])

split_option = click.option(
    "--split",
    type=click.Choice(["train", "valid", "test"]),
    default=None,
    help="Put all songs in one split.  [default: each source divides its own]",
)
latents_option = click.option(
    "--latents/--no-latents",
    default=True,
    show_default=True,
    help="Also encode the set with the shipped codec.",
)


def _shared_options(name: str) -> Callable[[Command], Command]:
    """The options of every source, in the order of its help."""

    def decorate(command: Command) -> Command:
        options = (
            *(split_option, out_option(f"./data/{name}"), workers_option, latents_option),
            *(force_option, quiet_option, json_option),
        )
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


class OrderedGroup(click.Group):
    """A group that lists its commands in the order they were written in."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the sources."""
        return list(self.commands)


@click.group(cls=OrderedGroup, epilog="Example: accomptk prep stems ~/Music/my-stems")
def prep() -> None:
    """Turn any source of music into stems and an index.

    Running a source again makes only the songs that are new, changed or damaged.
    """


@prep.command(epilog="Example: accomptk prep band --songs 40 --seed 1 --out data/band")
@click.option(
    "--songs", type=click.IntRange(min=1), default=20, show_default=True, help="How many."
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=5),
    nargs=2,
    default=(45, 75),
    show_default=True,
    metavar="MIN MAX",
    help="Length of a song.",
)
@seed_option
@_shared_options("band")
def band(
    songs: int, seconds: tuple[float, float], seed: int, split: str | None, **options: Any
) -> None:
    """Compose and render original songs of a seeded band, with known chords and beats."""
    from accomptk.stems.band import tasks

    job = Job.read(options, "band", "band", seed)
    job.run(tasks(songs, seed, split=split, seconds=(min(seconds), max(seconds))))


@prep.command(epilog="Example: accomptk prep stems ~/Music/my-stems")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@_shared_options("<name of DIR>")
def stems(folder: Path, split: str | None, **options: Any) -> None:
    """Read the stems in DIR: each sub-folder a song, or DIR itself one song.

    A file's name says its instrument ("Bass DI.wav"); its audio may have any rate and length.
    """
    from accomptk.stems.folder import tasks

    job = Job.read(options, _name_of(folder), "stems")
    job.check_apart(folder)
    job.run(tasks(folder, split))


@prep.command(epilog="Example: accomptk prep midi ~/Music/midi-files")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--soundfont",
    default=None,
    metavar="NAME|FILE",
    help="Installed soundfont, or a .sf2 or .sf3 file.  [default: the first one installed]",
)
@_shared_options("<name of DIR>")
def midi(folder: Path, soundfont: str | None, split: str | None, **options: Any) -> None:
    """Render the General MIDI files in DIR, with beats from their tempo maps."""
    from accomptk.stems.midi import tasks

    job = Job.read(options, _name_of(folder), "midi")
    job.check_apart(folder)
    job.run(tasks(folder, split, soundfont))


@prep.command(epilog="Example: accomptk prep musdb --root ~/MUSDB18")
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    envvar="MUSDB_PATH",
    show_envvar=True,
    help="Folder of MUSDB18 or MUSDB18-HQ.  [default: the excerpt that stempeg ships]",
)
@_shared_options("musdb")
def musdb(root: Path | None, split: str | None, **options: Any) -> None:
    """Read MUSDB18; without it, the one real excerpt that is installed with stempeg."""
    from accomptk.stems.musdb import tasks

    job = Job.read(options, "musdb", "musdb")
    if root is None:
        _tell(
            "no MUSDB18 given (--root or MUSDB_PATH): using the one real 6 s excerpt "
            "that stempeg ships"
        )
    job.run(tasks(root, split))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One preparation: where to, how, and what to print."""

    out: Path
    name: str
    source: str
    seed: int
    workers: int
    force: bool
    quiet: bool
    as_json: bool
    latents: bool

    @classmethod
    def read(cls, options: Mapping[str, Any], name: str, source: str, seed: int = 0) -> "Job":
        """Fill in what the options leave open."""
        from accomptk.run import cores

        given = dict(options)
        out = given.pop("out") or Path("data") / name
        workers = given.pop("workers") or cores()
        return cls(out=out, name=name, source=source, seed=seed, workers=workers, **given)

    def check_apart(self, folder: Path) -> None:
        """Refuse to write a set into the music that it is made from.

        Raises:
            DatasetError: If the set would lie in that folder.
        """
        if self.out.resolve().is_relative_to(folder.resolve()):
            raise DatasetError(f"{self.out}: lies in the source; choose another folder with --out")

    def run(self, tasks: "Sequence[Task]") -> None:
        """Prepare the songs, encode them, and print what was done.

        Raises:
            DatasetError: If no song is left.
        """
        summary = self._prepare(tasks)
        for line in summary.warnings:
            _tell(f"warning: {line}")
        for track, reason in summary.skipped:
            _tell(f"skipped: {track}: {reason}")
        if not summary.prepared and not summary.kept:
            raise DatasetError(
                f"{self.out}: none of {len(summary.skipped)} songs could be prepared; "
                "the lines above say why"
            )
        latents = self._encode() if self.latents else None
        report = _report(summary, latents)
        if self.as_json:
            echo_json(report)
        else:
            _print_table(report)

    def _prepare(self, tasks: "Sequence[Task]") -> "Summary":
        from accomptk.stems.prepare import prepare

        with progress(self.quiet) as bar:
            line = bar.add_task(f"prep {self.name}", total=len(tasks))
            return prepare(
                self.out,
                tasks,
                name=self.name,
                source=self.source,
                seed=self.seed,
                workers=self.workers,
                force=self.force,
                progress=lambda done, total, _: bar.update(line, completed=done, total=total),
            )

    def _encode(self) -> str | None:
        from accomptk.latents.codec import SHIPPED, load_codec
        from accomptk.latents.shards import encode_set

        if not SHIPPED.is_file():
            _tell("no codec is shipped with this version: latents left out")
            return None
        with progress(self.quiet) as bar:
            line = bar.add_task("latents", total=None)
            folder = encode_set(
                self.out,
                load_codec(),
                workers=self.workers,
                force=self.force,
                progress=lambda done, total: bar.update(line, completed=done, total=total),
            )
        return str(folder)


def _name_of(folder: Path) -> str:
    return folder.resolve().name or "stems"


def _tell(line: str) -> None:
    click.echo(line, err=True)


def _report(summary: "Summary", latents: str | None) -> dict[str, Any]:
    from accomptk.stems.index import SPLITS, StemSet

    opened = StemSet.open(summary.root)
    return {
        "root": str(summary.root),
        "index_hash": opened.index_hash,
        "prepared": [song.track for song in summary.prepared],
        "kept": [song.track for song in summary.kept],
        "skipped": [{"track": track, "reason": reason} for track, reason in summary.skipped],
        "warnings": list(summary.warnings),
        "splits": {name: _count(opened.split(name)) for name in SPLITS},
        "latents": latents,
    }


def _count(songs: "Sequence[Song]") -> dict[str, float]:
    return {
        "songs": len(songs),
        "stems": sum(len(song.stems) for song in songs),
        "seconds": round(sum(song.seconds for song in songs), 3),
    }


def _print_table(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("split", box=None)
    for column in ("songs", "stems", "minutes"):
        table.add_column(column, justify="right")
    for name, row in report["splits"].items():
        table.add_row(name, str(row["songs"]), str(row["stems"]), f"{row['seconds'] / 60:.1f}")
    Console(file=sys.stdout).print(table)
    counts = ", ".join(f"{len(report[key])} {key}" for key in ("prepared", "kept", "skipped"))
    click.echo(f"{report['root']}: {counts}")
