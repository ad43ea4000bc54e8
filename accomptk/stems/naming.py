"""Which instrument a file is: by the user's own rules, and then by its name and its folders'."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from accomptk.errors import DatasetError
from accomptk.stems.instruments import CLASSES, from_name

LEFT_OUT = "none"
"""What a rule calls files that are no stems."""


@dataclass(frozen=True, slots=True)
class Naming:
    """Rules that are tried before the table of words in file names.

    Attributes:
        rules: Pattern and instrument of each, in order; the first that fits counts. A pattern
            such as ``lead*`` or ``gtr/*`` is compared with a file's name and with its path in
            the song, with and without suffix, whatever the case.
    """

    rules: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, texts: Sequence[str]) -> "Naming":
        """Rules as the command line has them.

        Args:
            texts: ``PATTERN=INSTRUMENT``, or a TOML file of lines ``"PATTERN" = "INSTRUMENT"``.

        Raises:
            DatasetError: If one is neither, or there is no such instrument.
        """
        rules: list[tuple[str, str]] = []
        for text in texts:
            pattern, equals, instrument = text.rpartition("=")
            rules += [(pattern, instrument)] if equals else _read_table(Path(text))
        allowed = (*CLASSES, LEFT_OUT)
        for pattern, instrument in rules:
            if not pattern or instrument not in allowed:
                raise DatasetError(
                    f"map '{pattern}={instrument}': choose an instrument from "
                    f"{', '.join(allowed)}, for instance 'lead*=guitar'"
                )
        return cls(tuple((pattern.casefold(), instrument) for pattern, instrument in rules))

    def by_rule(self, path: Path) -> str | None:
        """The instrument that a rule gives a file, by its path in the song."""
        whole = PurePosixPath(path.as_posix().casefold())
        names = (whole.name, whole.stem, str(whole), str(whole.with_suffix("")))
        for pattern, instrument in self.rules:
            if any(fnmatchcase(name, pattern) for name in names):
                return instrument
        return None

    def instrument_of(self, path: Path) -> str | None:
        """The instrument that a rule, the file's name or the nearest folder's name states."""
        ruled = self.by_rule(path)
        if ruled is not None:
            return ruled
        names = (path.name, *reversed(path.parts[:-1]))
        return next((found for name in names if (found := from_name(name)) is not None), None)


def _read_table(path: Path) -> list[tuple[str, str]]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(
            f"map '{path}': {error.strerror}; give PATTERN=INSTRUMENT, or a TOML file of them"
        ) from error
    except ValueError as error:
        raise DatasetError(f'{path}: not TOML ({error}); write lines "lead*" = "guitar"') from error
    return [(str(pattern), str(instrument)) for pattern, instrument in values.items()]
