"""``accomptk prep``: any source of music becomes a set of stems with an index."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from accomptk.cli.options import force_option, json_option, quiet_option, seed_option
from accomptk.cli.preparation import Job, tell
from accomptk.errors import AccomptkError

Command = TypeVar("Command", bound=Callable[..., Any])

split_option = click.option(
    "--split",
    type=click.Choice(["train", "valid", "test"]),
    default=None,
    help="Put all songs in one split.  [default: each source divides its own]",
)
stereo_option = click.option(
    "--stereo", is_flag=True, help="Keep two channels.  [default: mono, which is all that is used]"
)
root_argument = click.argument("root", metavar="DIR", type=click.Path(path_type=Path))


def shared_options(name: str) -> Callable[[Command], Command]:
    """The options of every source, in the order of its help."""
    options = (
        split_option,
        click.option("--out", metavar="DIR|URL", help=f"Where to write.  [default: ./data/{name}]"),
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            default=None,
            help="Processes to use here.  [default: one per core]",
        ),
        click.option(
            "--scheduler",
            default=None,
            metavar="ADDRESS",
            help="Use a dask cluster instead, for instance tcp://10.0.0.1:8786.",
        ),
        click.option(
            "--beats/--no-beats",
            default=True,
            show_default=True,
            help="Estimate beats where the source has none.",
        ),
        click.option(
            "--latents/--no-latents",
            default=True,
            show_default=True,
            help="Also encode the set with the shipped codec.",
        ),
        click.option(
            "--report", "reports", is_flag=True, help="Show what is in the set, and draw it."
        ),
        click.option(
            "--verify",
            "verifies",
            is_flag=True,
            help="Only check the files of the set, and list those missing or changed; "
            "with --force make their songs again.",
        ),
        *(force_option, quiet_option, json_option),
    )

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


class OrderedGroup(click.Group):
    """A group that lists its commands in the order they were written in."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the sources."""
        return list(self.commands)


@click.group(cls=OrderedGroup, epilog="Example: accomptk prep stems ~/Music/my-stems --report")
def prep() -> None:
    """Turn any source of music into stems and an index.

    Running a source again makes only the songs that are new, changed or damaged, and goes on
    where an interrupted run stopped.
    """


@prep.command(epilog="Example: accomptk prep musdb --root ~/MUSDB18")
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    envvar="MUSDB_PATH",
    show_envvar=True,
    help="Folder of MUSDB18 or MUSDB18-HQ.  [default: the excerpt that stempeg ships]",
)
@click.option(
    "--download", is_flag=True, help="Fetch musdb's 7 s previews, to --root or to ~/MUSDB18."
)
@stereo_option
@shared_options("musdb")
def musdb(
    root: Path | None, download: bool, stereo: bool, split: str | None, **options: Any
) -> None:
    """Read MUSDB18 or MUSDB18-HQ.

    Without it, the one real excerpt that comes with the stempeg package is prepared instead, so
    that what follows can be tried.
    """
    from accomptk.stems import musdb as source

    job = Job.read(options, "musdb", "musdb")

    def find() -> "list[Any]":
        found = _download_musdb(root) if download else root
        if found is None:
            tell(
                "no MUSDB18: give --root DIR (or set MUSDB_PATH), or fetch its previews with "
                "--download; using the one real 6 s excerpt that stempeg ships"
            )
        return source.tasks(found, split, 1 + stereo)

    job.run(find)


def _download_musdb(root: Path | None) -> Path | None:
    from accomptk.stems.musdb import download

    try:
        return download(root)
    except AccomptkError as error:
        tell(str(error))
        return None


@prep.command(epilog="Example: accomptk prep slakh ~/slakh2100_flac_redux")
@root_argument
@stereo_option
@shared_options("slakh")
def slakh(root: Path, stereo: bool, split: str | None, **options: Any) -> None:
    """Read Slakh2100 or BabySlakh.

    DIR is the collection, its redux version, or a part of it. Beats come from the MIDI files.
    """
    from accomptk.stems.slakh import tasks

    job = Job.read(options, "slakh", "slakh")
    job.check_apart(root)
    job.run(lambda: tasks(root, split, 1 + stereo))


@prep.command(epilog="Example: accomptk prep moisesdb ~/moisesdb/moisesdb_v0.1")
@root_argument
@stereo_option
@shared_options("moisesdb")
def moisesdb(root: Path, stereo: bool, split: str | None, **options: Any) -> None:
    """Read MoisesDB.

    Songs of one artist share a split; genres become prompts.
    """
    from accomptk.stems.moisesdb import tasks

    job = Job.read(options, "moisesdb", "moisesdb")
    job.check_apart(root)
    job.run(lambda: tasks(root, split, 1 + stereo))


@prep.command(epilog="Example: accomptk prep stems ~/Music/my-stems --map 'lead*=guitar' --report")
@root_argument
@click.option(
    "--map",
    "rules",
    multiple=True,
    metavar="PATTERN=INSTRUMENT|FILE",
    help="Which files are what instrument ('none' leaves them out), or a TOML file that says so. "
    "Can be repeated.  [default: by words in the names]",
)
@stereo_option
@shared_options("<name of DIR>")
def stems(
    root: Path, rules: tuple[str, ...], stereo: bool, split: str | None, **options: Any
) -> None:
    """Read anyone's stems.

    Each sub-folder of DIR is a song, or DIR itself is one. A file's name says its instrument
    ("Bass DI.wav"); its audio may have any rate and length. Beside the stems, prompt.txt may
    describe the song and beats.txt list its beats.
    """
    from accomptk.stems.folder import tasks
    from accomptk.stems.naming import Naming

    job = Job.read(options, name_of(root), "stems")
    job.check_apart(root)
    job.run(lambda: tasks(root, split, Naming.read(rules), 1 + stereo))


@prep.command(epilog="Example: accomptk prep midi ~/Music/midi-files --soundfont FluidR3_GM")
@root_argument
@click.option(
    "--soundfont",
    default=None,
    metavar="NAME|FILE",
    help="Installed soundfont, or a .sf2 or .sf3 file.  [default: the first one installed]",
)
@shared_options("<name of DIR>")
def midi(root: Path, soundfont: str | None, split: str | None, **options: Any) -> None:
    """Render General MIDI files.

    All in DIR, with beats from their tempo maps and instruments from their programs.
    """
    from accomptk.stems.midi import tasks

    job = Job.read(options, name_of(root), "midi")
    job.check_apart(root)
    job.run(lambda: tasks(root, split, soundfont))


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
@shared_options("band")
def band(
    songs: int, seconds: tuple[float, float], seed: int, split: str | None, **options: Any
) -> None:
    """Compose and render original songs.

    A seeded band plays them; chords and beats are known.
    """
    from accomptk.stems.band import tasks

    job = Job.read(options, "band", "band", seed)
    job.run(lambda: tasks(songs, seed, split=split, seconds=(min(seconds), max(seconds))))


def name_of(folder: Path) -> str:
    """What a set is called that is made of a folder."""
    return folder.resolve().name or "stems"
