"""What ``accomptk prep`` does with any source: prepare, listen, encode, report, verify."""

import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accomptk.cli.options import echo_json, progress
from accomptk.errors import DatasetError, MissingTool

if TYPE_CHECKING:
    from accomptk.stems.music import Song
    from accomptk.stems.parallel import Workers
    from accomptk.stems.prepare import Summary, Task

_MOST_LISTED = 20  # songs left out; the set's own file lists them all


def tell(line: str) -> None:
    """Write a line beside the result."""
    click.echo(line, err=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One preparation: where to, how, and what to print."""

    out: Path
    name: str
    source: str
    seed: int
    workers: "Workers"
    beats: bool
    latents: bool
    reports: bool
    verifies: bool
    force: bool
    quiet: bool
    as_json: bool

    @classmethod
    def read(cls, options: Mapping[str, Any], name: str, source: str, seed: int = 0) -> "Job":
        """Fill in what the options leave open.

        Raises:
            UsageError: If both processes and a cluster are asked for.
            AccomptkError: If the place to write to is none.
        """
        from accomptk.run import cores
        from accomptk.stems.place import place

        given = dict(options)
        out = place(given.pop("out") or Path("data") / name)
        scheduler, count = given.pop("scheduler"), given.pop("workers")
        if scheduler and count:
            raise click.UsageError("--workers are processes here, --scheduler a cluster: give one")
        workers = scheduler or count or cores()
        return cls(out=out, name=name, source=source, seed=seed, workers=workers, **given)

    def check_apart(self, folder: Path) -> None:
        """Refuse to write a set into the music that it is made from.

        Raises:
            DatasetError: If the set would lie in that folder.
        """
        from accomptk.stems.place import is_folder

        if is_folder(self.out) and self.out.resolve().is_relative_to(folder.resolve()):
            raise DatasetError(f"{self.out}: lies in the source; choose another folder with --out")

    def run(self, find: "Callable[[], Sequence[Task]]") -> None:
        """Prepare the songs, find beats, encode them, and print what was done.

        Args:
            find: Gives the songs to make.

        Raises:
            DatasetError: If no song is left, or files were found missing or changed.
        """
        damaged = self._verify() if self.verifies else set()
        if self.verifies and not (damaged and self.force):
            return
        summary = self._prepare(find(), damaged)
        for line in summary.warnings:
            tell(f"warning: {line}")
        for track, reason in summary.skipped[:_MOST_LISTED]:
            tell(f"skipped: {track}: {reason}")
        if len(summary.skipped) > _MOST_LISTED:
            more = len(summary.skipped) - _MOST_LISTED
            tell(f"skipped: {more} more; {self.out}/set.json lists them all")
        if not summary.prepared and not summary.kept:
            raise DatasetError(
                f"{self.out}: none of {len(summary.skipped)} songs could be prepared; "
                "the lines above say why"
            )
        if self.beats:
            self._find_beats()
        latents = self._encode() if self.latents else None
        result = self._describe(summary, latents)
        if self.as_json:
            echo_json(result)
        else:
            _print_result(result)

    def _prepare(self, tasks: "Sequence[Task]", again: Collection[str]) -> "Summary":
        from accomptk.stems.prepare import prepare

        with self._progress(f"prep {self.name}") as update:
            return prepare(
                self.out,
                tasks,
                name=self.name,
                source=self.source,
                seed=self.seed,
                workers=self.workers,
                force=self.force and not self.verifies,
                again=again,
                progress=lambda done, total, _: update(done, total),
            )

    def _find_beats(self) -> None:
        from accomptk.stems.beats import estimate_beats

        with self._progress("beats") as update:
            try:
                estimate_beats(self.out, self.workers, update)
            except MissingTool as error:
                tell(f"beats left unknown: {error}; then give the same command again")

    def _encode(self) -> str | None:
        from accomptk.latents.codec import SHIPPED, load_codec
        from accomptk.latents.shards import encode_set

        if not SHIPPED.is_file():
            tell("no codec is shipped with this version: latents left out")
            return None
        with self._progress("latents") as update:
            return str(
                encode_set(
                    self.out,
                    load_codec(),
                    workers=self.workers,
                    force=self.force,
                    progress=update,
                )
            )

    def _verify(self) -> set[str]:
        """List what is missing or changed, and return the songs' names.

        Raises:
            DatasetError: If there are some, and they are not to be made again.
        """
        from accomptk.stems.checking import verify

        with self._progress("verify") as update:
            found = verify(self.out, self.workers, update)
        if self.as_json and not self.force:
            echo_json({"root": str(self.out), "findings": [asdict(finding) for finding in found]})
        else:
            for finding in found:
                click.echo(f"{finding.state}: {finding.path}", err=self.as_json)
        if found and not self.force:
            raise DatasetError(
                f"{self.out}: {len(found)} files are missing or changed; the same command with "
                "--verify --force makes their songs again"
            )
        if not found and not self.as_json:
            click.echo(f"{self.out}: every file is as it was written")
        return {finding.track for finding in found}

    def _describe(self, summary: "Summary", latents: str | None) -> dict[str, Any]:
        from accomptk.stems.index import SPLITS, StemSet

        opened = StemSet.open(summary.root)
        result: dict[str, Any] = {
            "root": str(summary.root),
            "index_hash": opened.index_hash,
            "prepared": [song.track for song in summary.prepared],
            "kept": [song.track for song in summary.kept],
            "skipped": [{"track": track, "reason": reason} for track, reason in summary.skipped],
            "warnings": list(summary.warnings),
            "splits": {name: _count(opened.split(name)) for name in SPLITS},
            "latents": latents,
        }
        if self.reports:
            from accomptk.stems.survey import survey, write_survey

            found = survey(opened)
            picture = write_survey(opened, found)
            result["report"] = {**asdict(found), "picture": str(picture)}
        return result

    @contextmanager
    def _progress(self, name: str) -> Iterator[Callable[[int, int], None]]:
        """A line of progress, told songs done and songs in all."""
        with progress(self.quiet) as bar:
            line = bar.add_task(name, total=None)
            yield lambda done, total: bar.update(line, completed=done, total=total)


def _count(songs: "Sequence[Song]") -> dict[str, float]:
    return {
        "songs": len(songs),
        "stems": sum(len(song.stems) for song in songs),
        "seconds": round(sum(song.seconds for song in songs), 3),
    }


def _print_result(result: Mapping[str, Any]) -> None:
    rows = [
        (name, str(row["songs"]), str(row["stems"]), f"{row['seconds'] / 60:.1f}")
        for name, row in result["splits"].items()
    ]
    _print_table(("split", "songs", "stems", "minutes"), rows)
    if "report" in result:
        _print_report(result["report"])
    counts = ", ".join(f"{len(result[key])} {key}" for key in ("prepared", "kept", "skipped"))
    click.echo(f"{result['root']}: {counts}")


def _print_report(report: Mapping[str, Any]) -> None:
    heading = ("split", "instrument", "songs", "stems", "silent", "hours", "active", "level")
    rows = [
        (
            *(part["split"], part["instrument"], str(part["songs"]), str(part["stems"])),
            *(str(part["silent"]), f"{part['hours']:.3g}", f"{part['active']:.0%}"),
            "-" if part["level_db"] is None else f"{part['level_db']:.1f} dB",
        )
        for part in report["parts"]
    ]
    click.echo()
    _print_table(heading, rows)
    beats = ", ".join(f"{kind} {count}" for kind, count in report["beats"].items())
    tempi = sorted(tempo for kind in report["tempi"].values() for tempo in kind)
    spread = f"; {tempi[0]:.0f} to {tempi[-1]:.0f} beats a minute" if tempi else ""
    click.echo(f"\nbeats: {beats}{spread}\n{report['picture']}\n")


def _print_table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for name in heading:
        is_text = name in ("split", "instrument")
        table.add_column(name, justify="left" if is_text else "right")
    for row in rows:
        table.add_row(*row)
    Console(file=sys.stdout).print(table)
