"""What is in a prepared set: hours, activity, loudness and tempi, as numbers and as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from accomptk.stems.index import SPLITS, StemSet
from accomptk.stems.instruments import CLASSES
from accomptk.stems.music import Song, Stem
from accomptk.stems.place import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TEMPI = [float(bpm) for bpm in range(40, 221, 5)]
_COLORS = ("#4477aa", "#ccbb44", "#ee6677")  # told apart by the colour-blind too


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The stems of one instrument in one split.

    Attributes:
        split: The split.
        instrument: The class.
        songs: Songs that have it.
        stems: Stems of it.
        silent: Stems that never sound.
        hours: Length of the stems.
        active: Share of that in which they sound.
        level_db: Median level where they sound, dBFS; None when they never do.
    """

    split: str
    instrument: str
    songs: int
    stems: int
    silent: int
    hours: float
    active: float
    level_db: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A whole set.

    Attributes:
        parts: By split and instrument, those there are.
        beats: Songs by where their beats come from: ``known``, ``estimated`` or ``none``.
        tempi: Beats a minute of the songs whose beats are known or estimated, by which of them.
    """

    parts: tuple[Part, ...]
    beats: dict[str, int]
    tempi: dict[str, tuple[float, ...]]


def survey(stems: StemSet) -> Survey:
    """What a set holds, from its index alone."""
    parts = []
    for split in SPLITS:
        found = [stem for song in stems.split(split) for stem in song.stems]
        for instrument in CLASSES:
            own = [stem for stem in found if stem.instrument == instrument]
            if own:
                parts.append(_part(split, instrument, own))
    kinds = [song.beats_source if song.beats.size else "none" for song in stems.songs]
    return Survey(
        parts=tuple(parts),
        beats={kind: kinds.count(kind) for kind in ("known", "estimated", "none")},
        tempi={kind: _tempi(stems.songs, kind) for kind in ("known", "estimated")},
    )


def draw(found: Survey, title: str) -> bytes:
    """The survey as a PNG: hours, activity, level, tempi."""
    import io

    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    figure = Figure(figsize=(11, 7), layout="constrained")
    axes = figure.subplots(2, 2)
    _draw_bars(axes[0, 0], found.parts, "hours", "hours of stems")
    _draw_bars(axes[0, 1], found.parts, "active", "share in which they sound")
    _draw_levels(axes[1, 0], found.parts)
    _draw_tempi(axes[1, 1], found)
    handles = [Patch(color=c, label=s) for c, s in zip(_COLORS, SPLITS, strict=True)]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(SPLITS))
    figure.suptitle(title)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def write_survey(stems: StemSet, found: Survey, name: str = "report.png") -> Path:
    """Draw a survey into the set's own folder."""
    path = stems.root / name
    songs, seconds = len(stems.songs), sum(song.seconds for song in stems.songs)
    write_whole(path, draw(found, f"{stems.root.name}: {songs} songs, {seconds / 3600:.3g} hours"))
    return path


def _part(split: str, instrument: str, stems: Sequence[Stem]) -> Part:
    seconds = sum(stem.seconds for stem in stems)
    sounding = [_active_s(stem) for stem in stems]
    levels = [
        stem.rms_db - 10 * np.log10(active_s / stem.seconds)
        for stem, active_s in zip(stems, sounding, strict=True)
        if active_s > 0
    ]
    return Part(
        split=split,
        instrument=instrument,
        songs=len({stem.track for stem in stems}),
        stems=len(stems),
        silent=len(stems) - len(levels),
        hours=seconds / 3600,
        active=sum(sounding) / seconds,
        level_db=float(np.median(levels)) if levels else None,
    )


def _active_s(stem: Stem) -> float:
    return sum(end_s - start_s for start_s, end_s in stem.active)


def _tempi(songs: Sequence[Song], kind: str) -> tuple[float, ...]:
    return tuple(song.tempo for song in songs if song.beats_source == kind and song.tempo)


def _names(parts: Sequence[Part]) -> list[str]:
    return [name for name in CLASSES if any(part.instrument == name for part in parts)]


def _draw_bars(axes: "Axes", parts: Sequence[Part], field: str, title: str) -> None:
    """A bar for each instrument and split, side by side."""
    names = _names(parts)
    for number, split in enumerate(SPLITS):
        own = {part.instrument: part for part in parts if part.split == split}
        if own:
            heights = [getattr(own[name], field) if name in own else 0.0 for name in names]
            places = np.arange(len(names)) + (number - 1) * 0.27
            axes.bar(places, heights, 0.25, color=_COLORS[number])
    axes.set_xticks(range(len(names)), names, rotation=30)
    axes.set_title(title)


def _draw_levels(axes: "Axes", parts: Sequence[Part]) -> None:
    names = _names(parts)
    for number, split in enumerate(SPLITS):
        own = [part for part in parts if part.split == split and part.level_db is not None]
        levels: list[Any] = [part.level_db for part in own]
        places = [names.index(part.instrument) for part in own]
        axes.plot(places, levels, "o", color=_COLORS[number])
    axes.set_xticks(range(len(names)), names, rotation=30)
    axes.set_title("median level where they sound, dBFS")
    axes.grid(axis="y", alpha=0.3)


def _draw_tempi(axes: "Axes", found: Survey) -> None:
    for number, (kind, tempi) in enumerate(found.tempi.items()):
        if tempi:
            axes.hist(tempi, _TEMPI, label=f"{kind} beats", color=_COLORS[number], alpha=0.8)
    if any(found.tempi.values()):
        axes.legend()
    axes.set_title(f"songs by tempo (no beats: {found.beats['none']} songs)")
    axes.set_xlabel("beats a minute")
