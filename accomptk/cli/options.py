"""Options and outputs that several verbs share, so that they are spelt and work the same."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.progress import Progress

    from accomptk.conditions.prompts import Vocabulary
    from accomptk.conditions.thesaurus import Thesaurus
    from accomptk.run import Run
    from accomptk.window import Window

Command = TypeVar("Command", bound=Callable[..., Any])

set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override one recipe key, for instance --set noise.rho=7. Can be repeated.",
)
seed_option = click.option(
    "--seed", type=int, default=0, show_default=True, help="Root of all random numbers."
)
device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where the model computes.",
)
workers_option = click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=None,
    help="Processes to use.  [default: one per core]",
)
force_option = click.option("--force", is_flag=True, help="Do a finished stage again from scratch.")
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on stdout."
)
quiet_option = click.option("--quiet", is_flag=True, help="Show no progress.")


def split_names(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, ...]:
    """The words of a comma-separated option."""
    return tuple(name.strip() for name in value.split(",") if name.strip())


def split_lookaheads(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, ...]:
    """The whole numbers of a comma-separated option."""
    try:
        return tuple(int(name) for name in split_names(ctx, param, value))
    except ValueError as error:
        raise click.BadParameter(f"'{value}': give whole numbers such as 0,1,2") from error


hop_option = click.option(
    "--hop",
    default="18",
    show_default=True,
    callback=split_names,
    metavar="LENGTH",
    help="Made a step: frames, or a time such as 750ms.",
)
gap_option = click.option(
    "--gap",
    default="",
    callback=split_names,
    metavar="LENGTH",
    help="Between what was heard and what is made: frames or a time. Instead of --lookahead.",
)
steps_option = click.option(
    "--steps", type=click.IntRange(min=1), default=None, help="Sampler steps."
)
codec_option = click.option(
    "--codec",
    type=click.Path(path_type=Path),
    metavar="FILE|music2latent",
    help="Codec to use.",
)
model_option = click.option(
    "--model", default="teacher", show_default=True, help="Shipped name, or a file."
)
quickest_model_option = click.option(
    "--model", default=None, help="Shipped name, or a file.  [default: the quickest]"
)
teacher_option = click.option(
    "--teacher", default="teacher", show_default=True, help="Shipped name, or a file."
)
prompt_option = click.option("--prompt", default=None, help="Style in words.")
thesaurus_option = click.option(
    "--thesaurus",
    default=None,
    metavar="NAME|DIR",
    help="Model of sentence-transformers that finds known words for unknown ones.",
)
songs_option = click.option(
    "--songs", type=click.IntRange(min=1), default=None, help="At most this many."
)
init_option = click.option(
    "--init", metavar="shipped|FILE", help="Start from these weights, not from fresh ones."
)
minutes_option = click.option(
    "--minutes", type=float, help="Stop training soundly after this time."
)
clock_option = click.option(
    "--clock",
    type=click.Choice(["virtual", "real"]),
    default="virtual",
    show_default=True,
    help="Play as fast as possible, or in real time.",
)
latency_option = click.option(
    "--latency",
    default="none",
    show_default=True,
    metavar="MODEL",
    help="Of a chunk on the virtual clock: none, measured, 250ms, or with jitter 250ms+40ms.",
)
loss_option = click.option(
    "--loss",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    help="Share of the input's frames that never arrive.",
)


def tell(prompt: str, vocabulary: "Vocabulary", thesaurus: "Thesaurus | str | None") -> str:
    """A prompt as a model is told it; says on stderr what became of words that it never saw.

    Args:
        prompt: As it was written.
        vocabulary: The words that the model knows.
        thesaurus: Finds others for those that it does not know; its name, or none.
    """
    from accomptk.conditions.thesaurus import load_thesaurus, read_prompt

    if isinstance(thesaurus, str):
        thesaurus = load_thesaurus(thesaurus, vocabulary)
    told, notes = read_prompt(prompt, vocabulary, thesaurus)
    for note in notes:
        click.echo(f"prompt: {note}", err=True)
    return told


def data_option(default: Path | None, described: str) -> Callable[[Command], Command]:
    """``--data`` with its default, and what it is."""
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        default=default,
        show_default=default is not None,
        metavar="DIR",
        help=described,
    )


def lookahead_option(default: str) -> Callable[[Command], Command]:
    """``--lookahead`` with its default; empty for what the verb does without."""
    return click.option(
        "--lookahead",
        default=default,
        show_default=bool(default),
        callback=split_lookaheads,
        metavar="K",
        help="K = 1 + gap / hop: 0 retrospective, 1 immediate, 2 a hop ahead.",
    )


def instruments_option(default: str, shown: str = "") -> Callable[[Command], Command]:
    """``--instruments`` with its default, and the words for it where they differ."""
    return click.option(
        "--instruments",
        default=default,
        show_default=shown or True,
        callback=split_names,
        help="Parts to play.",
    )


def one_window(
    frames: int, hop: tuple[str, ...], gap: tuple[str, ...], lookahead: tuple[int, ...] = ()
) -> "Window":
    """The one window that the options ask for; without gap and look-ahead a hop ahead.

    Args:
        frames: Reach of the model.
        hop: Value of ``hop_option``.
        gap: Value of ``gap_option``.
        lookahead: Value of ``lookahead_option``.

    Raises:
        click.UsageError: If it is not one.
    """
    from accomptk.window import Window

    refuse_both(bool(gap), bool(lookahead))
    if len(hop) != 1 or len(gap) > 1 or len(lookahead) > 1:
        raise click.UsageError("--hop, --gap and --lookahead take one value here")
    hop_frames = read_length("hop", hop[0])
    if gap:
        return Window(frames=frames, hop=hop_frames, gap=read_length("gap", gap[0]))
    return Window.from_lookahead(lookahead[0] if lookahead else 2, frames=frames, hop=hop_frames)


def refuse_both(gap: bool, lookahead: bool) -> None:
    """A gap is given, or a look-ahead.

    Raises:
        click.UsageError: If both are.
    """
    if gap and lookahead:
        raise click.UsageError("--gap and --lookahead say the same thing; give one of them")


def read_length(name: str, text: str) -> int:
    """Frames of a length option; a time between two frames is rounded up, said so."""
    from fractions import Fraction

    from accomptk.conditions.grid import FRAMES_PER_SECOND
    from accomptk.window import to_frames

    rate = Fraction(FRAMES_PER_SECOND)
    frames = to_frames(text, rate)
    if text.strip().lower().endswith("ms"):
        asked_ms, given_ms = float(text.strip()[:-2]), float(1000 * frames / rate)
        if abs(asked_ms - given_ms) > 1e-6:
            click.echo(f"{name}: {asked_ms:g} ms is rounded up to {frames} frames", err=True)
    return frames


def recipe_option(default: str) -> Callable[[Command], Command]:
    """``--recipe`` with the verb's default, a shipped name such as ``pocket/teacher``."""
    return click.option(
        "--recipe",
        default=default,
        show_default=True,
        metavar="NAME|FILE",
        help="Shipped recipe, or a .toml file.",
    )


def out_option(default: str) -> Callable[[Command], Command]:
    """``--out`` with the words for its default, for instance ``./runs/train-teacher-<time>``."""
    return click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        default=None,
        metavar="DIR",
        help=f"Folder to write.  [default: {default}]",
    )


@contextmanager
def progress(quiet: bool = False) -> "Iterator[Progress]":
    """A rich progress display on stderr; silent unless stderr is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        yield bar


def follow_stages(bar: "Progress") -> Callable[[str, int, int], None]:
    """Show on a progress display how far each stage is, from its first step on."""
    tasks: dict[str, Any] = {}

    def show(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what)
        bar.update(tasks[what], completed=done, total=total)

    return show


def echo_checkpoint(path: Path, run: "Run", as_json: bool) -> None:
    """Print what a training made."""
    if as_json:
        echo_json({"checkpoint": str(path), "run": str(run.folder), "finished": run.is_finished})
    else:
        click.echo(path)


def echo_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout; numbers that are not finite become null."""
    click.echo(json.dumps(_finite(value), indent=2, allow_nan=False, default=_plain))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _plain(value: Any) -> Any:
    """NumPy scalars as Python numbers, everything else as text."""
    return _finite(value.item()) if hasattr(value, "item") else str(value)
