"""Fixtures that more than one test module uses."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE = 44_100
STEM_S = 3.0


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def clicks(times_s: np.ndarray, seconds: float, rate: int = RATE) -> np.ndarray:
    """Decaying clicks at the given times, [N] float32."""
    wav = np.zeros(round(seconds * rate), np.float32)
    click = np.exp(-np.arange(rate // 50) / (rate / 400)).astype(np.float32) * 0.8
    for start in np.round(times_s * rate).astype(int):
        end = min(start + click.size, wav.size)
        wav[start:end] += click[: end - start]
    return wav


def sine(hz: float, seconds: float, rate: int = RATE, level: float = 0.2) -> np.ndarray:
    """A sine, [N] float32."""
    time_s = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


@pytest.fixture
def stems_dir(tmp_path: Path) -> Path:
    """Two tiny songs, ``<song>/<instrument>.wav``: clicks as drums, sines as the others."""
    for song, hz in (("one", 110.0), ("two", 130.81)):
        folder = tmp_path / "songs" / song
        folder.mkdir(parents=True)
        beats_s = np.arange(0, STEM_S, 0.5)
        stems = {
            "drums": clicks(beats_s, STEM_S),
            "bass": sine(hz / 2, STEM_S),
            "guitar": sine(hz * 2, STEM_S),
            "piano": sine(hz * 3, STEM_S),
        }
        for name, wav in stems.items():
            soundfile.write(folder / f"{name}.wav", wav, RATE)
    return tmp_path / "songs"
