import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from accomptk.cli import main
from accomptk.conditions.thesaurus import Thesaurus
from signals import RATE, clicks
from tiny_codecs import tiny_spectral
from tiny_models import tiny_teacher


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A recording of clicks, a tiny teacher and its codec."""
    tiny_teacher(tmp_path / "tiny.safetensors")
    soundfile.write(tmp_path / "in.wav", clicks(np.arange(0.25, 3.9, 0.5), 4.0), RATE)
    codec = tiny_spectral()
    monkeypatch.setattr("accomptk.latents.codec.load_codec", lambda path: codec)
    return tmp_path


def invoke(world, verb, *arguments):
    fixed = ["--model", world / "tiny.safetensors", "--hop", "6", "--instruments", "drums,bass"]
    return CliRunner().invoke(main, list(map(str, (*verb, *fixed, *arguments))))


def simulate(world, *arguments):
    return invoke(world, ["simulate", world / "in.wav"], "--beats", "none", *arguments)


def test_writes_a_file_an_instrument_and_the_mix(world):
    result = simulate(world, "--gap", "250ms")
    assert result.exit_code == 0, result.output
    names = ["in-drums.flac", "in-bass.flac", "in-mix.flac"]
    assert result.stdout.splitlines() == [str(world / name) for name in names]
    assert {soundfile.info(world / name).frames for name in names} == {4 * RATE}
    assert "8 hops, rtf " in result.stderr
    assert "(below 1 is real time), late " in result.stderr


def test_late_and_lost_audio_is_asked_for(world):
    options = ("--lookahead", "2", "--latency", "900ms", "--loss", "0.5", "--json")
    result = simulate(world, *options)
    assert result.exit_code == 0, result.output
    value = json.loads(result.stdout)
    assert value["misses"] == len(value["step_ms"]) == 8
    assert (value["hop"], value["gap"]) == (6, 6)


def test_words_of_the_prompt_that_mean_the_same_are_found(world, monkeypatch):
    def load(name, vocabulary):
        assert name == "some"
        return Thesaurus(vocabulary, lambda texts: np.array([[0, 1], [1, 0], [1, 0]])[: len(texts)])

    monkeypatch.setattr("accomptk.conditions.thesaurus.load_thesaurus", load)
    options = ("--prompt", "lazy jazz", "--gap", "3", "--quiet")
    plain = simulate(world, *options)
    assert plain.stderr.startswith("prompt: 'lazy' is not known\n")
    told = simulate(world, *options, "--thesaurus", "some")
    assert told.stderr.startswith("prompt: 'lazy' is taken as 'jazz'\n")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--gap", "3", "--lookahead", "1"), 2, "give one of them"),
        (("--gap", "3,6"), 2, "take one value here"),
        (("--latency", "soon"), 1, "latency 'soon'"),
        (("--clock", "real", "--latency", "5ms"), 1, "--clock real"),
    ],
)
def test_what_cannot_be_is_said(world, arguments, code, words):
    result = simulate(world, *arguments)
    assert result.exit_code == code
    assert words in result.stderr


def test_bench_takes_the_same_options(world):
    result = invoke(world, ["bench", "stream"], "--seconds", "2", "--lookahead", "1", "--json")
    assert result.exit_code == 0, result.output
    value = json.loads(result.stdout)
    assert (value["hop"], value["gap"], value["misses"]) == (6, 0, None)
