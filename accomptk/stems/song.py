"""A song in memory, and how it is written to a prepared set."""

import hashlib
import re
import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accomptk.errors import DatasetError
from accomptk.stems.audio import SAMPLE_RATE, Samples, active_regions, rms_db, write_audio
from accomptk.stems.index import Chord, Song, Stem

TEMPORARY = ".tmp"
"""Folder of a set where songs stay until they are whole."""

_SHORTEST_S = 1.0
_PEAK = 0.99


@dataclass(slots=True, kw_only=True)
class SongAudio:
    """A song in memory.

    Attributes:
        track: Name, unique in the set.
        stems: By name: the instrument and mono samples [N] at SAMPLE_RATE.
        split: ``train``, ``valid`` or ``test``.
        beats: Times in seconds; empty when unknown.
        downbeats: Times of the bars' first beats in seconds.
        meter: Beats in a bar, 0 when unknown.
        chords: In order of time; empty when unknown.
        family: Songs of one family never sit in two splits.
        beats_source: ``known``, ``estimated``, or empty when there are none.
        warnings: What had to be changed to make it a song, one line each.
    """

    track: str
    stems: Mapping[str, tuple[str, Samples]]
    split: str = "train"
    beats: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    downbeats: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    meter: int = 0
    chords: Sequence[Chord] = ()
    key: str = ""
    prompt: str = ""
    family: str = ""
    source: str = ""
    soundfont: str = ""
    license: str = ""
    beats_source: str = ""
    warnings: Sequence[str] = ()


def write_song(out: Path, audio: SongAudio, track: str, origin: str) -> Song:
    """Write a song's stems to a set, all of them or none.

    Stems become equally long, and quieter by one common gain if one of them or their sum
    would clip.

    Args:
        out: Folder of the set.
        audio: The song.
        track: Its name in the set.
        origin: Fingerprint of what it was made from.

    Raises:
        DatasetError: If the song is too short, silent, or holds values that are not numbers.
        OSError: If the disk does not take it.
    """
    stems = _level(_align(track, audio.stems))
    folder = to_file_name(track)
    partial_folder, final_folder = out / TEMPORARY / folder, out / "stems" / folder
    entries = []
    for stem, (instrument, wav) in stems.items():
        file_name = f"{to_file_name(stem)}.flac"
        sha256 = write_audio(partial_folder / file_name, wav)
        path = f"stems/{folder}/{file_name}"
        entries.append(_describe(track, stem, instrument, path, wav, sha256))
    final_folder.parent.mkdir(exist_ok=True)
    if final_folder.exists():
        shutil.rmtree(final_folder)
    partial_folder.replace(final_folder)
    return _to_song(audio, track, tuple(entries), origin)


def _align(track: str, stems: Mapping[str, tuple[str, Samples]]) -> dict[str, tuple[str, Samples]]:
    """The same stems, all as long as the longest."""
    longest = max((len(wav) for _, wav in stems.values()), default=0)
    if longest < _SHORTEST_S * SAMPLE_RATE:
        raise DatasetError(
            f"{track}: {longest / SAMPLE_RATE:.1f} s long; a song has at least {_SHORTEST_S:.0f} s"
        )
    for stem, (_, wav) in stems.items():
        if not np.isfinite(wav).all():
            raise DatasetError(f"{track}/{stem}: holds samples that are not numbers (NaN)")
    if all(not active_regions(wav) for _, wav in stems.values()):
        raise DatasetError(f"{track}: every stem is silent; nothing can be learnt from it")
    return {
        stem: (instrument, np.pad(wav, (0, longest - len(wav))).astype(np.float32))
        for stem, (instrument, wav) in stems.items()
    }


def _level(stems: dict[str, tuple[str, Samples]]) -> dict[str, tuple[str, Samples]]:
    """The same stems under one common gain, if a stem or their sum would clip."""
    waves = [wav for _, wav in stems.values()]
    peak = max(float(np.abs(wav).max()) for wav in (*waves, np.sum(waves, axis=0)))
    if peak <= 1.0:
        return stems
    gain = np.float32(_PEAK / peak)
    return {stem: (instrument, wav * gain) for stem, (instrument, wav) in stems.items()}


def _describe(track: str, stem: str, instrument: str, path: str, wav: Samples, sha256: str) -> Stem:
    return Stem(
        track=track,
        stem=stem,
        instrument=instrument,
        path=path,
        seconds=len(wav) / SAMPLE_RATE,
        sha256=sha256,
        rms_db=rms_db(wav),
        active=active_regions(wav),
    )


def _to_song(audio: SongAudio, track: str, stems: tuple[Stem, ...], origin: str) -> Song:
    beats = np.asarray(audio.beats, dtype=np.float64)
    return Song(
        track=track,
        split=audio.split,
        stems=stems,
        seconds=stems[0].seconds,
        beats=beats,
        downbeats=np.asarray(audio.downbeats, dtype=np.float64),
        meter=audio.meter,
        tempo=60 / float(np.median(np.diff(beats))) if len(beats) > 1 else 0.0,
        chords=tuple((float(start), float(end), str(label)) for start, end, label in audio.chords),
        key=audio.key,
        prompt=audio.prompt,
        family=audio.family,
        source=audio.source,
        soundfont=audio.soundfont,
        license=audio.license,
        beats_source=audio.beats_source,
        origin=origin,
    )


def to_file_name(name: str) -> str:
    """A name that every file system takes, the same for the same name and for no other.

    Letters of any script stay; what some system forbids becomes ``_`` and then a short hash
    keeps apart what would look alike.
    """
    plain = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", unicodedata.normalize("NFC", name))
    short = plain.encode()[:100].decode(errors="ignore").strip(". ")
    if short and short == name:
        return short
    return f"{short}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def split_of(track: str) -> str:
    """The split of a song that comes without one: by its name, 8 in 10 for training."""
    digit = int(hashlib.sha256(track.encode()).hexdigest(), 16) % 10
    return {0: "valid", 1: "test"}.get(digit, "train")
