"""Where a set lies: a folder of this machine, or any URL that fsspec can open."""

import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from accomptk.errors import DatasetError, MissingTool
from accomptk.run import replacing

TEMPORARY = ".tmp"
"""Folder of a set where songs stay until they are whole."""


def place(where: str | Path) -> Path:
    """A path, or what behaves like one for a URL such as ``s3://bucket/set``.

    Raises:
        MissingTool: If the package for such URLs is not installed.
        DatasetError: If there is no such kind of URL.
    """
    text = str(where)
    if "://" not in text:
        return Path(where)
    from upath import UPath

    kind = text.partition("://")[0]
    try:
        found = UPath(text)
        found.fs  # noqa: B018  # made on demand, and what fails when a package is missing
    except ImportError as error:
        raise MissingTool(f"{kind}:// URLs: {error}") from error
    except (ValueError, TypeError) as error:
        raise DatasetError(
            f"{text}: no URL of a kind that fsspec knows; give a folder, or for instance s3://"
        ) from error
    return cast(Path, found)


def is_folder(where: Path) -> bool:
    """Whether a place is on this machine's file system, where renaming is one step."""
    return isinstance(where, Path)


def settle(where: Path) -> Path:
    """The same place for processes that run in another folder."""
    return where.absolute() if is_folder(where) else where


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; object stores do so by themselves."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not is_folder(path):
        path.write_bytes(data)
        return
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_folder(root: Path, name: str, files: Mapping[str, bytes]) -> None:
    """Write a folder of a set, all of its files or none.

    Args:
        root: The set.
        name: Path of the folder within the set, replaced if it is there.
        files: By name. Where folders cannot be renamed, the last is written last: whoever
            finds it finds all.
    """
    if not is_folder(root):
        for file_name, data in files.items():
            write_whole(root / name / file_name, data)
        return
    scratch = root / TEMPORARY / uuid.uuid4().hex
    scratch.mkdir(parents=True)
    try:
        for file_name, data in files.items():
            (scratch / file_name).write_bytes(data)
        _exchange(scratch, root / name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _exchange(new: Path, final: Path) -> None:
    """Put a folder where perhaps another one is."""
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.exists():
        old = new.with_name(f"{new.name}-old")
        final.rename(old)
        new.rename(final)
        shutil.rmtree(old, ignore_errors=True)
    else:
        new.rename(final)
