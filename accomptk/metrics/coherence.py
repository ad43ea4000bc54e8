"""Whether a stem and its context belong together.

Conventions: stem and context are mono, [N], of one rate and aligned. They are compared in
windows of 5 s that begin every 2.5 s, in three views: what lasts (harmonic), what begins
(percussive), and both. A similarity is in nats: how much likelier this stem is to be found in
this context than others of its instrument and tempo are, as the model learned to say. 0 says
nothing; a window in which either is silent counts as 0, so that nothing is won by silence.

Metrics: the mean similarity over the windows in each view; None for less than a window, and for
a stem or a context that is silent throughout.
"""

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from accomptk.metrics.onset import SILENCE_DB, level_db
from accomptk.metrics.spectra import LONG_STEPS, SHORT_STEPS, WINDOW_FRAMES, Levels, needed

if TYPE_CHECKING:
    from torch import Tensor

    from accomptk.metrics.similarity import Embedded, Similarity

Floats = NDArray[np.floating[Any]]

HOP_FRAMES = WINDOW_FRAMES / 2  # 2.5 s
VIEWS = ("both", "harmonic", "percussive")
SHIPPED = Path(str(files("accomptk.weights"))) / "coherence.safetensors"


class CoherenceJudge(Protocol):
    """Compares a stem with a context; `name` stands in tables and caches."""

    name: str

    def __call__(self, stem: Floats, context: Floats, sample_rate: int) -> dict[str, float] | None:
        """Similarity by view, as in the module's description."""


class OwnJudge:
    """The model that `accomptk train coherence` makes.

    It remembers the last context, which it often hears with many stems in turn.
    """

    def __init__(self, name: str, net: "Similarity") -> None:
        self.name, self.net = name, net
        self._last: tuple[Floats, int, tuple[Embedded, NDArray[np.bool_]]] | None = None

    def __call__(self, stem: Floats, context: Floats, sample_rate: int) -> dict[str, float] | None:
        """Similarity by view."""
        validate(stem, context)
        if min(level_db(stem), level_db(context)) < SILENCE_DB:
            return None
        import torch

        with torch.inference_mode():
            stems, stem_sounds = self._embed(stem, sample_rate)
            contexts, context_sounds = self._embed_context(context, sample_rate)
            if not len(stem_sounds):
                return None
            found = self.net.compare(contexts, stems)
        sounds = stem_sounds & context_sounds
        harmonic, percussive = (
            float(np.where(sounds, view.diagonal().numpy(), 0.0).mean()) for view in found
        )
        return dict(zip(VIEWS, (harmonic + percussive, harmonic, percussive), strict=True))

    def _embed_context(self, wav: Floats, sample_rate: int) -> "tuple[Embedded, NDArray[np.bool_]]":
        last = self._last
        if last is None or last[0] is not wav or last[1] != sample_rate:
            last = self._last = wav, sample_rate, self._embed(wav, sample_rate)
        return last[2]

    def _embed(self, wav: Floats, sample_rate: int) -> "tuple[Embedded, NDArray[np.bool_]]":
        """Windows of a signal as the network sees them, and which of them sound."""
        from accomptk.metrics.spectra import levels, views

        long, short = windows(levels(wav, sample_rate))
        sounds = short.amax(dim=(1, 2)).numpy() > SILENCE_DB
        return self.net(views(long, short)), sounds


def validate(stem: Floats, context: Floats) -> None:
    """Refuse what cannot be compared.

    Raises:
        ValueError: If the two are not [N] of one length, in finite numbers.
    """
    for name, wav in (("stem", stem), ("context", context)):
        if wav.ndim != 1:
            raise ValueError(f"coherence: {name} has shape {wav.shape}; it must be mono, [N]")
        if not np.isfinite(wav).all():
            raise ValueError(f"coherence: {name} holds values that are no numbers")
    if stem.size != context.size:
        raise ValueError(f"coherence: stem and context have {stem.size} and {context.size} samples")


def windows(heard: Levels) -> "tuple[Tensor, Tensor]":
    """Levels of each window, [W, frames, bands]; none of less than a window."""
    import torch

    long_size, short_size = needed(WINDOW_FRAMES)
    long_hop = round(HOP_FRAMES * LONG_STEPS)
    ratio = SHORT_STEPS // LONG_STEPS
    long, short = (torch.from_numpy(level) for level in heard)
    fit = min((len(long) - long_size) // long_hop, (len(short) - short_size) // (long_hop * ratio))
    starts = [long_hop * i for i in range(fit + 1)]
    if not starts:
        return torch.zeros(0, long_size, long.shape[1]), torch.zeros(0, short_size, short.shape[1])
    return (
        torch.stack([long[start : start + long_size] for start in starts]),
        torch.stack([short[ratio * start : ratio * start + short_size] for start in starts]),
    )


def load_coherence(path: Path | None = None) -> OwnJudge:
    """The shipped judge, or that of a checkpoint.

    Raises:
        CheckpointError: If there is no such checkpoint.
    """
    return _load(path or SHIPPED)


@lru_cache(maxsize=2)
def _load(path: Path) -> OwnJudge:
    from accomptk.checkpoint import file_sha256, load_tensors
    from accomptk.metrics.similarity import Similarity, Size
    from accomptk.recipe import parse_recipe

    tensors, header = load_tensors(path, "coherence")
    net = Similarity(parse_recipe(header.recipe["size"], Size, str(path)))
    net.load_state_dict(tensors)
    return OwnJudge(f"coherence {file_sha256(path)[:8]}, in nats", net.eval())
