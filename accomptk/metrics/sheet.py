"""Tables of any columns: rows stored as CSV, and how they look in Markdown.

The first column names a row. A column of one and the same text, such as the machine, is told once
below the table.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from accomptk.errors import DatasetError
from accomptk.run import replacing

Line = Mapping[str, Any]

_HASHES = ("checkpoint", "data")  # all digits at times, and no numbers


def write_sheet(path: Path, lines: Sequence[Line]) -> None:
    """Write rows of the same columns; None is an empty cell."""
    import pandas

    with replacing(path) as temporary:
        frame = pandas.DataFrame.from_records(list(lines))
        frame.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def read_sheet(path: Path) -> list[dict[str, Any]]:
    """Read what `write_sheet` wrote.

    Raises:
        DatasetError: If it is no table.
    """
    import pandas

    try:
        frame = pandas.read_csv(path, dtype=dict.fromkeys(_HASHES, str))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: is not a table; write it again with bench") from error
    records = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(key): value for key, value in record.items()} for record in records]


def is_sheet(path: Path) -> bool:
    """Whether a stored table has columns of its own, not those of models and anchors."""
    with path.open(encoding="utf-8") as file:
        return "model" not in file.readline().strip().split(",")


def sheet_to_markdown(lines: Sequence[Line]) -> str:
    """The table, then what holds for all its rows."""
    names = list(lines[0])
    shared = [name for name in names[1:] if _is_shared([line[name] for line in lines])]
    shown = [name for name in names if name not in shared]
    table = [
        [name.replace("_", " ") for name in shown],
        ["---"] + ["--:"] * (len(shown) - 1),
        *([_text(line[name]) for name in shown] for line in lines),
    ]
    below = "; ".join(f"{name.replace('_', ' ')}: {lines[0][name]}" for name in shared)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in table) + f"\n{below}\n" * bool(below)


def _is_shared(values: Sequence[object]) -> bool:
    return isinstance(values[0], str) and len(set(values)) == 1


def _text(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"
    return str(value)
