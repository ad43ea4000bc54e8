"""Every verb and subverb has a help with an example, and says what it does in one line."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from accomptk.cli import COMMANDS, main


def walk(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from walk(child, (*path, name))


ALL = list(walk(main, ()))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_has_an_example_and_fits_the_terminal(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*path, "--help"], prog_name="accomptk")

    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"accomptk {' '.join(path)}".strip() in result.output.partition("Example")[2]
    assert max(map(len, result.output.splitlines())) <= 100


def test_verbs_are_in_the_order_of_the_data() -> None:
    assert list(COMMANDS) == [
        *(
            "prep",
            "train",
            "synth",
            "distill",
            "simulate",
            "eval",
            "report",
            "live",
            "bench",
            "weights",
            "doctor",
        )
    ]


@pytest.mark.parametrize("verb", COMMANDS)
def test_main_help_lists_each_verb_with_its_line(verb: str) -> None:
    output = CliRunner().invoke(main, ["--help"]).output

    assert f"  {verb}" in output
    assert COMMANDS[verb].short_help in " ".join(output.split())
