"""Fixtures that more than one test module uses."""

import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile

from accomptk.errors import MissingTool
from accomptk.stems.render import SOUNDFONTS, find_program, find_soundfont
from signals import RATE, clicks, sine

STEM_S = 3.0


def pytest_configure() -> None:
    """Tests stop programs as a terminal would, also where the run itself is deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a program or a soundfont of Debian that is not installed."""
    for name in (name for marker in item.iter_markers("debian") for name in marker.args):
        try:
            find_soundfont(name) if name in SOUNDFONTS else find_program(name)
        except MissingTool as error:
            pytest.skip(str(error))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def stems_dir(tmp_path: Path) -> Path:
    """Two tiny songs, ``<song>/<instrument>.wav``: clicks as drums, sines as the others."""
    for song, hz in (("one", 110.0), ("two", 130.81)):
        folder = tmp_path / "songs" / song
        folder.mkdir(parents=True)
        beats_s = np.arange(0, STEM_S, 0.5)
        stems = {
            "drums": clicks(beats_s, STEM_S),
            "bass": sine(hz / 2, STEM_S),
            "guitar": sine(hz * 2, STEM_S),
            "piano": sine(hz * 3, STEM_S),
        }
        for name, wav in stems.items():
            soundfile.write(folder / f"{name}.wav", wav, RATE)
    return tmp_path / "songs"
