"""Families of grooves in the library of the mma program, and their splits."""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from accomptk.errors import MissingTool

_LIBRARIES = (Path("/usr/share/mma/lib"), Path("/usr/local/share/mma/lib"))
_DRUMS_ONLY = "zoom"
# Compound and odd meters, and what is no accompaniment.
_LEFT_OUT = re.compile(r"68|^metronome|^none$|jazz-54|afro-cuban|^count$")
_SPECIAL = re.compile(r"intro|end|fill|break|count|triple", re.IGNORECASE)
_FILL = re.compile(r"fill", re.IGNORECASE)
_GROOVE = re.compile(r"^\s*defgroove\s+(\S+)", re.IGNORECASE | re.MULTILINE)
_TIME = re.compile(r"^\s*time\s+(\d+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Family:
    """One file of the groove library with its variants.

    Attributes:
        name: Library and file, for instance ``stdlib/bossanova``.
        path: The file.
        meter: Beats in a bar.
        grooves: Variants to play sections with.
        fills: Variants that lead over to another section.
    """

    name: str
    path: Path
    meter: int
    grooves: tuple[str, ...]
    fills: tuple[str, ...]

    @property
    def split(self) -> str:
        """Its split, fixed by its name for ever."""
        return split_of(self.name)


def split_of(family: str) -> str:
    """The split of a family: 80 % train, 8 % valid, 12 % test.

    Files that differ by a number or by their library only (``casio/rock1``, ``pflib/rock1``)
    share one.
    """
    stem = family.rpartition("/")[2].rstrip("0123456789").lower()
    place = int(hashlib.sha256(stem.encode()).hexdigest(), 16) % 100
    return "train" if place < 80 else "valid" if place < 88 else "test"


def find_library() -> Path:
    """Folder of the groove library.

    Raises:
        MissingTool: If mma is not installed.
    """
    for folder in _LIBRARIES:
        if folder.is_dir():
            return folder
    raise MissingTool("mma's groove library is not installed: apt-get install mma")


@cache
def families(library: Path) -> tuple[Family, ...]:
    """Families in 3/4 and 4/4 with more than drums, sorted by name."""
    found = (
        _read_family(path)
        for path in sorted(library.glob("*/*.mma"))
        if path.parent.name != _DRUMS_ONLY and not _LEFT_OUT.search(path.stem)
    )
    return tuple(family for family in found if family.grooves and family.meter in (3, 4))


def _read_family(path: Path) -> Family:
    text = path.read_text(errors="replace")
    names = tuple(dict.fromkeys(_GROOVE.findall(text)))
    time = _TIME.search(text)
    return Family(
        name=f"{path.parent.name}/{path.stem}",
        path=path,
        meter=int(time.group(1)) if time else 4,
        grooves=tuple(name for name in names if not _SPECIAL.search(name)),
        fills=tuple(name for name in names if _FILL.search(name)),
    )
