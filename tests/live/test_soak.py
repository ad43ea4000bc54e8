"""Long runs, for `make soak`: half an hour of virtual time, three minutes of wall time."""

import multiprocessing
import threading
from pathlib import Path

import pytest

from accomptk.latents.codec import load_codec
from accomptk.live.rehearsal import Line, fit, rehearse
from accomptk.live.setup import Setup
from accomptk.live.stage import Stage
from accomptk.streaming.beat_sources import NoBeats
from accomptk.streaming.models import load_model, quickest
from live_rig import Link, Rig, changed, noise

pytestmark = pytest.mark.slow

GROWTH_MB = 20
MINUTES, WALL_S = 30, 90.0
HOP = 9  # 0.75 s
FOUR = ("drums", "bass", "guitar", "piano")


def memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def spin() -> None:
    while True:
        pass


def test_half_an_hour_of_virtual_time():
    """Over a bad line, with controls that turn all the time."""
    rig = Rig(changed(instruments=FOUR, hop=HOP, gap=6)).join()
    rig.keeps = False
    link = Link(loss=0.01, double=0.01, swap=0.01, jitter_s=0.02)
    minute, before = noise(60.0), None
    for index in range(MINUTES):
        rig.say("prompt", *(("slow", "jazz") if index % 2 else ()))
        rig.say("control", "energy", index / MINUTES)
        rig.say("config", "gap", 4 + index % 4)
        rig.stream_in(minute, link)
        rig.messages.clear()
        if index == 2:
            before = memory_mb()
    assert rig.desk.playing.performance.frames >= MINUTES * 60 * 12 - 24
    assert rig.desk.state()[4] == 0
    assert rig.desk.ignored == 0
    assert memory_mb() - before < GROWTH_MB


@pytest.mark.parametrize("with_hog", [False, True])
def test_ninety_seconds_of_wall_time(with_hog):
    """The shipped model, four instruments; beside a hog misses are only counted."""
    setup = Setup(instruments=FOUR, hop=HOP, gap=HOP, beats="none")
    stage = Stage(load_model(quickest()), load_codec(), setup, auto_gap=True, open_tracker=NoBeats)
    fit(stage, stage.codec.sample_rate)
    hog = multiprocessing.Process(target=spin, daemon=True)
    if with_hog:
        hog.start()
    threads, before = threading.active_count(), memory_mb()
    try:
        row = rehearse(stage, HOP, stage.setup.gap, WALL_S, Line())
    finally:
        if with_hog:
            hog.kill()
            hog.join()
    assert threading.active_count() == threads
    heard_mb = len(FOUR) * WALL_S * 44100 * 4 / 1e6  # what the client keeps of what it hears
    assert memory_mb() - before < GROWTH_MB + 2 * heard_mb
    assert row["chunks"] >= WALL_S / 0.75 - 4
    if not with_hog:
        assert row["misses"] <= 0.01 * row["chunks"]
