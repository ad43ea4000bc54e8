"""BeatNet (Heydari, Cwitkowitz & Duan 2021): causal beat and downbeat activations.

A convolution and two LSTM layers on log-spectrogram frames, 50 a second. A frame sees half a
window past its centre, so it is known 32 ms later, and nothing else of the future.
"""

import pickle
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from accomptk.checkpoint import load_tensors
from accomptk.errors import CheckpointError

Floats = NDArray[np.float32]
State = tuple[Tensor, Tensor]

SAMPLE_RATE = 22_050
FRAME_SAMPLES = 441
FRAMES_PER_SECOND = SAMPLE_RATE / FRAME_SAMPLES
WINDOW_SAMPLES = 1411
DELAY_SAMPLES = WINDOW_SAMPLES // 2 + 1  # from a frame's centre until its window was heard
BANDS = 136
FEATURES = 2 * BANDS
NETWORKS = (1, 2, 3)  # trained without GTZAN, without Ballroom, without Rock Corpus

KERNEL = 10
CHANNELS = 2
HIDDEN = 150
LAYERS = 2
CLASSES = 3


class BeatNet(nn.Module):
    """Probabilities of beat (that begins no bar), downbeat and neither, frame by frame."""

    def __init__(self) -> None:
        super().__init__()
        pooled = (FEATURES - KERNEL + 1) // 2
        self.conv = nn.Conv1d(1, CHANNELS, KERNEL)
        self.squeeze = nn.Linear(CHANNELS * pooled, HIDDEN)
        self.lstm = nn.LSTM(HIDDEN, HIDDEN, LAYERS, batch_first=True)
        self.classify = nn.Linear(HIDDEN, CLASSES)

    def forward(self, features: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Continue from ``state``, or from silence.

        Args:
            features: Of `FeatureStream`, [B, 272, T].
            state: What an earlier call returned.

        Returns:
            Probabilities [B, 3, T] and the state after the last frame, two of [2, B, 150].
        """
        batch, _, frames = features.shape
        x = features.transpose(1, 2).reshape(batch * frames, 1, FEATURES)
        x = nn.functional.max_pool1d(self.conv(x).relu(), 2)
        x = self.squeeze(x.reshape(batch, frames, -1))
        x, state = self.lstm(x, state)
        return self.classify(x).softmax(dim=-1).transpose(1, 2), state


class FeatureStream:
    """Log-spectrogram in 24 bands an octave over its rise since the frame before."""

    def __init__(self) -> None:
        self.unread = np.zeros(WINDOW_SAMPLES // 2, np.float32)  # frame 0 is centred on sample 0
        self.last: Floats | None = None

    def push(self, wav: Floats) -> Floats:
        """Hear more, and return the frames that are now complete.

        Args:
            wav: Mono samples at 22,050 Hz, [N].

        Returns:
            [272, T]; frame i of the stream is centred on sample 441 i.
        """
        heard = np.concatenate([self.unread, wav.astype(np.float32, copy=False)])
        frames = max(0, (len(heard) - WINDOW_SAMPLES) // FRAME_SAMPLES + 1)
        self.unread = heard[frames * FRAME_SAMPLES :]
        if frames == 0:
            return np.zeros((FEATURES, 0), np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(heard, WINDOW_SAMPLES)
        level = _log_bands(windows[::FRAME_SAMPLES][:frames])
        before = level[:1] if self.last is None else self.last
        rise = np.maximum(np.diff(level, axis=0, prepend=before), 0.0)
        self.last = level[-1:]
        return np.ascontiguousarray(np.concatenate([level, rise], axis=1).T)


def beat_features(wav: Floats) -> Floats:
    """Features of a whole signal at 22,050 Hz, [N] to [272, ceil(N / 441)]."""
    frames = -(-len(wav) // FRAME_SAMPLES)
    padded = np.concatenate([wav, np.zeros(WINDOW_SAMPLES, np.float32)])
    return np.ascontiguousarray(FeatureStream().push(padded)[:, :frames])


def _log_bands(windows: Floats) -> Floats:
    """Windows [T, 1411] to log10 magnitudes in bands, [T, 136]."""
    spectrum = np.fft.rfft(windows * np.hanning(WINDOW_SAMPLES))[:, : WINDOW_SAMPLES // 2]
    level: Floats = np.log10(1.0 + np.abs(spectrum).astype(np.float32) @ _filterbank())
    return level


@lru_cache(maxsize=1)
def _filterbank() -> Floats:
    """Triangles of equal area from 30 Hz to 11 kHz, [705, 136]."""
    from madmom_infer.audio.filters import LogarithmicFilterbank

    bins = WINDOW_SAMPLES // 2
    bin_hz = np.arange(bins) * (SAMPLE_RATE / (2 * bins))  # as trained: without the Nyquist bin
    bank = LogarithmicFilterbank(bin_hz, num_bands=24, fmin=30, fmax=17_000, norm_filters=True)
    return np.ascontiguousarray(bank.data, dtype=np.float32)


def convert(wheel: Path) -> dict[str, Tensor]:
    """The weights of the three networks in the BeatNet wheel, named ``<network>.<parameter>``.

    Raises:
        CheckpointError: If the file is no wheel of BeatNet.
    """
    names = {"conv1": "conv", "linear0": "squeeze", "lstm": "lstm", "linear": "classify"}
    tensors = {}
    try:
        with zipfile.ZipFile(wheel) as archive:
            for network in NETWORKS:
                with archive.open(f"BeatNet/models/model_{network}_weights.pt") as file:
                    stored = torch.load(file, map_location="cpu", weights_only=True)
                for name, tensor in stored.items():
                    layer, _, parameter = name.partition(".")
                    tensors[f"{network}.{names[layer]}.{parameter}"] = tensor
    except (OSError, KeyError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
        raise CheckpointError(
            f"{wheel}: not a wheel of BeatNet; run `accomptk weights fetch` again"
        ) from error
    return tensors


def load_beatnet(path: Path, network: int) -> BeatNet:
    """One of the three networks, ready to listen.

    Args:
        path: Safetensors file made of what `convert` gave.
        network: 1, 2 or 3.

    Raises:
        CheckpointError: If the file is missing, damaged or of another kind.
    """
    return build_beatnet(load_tensors(path, "beatnet")[0], network)


def build_beatnet(tensors: Mapping[str, Tensor], network: int) -> BeatNet:
    """One of the networks whose weights `convert` gave."""
    prefix = f"{network}."
    own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    net = BeatNet()
    net.load_state_dict(own, strict=True)
    return net.eval().requires_grad_(False)
