"""Beats and bars of songs that come without: BeatNet's activations and a hidden Markov model.

Two of BeatNet's three networks listen. The third is the judge of the tables, which shall not
meet beats of its own finding as the truth.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from accomptk.stems.audio import SAMPLE_RATE, Samples, rms_db
from accomptk.stems.index import StemSet, update_index
from accomptk.stems.music import Song
from accomptk.stems.parallel import Workers, map_unordered
from accomptk.stems.place import settle
from accomptk.stems.song import read_song, rewrite_song
from accomptk.stems.tempo import Grid

if TYPE_CHECKING:
    from accomptk.weights.beatnet import BeatNet

Floats = NDArray[np.floating[Any]]

NETWORKS = (1, 3)
METERS = (3, 4)

_UNLIKELY = 1e-6  # keeps logarithms finite
_SILENCE_DB = -70.0
_SLIP = 0.005  # chance that a beat is not where counting leads: a missed beat, a change of meter


def estimate_beats(
    root: Path, workers: Workers = 1, progress: Callable[[int, int], None] | None = None
) -> int:
    """Listen for the beats of those songs of a set for which nobody did yet.

    Args:
        root: A prepared set; its index then says ``estimated`` for these songs.
        workers: Processes, or the address of a dask scheduler.
        progress: Told songs done and songs in all.

    Returns:
        How many songs that were.

    Raises:
        MissingTool: If BeatNet's weights were not fetched.
        DatasetError: If the set cannot be read.
    """
    stems = StemSet.open(root)
    unknown = [song for song in stems.songs if not song.beats_source]
    if unknown:
        _load_nets()  # what is missing is missed here, not in every process
    found: list[Song] = []
    try:
        for song in map_unordered(partial(_listen, settle(stems.root)), unknown, workers):
            found.append(song)
            if progress is not None:
                progress(len(found), len(unknown))
    finally:
        if found:
            update_index(stems.root, stems.songs, found)
    return len(found)


def _listen(root: Path, song: Song) -> Song:
    """The song with beats; from its own description if they were found before the index was."""
    stored = read_song(root, song.track)
    if stored and stored.origin == song.origin and stored.beats_source:
        return stored
    grid = estimate_grid(StemSet(root, (song,)).mix(song, song.stems))
    heard = replace(
        song,
        beats=grid.beats,
        downbeats=grid.downbeats,
        meter=grid.meter,
        beats_source="estimated",
    )
    rewrite_song(root, heard)
    return heard


def estimate_grid(wav: Samples) -> Grid:
    """Beats and bars that are heard in a mix.

    Args:
        wav: Mono samples [N] at 44.1 kHz.

    Returns:
        Beats and the bars' first beats; none in silence.

    Raises:
        MissingTool: If BeatNet's weights were not fetched.
    """
    if rms_db(wav) < _SILENCE_DB:
        return Grid(problem="silent")
    beat, downbeat = _activations(wav)
    either = np.clip(beat + downbeat, _UNLIKELY, 1 - 2 * _UNLIKELY)
    found = _tracker()(np.stack([np.full_like(either, _UNLIKELY), either], axis=1))
    beats: Floats = np.asarray(found, dtype=np.float64).reshape(-1, 2)[:, 0]
    if beats.size < 2:
        return Grid(problem="no beat found")
    places, meter = count_bars(*(_near(values, beats) for values in (beat, downbeat)))
    return Grid(beats, beats[places == 0], meter)


def count_bars(beat: Floats, downbeat: Floats) -> tuple[NDArray[np.int64], int]:
    """The likeliest place of each beat in its bar.

    Args:
        beat: Probability that a beat begins no bar, [beats].
        downbeat: Probability that it does, [beats].

    Returns:
        Places from 0, [beats], and the meter of most of the beats.
    """
    place = np.concatenate([np.arange(meter) for meter in METERS])
    says = np.log((downbeat + _UNLIKELY) / (beat + _UNLIKELY))
    evidence = np.where(place == 0, says[:, None], 0.0)  # [beats, states]
    path = _likeliest_path(evidence, _counting())
    meters = np.repeat(METERS, METERS)[path]
    return place[path], int(np.bincount(meters).argmax())


def _likeliest_path(evidence: Floats, step: Floats) -> NDArray[np.int64]:
    """Viterbi's path through log evidence [T, S] with log transitions [S, S], [T]."""
    best = evidence[0]
    came_from = np.zeros(evidence.shape, np.int64)
    for time in range(1, len(evidence)):
        ways = best[:, None] + step
        came_from[time] = ways.argmax(axis=0)
        best = ways.max(axis=0) + evidence[time]
    path = np.zeros(len(evidence), np.int64)
    path[-1] = best.argmax()
    for time in range(len(evidence) - 1, 0, -1):
        path[time - 1] = came_from[time, path[time]]
    return path


def _counting() -> Floats:
    """Log probability of each place in a bar after each, all meters in one row."""
    size = sum(METERS)
    chance = np.full((size, size), _SLIP / size)
    first = 0
    for meter in METERS:
        for place in range(meter):
            chance[first + place, first + (place + 1) % meter] += 1 - _SLIP
        first += meter
    logarithm: Floats = np.log(chance)
    return logarithm


def _near(values: Floats, times_s: Floats) -> Floats:
    """The highest of a frame's value and its neighbours' at each time."""
    from accomptk.weights.beatnet import FRAMES_PER_SECOND

    frames = np.rint(times_s * FRAMES_PER_SECOND).astype(int)
    around = np.clip(frames[:, None] + np.arange(-1, 2), 0, len(values) - 1)
    highest: Floats = values[around].max(axis=1)
    return highest


def _activations(wav: Samples) -> tuple[Floats, Floats]:
    """Mean probabilities of beat and downbeat in each frame, two of [T]."""
    import torch

    from accomptk.stems.audio import resample
    from accomptk.weights.beatnet import SAMPLE_RATE as BEATNET_RATE
    from accomptk.weights.beatnet import beat_features

    features = torch.from_numpy(beat_features(resample(wav, SAMPLE_RATE, BEATNET_RATE)))[None]
    with torch.inference_mode():
        made = torch.stack([net(features)[0][0] for net in _load_nets()]).mean(dim=0).numpy()
    return made[0], made[1]


@lru_cache(maxsize=1)
def _load_nets() -> "tuple[BeatNet, ...]":
    from accomptk.weights import registry
    from accomptk.weights.beatnet import load_beatnet

    return tuple(load_beatnet(registry.path("beatnet"), network) for network in NETWORKS)


@lru_cache(maxsize=1)
def _tracker() -> Any:
    """The DBN with bars of one beat: six times as fast as with bars, which are counted after."""
    from madmom_infer.features.downbeats import DBNDownBeatTrackingProcessor

    from accomptk.weights.beatnet import FRAMES_PER_SECOND

    return DBNDownBeatTrackingProcessor(beats_per_bar=[1], fps=FRAMES_PER_SECOND)
