"""The package's own source files and what they import."""

import ast
from collections.abc import Iterator
from pathlib import Path

import accomptk

PACKAGE = Path(accomptk.__file__).parent


def imported(path: Path) -> Iterator[str]:
    """Modules that a file imports anywhere, as written."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def package_files() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__main__.py"]
