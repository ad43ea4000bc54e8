"""How a codec sounds beside others of its rate: linear codes, and Opus.

*Conventions.* Signals are stretches of held-out songs, a single stem and the whole mix in turn.
Distances compare what a codec gives back with the signals themselves. Log-spectral distances are
taken over the time-frequency places within 60 dB of full scale, below 8 kHz and from 8 kHz on.
"""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from accomptk.errors import DatasetError, MissingTool
from accomptk.latents.codec import decode, encode
from accomptk.latents.spectral import SpectralCodec, load_spectral
from accomptk.latents.spectrum import FRAME_SAMPLES, OVERLAP, SAMPLE_RATE, Spectrum
from accomptk.stems.index import StemSet
from accomptk.stems.parallel import map_unordered

Samples = NDArray[np.float32]

START_S = 6.0
LINEAR_ITERATIONS = 32
LINEAR = {"pca-64": 64, "pca-116": 116, "pca-128": 128}
OPUS = {"opus-6k": 6, "opus-12k": 12, "opus-24k": 24}
EMBEDDINGS = {"fad": "musicnn-msd", "fad_mtt": "musicnn-mtt"}
LOUD_DB = -60.0


@dataclass(frozen=True, slots=True)
class Signal:
    """A stretch of a song.

    Attributes:
        instrument: Of the stem; "mix" for all of them.
        wav: Samples, [N].
    """

    instrument: str
    wav: Samples


def held_out(stems: StemSet, count: int, seconds: float) -> list[Signal]:
    """Single stems and mixes of test songs in turn, instruments one after the other.

    Raises:
        DatasetError: If there are no such songs.
    """
    songs = [song for song in stems.split("test") if song.seconds >= START_S + seconds]
    if not songs:
        raise DatasetError(f"{stems.root}: no song in split 'test' is {seconds:g} s long")
    found = []
    for index in range(count):
        song = songs[index // 2 % len(songs)]
        middle_s = START_S + seconds / 2
        loud = [s for s in song.stems if any(a < middle_s < b for a, b in s.active)]
        is_mix = index % 2 == 1 or not loud
        chosen = song.stems if is_mix else [loud[index // 2 % len(loud)]]
        wav = stems.mix(song, [stem.stem for stem in chosen], START_S, seconds)
        found.append(Signal("mix" if is_mix else chosen[0].instrument, wav))
    return found


def compare(
    codec: Path,
    signals: Sequence[Signal],
    codecs: Sequence[str] = ("spectral", *LINEAR, *OPUS),
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[dict[str, Any]]:
    """One row a codec.

    Args:
        codec: The spectral codec's checkpoint; the linear codes are its own leading components.
        signals: What to play through each.
        codecs: Which rows.
        workers: Processes.
        progress: Told after each signal.

    Raises:
        MissingTool: If Opus is asked for and ffmpeg is absent.
    """
    tasks = [(name, index) for index in range(len(signals)) for name in ("truth", *codecs)]
    work = partial(_judge, codec.absolute(), list(signals))
    heard: dict[str, list[dict[str, Any]]] = {}
    for done, (name, figures) in enumerate(map_unordered(work, tasks, workers), 1):
        heard.setdefault(name, []).append(figures)
        progress(done, len(tasks))
    truth, spectral = heard.pop("truth"), _load(codec)
    return [_row(name, heard[name], truth, spectral) for name in codecs]


@lru_cache(1)
def _load(codec: Path) -> SpectralCodec:
    """The spectral codec, read once a process."""
    return load_spectral(codec)


def _judge(codec: Path, signals: Sequence[Signal], task: tuple[str, int]) -> tuple[str, Any]:
    from accomptk.metrics.embeddings import embed

    name, index = task
    signal, spectral = signals[index], _load(codec)
    played = signal.wav if name == "truth" else _through(spectral, name, signal.wav)
    figures: dict[str, Any] = {
        key: embed([played], SAMPLE_RATE, model)[0] for key, model in EMBEDDINGS.items()
    }
    if name != "truth":
        figures.update(_measure(spectral.spectrum, signal, played))
    return name, figures


def _chosen(spectral: SpectralCodec, name: str) -> SpectralCodec:
    """The codec of a row: itself, or its leading components as a linear code."""
    if name not in LINEAR:
        return spectral
    base = spectral.code.base.leading(LINEAR[name])
    return SpectralCodec(base, spectral.spectrum, name, name, LINEAR_ITERATIONS)


def _through(spectral: SpectralCodec, name: str, wav: Samples) -> Samples:
    """A signal encoded and decoded, [N]."""
    if name in OPUS:
        return _opus(wav, OPUS[name])
    chosen = _chosen(spectral, name)
    played = decode(chosen, encode(chosen, torch.from_numpy(wav)[None, None]))
    return np.asarray(played[0, 0, : len(wav)].numpy())


def _opus(wav: Samples, kilobits: int) -> Samples:
    import soundfile
    import soxr

    with TemporaryDirectory() as folder:
        source, coded, back = (Path(folder) / name for name in ("in.wav", "a.opus", "out.wav"))
        soundfile.write(source, wav, SAMPLE_RATE, subtype="FLOAT")
        encoder = ("-c:a", "libopus", "-b:a", f"{kilobits}k", "-application", "audio")
        for options in ((source, *encoder, coded), (coded, back)):
            try:
                command = ["ffmpeg", "-v", "error", "-y", "-i", *map(str, options)]
                subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
            except FileNotFoundError as error:
                raise MissingTool("ffmpeg: not found; apt-get install ffmpeg") from error
        played, rate = soundfile.read(back, dtype="float32")
    resampled: Samples = soxr.resample(played, rate, SAMPLE_RATE)[: len(wav)]
    return np.pad(resampled, (0, len(wav) - len(resampled)))


def _measure(spectrum: Spectrum, signal: Signal, played: Samples) -> dict[str, Any]:
    from accomptk.metrics.harmony import chroma
    from accomptk.metrics.onset import level_db, onset_f1, onset_times

    low, high = _log_spectral_distances(spectrum, signal.wav, played)
    onsets = [onset_times(wav, SAMPLE_RATE) for wav in (signal.wav, played)]
    key = "onset_f1_drums" if signal.instrument == "drums" else "onset_f1_others"
    figures = {
        "lsd_low_db": low,
        "lsd_high_db": high,
        "level_db": level_db(played) - level_db(signal.wav),
        key: onset_f1(*onsets) if len(onsets[0]) else None,
    }
    if signal.instrument not in ("drums", "mix"):
        sung, back = (chroma(wav, SAMPLE_RATE).energy.ravel() for wav in (signal.wav, played))
        if sung.any() and back.any():
            figures["chroma"] = float(np.corrcoef(sung, back)[0, 1])
    return figures


def _log_spectral_distances(
    spectrum: Spectrum, truth: Samples, played: Samples
) -> list[float | None]:
    """Root mean square of the difference in dB, below the split and above it; None in silence."""
    levels = []
    for wav in (truth, played):
        whole = len(wav) // FRAME_SAMPLES * FRAME_SAMPLES
        padded = np.pad(wav, (OVERLAP, 0))[: OVERLAP + whole]
        levels.append(spectrum.levels_db(torch.from_numpy(padded)[None]).numpy())
    is_loud, apart = levels[0] > LOUD_DB, levels[1] - levels[0]
    return [
        float(np.sqrt(np.mean(apart[..., part][is_loud[..., part]] ** 2)))
        if is_loud[..., part].any()
        else None
        for part in (slice(spectrum.linear), slice(spectrum.linear, None))
    ]


def _row(
    name: str,
    heard: list[dict[str, Any]],
    truth: list[dict[str, Any]],
    spectral: SpectralCodec,
) -> dict[str, Any]:
    from accomptk.metrics.frechet import fad

    row: dict[str, Any] = {"codec": name, "numbers_per_s": _rate(name, spectral), "n": len(heard)}
    for key in EMBEDDINGS:
        row[key] = fad(*(np.concatenate([each[key] for each in some]) for some in (truth, heard)))
    keys = ("lsd_low_db", "lsd_high_db", "level_db", "onset_f1_drums", "onset_f1_others", "chroma")
    for key in keys:
        values = [each[key] for each in heard if each.get(key) is not None]
        row[key] = float(np.mean(values)) if values else None
    return row


def _rate(name: str, spectral: SpectralCodec) -> float | None:
    """Numbers a second; None for what counts in bits."""
    if name in OPUS:
        return None
    chosen = _chosen(spectral, name)
    return chosen.channels * chosen.sample_rate / chosen.frame_samples
