"""Turns the stored rows of ``results/*.csv`` into tables, plots and the table of the README.

Run as ``python -m accomptk.metrics.results [FOLDER [README]]``; with ``--check`` it changes
nothing and fails when a file is not what its rows say.
"""

import argparse
import re
import sys
from pathlib import Path

from accomptk.errors import AccomptkError, DatasetError
from accomptk.metrics.layout import to_markdown
from accomptk.metrics.plots import plots
from accomptk.metrics.sheet import is_sheet, read_sheet, sheet_to_markdown
from accomptk.metrics.table import read_csv
from accomptk.run import replacing

DEFAULT = "eval"  # the table of a README block without a name
_BLOCK = re.compile(r"(<!-- results(?:: (\S+))? -->\n).*?(<!-- /results -->)", re.DOTALL)


def render(folder: Path, readme: Path | None = None) -> dict[Path, str]:
    """What each file should hold.

    Args:
        folder: Holds one ``NAME.csv`` a table.
        readme: File whose blocks ``<!-- results: NAME -->`` (or without a name, for ``eval``)
            to ``<!-- /results -->`` are filled.

    Returns:
        Text by file: a table ``NAME.md`` and plots ``NAME-PLOT.svg`` that it shows.

    Raises:
        DatasetError: If a table cannot be read or the README names one that is absent.
        MissingTool: If there is something to plot and matplotlib is not installed.
    """
    tables: dict[str, str] = {}
    texts: dict[Path, str] = {}
    for path in sorted(folder.glob("*.csv")):
        name = path.stem
        if is_sheet(path):
            tables[name] = texts[folder / f"{name}.md"] = sheet_to_markdown(read_sheet(path))
            continue
        rows = read_csv(path)
        tables[name] = to_markdown(rows)
        drawn = plots(rows) if any(row.is_anchor for row in rows) else {}  # not by instrument
        shown = {f"{name}-{plot}.svg": svg for plot, svg in drawn.items()}
        texts |= {folder / file: svg for file, svg in shown.items()}
        images = "".join(f"\n![{file}]({file})\n" for file in shown)
        texts[folder / f"{name}.md"] = tables[name] + images
    if readme is not None and readme.is_file():
        texts[readme] = _fill(readme, tables)
    return texts


def regenerate(folder: Path, readme: Path | None = None, check: bool = False) -> list[Path]:
    """Write the files that differ from what their rows say; with ``check`` only name them."""
    changed = []
    for path, text in render(folder, readme).items():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        changed.append(path)
        if not check:
            with replacing(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
    return changed


def _fill(readme: Path, tables: dict[str, str]) -> str:
    def block(match: re.Match[str]) -> str:
        name = match[2] or DEFAULT
        if name not in tables:
            raise DatasetError(f"{readme}: names the table '{name}'; there is no {name}.csv")
        return f"{match[1]}{tables[name]}{match[3]}"

    return _BLOCK.sub(block, readme.read_text(encoding="utf-8"))


def main(arguments: list[str]) -> str | None:
    """Regenerate or check; returns what went wrong, for ``sys.exit``."""
    parser = argparse.ArgumentParser("accomptk.metrics.results", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("results"))
    parser.add_argument("readme", nargs="?", type=Path, default=Path("README.md"))
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    try:
        changed = regenerate(options.folder, options.readme, options.check)
    except AccomptkError as error:
        return str(error)
    if options.check and changed:
        names = ", ".join(map(str, changed))
        return f"{names}: not what the stored rows say; run `make results`"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
