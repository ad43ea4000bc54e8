"""What one made stem is worth: every metric that belongs to a single stream.

Conventions: all signals are the scored part of a stream, mono, of one rate; times count from
its start. A metric that cannot be given for this stream (no chords, drums, a silent truth) is
absent from the scores rather than 0. Frechet distances need many streams, so here only the
embeddings are taken.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accomptk.metrics import harmony, onset, stability
from accomptk.metrics.balance import Balance, balance, balance_apart
from accomptk.metrics.changes import Changes, Heard, find_changes, reactions

Floats = NDArray[np.floating[Any]]
TrackBeats = Callable[[Floats, int], Floats]
Embed = Callable[[Sequence[Floats], int], Sequence[Floats]]
Compare = Callable[[Floats, Floats, int], Mapping[str, float] | None]

METRICS_VERSION = 5  # goes up with any change that moves a number; old caches are then unused
UNPITCHED = ("drums",)
_COHERENCE = {
    "both": "coherence",
    "harmonic": "coherence_harmonic",
    "percussive": "coherence_percussive",
}
SCENES = 8  # whose truth is kept in mind: a batch of parts, and their warm-ups
FEWEST_ONSETS = 4  # of the truth, for a ratio of counts to mean anything


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """What a made stem is judged against.

    Attributes:
        instrument: Class of the stem.
        sample_rate: Of all signals, Hz.
        truth: The song's own stem, [N].
        context: Sum of the other stems, [N].
        beats: Reference beats in seconds.
        downbeats: Those that begin a bar.
        chords: ``(start_s, end_s, label)``; empty when unknown.
        prompt: What the song was asked to be; empty when unknown.
    """

    instrument: str
    sample_rate: int
    truth: Floats
    context: Floats
    beats: Floats = field(default_factory=lambda: np.zeros(0))
    downbeats: Floats = field(default_factory=lambda: np.zeros(0))
    chords: harmony.Chords = ()
    prompt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """The scores of one stem, and embeddings [n, d] of the stem alone and in the mix."""

    scores: Mapping[str, float]
    stem: Floats
    mix: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The judges that need weights; one that is absent leaves its metrics undefined.

    Attributes:
        embed: Gives the embeddings [n, d] of signals of one rate.
        embedding: Its name, for tables and caches.
        track_beats: Judge tracker; must not be the one that conditioned the model.
        tracker: Its name.
        ears: Networks that it hears with.
        compare: Gives the similarity of a stem to its context by view.
        comparer: Its name.
    """

    embed: Embed | None = None
    embedding: str = "none"
    track_beats: TrackBeats | None = None
    tracker: str = "none"
    ears: tuple[str, ...] = ()
    compare: Compare | None = None
    comparer: str = "none"


def judge_stem(made: Floats, scene: Scene, panel: Panel) -> Judged:
    """Judge one stem.

    Args:
        made: The stem, [N], as long as the scene's truth.
        scene: What it should have been.
        panel: Who judges.

    Raises:
        ValueError: If the stem is not as long as the truth.
    """
    if made.shape != scene.truth.shape:
        raise ValueError(f"made stem has {made.shape} samples, the truth {scene.truth.shape}")
    pitches = _pitches(made, scene)
    beats: Floats | None = None
    scores = _score_notes(made, pitches, scene)
    if panel.track_beats is not None and scene.beats.size:
        beats = panel.track_beats(made, scene.sample_rate)
        scores |= _score_beats(beats, scene)
    scores |= reactions(Heard(made, scene.sample_rate, pitches, beats), _changes(scene))
    scores |= balance_apart(balance(made, scene.sample_rate), _truth_balance(scene))
    drifts = stability.drifts(made, scene.sample_rate, beats)
    scores |= stability.drift_apart(drifts, _truth_drifts(scene))
    if panel.compare is not None:
        found = panel.compare(made, scene.context, scene.sample_rate) or {}
        scores |= {_COHERENCE[view]: value for view, value in found.items()}
    heard = embed_stem(made, scene.context, scene.sample_rate, panel)
    return replace(heard, scores=scores)


def embed_stem(made: Floats, context: Floats, sample_rate: int, panel: Panel) -> Judged:
    """Only the embeddings of a stem alone and with its context, both [N]; none without a judge."""
    if panel.embed is None:
        return Judged(scores={}, stem=np.zeros((0, 1)), mix=np.zeros((0, 1)))
    stem, mix = panel.embed([made, made + context], sample_rate)
    return Judged(scores={}, stem=stem, mix=mix)


def score_notes(made: Floats, scene: Scene) -> dict[str, float]:
    """The cheap scores of a stem: onsets and harmony."""
    return _score_notes(made, _pitches(made, scene), scene)


def _score_notes(made: Floats, pitches: harmony.Chroma | None, scene: Scene) -> dict[str, float]:
    truth = _truth_onsets(scene)
    found = onset.onset_times(made, scene.sample_rate)
    scores: dict[str, float | None] = {
        "bar_distance": onset.bar_distance(truth, found, scene.downbeats)
    }
    if truth.size:
        scores["onset_f1"] = onset.onset_f1(truth, found)
    if truth.size >= FEWEST_ONSETS:
        scores["onset_density"] = onset.onset_density(truth, found)
    wanted = _truth_pitches(scene)
    if pitches is not None and wanted is not None:
        scores["harmony"] = harmony.chord_tone_share(pitches, scene.chords)
        scores["pitch_distance"] = harmony.pitch_class_distance(wanted, pitches)
    return {name: value for name, value in scores.items() if value is not None}


def _pitches(wav: Floats, scene: Scene) -> harmony.Chroma | None:
    """What a stem plays; None for drums."""
    if scene.instrument in UNPITCHED:
        return None
    return harmony.chroma(wav, scene.sample_rate)


def _score_beats(found: Floats, scene: Scene) -> dict[str, float]:
    from accomptk.metrics.adherence import tempo_recovered
    from accomptk.metrics.beat import beat_continuity, beat_f1

    cmlt, amlt = beat_continuity(scene.beats, found)
    scores = {"beat_f1": beat_f1(scene.beats, found), "cmlt": cmlt, "amlt": amlt}
    recovered = tempo_recovered(scene.prompt, found)
    return scores if recovered is None else {**scores, "adherence_tempo": recovered}


@lru_cache(maxsize=SCENES)
def _truth_onsets(scene: Scene) -> Floats:
    """Onsets of the truth, which many stems are compared with."""
    return onset.onset_times(scene.truth, scene.sample_rate)


@lru_cache(maxsize=SCENES)
def _truth_pitches(scene: Scene) -> harmony.Chroma | None:
    return _pitches(scene.truth, scene)


@lru_cache(maxsize=SCENES)
def _truth_balance(scene: Scene) -> Balance:
    return balance(scene.truth, scene.sample_rate)


@lru_cache(maxsize=SCENES)
def _truth_drifts(scene: Scene) -> stability.Drifts:
    return stability.drifts(scene.truth, scene.sample_rate, scene.beats)


@lru_cache(maxsize=SCENES)
def _changes(scene: Scene) -> Changes:
    truth = Heard(scene.truth, scene.sample_rate, _truth_pitches(scene))
    return find_changes(truth, scene.context, scene.chords, scene.beats)
