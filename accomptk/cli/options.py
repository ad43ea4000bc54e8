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
