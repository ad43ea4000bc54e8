"""Tables of results: printed, and written beside what they come from."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accomptk.metrics.table import Row

WIDTH = 160  # room for the wider table, which takes what it needs


def write(
    folder: Path,
    rows: Sequence["Row"],
    parted: Sequence["Row"],
    value: Mapping[str, Any],
    store: Path | None,
) -> None:
    """Write table.csv, table.md and result.json, and the rows once more where they are stored.

    Rows by instrument are a table of their own, with ``-instruments`` in its name.
    """
    from accomptk.metrics.layout import to_markdown
    from accomptk.metrics.table import write_csv
    from accomptk.run import replacing

    for path in (folder / "table.csv", *([store] if store else [])):
        write_csv(path, rows)
        if parted:
            write_csv(path.with_stem(f"{path.stem}-instruments"), parted)
    texts = {"table.md": to_markdown(rows), "result.json": json.dumps(value, indent=2) + "\n"}
    for name, text in texts.items():
        with replacing(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def show(rows: Sequence["Row"]) -> None:
    """Print all tables on stdout; plain text where that is no terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from accomptk.metrics.layout import footnote, tables

    console = Console(file=sys.stdout, highlight=False, width=WIDTH)
    for heading, lines in tables(rows):
        table = Table(box=box.SIMPLE_HEAD, show_edge=False)
        for index, name in enumerate(heading):
            table.add_column(name, justify="right" if index else "left")
        for line in lines:
            table.add_row(*(text.replace(" (", "\n").rstrip(")") for text in line))
        console.print(table)
        console.print()
    console.print(footnote(rows), width=min(WIDTH, 100))
