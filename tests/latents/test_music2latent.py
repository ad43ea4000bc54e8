"""The published codec, as far as a stand-in of its package goes; its contract: test_codec.py."""

import logging
import sys
from pathlib import Path

import pytest
import torch

from accomptk.errors import MissingTool
from accomptk.latents.codec import decode, encode, load_codec
from accomptk.latents.music2latent import FADE_SAMPLES, FRAME_SAMPLES, NAME
from signals import sine

PUBLISHED = Path(NAME)


def test_licence_is_told_once(published, caplog):
    with caplog.at_level(logging.WARNING):
        first, second = load_codec(PUBLISHED), load_codec(PUBLISHED)
    assert first is second
    assert [record.getMessage() for record in caplog.records] == [
        "music2latent: weights under CC BY-NC 4.0, not for commercial use, by Sony CSL Paris"
    ]


def test_no_package_is_said(published, monkeypatch):
    monkeypatch.setitem(sys.modules, NAME, None)
    with pytest.raises(MissingTool, match=r"not installed: pip install 'accomptk\[music2latent\]'"):
        load_codec(PUBLISHED)


def test_no_weights_are_said_and_nothing_is_downloaded(published):
    (Path(published.__file__).parent / "models" / "music2latent.pt").unlink()
    with pytest.raises(MissingTool, match=r"music2latent\.pt is absent; its package fetches it"):
        load_codec(PUBLISHED)


def test_sounds_come_back_at_their_places(published):
    codec = load_codec(PUBLISHED)
    wav = torch.zeros(1, 1, 8 * FRAME_SAMPLES)
    tone = torch.from_numpy(sine(440.0, 1.0, level=0.9))[: 2 * FRAME_SAMPLES]
    wav[..., 3 * FRAME_SAMPLES : 5 * FRAME_SAMPLES] = tone
    energy = decode(codec, encode(codec, wav))[0, 0].reshape(8, -1).square().mean(-1)
    assert energy[3:5].min() > 3 * energy[[0, 1, 6, 7]].max()


def test_global_generator_is_left_alone(published):
    codec = load_codec(PUBLISHED)
    state = torch.get_rng_state()
    decode(codec, encode(codec, torch.zeros(1, 1, FRAME_SAMPLES)))
    assert torch.equal(torch.get_rng_state(), state)


def test_windows_are_cross_faded(published):
    codec = load_codec(PUBLISHED)
    state = codec.decode_state(1)
    state.tensors["tail"] = torch.ones(1, FADE_SAMPLES)
    quiet = encode(codec, torch.zeros(1, 1, FRAME_SAMPLES))
    played = codec.decode_next(quiet, state)[0, 0]
    assert played[0] > 0.99
    assert played[FADE_SAMPLES - 1] < 0.01
    assert (played[FADE_SAMPLES:].abs() < 0.01).all()
