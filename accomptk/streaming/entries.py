"""What an evaluation compares: models at windows, and what other systems recorded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple

from accomptk.diffusion.accompanist import Accompanist
from accomptk.window import Window


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """What another system played, a file a part.

    Attributes:
        files: By name of the part.
    """

    files: Mapping[str, Path]


class Entry(NamedTuple):
    """One row to be.

    Attributes:
        name: Of the model or system, unique among those compared.
        player: Who plays.
        window: How; None for a recording.
        recipe: That the model was trained by.
        mark: Tells rows of one name and look-ahead apart; mostly empty.
    """

    name: str
    player: Accompanist | Recorded
    window: Window | None = None
    recipe: str = ""
    mark: str = ""

    @property
    def label(self) -> str:
        """Name and look-ahead, for people."""
        if self.window is None:
            return self.name
        return f"{self.name} K={float(self.window.lookahead):.3g}{self.mark}"

    @property
    def folder(self) -> str:
        """The label as the name of a folder."""
        return self.label.replace(" ", "-").replace("=", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalRecipe:
    """What is evaluated and how; with the data it decides every number but the times.

    Attributes:
        data: Folder of the set, or ``demo``.
        predictions: Folders that other systems' predictions are read from.
        split: Split of the set, ``all`` or ``auto``.
        songs: At most this many; 0 for all.
        models: Shipped names or files.
        instruments: Parts to play.
        lookahead: Look-aheads K; unused where gaps are given.
        gap: Gaps in frames.
        hop: Frames made a step; each is combined with each look-ahead or gap.
        steps: Sampling steps; 0 for each model's own.
        beats: One of ``BEATS``; ``auto`` gives known beats and tracks unknown ones.
        prompts: Whether models get the songs' prompts.
        anticipate: Whether models take what the context did some bars ago for what it will do.
        clock: ``virtual`` or ``real``.
        latency: Model of the virtual clock, as ``Latency.parse`` reads it.
        loss: Share of the context's frames that never arrive.
        batch: Streams at once; the last batch is filled up with silence.
        seed: Root of all random numbers.
    """

    data: str
    predictions: tuple[str, ...]
    split: str
    songs: int
    models: tuple[str, ...]
    instruments: tuple[str, ...]
    lookahead: tuple[int, ...]
    gap: tuple[int, ...]
    hop: tuple[int, ...]
    steps: int
    beats: str
    prompts: bool
    anticipate: bool
    clock: str
    latency: str
    loss: float
    batch: int
    seed: int

    def windows(self, frames: int) -> list[Window]:
        """One a hop and look-ahead or gap, for a model that reaches ``frames``."""
        if self.gap:
            pairs = product(self.hop, self.gap)
            return [Window(frames=frames, hop=hop, gap=gap) for hop, gap in pairs]
        tied = product(self.hop, self.lookahead)
        return [Window.from_lookahead(k, frames=frames, hop=hop) for hop, k in tied]

    def entries(self, models: Sequence[tuple[str, Accompanist, str]]) -> Iterator[Entry]:
        """Every model, as (name, model, recipe), at every window."""
        for name, model, recipe in models:
            for window in self.windows(model.frames):
                mark = f" hop={window.hop}" if len(self.hop) > 1 else ""
                yield Entry(name, model, window, recipe, mark)


NOTHING_PLAYED = EvalRecipe(
    data="",
    predictions=(),
    split="auto",
    songs=0,
    models=(),
    instruments=(),
    lookahead=(),
    gap=(),
    hop=(),
    steps=0,
    beats="auto",
    prompts=False,
    anticipate=True,
    clock="virtual",
    latency="none",
    loss=0.0,
    batch=1,
    seed=0,
)
"""No model and no window: what only judges anchors, and where other recipes begin."""
