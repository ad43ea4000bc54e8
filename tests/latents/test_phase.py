"""Phases of known magnitudes, against closed forms and torchaudio's Griffin-Lim."""

import pytest
import torch
from torchaudio.transforms import GriffinLim

from accomptk.latents.phase import BINS, TRACKED, PhaseRebuilder
from accomptk.latents.spectrum import COLUMNS, FRAME_SAMPLES, HOP_LENGTH, N_FFT, OVERLAP
from signals import clicks, sine

WINDOW = torch.hann_window(N_FFT)


def columns_of(wav: torch.Tensor) -> torch.Tensor:
    """Magnitudes of causal columns, [B, COLUMNS * frames, BINS]."""
    heard = torch.nn.functional.pad(wav, (OVERLAP, 0))
    return torch.fft.rfft(heard.unfold(-1, N_FFT, HOP_LENGTH) * WINDOW).abs()


def play(rebuilder: PhaseRebuilder, magnitude: torch.Tensor) -> torch.Tensor:
    """Samples without the lag, [B, frames * FRAME_SAMPLES - OVERLAP]."""
    state = rebuilder.state(magnitude.shape[0])
    return rebuilder.play(magnitude.unflatten(1, (-1, COLUMNS)), state)[:, OVERLAP:]


def inconsistency(wav: torch.Tensor, magnitude: torch.Tensor) -> float:
    """Energy of the difference of magnitudes over that of the magnitudes."""
    found = columns_of(wav)
    wanted = magnitude[:, : found.shape[1]]
    skip = COLUMNS
    return float((found - wanted)[:, skip:].square().sum() / wanted[:, skip:].square().sum())


@pytest.fixture(scope="module")
def tones() -> torch.Tensor:
    waves = [sine(hz, 1.0, level=0.1) for hz in (220.0, 331.7, 523.3, 1046.5)]
    return torch.from_numpy(sum(waves)[: 12 * FRAME_SAMPLES])[None]


def test_steady_tones_need_no_iterations(tones):
    magnitude = columns_of(tones)
    assert inconsistency(play(PhaseRebuilder(0), magnitude), magnitude) < 0.05


def test_tones_have_no_jumps(tones):
    played = play(PhaseRebuilder(0), columns_of(tones))[:, FRAME_SAMPLES:]
    assert played.diff(n=2).abs().max() < 1.5 * tones.diff(n=2).abs().max()


def test_few_iterations_come_close_to_32_of_the_whole_signal(tones):
    wav = tones + torch.from_numpy(clicks([0.21, 0.52, 0.8], 1.0)[: tones.shape[-1]])
    magnitude = columns_of(wav)
    ours = inconsistency(play(PhaseRebuilder(4), magnitude), magnitude)
    offline = GriffinLim(N_FFT, 32, N_FFT, HOP_LENGTH, power=1, momentum=0.99, rand_init=False)
    theirs = offline(magnitude.transpose(1, 2))
    assert ours < 3 * inconsistency(_aligned(theirs), magnitude)


def test_noise_above_is_as_loud_as_its_magnitudes():
    """Phases that do not agree with each other would lose 3 dB where columns overlap."""
    noise = 0.1 * torch.randn(1, 40 * FRAME_SAMPLES, generator=torch.Generator().manual_seed(3))
    wanted = columns_of(noise)
    found = columns_of(play(PhaseRebuilder(0), wanted))[:, COLUMNS:, TRACKED:]
    ratio = found.square().mean() / wanted[:, COLUMNS:, TRACKED:].square().mean()
    assert -1.5 < 10 * ratio.log10() < 0.5


def test_noise_does_not_come_again_soon():
    magnitude = torch.zeros(1, 20 * COLUMNS, BINS)
    magnitude[..., TRACKED:] = 1
    played = play(PhaseRebuilder(0), magnitude)[0]
    for frames in (1, 2, 4, 8):
        late = played[frames * FRAME_SAMPLES :]
        likeness = torch.corrcoef(torch.stack([late, played[: len(late)]]))[0, 1]
        assert abs(likeness) < 0.1


def _aligned(wav: torch.Tensor) -> torch.Tensor:
    """GriffinLim centres columns where ours end: move its samples to our places."""
    return wav[:, N_FFT // 2 - HOP_LENGTH :]


def test_nothing_plays_nothing():
    rebuilder = PhaseRebuilder(2)
    state = rebuilder.state(3)
    played = rebuilder.play(torch.zeros(3, 1, COLUMNS, BINS), state)
    assert played.shape == (3, FRAME_SAMPLES)
    assert played.abs().max() == 0
    assert torch.isfinite(torch.view_as_real(state["phasor"])).all()
