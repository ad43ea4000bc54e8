import itertools

import numpy as np
import pytest
import soxr
import torch

from accomptk.conditions.sounds import SoundBank
from accomptk.errors import CodecError, StreamError
from accomptk.streaming.beat_sources import GivenBeats, NoBeats
from accomptk.streaming.engine import Controls, StreamingEngine
from accomptk.window import Window
from tiny_codecs import Echo, Passthrough, tiny_spectral
from tiny_models import CODEC, tiny_a_style, tiny_teacher

SIZE = 3675
NAMES = ("drums", "bass")


@pytest.fixture(scope="module")
def codec():
    return tiny_spectral()


@pytest.fixture(scope="module", params=["teacher", "a_style"])
def model(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    return tiny_teacher(path) if request.param == "teacher" else tiny_a_style(path)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    return tiny_teacher(tmp_path_factory.mktemp("teacher") / "teacher.safetensors")


def open_engine(model, codec, hop=6, gap=6, names=NAMES, contexts=1, frames=24):
    beats = [GivenBeats(np.arange(0.1, 60, 0.5), np.arange(0.1, 60, 2.0)) for _ in range(contexts)]
    names = names * contexts
    controls = Controls(Window(frames=frames, hop=hop, gap=gap), names, (None,) * len(names))
    return StreamingEngine(model, codec, controls, beats, range(len(names)))


def music(frames, contexts=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(contexts, frames * SIZE, generator=generator)


def latents_of(played):
    return torch.cat([chunk.latents for chunk in played], 2)


def test_chunks_do_not_depend_on_how_audio_arrives(model, codec):
    wav = music(36)
    whole = open_engine(model, codec).push(wav)
    engine = open_engine(model, codec)
    pieces = [chunk for piece in wav.split(SIZE, 1) for chunk in engine.push(piece)]
    assert [chunk.chunk for chunk in whole] == [chunk.chunk for chunk in pieces]
    for one, other in zip(whole, pieces, strict=True):
        assert torch.allclose(one.latents, other.latents, atol=1e-3)
        assert one.first_sample == other.first_sample


def test_same_input_gives_the_same_bytes(model, codec):
    wav = music(24)
    one, two = (open_engine(model, codec).push(wav) for _ in range(2))
    assert all(torch.equal(a.wav, b.wav) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize(("hop", "gap"), [(6, 6), (6, 0), (6, -6), (4, 2)])
def test_no_gradient_from_audio_that_was_not_heard(model, codec, hop, gap):
    wav = music(24).requires_grad_()
    played = open_engine(model, codec, hop, gap).push(wav)
    # A hearing chunk in steady state, so that there is something to be deaf to.
    chunk = played[2]
    (gradient,) = torch.autograd.grad(chunk.latents.square().sum(), wav)
    unheard = chunk.chunk.heard * SIZE
    assert (gradient[:, unheard:] == 0).all()
    assert (gradient[:, :unheard] != 0).any()


def test_saved_state_continues_bit_exactly(model, codec):
    wav = music(48)
    engine = open_engine(model, codec)
    engine.push(wav[:, : 20 * SIZE])
    saved = engine.save()
    first = engine.push(wav[:, 20 * SIZE :])
    engine.restore(saved)
    again = engine.push(wav[:, 20 * SIZE :])
    assert len(first) > 3
    assert all(torch.equal(a.wav, b.wav) for a, b in zip(first, again, strict=True))


def test_controls_change_at_any_chunk_without_hole_or_overlap(model, codec):
    engine, played = open_engine(model, codec), []
    changes = [{}, {"window": Window(frames=24, hop=3, gap=3)}, {"instruments": ("piano", "drums")}]
    changes += [{"window": Window(frames=24, hop=8, gap=2)}, {"prompts": ("slow jazz", None)}]
    changes += [{"window": Window(frames=24, hop=5, gap=-5)}, {}]
    for change, piece in zip(changes, music(9 * 7).split(9 * SIZE, 1), strict=True):
        engine.control(**change)
        played += engine.push(piece)
    edges = [(a.chunk.end, b.chunk.start) for a, b in itertools.pairwise(played)]
    assert all(end == start for end, start in edges)
    assert {chunk.chunk.hop for chunk in played} >= {3, 6}
    assert torch.isfinite(latents_of(played)).all()
    samples = sum(chunk.wav.shape[1] for chunk in played)
    assert samples == (played[-1].chunk.end - played[0].chunk.start) * SIZE


def test_prompt_and_instrument_are_heard(codec, tmp_path):
    model = tiny_teacher(tmp_path / "t.safetensors")
    outputs = []
    for change in ({}, {"prompts": ("loud", None)}, {"instruments": ("guitar", "bass")}):
        engine = open_engine(model, codec)
        engine.control(**change)
        outputs.append(latents_of(engine.push(music(24))))
    for changed in outputs[1:]:
        assert not torch.allclose(outputs[0][0], changed[0], atol=1e-3)
        assert torch.allclose(outputs[0][1], changed[1], atol=1e-3)


def test_each_stream_has_a_sound_of_its_own_and_keeps_it(codec, teacher, monkeypatch):
    told = []
    play = type(teacher).play
    monkeypatch.setattr(
        type(teacher),
        "play",
        lambda self, *given: told.append(given[2].sound) or play(self, *given),
    )
    open_engine(teacher, codec, names=("bass", "bass", "drums")).push(music(24))
    assert len(told) > 2
    assert all(torch.equal(sound, told[0]) for sound in told)
    assert (told[0][:, -1] == 1).all()
    wanted = teacher.sounds.choices(("bass", "bass", "drums"), (None,) * 3, range(3))
    assert torch.equal(told[0], torch.from_numpy(wanted))
    assert not torch.equal(told[0][0], told[0][1])


def test_a_sound_is_heard(codec, teacher, monkeypatch):
    wav = music(18)
    own = latents_of(open_engine(teacher, codec).push(wav))
    monkeypatch.setattr(teacher, "sounds", SoundBank())
    untold = latents_of(open_engine(teacher, codec).push(wav))
    assert not torch.allclose(own, untold, atol=1e-3)


def test_streams_hear_their_own_context(model, codec):
    wav = music(24, contexts=2)
    both = open_engine(model, codec, contexts=2).push(wav)
    alone = open_engine(model, codec, contexts=1).push(wav[:1])
    assert torch.allclose(latents_of(both)[:2], latents_of(alone), atol=1e-3)
    assert not torch.allclose(latents_of(both)[:2], latents_of(both)[2:], atol=1e-2)


def test_refusals_change_nothing(model, codec):
    engine = open_engine(model, codec)
    before = engine.stream.controls
    with pytest.raises(StreamError, match="instrument 'kazoo'"):
        engine.control(instruments=("kazoo", "bass"))
    with pytest.raises(StreamError, match="1 instruments and 2 prompts for 2 streams"):
        engine.control(instruments=("bass",))
    with pytest.raises(StreamError, match=r"window.frames = 72: model .* reaches 24"):
        engine.control(window=Window())
    assert engine.stream.controls is before
    with pytest.raises(StreamError, match="whole frames"):
        engine.push(torch.zeros(1, SIZE - 1))
    with pytest.raises(StreamError, match="2 streams for 3 contexts"):
        StreamingEngine(model, codec, before, [NoBeats()] * 3, [0, 1])
    codec.space, kept = "0ther000", codec.space
    with pytest.raises(CodecError, match=f"space {CODEC}, this codec's is 0ther000"):
        open_engine(model, codec)
    codec.space = kept


@pytest.mark.parametrize(
    ("rate", "seconds"),
    [
        (48000, 401),  # 268 chunks add up a slip of a 200th of a sample to more than one
        pytest.param(44100, 3600, marks=pytest.mark.slow),
        pytest.param(48000, 3600, marks=pytest.mark.slow),
    ],
)
def test_click_keeps_its_place_to_the_end(rate, seconds):
    """A client's clicks, resampled to the codec's rate and back, within a sample of their place."""
    hop, codec = 18, Passthrough(decode_delay=1575)
    engine = open_engine(Echo(), codec, hop=hop, gap=-hop, names=("drums",), frames=72)
    inward = soxr.ResampleStream(rate, 44100, 1, dtype="float32")
    outward = soxr.ResampleStream(44100, rate, 1, dtype="float32")
    block = rate * hop // 12  # whole frames are whole samples at both rates
    clicks = [rate * second + 123 for second in (5, seconds // 2 - 1, seconds - 10)]
    held, position, offset, found = np.zeros(0, np.float32), 0, None, []
    for first in range(0, rate * seconds, block):
        wav = np.zeros(block, np.float32)
        for click in clicks:
            if first <= click < first + block:
                wav[click - first] = 1
        held = np.concatenate([held, inward.resample_chunk(wav)])
        whole = len(held) // SIZE * SIZE
        for played in engine.push(torch.from_numpy(held[None, :whole])):
            offset = played.first_sample if offset is None else offset
            made = outward.resample_chunk(played.wav[0].numpy())
            peak = int(np.abs(made).argmax()) if len(made) else 0
            if len(made) and abs(made[peak]) > 0.5:
                found.append(position + peak + offset * rate / 44100)
            position += len(made)
        held = held[whole:]
    assert len(found) == len(clicks)
    assert np.abs(np.array(found) - clicks).max() <= 1


@pytest.mark.parametrize(
    "change",
    [
        {"energy": 1.0},
        {"tension": -1.0},
        {"temperature": 0.5},
        {"prompts_b": ("loud", None), "mix": 0.5},
    ],
)
def test_a_control_is_heard_from_the_next_chunk_on(codec, teacher, change):
    engines = [open_engine(teacher, codec) for _ in range(2)]
    wav = music(24)
    first = [engine.push(wav[:, : 13 * SIZE]) for engine in engines]
    engines[1].control(**change)
    then = [engine.push(wav[:, 13 * SIZE :]) for engine in engines]
    assert all(torch.equal(a.wav, b.wav) for a, b in zip(*first, strict=True))
    assert not torch.allclose(then[0][0].latents, then[1][0].latents, atol=1e-3)


def test_a_mixture_goes_from_one_prompt_to_the_other(codec, teacher):
    def play(**change):
        engine = open_engine(teacher, codec)
        engine.control(**change)
        return latents_of(engine.push(music(12)))[0]

    both = {"prompts": ("slow", None), "prompts_b": ("loud", None)}
    ends = [play(prompts=("slow", None)), play(prompts=("loud", None))]
    mixed = [play(**both, mix=mix) for mix in (0.0, 0.5, 1.0)]
    assert torch.allclose(mixed[0], ends[0], atol=1e-4)
    assert torch.allclose(mixed[2], ends[1], atol=1e-4)
    away = [(made - ends[0]).norm() for made in mixed]
    assert away[0] < away[1] < away[2]


def test_an_instrument_goes_and_comes_back_in_its_place_without_a_click():
    """Constant audio shows the gain: off after a fade, on again, the other stream untouched."""
    codec = Passthrough(frame_samples=3675)
    engine = open_engine(Echo(), codec, hop=6, gap=-6, frames=72)
    heard = []
    for playing in ((), (False, True), (False, True), (True, True)):
        engine.control(playing=playing)
        heard += engine.push(torch.ones(1, 6 * SIZE))
    gains, other = torch.cat([chunk.wav for chunk in heard], 1)
    assert (other == 1).all()
    edges = [gains[chunk.first_sample].item() for chunk in heard]
    ends = [gains[chunk.first_sample + 6 * SIZE - 1].item() for chunk in heard]
    assert edges == [1, 1, 0, 0]
    assert ends == [1, 0, 0, 1]
    assert gains.diff().abs().max() < 0.01


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"energy": 1.5}, "control 'energy': got 1.5"),
        ({"mix": 2.0}, "mix is 0 to 1"),
        ({"temperature": -1.0}, "temperature 0 to 2"),
        ({"playing": (True,)}, "1 switches for 2 streams"),
    ],
)
def test_controls_outside_their_range_change_nothing(codec, teacher, change, message):
    engine = open_engine(teacher, codec)
    before = engine.stream.controls
    with pytest.raises(StreamError, match=message):
        engine.control(**change)
    assert engine.stream.controls is before
