"""Audio by file stays in its folder."""

import numpy as np
import pytest
import soundfile

from accomptk.errors import StreamError
from accomptk.live.desk import Desk
from accomptk.live.files import KEPT, FileDoor
from accomptk.live.protocol import PREFIX
from live_rig import DELAY, SIZE, Rig, noise

RATE = 44100


@pytest.fixture
def door(tmp_path):
    (tmp_path / "io" / "inner").mkdir(parents=True)
    soundfile.write(tmp_path / "secret.wav", np.zeros(10), RATE)
    return FileDoor(tmp_path / "io")


@pytest.mark.parametrize(
    "name",
    ["../secret.wav", "inner/../../secret.wav", "link.wav", "folder/secret.wav", "round", ".", "",
     "nothing.wav", "x" * 400, "~/x.wav"],
)  # fmt: skip
def test_nothing_outside_is_read(door, tmp_path, name):
    (door.folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    (door.folder / "folder").symlink_to(tmp_path)
    (door.folder / "round").symlink_to(door.folder / "round")
    with pytest.raises(StreamError, match="no file inside --io-dir"):
        door.read(name, RATE)
    with pytest.raises(StreamError, match="no file inside --io-dir"):
        door.read(str(tmp_path / "secret.wav"), RATE)


def test_only_audio_of_the_clients_rate_is_read(door):
    (door.folder / "text.wav").write_text("no audio")
    soundfile.write(door.folder / "other.wav", np.zeros(10), 48000)
    soundfile.write(door.folder / "long.wav", np.zeros(61 * RATE, np.float32), RATE)
    soundfile.write(door.folder / "nan.wav", np.full(10, np.nan), RATE, "FLOAT")
    for name, reason in (
        ("text.wav", "cannot be read"),
        ("other.wav", "wanted are 44100 Hz"),
        ("long.wav", "at most 60 s"),
        ("nan.wav", "no numbers"),
    ):
        with pytest.raises(StreamError, match=reason):
            door.read(name, RATE)


def test_old_files_are_removed(door):
    for index in range(KEPT + 5):
        door.write(1, 0, index, np.zeros(4, np.float32), RATE)
    assert len(list(door.folder.glob("out-*.wav"))) == KEPT


def test_plays_along_by_file(door):
    rig, wav = Rig(), noise(6.0)
    rig.desk = Desk(rig.stage, door)
    rig.join()
    for first in range(0, len(wav), RATE // 2):
        part = wav[first : first + RATE // 2]
        rig.time_s += len(part) / RATE
        soundfile.write(door.folder / "in.wav", part, RATE, "FLOAT")
        rig.say("file/in", rig.stream, first, "in.wav")
        rig.run()
    track = np.zeros(8 * RATE, np.float32)
    for stream, stem, offset, path in rig.named("file/out"):
        part = soundfile.read(door.folder / path, dtype="float32")[0]
        assert stream == 1
        if stem == 1:
            track[offset : offset + len(part)] = part
    first, shift = (DELAY + 10) * SIZE, DELAY * SIZE
    assert np.array_equal(track[first : 5 * RATE], wav[first - shift : 5 * RATE - shift])
    assert "no file inside" in dict(rig.say("file/in", 1, 0, "../secret.wav"))["fail"][1]


def test_without_a_folder_there_are_no_files():
    rig = Rig().join()
    assert "--transport file" in dict(rig.say("file/in", 1, 0, "x.wav"))["fail"][1]
    assert PREFIX


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(StreamError, match="is no folder"):
        FileDoor(tmp_path / "nowhere")
