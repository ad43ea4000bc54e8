"""Predictions as folders of audio: what a run keeps, and what other systems left.

The layout is stream-music-gen's (Wu et al. 2025), a folder a part:

    NNNNN/input_audio.wav           what was heard
    NNNNN/ground_truth/pred.wav     the stem that the song itself has there
    NNNNN/ground_truth/mix.wav      both
    NNNNN/pred/pred.wav             the stem that was made
    NNNNN/pred/mix.wav              that and what was heard
    NNNNN/metadata.json             what is known of them

A mix is the plain sum; only the three other files are read. Of the metadata, all of which may
be absent, ``track``, ``stem``, ``instrument``, ``family``, ``prompt``, ``beats``, ``downbeats``
(seconds) and ``chords`` are used.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accomptk.errors import DatasetError
from accomptk.run import replacing
from accomptk.stems.audio import (
    SAMPLE_RATE,
    active_regions,
    read_audio,
    resample,
    rms_db,
    to_mono,
    write_audio,
)
from accomptk.stems.index import Song, Stem, StemSet
from accomptk.stems.instruments import CLASSES, OTHER, from_name
from accomptk.streaming.entries import Entry, Recorded
from accomptk.streaming.parts import Part, PartAudio

INPUT, TRUTH, MADE = "input_audio.wav", "ground_truth", "pred"
FOLDER = "model_predictions"
CONTEXT = "context"

Wav = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """What a run writes to be listened to; nothing by default.

    Attributes:
        audio: Folder for ``<who>/<track>/<stem>.flac``, whole streams from the song's start.
        predictions: Folder for ``<who>/model_predictions/NNNNN``.
        parts: Names of all parts, in the order of their numbers.
    """

    audio: Path | None = None
    predictions: Path | None = None
    parts: tuple[str, ...] = ()

    def context(self, part: Part, audio: PartAudio) -> None:
        """Keep what is heard, and what the song itself plays."""
        if self.audio is not None:
            _write_flac(self.audio / CONTEXT, part, audio.context[: part.scored.stop])
            _write_flac(self.audio / TRUTH, part, audio.truth[: part.scored.stop])

    def anchor(self, name: str, part: Part, wav: Wav) -> None:
        """Keep an anchor, which has the scored seconds only: silence comes before."""
        if self.audio is not None:
            _write_flac(self.audio / name, part, np.pad(wav, (part.scored.start, 0)))

    def made(self, entry: Entry, part: Part, audio: PartAudio, wav: Wav) -> None:
        """Keep what a row played, [N]."""
        end = part.scored.stop
        if self.audio is not None:
            _write_flac(self.audio / entry.folder, part, wav[:end])
        if self.predictions is not None:
            number = f"{self.parts.index(part.name):05d}"
            shared = self.predictions / ".shared" / number
            folder = self.predictions / entry.folder / FOLDER / number
            truth, context = audio.truth[:end], audio.context[:end]
            _write_once(shared / INPUT, folder / INPUT, context)
            _write_once(shared / "truth.wav", folder / TRUTH / "pred.wav", truth)
            _write_once(shared / "mix.wav", folder / TRUTH / "mix.wav", truth + context)
            _write_wav(folder / MADE / "pred.wav", wav[:end])
            _write_wav(folder / MADE / "mix.wav", wav[:end] + context)
            with replacing(folder / "metadata.json") as temporary:
                temporary.write_text(json.dumps(_metadata(entry, part), indent=2) + "\n", "utf-8")


class PredictionSet(StemSet):
    """Contexts and true stems of a folder of predictions, read at any rate."""

    __slots__ = ()

    def audio(
        self, song: Song, stem: Stem | str, start_s: float = 0.0, seconds: float | None = None
    ) -> Wav:
        """Samples of a stem as ``StemSet.audio`` gives them."""
        entry = song.stem(stem) if isinstance(stem, str) else stem
        wav = read_recording(self.root / entry.path)
        start = round(start_s * SAMPLE_RATE)
        if seconds is None:
            return wav[start:]
        count = round((start_s + seconds) * SAMPLE_RATE) - start
        part = wav[start : start + count]
        return np.pad(part, (0, count - part.size))


@lru_cache(maxsize=8)
def read_recording(path: Path) -> Wav:
    """A file of any rate and number of channels as mono at SAMPLE_RATE, [N].

    Raises:
        DatasetError: If it is absent or damaged.
    """
    wav, rate = read_audio(path)
    return resample(to_mono(wav), rate, SAMPLE_RATE)


def open_predictions(folder: Path) -> tuple[PredictionSet, list[Part], Recorded]:
    """The songs that a folder of predictions is about, its parts, and what was predicted.

    Args:
        folder: Holds NNNNN folders, or ``model_predictions`` that does.

    Raises:
        DatasetError: If there are none, or one of them cannot be used.
    """
    root = folder / FOLDER if (folder / FOLDER).is_dir() else folder
    found = sorted(path.parent for path in root.glob(f"*/{INPUT}"))
    if not found:
        raise DatasetError(
            f"{folder}: holds no NNNNN/{INPUT}; give a folder in stream-music-gen's layout, such "
            "as eval --predictions writes"
        )
    songs = [_read_song(root, path) for path in found]
    parts = [Part(song, song.stems[0]) for song in songs]
    names = [part.name for part in parts]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DatasetError(
            f"{folder}: two folders are both '{twice[0]}'; give them another stem or track in "
            "their metadata.json"
        )
    files = {name: _find_made(path) for name, path in zip(names, found, strict=True)}
    return PredictionSet(root, tuple(songs)), parts, Recorded(files)


def _read_song(root: Path, folder: Path) -> Song:
    """The context and the true stem of one part, as a song of two stems."""
    known = _read_metadata(folder / "metadata.json")
    track, name = str(known.get("track", folder.name)), str(known.get("stem", folder.name))
    instrument = from_name(str(known.get("instrument") or name)) or OTHER
    paths = (folder / TRUTH / "pred.wav", folder / INPUT)
    wavs = [read_recording(path) for path in paths]
    seconds = min(wav.size for wav in wavs) / SAMPLE_RATE
    stems = tuple(
        Stem(
            track=track,
            stem=stem,
            instrument=kind if kind in CLASSES else OTHER,
            path=path.relative_to(root).as_posix(),
            seconds=seconds,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            rms_db=rms_db(wav),
            active=active_regions(wav),
        )
        for stem, kind, path, wav in zip(
            (name, "input_audio"), (instrument, OTHER), paths, wavs, strict=True
        )
    )
    beats = np.asarray(known.get("beats", ()), np.float64)
    return Song(
        track=track,
        split="test",
        stems=stems,
        seconds=seconds,
        beats=beats,
        downbeats=np.asarray(known.get("downbeats", ()), np.float64),
        chords=tuple((float(a), float(b), str(c)) for a, b, c in known.get("chords", ())),
        prompt=str(known.get("prompt", "")),
        family=str(known.get("family", track)),
        source="predictions",
        beats_source="known" if beats.size else "",
    )


def _read_metadata(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DatasetError(f"{path}: is not JSON; mend it or delete it") from error
    if not isinstance(value, dict):
        raise DatasetError(f"{path}: is not a JSON object; mend it or delete it")
    return value


def _find_made(folder: Path) -> Path:
    """The predicted stem: ``pred/pred.wav``, or the only other one beside the truth's."""
    made = [path for path in sorted(folder.glob("*/pred.wav")) if TRUTH not in path.parent.name]
    wanted = [path for path in made if path.parent.name == MADE] or made
    if len(wanted) != 1:
        found = ", ".join(path.parent.name for path in made) or "nothing"
        raise DatasetError(f"{folder}: holds {found} as prediction; wanted is {MADE}/pred.wav")
    return wanted[0]


def _metadata(entry: Entry, part: Part) -> dict[str, Any]:
    song, window = part.song, entry.window
    return {
        "track": song.track,
        "stem": part.stem.stem,
        "instrument": part.stem.instrument,
        "input_stems": [stem.stem for stem in part.context],
        "num_input_stems": len(part.context),
        "start_s": part.start_s,
        "end_s": part.end_s,
        "family": song.family,
        "prompt": song.prompt,
        "beats": song.beats.tolist(),
        "downbeats": song.downbeats.tolist(),
        "chords": song.chords,
        "model": entry.name,
        "lookahead": window and float(window.lookahead),
        "hop_frames": window and window.hop,
        "gap_frames": window and window.gap,
    }


def _write_flac(folder: Path, part: Part, wav: Wav) -> None:
    write_audio(folder / part.song.track / f"{part.stem.stem}.flac", wav)


def _write_wav(path: Path, wav: Wav) -> None:
    """As floating point: nothing clips, and what is read is what was judged."""
    import soundfile

    with replacing(path) as temporary:
        soundfile.write(temporary, wav, SAMPLE_RATE, subtype="FLOAT")


def _write_once(shared: Path, path: Path, wav: Wav) -> None:
    """Write what all rows have in common once, and link it where the layout wants it."""
    if not shared.is_file():
        _write_wav(shared, wav)
    with replacing(path) as temporary:
        temporary.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(shared, temporary)
        except OSError:  # another file system, or one without links
            shutil.copyfile(shared, temporary)
