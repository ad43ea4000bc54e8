"""The package's own source files and what they import."""

import ast
from collections.abc import Iterator
from pathlib import Path

import accomptk

PACKAGE = Path(accomptk.__file__).parent


def imported(path: Path) -> Iterator[str]:
    """Modules that a file imports anywhere, also by ``import_module`` and ``import_extra``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield module
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.ImportFrom():
                raise AssertionError(f"{path}: relative import")
            case ast.Call(
                func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(module))]
            ):
                yield module
            case ast.Call(
                func=ast.Name(id="import_extra"), args=[ast.Constant(value=str(module)), *_]
            ):
                yield module


def package_files() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__main__.py"]
