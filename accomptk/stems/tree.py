"""Walks the folders that users have: links that lead in circles, and what may not be read."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from accomptk.errors import DatasetError

_HIDDEN = (".", "__")  # ._song.wav and __MACOSX are what archives leave


@dataclass(frozen=True, slots=True)
class Unusable:
    """Stands for a song that cannot be made, so that it is listed with its reason."""

    reason: str

    def __call__(self) -> NoReturn:
        """Say why.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError(self.reason)


@dataclass(slots=True)
class Tree:
    """What is in a folder and below it, in order of the names.

    Attributes:
        root: The folder.
        problems: Folders that could not be listed, and why; known after the walk.
    """

    root: Path
    problems: list[tuple[str, Unusable]] = field(default_factory=list)
    _followed: set[Path] = field(default_factory=set)

    def __iter__(self) -> Iterator[Path]:
        """Every file and folder but hidden ones, a folder before what is in it."""
        return self.below(self.root)

    def below(self, folder: Path) -> Iterator[Path]:
        """The same for a folder of the tree."""
        for path in self.list(folder):
            yield path
            if is_dir(path) and self.may_enter(path):
                yield from self.below(path)

    def list(self, folder: Path) -> "list[Path]":
        """What is in a folder; nothing, and a problem more, if it may not be read."""
        try:
            return sorted(p for p in folder.iterdir() if not p.name.startswith(_HIDDEN))
        except OSError as error:
            reason = f"{folder}: {error.strerror}; check the folder's permissions"
            name = readable(folder.relative_to(self.root).as_posix())
            self.problems.append((name, Unusable(reason)))
            return []

    def nothing(self, message: str) -> NoReturn:
        """Say why nothing was found: what could not be listed, or else the message.

        Raises:
            DatasetError: Always.
        """
        for _, problem in self.problems:
            problem()
        raise DatasetError(message)

    def may_enter(self, folder: Path) -> bool:
        """Whether a folder is no link, or one that leads out of the tree and not back into it."""
        if not folder.is_symlink():
            return True
        root, target = self.root.resolve(), folder.resolve()
        leads_back = target.is_relative_to(root) or root.is_relative_to(target)
        if leads_back or target in self._followed:
            return False
        self._followed.add(target)
        return True


def readable(name: str) -> str:
    """A file's name as text, whatever bytes an old archive has put there."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def is_dir(path: Path) -> bool:
    """Whether it is a folder; no where that may not be known."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_file(path: Path) -> bool:
    """Whether it is a file; no where that may not be known."""
    try:
        return path.is_file()
    except OSError:
        return False


def check_folder(root: Path) -> Tree:
    """A tree to walk.

    Raises:
        DatasetError: If there is no such folder, or it may not be read.
    """
    if not is_dir(root):
        raise DatasetError(f"{root}: no such folder; check the path")
    tree = Tree(root)
    tree.list(root)
    for _, problem in tree.problems:
        problem()
    return tree


def fingerprint(files: Iterable[Path], *details: object) -> str:
    """Names, sizes and times of files, and what else decides what is made of them."""
    parts = [str(detail) for detail in details]
    for path in sorted(files):
        try:
            state = path.stat()
            parts.append(f"{path.name} {state.st_size} {state.st_mtime_ns}")
        except OSError as error:
            parts.append(f"{path.name} {error.strerror}")
    return hashlib.sha256("\n".join(parts).encode(errors="surrogateescape")).hexdigest()
