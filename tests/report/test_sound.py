import base64
import subprocess

import numpy as np
import pytest

from accomptk.errors import DatasetError
from accomptk.report.sound import (
    HIGHEST_KBPS,
    LOWEST_KBPS,
    OUTLINE_COLUMNS,
    count_fitting,
    encode,
    outline,
    record,
)
from accomptk.stems.audio import write_audio
from accomptk.stems.render import find_program
from signals import RATE, clicks, sine

pytestmark = pytest.mark.debian("ffmpeg")


def decode(data):
    """Samples [N] at 48 kHz of a WebM file."""
    command = [find_program("ffmpeg"), "-v", "error", "-i", "pipe:0", "-f", "f32le", "pipe:1"]
    made = subprocess.run(command, input=data, capture_output=True, check=True)
    return np.frombuffer(made.stdout, np.float32)


@pytest.fixture
def ensemble(tmp_path, rng):
    """Noise, so that every bit is used: a context and two stems of 6 s."""
    paths = [tmp_path / f"{name}.flac" for name in ("context", "one", "two")]
    for path in paths:
        write_audio(path, (0.2 * rng.standard_normal(6 * RATE)).clip(-1, 1).astype(np.float32))
    return paths


def test_encoded_audio_is_in_its_place(tmp_path):
    write_audio(tmp_path / "clicks.flac", clicks(np.array([0.5, 1.5]), 2.0))
    (data,) = encode([tmp_path / "clicks.flac"], 32.0)
    made = decode(data)

    assert made.size == pytest.approx(2.0 * 48_000, abs=480)
    for start_s in (0.5, 1.5):
        around = made[round((start_s - 0.2) * 48_000) : round((start_s + 0.2) * 48_000)]
        peak_s = start_s - 0.2 + np.abs(around).argmax() / 48_000
        assert peak_s == pytest.approx(start_s, abs=0.01)


def test_the_same_file_gives_the_same_bytes(tmp_path):
    path = tmp_path / "tone.flac"
    write_audio(path, sine(440.0, 1.0))
    one, two = encode([path, path], 24.0)

    assert one == two == encode([path], 24.0)[0]


def test_outline_follows_the_level():
    wav = np.concatenate([np.zeros(RATE), np.full(RATE, -0.5)]).astype(np.float32)
    found = np.frombuffer(outline(wav), np.uint8)

    assert found.size == OUTLINE_COLUMNS
    assert found[: OUTLINE_COLUMNS // 2].max() == 0
    assert set(found[OUTLINE_COLUMNS // 2 :]) == {128}


def test_the_rate_follows_the_budget(ensemble):
    def size(budget_bytes):
        (made,) = record([ensemble], budget_bytes)
        return sum(len(sound.data) for sound in made.sounds)

    full = 3 * 6.0 * 1000 / 8 * 4 / 3
    assert 0.7 < size(1e9) / (full * HIGHEST_KBPS) < 1.3
    assert 0.7 * 32 * full < size(32 * full) <= 32 * full
    assert 0.7 < size(1.0) / (full * LOWEST_KBPS) < 1.3


def test_a_mix_of_context_and_any_stem_does_not_clip(tmp_path):
    for name, level in (("context", 0.8), ("soft", 0.1), ("loud", 0.8)):
        write_audio(tmp_path / f"{name}.flac", np.full(RATE, level, np.float32))
    paths = [tmp_path / f"{name}.flac" for name in ("context", "soft", "loud")]

    assert record([paths], 1e6)[0].gain == pytest.approx(1 / 1.6, rel=1e-3)
    assert record([paths[:2]], 1e6)[0].gain == 1.0


def test_as_many_groups_as_fit_but_at_least_one(ensemble):
    each = 3 * 6.0 * LOWEST_KBPS * 1000 / 8 * 4 / 3

    assert count_fitting([[ensemble]] * 4, 2.5 * each) == 2
    assert count_fitting([[ensemble]] * 4, 0.5 * each) == 1
    assert count_fitting([[ensemble, ensemble]] * 4, 4.5 * each) == 2
    assert count_fitting([], 1.0) == 0


def test_progress_and_base64(ensemble):
    told = []
    made = record([ensemble, ensemble], 1e6, lambda done, total: told.append((done, total)))

    assert told == [(1, 2), (2, 2)]
    assert decode(base64.b64decode(made[0].sounds[0].data)).size == pytest.approx(288_000, abs=480)
    assert made[0].seconds == 6.0


def test_files_of_unequal_length_are_refused(ensemble, tmp_path):
    write_audio(tmp_path / "short.flac", np.zeros(RATE, np.float32))

    with pytest.raises(DatasetError, match="not as long"):
        record([[ensemble[0], tmp_path / "short.flac"]], 1e6)
