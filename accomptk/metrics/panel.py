"""The judges that this machine has the weights for."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from accomptk.errors import CheckpointError, MissingTool
from accomptk.metrics.closeness import Interval
from accomptk.metrics.judge import Compare, Panel
from accomptk.run import numpy_generator

if TYPE_CHECKING:
    from accomptk.metrics.coherence import CoherenceJudge

Floats = NDArray[np.floating[Any]]

log = logging.getLogger(__name__)


def find_panel(
    embedding: str | None = None, ckpt_dir: Path | None = None, cocola: Path | None = None
) -> Panel:
    """All judges whose weights are here; a warning names each that is absent.

    Args:
        embedding: Judge of the Frechet distances; None for musicnn, which may be absent.
        ckpt_dir: Folder of the checkpoints of the frechet-audio-distance package.
        cocola: Published checkpoint that judges coherence; None for accomptk's own judge.

    Raises:
        MissingTool: If the judge that is named lacks its weights.
        RecipeError: If there is no such judge.
    """
    from accomptk.metrics import beat, embeddings

    ears: tuple[str, ...] = ()
    name, embed = embedding or embeddings.DEFAULT, None
    track, tracker, comparer = None, "none", "none"
    compare: Compare | None = None
    try:
        embeddings.load_model(name, ckpt_dir)
        embed = partial(_embed, name=name, ckpt_dir=ckpt_dir)
    except MissingTool as error:
        if embedding is not None:
            raise
        log.warning("no FAD: %s", error)
    try:
        beat.load_judge()
        track, tracker, ears = beat.judge_beats, beat.JUDGE, beat.EARS
    except MissingTool as error:
        log.warning("no beat F1: %s", error)
    try:
        compare, comparer = partial(_compare, cocola=cocola), _load_comparer(cocola).name
    except CheckpointError as error:
        if cocola is not None:
            raise
        log.warning("no coherence: %s", error)
    return Panel(
        embed=embed,
        embedding="none" if embed is None else name,
        track_beats=track,
        tracker=tracker,
        ears=ears,
        compare=compare,
        comparer=comparer,
    )


def judge_line(panel: Panel, beats_sources: Sequence[str]) -> str:
    """One sentence on who judged, against what.

    Args:
        panel: The judges.
        beats_sources: Where the reference beats of each part came from; empty for the judge.
    """
    reference = "+".join(sorted({source or "judged" for source in beats_sources}))
    return (
        f"FAD: {panel.embedding}, against the ground truth through the codec, n = patches. "
        f"Beats: {panel.tracker} on the stem alone against {reference} beats, "
        "within 70 ms, scored from the first second of the excerpt. "
        f"Coherence: {panel.comparer}."
    )


def fad_to(reference: Sequence[Floats], seed: int) -> Callable[[Sequence[Floats]], Interval | None]:
    """Frechet distance to a reference, with its interval over songs; None where undefined.

    Args:
        reference: Embeddings [n, d] of each song.
        seed: Draws the songs, the same for all that is measured.
    """
    from accomptk.metrics.frechet import Reference

    ruler = Reference(reference, seed)

    def distance(songs: Sequence[Floats]) -> Interval | None:
        found = ruler.fad(songs)
        if found.value is None:
            return None
        return Interval(found.value, found.low, found.high, found.n)

    return distance


def fad_inf_to(
    reference: Sequence[Floats], seed: int
) -> Callable[[Sequence[Floats]], Interval | None]:
    """The same at infinitely many patches, without an interval; arguments as `fad_to`."""
    from accomptk.metrics.frechet_infinite import fad_inf

    known = np.concatenate(reference)

    def distance(songs: Sequence[Floats]) -> Interval | None:
        patches = np.concatenate(songs)
        value = fad_inf(known, patches, numpy_generator(seed, "fad_inf"))
        return None if value is None else Interval(value, None, None, len(patches))

    return distance


RULERS = {
    "fad_stem": ("stem", fad_to),
    "fad_mix": ("mix", fad_to),
    "fad_inf": ("stem", fad_inf_to),
}
"""By metric: which embeddings it is of, and what makes its distance to a reference."""


def _compare(
    stem: Floats, context: Floats, sample_rate: int, cocola: Path | None
) -> dict[str, float] | None:
    """Coherence by view; at module level, so that other processes find it."""
    return _load_comparer(cocola)(stem, context, sample_rate)


def _load_comparer(cocola: Path | None) -> "CoherenceJudge":
    from accomptk.metrics.coherence import load_coherence

    if cocola is None:
        return load_coherence()
    from accomptk.metrics.cocola import load_cocola

    return load_cocola(cocola)


def _embed(
    wavs: Sequence[Floats], sample_rate: int, name: str, ckpt_dir: Path | None
) -> Sequence[Floats]:
    """Embeddings of signals; at module level, so that other processes find it."""
    from accomptk.metrics.embeddings import embed, load_model

    return embed(wavs, sample_rate, load_model(name, ckpt_dir))
