"""Signals that tests are made of."""

import numpy as np

RATE = 44_100


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
