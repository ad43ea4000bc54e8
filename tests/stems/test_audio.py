from pathlib import Path

import numpy as np
import pytest
import soundfile

from accomptk.errors import DatasetError
from accomptk.stems.audio import (
    SAMPLE_RATE,
    active_regions,
    read_audio,
    resample,
    rms_db,
    to_mono,
    write_audio,
)
from signals import sine


def test_reads_channels_and_rate(tmp_path: Path) -> None:
    stereo = np.stack([sine(200, 1, 48_000), sine(300, 1, 48_000)], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, 48_000, subtype="FLOAT")

    wav, rate = read_audio(tmp_path / "a.wav")

    assert rate == 48_000
    assert wav.dtype == np.float32
    assert np.array_equal(wav, stereo.T)
    assert np.allclose(to_mono(wav), stereo.mean(axis=1), atol=1e-7)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff", ".mp3"])
def test_a_truncated_file_is_refused_in_one_line(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut{suffix}"
    soundfile.write(path, np.random.default_rng(0).normal(size=120_000) * 0.1, SAMPLE_RATE)
    assert read_audio(path)[0].shape == (1, 120_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(DatasetError, match=r"cut\..*truncated") as caught:
        read_audio(path)
    assert "\n" not in str(caught.value)


def test_a_wav_of_unknown_length_is_read(tmp_path: Path) -> None:
    path = tmp_path / "piped.wav"
    soundfile.write(path, sine(200, 1), SAMPLE_RATE)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff\xff\xff\xff"  # as ffmpeg writes to a pipe
    path.write_bytes(data)

    assert read_audio(path)[0].shape == (1, SAMPLE_RATE)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_numbers_are_refused(tmp_path: Path, value: float) -> None:
    wav = sine(200, 1)
    wav[500] = value
    soundfile.write(tmp_path / "nan.wav", wav, SAMPLE_RATE, subtype="FLOAT")

    with pytest.raises(DatasetError, match="not numbers"):
        read_audio(tmp_path / "nan.wav")


def test_absent_empty_and_foreign_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "zero.wav").touch()
    (tmp_path / "text.wav").write_text("not audio at all, only words" * 9)
    soundfile.write(tmp_path / "none.wav", np.zeros(0), SAMPLE_RATE)
    soundfile.write(tmp_path / "slow.wav", np.zeros(50), 50)

    for name, reason in (
        ("gone.wav", "no such file"),
        ("zero.wav", "0 bytes"),
        ("text.wav", "not audio"),
        ("none.wav", "no samples"),
        ("slow.wav", "sample rate 50 Hz"),
    ):
        with pytest.raises(DatasetError, match=reason):
            read_audio(tmp_path / name)


@pytest.mark.parametrize("rate", [16_000, 48_000, 96_000, 44_056, 44_099])
def test_resampling_keeps_a_sine(rate: int) -> None:
    made = resample(sine(440, 2, rate), rate)
    inner = slice(2_000, -2_000)

    assert len(made) == 2 * SAMPLE_RATE
    assert made.dtype == np.float32
    assert np.abs(made - sine(440, 2))[inner].max() < 2e-3


def test_flac_is_deterministic_and_within_a_16_bit_step(tmp_path: Path) -> None:
    wav = sine(333, 3)
    hashes = {write_audio(tmp_path / name / "a.flac", wav) for name in ("one", "two")}
    back, rate = read_audio(tmp_path / "one" / "a.flac")

    assert len(hashes) == 1
    assert rate == SAMPLE_RATE
    assert np.abs(back[0] - wav).max() <= 1 / 32_768
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["a.flac"]


def test_writes_ogg_and_refuses_other_formats(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.ogg", sine(333, 2))

    assert read_audio(tmp_path / "a.ogg")[0].shape == (1, 2 * SAMPLE_RATE)
    with pytest.raises(DatasetError, match=r"'\.mp3'"):
        write_audio(tmp_path / "a.mp3", sine(333, 2))


def test_levels() -> None:
    assert rms_db(np.ones(100, np.float32)) == pytest.approx(0)
    assert rms_db(sine(441, 1, level=0.1)) == pytest.approx(-23.01, abs=0.01)
    assert rms_db(np.zeros(100, np.float32)) == -120
    assert rms_db(np.zeros(0, np.float32)) == -120


def test_active_regions_merge_neighbouring_blocks() -> None:
    wav = np.zeros(4 * SAMPLE_RATE, np.float32)
    wav[SAMPLE_RATE // 2 : 3 * SAMPLE_RATE // 2] = 0.1
    wav[-100:] = 0.1

    assert active_regions(wav) == ((0.5, 1.5), (3.5, 4.0))
    assert active_regions(wav * 1e-4) == ()
