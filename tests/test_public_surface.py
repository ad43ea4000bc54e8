"""What users see: names, versions, errors, and the commands that the documents promise."""

import ast
import re
from importlib import metadata
from pathlib import Path

import click
import pytest

import accomptk
from accomptk import errors
from accomptk.cli import main
from package_source import PACKAGE, package_files

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "recipes/README.md", "CHANGELOG.md")


def promised() -> list[tuple[str, str]]:
    """Commands in the documents: (document, the line from ``accomptk`` on)."""
    return [
        (document, text.strip())
        for document in DOCUMENTS
        for text in re.findall(r"(?:`|bin/)(accomptk [a-z][^`\n]*)", (ROOT / document).read_text())
    ]


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words name, and the words that are left for it."""
    command: click.Command = main
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        child = command.get_command(click.Context(command), words[0])
        assert child is not None, f"no such command: {words[0]}"
        command, words = child, words[1:]
    return command, words


@pytest.mark.parametrize(("document", "line"), promised())
def test_documented_commands_and_options_exist(document: str, line: str) -> None:
    command, words = resolve(line.split()[1:])
    known = {option for parameter in command.params for option in parameter.opts}

    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known


def test_the_documents_promise_something() -> None:
    assert len(promised()) > 10


def test_version_is_the_distributions() -> None:
    assert accomptk.__version__ == metadata.version("accomptk")


def test_the_error_tree_is_drawn_completely() -> None:
    classes = [
        name
        for name, item in vars(errors).items()
        if isinstance(item, type) and issubclass(item, errors.AccomptkError)
    ]

    assert classes
    assert all(name in str(errors.__doc__) for name in classes)


@pytest.mark.parametrize("path", package_files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_say_what_they_answer_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
