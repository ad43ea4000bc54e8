"""The command line: verbs in the order of the data, loaded on use, errors in one line."""

import errno
import importlib
import logging
import os
from typing import Any, NamedTuple

import click

from accomptk import __version__
from accomptk.errors import AccomptkError
from accomptk.memory import keep_freed_memory
from accomptk.threads import leave_cores_to_torch


class Entry(NamedTuple):
    """Where a verb is, and its line in ``accomptk --help``."""

    target: str  # module:attribute
    short_help: str


# How a full disk shows in messages: the system's own words, and those of torch's file writer.
FULL_DISK = ("No space left on device", "inline_container.cc")

COMMANDS = {
    "prep": Entry("accomptk.cli.prep:prep", "Turn any source of music into stems and an index."),
    "train": Entry("accomptk.cli.train:train", "Train the codec, the teacher or the baseline."),
    "synth": Entry("accomptk.cli.synth:synth", "Let a teacher play from words alone, to shards."),
    "distill": Entry("accomptk.cli.distill:distill", "Make a student that plays in one step."),
    "simulate": Entry("accomptk.cli.simulate:simulate", "Play along to files, hop by hop."),
    "eval": Entry("accomptk.cli.eval:evaluate", "Measure models over look-aheads, with anchors."),
    "report": Entry("accomptk.cli.report:report", "Make one page to listen on from a run of eval."),
    "live": Entry("accomptk.cli.live:live", "Play along live: Max, Pd, OSC, or the sound card."),
    "bench": Entry("accomptk.cli.bench:bench", "Measure what a step costs on this machine."),
    "weights": Entry("accomptk.cli.weights:weights", "List and fetch third-party weights."),
    "doctor": Entry("accomptk.cli.doctor:doctor", "Tell whether this machine is ready."),
}


class LazyGroup(click.Group):
    """A group that imports a verb's module only to run it or to show that verb's help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Verbs in the order of the data."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module and return its command."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs from `COMMANDS`, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.short_help) for name, entry in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; what the user can mend becomes one line on stderr and exit code 1."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(130)
        except Exception as error:
            line = explain(error)
            if line is None or os.environ.get("ACCOMPTK_DEBUG") == "1":
                raise
            click.echo(f"error: {line}", err=True)
            ctx.exit(1)


class EchoHandler(logging.Handler):
    """Writes log records to whatever stderr is now."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record as one line."""
        click.echo(f"{record.levelname.lower()}: {record.getMessage()}", err=True)


def explain(error: Exception) -> str | None:
    """One line for an error that the user can mend; None for the program's own mistakes."""
    text = " ".join(str(error).split())
    if isinstance(error, AccomptkError):
        return text
    if getattr(error, "errno", None) == errno.ENOSPC or any(words in text for words in FULL_DISK):
        return f"disk full: {text}; free some space, or give another --out"
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("accomptk"):
        return f"Python package '{error.name}' is not installed: pip install {error.name}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return None


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: accomptk eval --lookahead 0,1,2",
)
@click.version_option(__version__, prog_name="accomptk")
def main() -> None:
    """Turn stems into an accompanist that plays along live, and measure how good it is.

    With no options each verb uses the shipped model, the shipped demo songs and the default recipe.
    """
    leave_cores_to_torch()
    keep_freed_memory()
    logger = logging.getLogger("accomptk")
    if not logger.handlers:
        logger.addHandler(EchoHandler())
        logger.propagate = False
