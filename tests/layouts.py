"""Writes songs as the public collections lay them out, from rendered stems of the demo songs."""

import gc
import json
import uuid
import warnings
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
import yaml
from mido import Message, MetaMessage, MidiFile, MidiTrack

from accomptk.stems.demo import demo_root
from accomptk.stems.index import StemSet

RATE = 44_100
TICKS = 480
MUSDB_SOURCES = ("drums", "bass", "other", "vocals")

Stems = Mapping[str, np.ndarray]
"""Mono samples [N] by instrument."""


@lru_cache(maxsize=4)
def rendered(number: int = 0, seconds: float = 4.0) -> Stems:
    """Drums, bass, guitar and piano of a demo song, where it is well under way."""
    demo = StemSet.open(demo_root())
    song = demo.songs[number % len(demo.songs)]
    return {
        name: demo.audio(song, name, 8.0, seconds) for name in ("drums", "bass", "guitar", "piano")
    }


def wide(wav: np.ndarray) -> np.ndarray:
    """[N] as stereo [N, 2] whose channels differ, with the same mean."""
    side = 0.2 * np.roll(wav, 40)
    return np.stack([wav + side, wav - side], axis=1)


def musdb_sources(stems: Stems) -> dict[str, np.ndarray]:
    """Four sources [N, 2] as MUSDB18 has them, and their mixture first."""
    parts = dict(zip(MUSDB_SOURCES, map(wide, stems.values()), strict=True))
    return {"mixture": np.sum(list(parts.values()), axis=0), **parts}


def write_musdb(root: Path, subset: str, name: str, stems: Stems) -> Path:
    """``<subset>/<name>.stem.mp4``, five AAC streams."""
    import stempeg

    path = root / subset / f"{name}.stem.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    streams = np.stack(list(musdb_sources(stems).values())).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # stempeg leaves its pipes open
        stempeg.write_stems(
            str(path), streams, sample_rate=RATE, writer=stempeg.StreamsWriter(codec="aac")
        )
        gc.collect()
    return path


def write_musdb_hq(root: Path, subset: str, name: str, stems: Stems, rate: int = RATE) -> Path:
    """``<subset>/<name>/{mixture,drums,bass,other,vocals}.wav``."""
    folder = root / subset / name
    folder.mkdir(parents=True)
    for source, wav in musdb_sources(stems).items():
        soundfile.write(folder / f"{source}.wav", wav, rate)
    return folder


# Slakh: player, class, program, is drum, stem that it plays.
PLAYERS = (
    ("S00", "Drums", 0, True, "drums"),
    ("S01", "Bass", 33, False, "bass"),
    ("S02", "Guitar", 25, False, "guitar"),
    ("S03", "Guitar", 30, False, "piano"),
    ("S04", "Piano", 0, False, "piano"),
    ("S05", "Strings (continued)", 48, False, "guitar"),
    ("S06", "Reed", 65, False, "guitar"),
)


def write_slakh(
    folder: Path, stems: Stems, *, rate: int = RATE, suffix: str = ".flac", bpm: float = 100
) -> Path:
    """``TrackNNNNN/{mix.flac, metadata.yaml, stems/SNN.flac, MIDI/SNN.mid, all_src.mid}``."""
    (folder / "stems").mkdir(parents=True)
    (folder / "MIDI").mkdir()
    entries = {}
    for name, kind, program, is_drum, stem in PLAYERS:
        soundfile.write(folder / "stems" / f"{name}{suffix}", 0.5 * stems[stem], rate)
        write_midi(folder / "MIDI" / f"{name}.mid", bpm=bpm)
        entries[name] = {
            "audio_rendered": suffix == ".flac",  # BabySlakh says false of every file
            "inst_class": kind,
            "integrated_loudness": -20.5,
            "is_drum": is_drum,
            "midi_program_name": kind,
            "midi_saved": True,
            "plugin_name": "none.nkm",
            "program_num": program,
        }
    entries["S07"] = {**entries["S06"], "inst_class": "Brass", "program_num": 61}  # no file
    metadata = {"UUID": uuid.uuid4().hex, "normalized": True, "stems": entries}
    (folder / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    soundfile.write(folder / f"mix{suffix}", np.sum(list(stems.values()), axis=0), rate)
    write_midi(folder / "all_src.mid", bpm=bpm)
    return folder


MOISES = {
    "drums": (("kick_drum", "drums"), ("overheads", "drums")),
    "bass": (("bass_guitar", "bass"),),
    "guitar": (("acoustic_guitar", "guitar"), ("distorted_electric_guitar", "guitar")),
    "other_keys": (("synth lead", "piano"),),
    "piano": (("grand_piano", "piano"),),
    "other": (("click track", "drums"),),
}


def write_moises(
    root: Path, stems: Stems, *, artist: str, song: str, genre: str = "singer_songwriter"
) -> Path:
    """``<uuid>/{data.json, <stem>/<uuid>.wav}``."""
    folder = root / str(uuid.uuid4())
    entries = []
    for stem, players in MOISES.items():
        (folder / stem).mkdir(parents=True)
        tracks = []
        for kind, source in players:
            name = str(uuid.uuid4())
            wav = wide(stems[source]) / len(players)
            soundfile.write(folder / stem / f"{name}.wav", wav, RATE, subtype="PCM_24")
            tracks.append({"id": name, "trackType": kind, "extension": "wav", "has_bleed": False})
        entries.append({"id": str(uuid.uuid4()), "stemName": stem, "tracks": tracks})
    data = {"artist": artist, "song": song, "genre": genre, "stems": entries}
    (folder / "data.json").write_text(json.dumps(data))
    return folder


def write_midi(path: Path, *, bpm: float = 120, bars: int = 2) -> Path:
    """Drums, bass and piano in 4/4."""
    tracks = [MidiTrack([MetaMessage("set_tempo", tempo=round(60e6 / bpm), time=0)])]
    for channel, program, note in ((9, 0, 36), (0, 33, 40), (1, 0, 60)):
        notes = [Message("program_change", channel=channel, program=program, time=0)]
        for _ in range(4 * bars):
            notes += [
                Message("note_on", channel=channel, note=note, velocity=90, time=0),
                Message("note_off", channel=channel, note=note, velocity=0, time=TICKS),
            ]
        tracks.append(MidiTrack(notes))
    MidiFile(type=1, ticks_per_beat=TICKS, tracks=tracks).save(path)
    return path


def write_folder(root: Path, name: str, stems: Stems) -> Path:
    """``<name>/<instrument>.wav``, as anybody exports stems."""
    (root / name).mkdir(parents=True)
    for instrument, wav in stems.items():
        soundfile.write(root / name / f"{instrument}.wav", wide(wav), RATE, subtype="PCM_24")
    return root / name
