"""Models that several tests of this folder play."""

import pytest

from tiny_models import noise_song, tiny_a_style, tiny_teacher


@pytest.fixture(scope="session")
def teacher(tmp_path_factory):
    return tiny_teacher(tmp_path_factory.mktemp("teacher") / "teacher.safetensors")


@pytest.fixture(scope="session")
def a_style(tmp_path_factory):
    return tiny_a_style(tmp_path_factory.mktemp("a_style") / "a_style.safetensors")


@pytest.fixture
def marked_songs():
    """Songs whose latents say which stem and which frame they are."""
    return [noise_song(f"song-{index}", 240, index, marked=True) for index in range(2)]


@pytest.fixture
def noise_songs():
    return [noise_song(f"song-{index}", 240, index) for index in range(2)]
