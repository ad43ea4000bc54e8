from pathlib import Path

import numpy as np
import pytest

from accomptk.errors import DatasetError
from accomptk.stems.checking import check_song
from accomptk.stems.demo import DEMO, PARTS, demo_root, pack
from accomptk.stems.index import StemSet
from accomptk.stems.prepare import prepare
from accomptk.stems.song import SongAudio
from signals import clicks, sine

LARGEST_BYTES = 10_000_000


def song(track: str, parts: tuple[str, ...]) -> SongAudio:
    waves = {name: sine(110 * (index + 1), 3.0) for index, name in enumerate(parts)}
    if "drums" in waves:
        waves["drums"] = clicks(np.arange(0.0, 3.0, 0.1), 3.0)
    return SongAudio(track=track, stems={name: (name, wav) for name, wav in waves.items()})


def test_shipped_songs_are_whole_held_out_and_small():
    shipped = StemSet.open(demo_root())
    assert len(shipped.songs) == 3
    for found in shipped.songs:
        assert not check_song(DEMO, found)
        assert found.split == "test"
        assert found.soundfont == "TimGM6mb"
        assert found.beats_source == "known"
        assert set(PARTS) <= {stem.instrument for stem in found.stems}
        assert found.seconds >= 30
    size = sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file())
    assert size < LARGEST_BYTES


def test_packing_takes_the_first_songs_in_which_all_parts_play(tmp_path: Path):
    source, out = tmp_path / "set", tmp_path / "demo"
    made = {"a": PARTS[:3], "b": PARTS, "c": (*PARTS, "melody"), "d": PARTS}
    tasks = [(track, lambda track=track: song(track, made[track])) for track in made]
    prepare(source, tasks, name="toy", source="toy")
    assert pack(source, 2, out) == ["b", "c"]
    packed = StemSet.open(out)
    assert [found.track for found in packed.songs] == ["b", "c"]
    assert all(stem.path.endswith(".ogg") for found in packed.songs for stem in found.stems)
    original = StemSet.open(source)
    wav, kept = (some.audio(some.song("c"), "bass") for some in (packed, original))
    assert len(wav) == len(kept)
    assert abs(wav - kept).max() < 0.05
    with pytest.raises(DatasetError, match="3 songs have drums, bass, guitar, piano throughout"):
        pack(source, 4, out)
