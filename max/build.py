"""Make the patches and the message table of the read-me: ``python max/build.py [--check]``.

Everything that both patches and the server have to agree on comes from
``accomptk.live.protocol``. ``--check`` writes nothing and fails when a file is not as it would be
made.
"""

import json
import sys
from pathlib import Path

import max_patch
import pd_patch
from choices import TO_CLIENT, TO_SERVER

from accomptk.live.protocol import DIALS, SETTINGS, Message

HERE = Path(__file__).parent
MARKS = "<!-- messages -->", "<!-- /messages -->"


def files() -> dict[str, str]:
    """Every made file by its name."""
    return {
        "accomptk.maxpat": json.dumps(max_patch.patch(), indent=1) + "\n",
        "accomptk.maxhelp": json.dumps(max_patch.help_patch(), indent=1) + "\n",
        "accomptk.pd": pd_patch.patch().text_of_file(),
        "accomptk-help.pd": pd_patch.help_patch().text_of_file(),
        "README.md": readme((HERE / "README.md").read_text(encoding="utf-8")),
    }


def readme(text: str) -> str:
    """The read-me with its tables made anew."""
    before, _, rest = text.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    tables = (
        "To the server:", messages(TO_SERVER),
        "From the server:", messages(TO_CLIENT),
        "Dials, for `/accomptk/control`:", dials(),
        "Settings, for `/accomptk/config`:", settings(),
    )  # fmt: skip
    return "\n\n".join((before + MARKS[0], *tables, MARKS[1] + after))


def messages(table: list[Message]) -> str:
    """A message a row: address, arguments, effect."""
    rows = [(f"`{message.address}`", arguments(message), message.meaning) for message in table]
    return markdown(("message", "arguments", "effect"), rows)


def arguments(message: Message) -> str:
    """Types and names of a message's arguments."""
    fixed = [f"`{'/'.join(item.tags)}` {item.name}" for item in message.arguments]
    return ", ".join([*fixed, *([f"{message.rest.name} ..."] if message.rest else [])])


def dials() -> str:
    """The names that control knows."""
    rows = [
        (f"`{dial.name}`", f"0 to {dial.high:g}", f"{dial.start:g}", dial.meaning) for dial in DIALS
    ]
    return markdown(("dial", "range", "at first", "turns"), rows)


def settings() -> str:
    """The keys that config knows."""
    return markdown(("setting", "value"), [(f"`{item.key}`", item.meaning) for item in SETTINGS])


def markdown(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    """Write the files, or compare them."""
    made = files()
    if "--check" in sys.argv[1:]:
        stale = [name for name, text in made.items() if (HERE / name).read_text() != text]
        sys.stderr.write("".join(f"max/{name}: is not as build.py makes it\n" for name in stale))
        return bool(stale)
    for name, text in made.items():
        (HERE / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
