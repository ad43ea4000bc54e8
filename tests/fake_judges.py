"""Judges without weights, at module level so that other processes find them."""

from itertools import pairwise

import numpy as np

from accomptk.metrics.closeness import Interval
from accomptk.metrics.judge import Panel
from accomptk.metrics.onset import onset_times

BANDS = np.array([0, 100, 250, 600, 1500, 4000, 22050])


def band_levels(wavs, sample_rate):
    """Levels of six bands each second, [seconds, 6]."""
    return [_levels(np.asarray(wav), sample_rate) for wav in wavs]


def _levels(wav, sample_rate):
    seconds = wav[: wav.size // sample_rate * sample_rate].reshape(-1, sample_rate)
    power = np.abs(np.fft.rfft(seconds, axis=1)) ** 2
    bands = [power[:, a:b].sum(axis=1) for a, b in pairwise(BANDS)]
    return np.log10(np.stack(bands, axis=1) + 1e-3).astype(np.float32)


def onset_beats(wav, sample_rate):
    """Takes every onset for a beat."""
    return onset_times(wav, sample_rate)


def mean_distance_to(reference, seed):
    """Distance of the mean embeddings, in the place of a Frechet distance."""
    target = np.concatenate(reference).mean(axis=0)

    def distance(songs):
        found = np.concatenate(songs)
        return Interval(float(np.abs(found.mean(axis=0) - target).sum()), None, None, len(found))

    return distance


PANEL = Panel(
    embed=band_levels, embedding="band levels", track_beats=onset_beats, tracker="all onsets"
)
RULERS = {"fad_stem": ("stem", mean_distance_to), "fad_mix": ("mix", mean_distance_to)}
