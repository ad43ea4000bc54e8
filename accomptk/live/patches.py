"""The patches for Max and Pd: where they are, and how they get to where Max looks."""

import shutil
from pathlib import Path

from accomptk.errors import StreamError

PACKAGE = Path(__file__).parent.parent
PATCHES = (PACKAGE / "max", PACKAGE.parent / "max")
"""In an installed package, and in a clone."""
SUFFIXES = (".maxpat", ".maxhelp", ".js", ".pd", ".md")


def copy_patches(folder: Path) -> Path:
    """Copy them into ``folder/accomptk``; files of that name are replaced.

    Returns:
        The new folder.

    Raises:
        StreamError: If this installation has none.
    """
    source = next((path for path in PATCHES if path.is_dir() and any(path.glob("*.pd"))), None)
    if source is None:
        raise StreamError("patches: this installation has none; install accomptk again")
    target = folder / "accomptk"
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        if path.suffix in SUFFIXES:
            shutil.copyfile(path, target / path.name)
    return target
