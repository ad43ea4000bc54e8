"""How codecs sound, measured side by side on the same music.

*Conventions.* Signals are stretches of songs, a single stem and the whole mix in turn. Distances
compare what a codec gives back with the signals themselves. Log-spectral distances are taken over
the time-frequency places within 60 dB of full scale, below 8 kHz and from 8 kHz on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from accomptk.checkpoint import file_sha256
from accomptk.errors import DatasetError
from accomptk.latents.contenders import RECIPE, Contender, Samples, contenders, fit_plain
from accomptk.latents.contract import measure_contract
from accomptk.latents.fit import CodecRecipe, Progress
from accomptk.latents.pictures import draw
from accomptk.latents.spectral import load_spectral
from accomptk.latents.spectrum import FRAME_SAMPLES, OVERLAP, SAMPLE_RATE, Spectrum
from accomptk.recipe import load_recipe
from accomptk.run import gflops, machine_line
from accomptk.stems.index import StemSet
from accomptk.stems.parallel import map_unordered

Floats = NDArray[np.floating[Any]]

START_S = 6.0
EMBEDDINGS = {"fad": "musicnn-msd", "fad_mtt": "musicnn-mtt"}
LOUD_DB = -60.0
CONTRACT_SIGNALS = 8
CONTRACT_ITERATIONS = (4, 6, 8)


@dataclass(frozen=True, slots=True)
class Signal:
    """A stretch of a song.

    Attributes:
        instrument: Of the stem; "mix" for all of them.
        wav: Samples, [N].
    """

    instrument: str
    wav: Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What `measure` is asked for.

    Attributes:
        codec: Checkpoint of the spectral codec.
        data: Its test songs are heard; plain components are fitted to its training songs.
        foreign: Music of another kind, for the codec alone; None without.
        signals: How many of each.
        seconds: Length of each.
        pictures: Folder for spectrograms; None without.
    """

    codec: Path
    data: StemSet
    foreign: StemSet | None = None
    signals: int = 80
    seconds: float = 24.0
    pictures: Path | None = None


class Tables(NamedTuple):
    """Rows of the two tables."""

    sound: list[dict[str, Any]]
    contract: list[dict[str, Any]]


def measure(asked: Comparison, workers: int, progress: Progress) -> Tables:
    """How the codec sounds beside others, and what a stream asks of it.

    Args:
        asked: What to measure.
        workers: Processes; time is measured before they start.
        progress: Told after each slice of music and each signal.

    Raises:
        DatasetError: If there is no such music.
        MissingTool: If ffmpeg is absent.
    """
    familiar = held_out(asked.data, asked.signals, asked.seconds)
    foreign = held_out(asked.foreign, asked.signals, asked.seconds) if asked.foreign else []
    contract = _contract(asked.codec, familiar)
    with TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.safetensors"
        fit_plain(plain, asked.data, workers=workers, progress=progress)
        some = contenders(asked.codec, plain)
        if asked.pictures:
            draw(asked.pictures, some, familiar)
        rows = compare(some, familiar, workers, partial(progress, "play"))
    for row in rows:
        row["music"] = "held out"
    if asked.foreign:
        (row,) = compare(some[:1], foreign, workers, partial(progress, "play on"))
        rows.append(row | {"music": asked.foreign.root.resolve().name})
    origin = {
        "checkpoint": file_sha256(asked.codec)[:8],
        "data": asked.data.index_hash[:8],
        "length": f"{asked.seconds:g} s",
    }
    return Tables([row | origin for row in rows], contract)


def _contract(codec: Path, signals: Sequence[Signal]) -> list[dict[str, Any]]:
    """A row for each number of Griffin-Lim iterations that a codec may choose."""
    wavs = [signal.wav for signal in signals[:CONTRACT_SIGNALS]]
    return [
        {
            "iterations": iterations,
            **measure_contract(load_spectral(codec, iterations), wavs),
            "gflops": gflops(),
            "checkpoint": file_sha256(codec)[:8],
            "machine": machine_line(),
        }
        for iterations in CONTRACT_ITERATIONS
    ]


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
    some: Sequence[Contender],
    signals: Sequence[Signal],
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[dict[str, Any]]:
    """One row a contender.

    Args:
        some: What to compare.
        signals: What to play through each.
        workers: Processes.
        progress: Told after each signal.

    Raises:
        MissingTool: If Opus is asked for and ffmpeg is absent.
    """
    work = partial(_judge, list(some), list(signals))
    heard: dict[str, list[dict[str, Any]]] = {}
    indices = range(len(signals))
    for done, each in enumerate(map_unordered(work, indices, workers), 1):
        for name, figures in each.items():
            heard.setdefault(name, []).append(figures)
        progress(done, len(signals))
    truth = heard.pop("truth")
    return [_row(contender, heard[contender.name], truth) for contender in some]


@dataclass(frozen=True, slots=True)
class _Heard:
    """What is known of a signal: embeddings, level, band levels, onsets, chroma energy."""

    embeddings: dict[str, Floats]
    level_db: float
    bands_db: Floats
    onsets: Floats
    chroma: Floats


def _judge(
    some: Sequence[Contender], signals: Sequence[Signal], index: int
) -> dict[str, dict[str, Any]]:
    """Figures of a signal by contender; those of the truth are its embeddings."""
    signal = signals[index]
    truth = _listen(signal.wav)
    found: dict[str, dict[str, Any]] = {"truth": dict(truth.embeddings)}
    for contender in some:
        played = _listen(contender.play(signal.wav))
        found[contender.name] = played.embeddings | _differ(signal.instrument, truth, played)
    return found


def _listen(wav: Samples) -> _Heard:
    from accomptk.metrics.embeddings import embed
    from accomptk.metrics.harmony import chroma
    from accomptk.metrics.onset import level_db, onset_times

    whole = len(wav) // FRAME_SAMPLES * FRAME_SAMPLES
    padded = torch.from_numpy(np.pad(wav, (OVERLAP, 0))[: OVERLAP + whole])
    return _Heard(
        {key: embed([wav], SAMPLE_RATE, model)[0] for key, model in EMBEDDINGS.items()},
        level_db(wav),
        _spectrum().levels_db(padded[None]).numpy(),
        onset_times(wav, SAMPLE_RATE),
        chroma(wav, SAMPLE_RATE).energy.ravel(),
    )


@lru_cache(1)
def _spectrum() -> Spectrum:
    """What bands are compared in, whatever codec is measured."""
    return Spectrum(load_recipe(RECIPE, CodecRecipe).spectrum)


def _differ(instrument: str, truth: _Heard, played: _Heard) -> dict[str, Any]:
    from accomptk.metrics.onset import onset_f1

    low, high = _log_spectral_distances(truth.bands_db, played.bands_db)
    key = "onset_f1_drums" if instrument == "drums" else "onset_f1_others"
    figures = {
        "lsd_low_db": low,
        "lsd_high_db": high,
        "level_db": played.level_db - truth.level_db,
        key: onset_f1(truth.onsets, played.onsets) if len(truth.onsets) else None,
    }
    is_pitched = instrument not in ("drums", "mix")
    if is_pitched and truth.chroma.any() and played.chroma.any():
        figures["chroma"] = float(np.corrcoef(truth.chroma, played.chroma)[0, 1])
    return figures


def _log_spectral_distances(truth: Floats, played: Floats) -> list[float | None]:
    """Root mean square of the difference in dB, below the split and above it; None in silence."""
    is_loud, apart, split = truth > LOUD_DB, played - truth, _spectrum().linear
    return [
        float(np.sqrt(np.mean(apart[..., part][is_loud[..., part]] ** 2)))
        if is_loud[..., part].any()
        else None
        for part in (slice(split), slice(split, None))
    ]


def _row(
    contender: Contender, heard: Sequence[dict[str, Any]], truth: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    from accomptk.metrics.frechet import fad

    row: dict[str, Any] = {
        "codec": contender.name,
        "music": "",
        "numbers_per_s": contender.numbers_per_s,
        "iterations": contender.griffin_lim,
        "n": len(heard),
    }
    for key in EMBEDDINGS:
        row[key] = fad(*(np.concatenate([each[key] for each in some]) for some in (truth, heard)))
    keys = ("lsd_low_db", "lsd_high_db", "level_db", "onset_f1_drums", "onset_f1_others", "chroma")
    for key in keys:
        values = [each[key] for each in heard if each.get(key) is not None]
        row[key] = float(np.mean(values)) if values else None
    return row
