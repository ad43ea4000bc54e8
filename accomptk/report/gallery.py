"""What an eval run folder holds for a page: its rows, and the audio that was kept beside them.

Audio lies in ``audio/<version>/<track>/<stem>``, a whole stream from the song's start each. A
version is a way to play a part: ``context`` (what was heard, without the part), an anchor such
as ``ground_truth``, or a model at a look-ahead.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from accomptk.errors import DatasetError
from accomptk.metrics.anchors import ANCHORS, OTHERS
from accomptk.metrics.table import Row, read_csv
from accomptk.stems.audio import SUFFIXES

CONTEXT = "context"
LABELS = {
    "ground_truth": "ground truth",
    "codec": "truth through the codec",
    "random_pairing": "another song",
    "tempo_matched": "another song, same tempo",
    "click": "click",
    "silence": "silence",
    "other_songs": "other songs",
}
"""The anchors, for people."""


@dataclass(frozen=True, slots=True)
class Version:
    """A way to play a part.

    Attributes:
        name: Key in result.json, such as ``teacher K=2``.
        model: Who plays; the name itself for an anchor.
    """

    name: str
    model: str

    @property
    def key(self) -> str:
        """Its folder."""
        return self.name.replace(" ", "-").replace("=", "")

    @property
    def label(self) -> str:
        """For people."""
        window = self.name.removeprefix(self.model)
        return LABELS.get(self.model, self.model) + window.replace(" ", ", ").replace("=", " = ")

    @property
    def is_anchor(self) -> bool:
        """Whether no model plays."""
        return self.model in (*ANCHORS, OTHERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """One part of a song as every version plays it.

    Attributes:
        track: The song.
        stem: The part.
        instrument: Its class.
        context: File of what the versions play along to.
        takes: File by key of the version.
        start_s: Where scoring starts.
        prompt: The song in words; may be empty.
        downbeats_s: First beats of the bars; may be empty.
        chords: ``(start_s, end_s, label)``; may be empty.
    """

    track: str
    stem: str
    instrument: str
    context: Path
    takes: Mapping[str, Path]
    start_s: float = 0.0
    prompt: str = ""
    downbeats_s: tuple[float, ...] = ()
    chords: tuple[tuple[float, float, str], ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """The context, then what each version plays."""
        return (self.context, *self.takes.values())


@dataclass(frozen=True, slots=True)
class Gallery:
    """A run of eval.

    Attributes:
        folder: Where it is.
        rows: Models first, then anchors.
        names: The version that each row measures.
        result: The object in result.json.
        versions: Those with audio, truth first and other anchors last.
        excerpts: In order of songs and parts.
    """

    folder: Path
    rows: tuple[Row, ...]
    names: tuple[Version, ...]
    result: Mapping[str, Any]
    versions: tuple[Version, ...]
    excerpts: tuple[Excerpt, ...]

    @classmethod
    def open(cls, folder: Path) -> "Gallery":
        """Read a run folder.

        Raises:
            DatasetError: If it is not the folder of a finished run of eval.
        """
        table, result = folder / "table.csv", folder / "result.json"
        if not (table.is_file() and result.is_file()):
            raise DatasetError(f"{folder}: {_lack(folder)}; give the folder that eval printed")
        rows = tuple(read_csv(table))
        try:
            value = json.loads(result.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DatasetError(f"{result}: damaged; run eval again") from error
        names = name_rows(rows, list(value.get("by_instrument", ())))
        versions = _find_versions(folder / "audio", names)
        return cls(folder, rows, names, value, versions, _find_excerpts(folder, value, versions))

    def only(self, anchors: Collection[str]) -> "Gallery":
        """The same with the audio of all models but only of these anchors."""
        versions = tuple(v for v in self.versions if not v.is_anchor or v.name in anchors)
        keys = {version.key for version in versions}
        excerpts = (
            replace(e, takes={key: path for key, path in e.takes.items() if key in keys})
            for e in self.excerpts
        )
        return replace(self, versions=versions, excerpts=tuple(e for e in excerpts if e.takes))

    @property
    def songs(self) -> tuple[str, ...]:
        """Songs with audio."""
        return tuple(dict.fromkeys(excerpt.track for excerpt in self.excerpts))

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, without anchors."""
        return tuple(dict.fromkeys(v.model for v in self.names if not v.is_anchor))


def name_rows(rows: Sequence[Row], names: Sequence[str] = ()) -> tuple[Version, ...]:
    """The version that each row measures; without names, as rows of one hop are named."""
    if len(names) != len(rows):
        names = [
            row.model if row.lookahead is None else f"{row.model} K={row.lookahead:.3g}"
            for row in rows
        ]
    return tuple(Version(name, row.model) for name, row in zip(names, rows, strict=True))


def _lack(folder: Path) -> str:
    if not folder.is_dir():
        return "no such folder"
    if (folder / "recipe.toml").is_file():
        return "holds no finished run of eval"
    return "is not a run of eval (no table.csv and result.json)"


def _find_versions(audio: Path, names: Sequence[Version]) -> tuple[Version, ...]:
    models = [version for version in names if not version.is_anchor]
    anchors = [Version(name, name) for name in ANCHORS]
    ordered = (*anchors[:2], *models, *anchors[2:])
    return tuple(version for version in ordered if (audio / version.key).is_dir())


def _find_excerpts(
    folder: Path, result: Mapping[str, Any], versions: tuple[Version, ...]
) -> tuple[Excerpt, ...]:
    known = {(part["track"], part["stem"]): part for part in result.get("parts", ())}
    order = {key: index for index, key in enumerate(known)}
    found = []
    for path in sorted((folder / "audio" / CONTEXT).glob("*/*")):
        if path.suffix not in SUFFIXES:
            continue
        name = (path.parent.name, path.stem)
        takes = {v.key: _beside(path, folder / "audio" / v.key) for v in versions}
        part = known.get(name, {})
        excerpt = Excerpt(
            track=name[0],
            stem=name[1],
            instrument=part.get("instrument", name[1]),
            context=path,
            takes={key: take for key, take in takes.items() if take is not None},
            start_s=part.get("start_s", 0.0),
            prompt=part.get("prompt") or "",
            downbeats_s=tuple(part.get("downbeats_s", ())),
            chords=tuple((start, end, label) for start, end, label in part.get("chords", ())),
        )
        if excerpt.takes:
            found.append(excerpt)
    return tuple(
        sorted(found, key=lambda e: (order.get((e.track, e.stem), len(order)), e.track, e.stem))
    )


def _beside(context: Path, version: Path) -> Path | None:
    """The file of the same song and stem in another version."""
    stems = sorted((version / context.parent.name).glob(f"{context.stem}.*"))
    return next((path for path in stems if path.suffix in SUFFIXES), None)
