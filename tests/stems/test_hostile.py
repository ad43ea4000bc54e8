"""Folders as users have them: each song that can be prepared is, each other has its reason."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from accomptk.stems.checking import verify
from accomptk.stems.folder import tasks
from accomptk.stems.index import StemSet
from accomptk.stems.prepare import Summary, prepare
from signals import RATE, sine

LONG = "long " * 40  # 200 characters


def write(path: Path, seconds: float = 1.2, rate: int = RATE, channels: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    wav = np.repeat(sine(200, seconds, rate)[:, None], channels, axis=1)
    soundfile.write(os.fsencode(path), wav, rate, format="WAV")
    return path


def run(source: Path, out: Path) -> Summary:
    return prepare(out, tasks(source), name="hostile", source="stems")


def accomptk(
    *words: str | Path, through: tuple[str, ...] = ()
) -> "subprocess.CompletedProcess[str]":
    command = [*through, sys.executable, "-m", "accomptk", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_names(tmp_path: Path) -> None:
    latin = os.fsdecode(b"caf\xe9")  # no UTF-8, as old archives have it
    names = ["with space", "a: b", "Ünï 曲 🎹", LONG.strip(), "-rf", "100%", 'quote\'s "n"', latin]
    for name in names:
        write(tmp_path / "in" / name / f"bass {name[:150]}.wav")

    summary = run(tmp_path / "in", tmp_path / "set")

    assert len(summary.prepared) == len(names)
    assert not verify(tmp_path / "set")
    assert {song.track for song in StemSet.open(tmp_path / "set").songs} >= set(names[:-1])
    assert len(run(tmp_path / "in", tmp_path / "set").kept) == len(names)


def test_rates_and_channels(tmp_path: Path) -> None:
    for song, rate, channels in (("8k", 8_000, 1), ("192k", 192_000, 2), ("5.1", 48_000, 6)):
        write(tmp_path / "in" / song / "bass.wav", rate=rate, channels=channels)

    summary = run(tmp_path / "in", tmp_path / "set")
    stems = StemSet.open(tmp_path / "set")

    for song in summary.prepared:
        wav = stems.audio(song, "bass", 0.2, 0.8)
        strongest_hz = np.argmax(np.abs(np.fft.rfft(wav))) / 0.8
        assert strongest_hz == pytest.approx(200, abs=1.3)
        assert song.seconds == pytest.approx(1.2, abs=0.001)
    assert any("6 channels; folded down" in line for line in summary.warnings)


def test_bad_files_spoil_their_song_only(tmp_path: Path) -> None:
    source = tmp_path / "in"
    good = {"good", "silent stem"}
    for song in (*good, "zero", "nan", "cut flac", "text"):
        write(source / song / "bass.wav")
    write(source / "short" / "bass.wav", seconds=0.2)
    (source / "zero" / "piano.wav").touch()
    nan = np.full(RATE, np.nan, np.float32)
    soundfile.write(source / "nan" / "piano.wav", nan, RATE, subtype="FLOAT")
    noise = np.random.default_rng(0).normal(0, 0.1, 3 * RATE)
    soundfile.write(source / "cut flac" / "piano.flac", noise, RATE)
    with (source / "cut flac" / "piano.flac").open("r+b") as file:
        file.truncate(100_000)
    (source / "text" / "piano.wav").write_text("not audio " * 50)
    soundfile.write(source / "silent stem" / "piano.wav", np.zeros(RATE), RATE)
    (source / "silent stem" / "again").symlink_to(source, target_is_directory=True)
    (source / "circle").symlink_to(source, target_is_directory=True)

    summary = run(source, tmp_path / "set")

    assert {song.track for song in summary.prepared} == good
    reasons = dict(summary.skipped)
    assert set(reasons) == {"zero", "nan", "cut flac", "text", "short"}
    for song, reason in (
        ("zero", "0 bytes"),
        ("nan", "not numbers"),
        ("cut flac", "truncated"),
        ("text", "not audio"),
        ("short", "0.2 s long"),
    ):
        assert reason in reasons[song]
    silent = StemSet.open(tmp_path / "set").song("silent stem").stem("piano")
    assert (silent.active, silent.rms_db) == ((), -120.0)


def as_reader() -> tuple[str, ...]:
    """Words before a command that take root's right to read everything from it."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root reads everything, and setpriv is not here to change that")
    lost = "-dac_override,-dac_read_search"
    return ("setpriv", f"--bounding-set={lost}", f"--inh-caps={lost}")


def test_what_may_not_be_read_is_listed(tmp_path: Path) -> None:
    source = tmp_path / "in"
    for song in ("good", "closed file", "closed folder", "closed inside"):
        write(source / song / "bass.wav")
        write(source / song / "more" / "piano.wav")
    closed = (
        source / "closed file" / "bass.wav",
        source / "closed folder",
        source / "closed inside" / "more",
    )
    for path in closed:
        path.chmod(0)
    words = ("--out", tmp_path / "set", "--workers", "1", "--no-latents", "--no-beats")
    done = accomptk("prep", "stems", source, *words, through=as_reader())
    for path in closed:
        path.chmod(0o700)

    assert done.returncode == 0, done.stderr
    assert [song.track for song in StemSet.open(tmp_path / "set").songs] == ["good"]
    skipped = [line for line in done.stderr.splitlines() if line.startswith("skipped: ")]
    assert len(skipped) == 3
    assert "may not be read; change its permissions" in skipped[0]
    assert all("Permission denied; check the folder's permissions" in line for line in skipped[1:])
    assert "Traceback" not in done.stderr


def test_nothing_usable_is_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "in" / "zero").mkdir(parents=True)
    (tmp_path / "in" / "zero" / "bass.wav").touch()
    done = accomptk("prep", "stems", tmp_path / "in", "--out", tmp_path / "set", "--workers", "1")

    assert done.returncode == 1
    assert "0 bytes" in done.stderr
    assert "Traceback" not in done.stderr


def test_kill_9_midway_loses_no_whole_song_and_keeps_no_half_one(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "set"
    for number in range(12):
        for name in ("bass", "drums", "piano"):
            write(source / f"song {number:02d}" / f"{name}.wav", seconds=8)
    words = ["prep", "stems", str(source), "--out", str(out), "--workers", "1"]
    command = [sys.executable, "-m", "accomptk", *words, "--no-latents", "--no-beats"]
    process = subprocess.Popen(command, start_new_session=True)
    deadline_s = time.monotonic() + 120
    while len(list(out.glob("stems/*"))) < 3:
        assert process.poll() is None
        assert time.monotonic() < deadline_s
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

    whole = sorted(path.name for path in (out / "stems").iterdir())
    assert 3 <= len(whole) < 12
    assert all(len(list((out / "stems" / name).iterdir())) == 4 for name in whole)
    assert not (out / "index.parquet").exists()  # it was no time to write one

    summary = run(source, out)

    assert [song.track for song in summary.kept] == whole
    assert len(summary.prepared) == 12 - len(whole)
    assert not verify(out)
    assert not (out / ".tmp").exists()
