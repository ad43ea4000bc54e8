import numpy as np
import pytest
import torch

from accomptk.latents.codec import decode, encode
from accomptk.streaming.beat_sources import NoBeats
from accomptk.streaming.ledger import TERMS, late_steps
from accomptk.streaming.simulate import simulate
from accomptk.window import Window
from tiny_codecs import Echo, Passthrough, tiny_spectral
from tiny_models import CHANNELS, tiny_teacher

RATE = 44100


def noise(contexts, seconds, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal((contexts, int(seconds * RATE)))).astype(np.float32)


def run(model, codec, contexts, window, names=("drums",), seeds=None):
    return simulate(
        model,
        codec,
        contexts,
        names * len(contexts),
        window,
        beats=[NoBeats() for _ in contexts],
        seeds=seeds or list(range(len(names) * len(contexts))),
    )


@pytest.mark.parametrize("delay", [0, 1575])
def test_retrospective_echo_is_the_context_itself(delay):
    contexts = noise(2, 4.03)
    result = run(Echo(), Passthrough(decode_delay=delay), contexts, Window(hop=6, gap=-6))
    scored = slice(0, 4 * RATE - delay)  # the last incomplete hop is never made
    assert np.array_equal(result.audio[:, scored], contexts[:, scored])


def test_spectral_codec_stays_aligned():
    """What is played lies where the codec alone would put it."""
    codec = tiny_spectral()
    contexts = noise(1, 3.0)
    result = run(Echo(codec.channels), codec, contexts, Window(hop=6, gap=-6))
    wav = torch.from_numpy(contexts)[:, None]
    alone = decode(codec, encode(codec, wav))[:, 0].numpy()
    inside = slice(RATE // 2, 2 * RATE)
    assert np.abs(alone[:, inside]).max() > 1e-3
    assert np.allclose(result.audio[:, inside], alone[:, inside], atol=1e-4)


def test_nothing_is_heard_before_the_first_chunk(tmp_path):
    model = tiny_teacher(tmp_path / "t.safetensors")
    window = Window(frames=24, hop=6, gap=6)
    result = run(model, tiny_spectral(), noise(1, 4.0), window, ("drums", "bass"))
    first = 12 * 3675 - tiny_spectral().decode_delay  # heard 6, gap 6
    assert not result.audio[:, :first].any()
    assert result.audio.shape == (2, 4 * RATE)
    assert np.abs(result.audio[:, first:]).max() > 0
    assert len(result.step_ms) == 8
    assert result.audio_s == pytest.approx(4.0)
    assert set(result.ledger) == set(TERMS)
    assert result.nfe == 3


def test_stream_does_not_depend_on_its_batch(tmp_path):
    """Compared on latents: phases rebuilt from them amplify the last bits of a float."""
    model, codec = tiny_teacher(tmp_path / "t.safetensors"), Passthrough(frame_samples=CHANNELS)
    contexts, window = noise(3, 36 * CHANNELS / RATE), Window(frames=24, hop=6, gap=6)
    together = run(model, codec, contexts, window, seeds=[5, 6, 7])
    alone = run(model, codec, contexts[1:2], window, seeds=[6])
    assert np.abs(alone.audio).max() > 0.1
    loudest = np.abs(alone.audio).max()
    assert np.allclose(together.audio[1:2], alone.audio, rtol=0, atol=1e-5 * loudest)


def test_misses_follow_the_deadline_law():
    steps = [10.0, 90.0, 130.0]
    assert late_steps(steps, hop_ms=100, allowed_ms=150) == [0, 0, 1]  # compute > hop
    assert late_steps(steps, hop_ms=200, allowed_ms=75) == [0, 1, 1]  # gap too short


def test_an_offline_bound_has_no_deadline():
    contexts = noise(1, 2.0)
    assert run(Echo(), Passthrough(), contexts, Window(hop=6, gap=0)).late is None
    assert run(Echo(), Passthrough(), contexts, Window(hop=6, gap=6)).late == [0.0] * 4
