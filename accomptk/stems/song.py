"""A song in memory, and how it is written to a prepared set."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from accomptk.errors import DatasetError
from accomptk.stems.audio import SAMPLE_RATE, Samples, active_regions, encode_audio, rms_db
from accomptk.stems.ensemble import lengthen
from accomptk.stems.music import Music, Song, Stem, music_of
from accomptk.stems.place import write_folder, write_whole

SONG_NAME = "song.json"
"""What a song's folder says of it; a folder without is none of a whole song."""

_SHORTEST_S = 1.0
_PEAK = 0.99


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SongAudio(Music):
    """A song in memory.

    Attributes:
        track: Name, unique in the set.
        stems: By name: the instrument and samples [N], or [2, N], at SAMPLE_RATE.
        warnings: What had to be changed to make it a song, one line each.
    """

    track: str
    stems: Mapping[str, tuple[str, Samples]]
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
    folder = song_folder(track)
    files: dict[str, bytes] = {}
    entries = []
    for stem, (instrument, wav) in stems.items():
        file_name = f"{to_file_name(stem)}.flac"
        files[file_name] = encode_audio(wav, ".flac")
        path = f"{folder}/{file_name}"
        entries.append(_describe(track, stem, instrument, path, wav, files[file_name]))
    song = Song(
        track=track,
        stems=tuple(entries),
        seconds=entries[0].seconds,
        origin=origin,
        **music_of(audio),
    )
    write_folder(out, folder, {**files, SONG_NAME: song.to_json()})
    return song


def song_folder(track: str) -> str:
    """Where a song is, relative to its set."""
    return f"stems/{to_file_name(track)}"


def read_song(out: Path, track: str) -> Song | None:
    """The song as its folder describes it; None if that is none of a whole song."""
    try:
        return Song.from_json((out / song_folder(track) / SONG_NAME).read_bytes())
    except (OSError, DatasetError):
        return None


def rewrite_song(out: Path, song: Song) -> None:
    """Let a song's folder say something else of it."""
    write_whole(out / song_folder(song.track) / SONG_NAME, song.to_json())


def _align(track: str, stems: Mapping[str, tuple[str, Samples]]) -> dict[str, tuple[str, Samples]]:
    """The same stems, all as long as the longest."""
    longest = max((wav.shape[-1] for _, wav in stems.values()), default=0)
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
        stem: (instrument, lengthen(wav, longest).astype(np.float32, copy=False))
        for stem, (instrument, wav) in stems.items()
    }


def _level(stems: dict[str, tuple[str, Samples]]) -> dict[str, tuple[str, Samples]]:
    """The same stems under one common gain, if a stem or their sum would clip."""
    waves = [wav for _, wav in stems.values()]
    total = np.zeros(np.broadcast_shapes(*(wav.shape for wav in waves)), np.float32)
    for wav in waves:
        total += wav
    peak = max(float(np.abs(wav).max()) for wav in (*waves, total))
    if peak <= 1.0:
        return stems
    gain = np.float32(_PEAK / peak)
    return {stem: (instrument, wav * gain) for stem, (instrument, wav) in stems.items()}


def _describe(track: str, stem: str, instrument: str, path: str, wav: Samples, data: bytes) -> Stem:
    return Stem(
        track=track,
        stem=stem,
        instrument=instrument,
        path=path,
        seconds=wav.shape[-1] / SAMPLE_RATE,
        sha256=hashlib.sha256(data).hexdigest(),
        rms_db=rms_db(wav),
        active=active_regions(wav),
        size_bytes=len(data),
    )


def to_file_name(name: str) -> str:
    """A name that every file system takes, the same for the same name and for no other.

    Letters of any script stay; what some system forbids becomes ``_`` and then a short hash
    keeps apart what would look alike.
    """
    plain = re.sub(r'[<>:"/\\|?*\x00-\x1f\ud800-\udfff]', "_", unicodedata.normalize("NFC", name))
    short = plain.encode()[:100].decode(errors="ignore").strip(". ")
    if short and short == name:
        return short
    return f"{short}-{hashlib.sha256(name.encode(errors='surrogateescape')).hexdigest()[:8]}"


def split_of(track: str) -> str:
    """The split of a song that comes without one: by its name, 8 in 10 for training."""
    digit = int(hashlib.sha256(track.encode()).hexdigest(), 16) % 10
    return {0: "valid", 1: "test"}.get(digit, "train")
