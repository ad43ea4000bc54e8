"""Packages that an extra of accomptk brings."""

import importlib
from typing import Any

from accomptk.errors import MissingTool


def import_extra(module: str, extra: str, wanted: str) -> Any:
    """A module of such a package.

    Args:
        module: Its name.
        extra: What brings it.
        wanted: What is said of its absence, before how to install it.

    Raises:
        MissingTool: If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingTool(f"{wanted}: pip install 'accomptk[{extra}]'") from error
