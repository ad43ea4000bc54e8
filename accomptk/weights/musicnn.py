"""musicnn (Pons & Serra 2019): the music tagger whose penultimate layer judges audio here."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

VARIANTS = ("msd", "mtt")  # trained on the Million Song Dataset, on MagnaTagATune
SAMPLE_RATE = 16_000
FFT_SAMPLES = 512
HOP_SAMPLES = 256
BANDS = 96
PATCH_FRAMES = 187  # 3 s
PATCH_SAMPLES = (PATCH_FRAMES - 1) * HOP_SAMPLES
EMBEDDING = 200
TIMBRAL_FRAMES = 7  # reach of a timbral filter
BLOCK_FRAMES = 16

# The 50 tags of each variant, in the order of the outputs.
TAGS = {
    "msd": (
        "rock pop alternative indie electronic female_vocalists dance 00s alternative_rock jazz "
        "beautiful metal chillout male_vocalists classic_rock soul indie_rock mellow electronica "
        "80s folk 90s chill instrumental punk oldies blues hard_rock ambient acoustic experimental "
        "female_vocalist guitar hip-hop 70s party country easy_listening sexy catchy funk electro "
        "heavy_metal progressive_rock 60s rnb indie_pop sad house happy"
    ),
    "mtt": (
        "guitar classical slow techno strings drums electronic rock fast piano ambient beat violin "
        "vocal synth female indian opera male singing vocals no_vocals harpsichord loud quiet "
        "flute woman male_vocal no_vocal pop soft sitar solo man classic choir voice new_age dance "
        "male_voice female_vocal beats harp cello no_voice weird country metal female_voice choral"
    ),
}


class Pooled(nn.Module):
    """Filters over an image, of which the largest output over the bands is kept.

    Rectifier and normalisation are monotonous, so the maximum is taken first; a filter whose
    scale is negative is stored negated, and ``sign`` makes a minimum of its maximum.
    """

    def __init__(self, filters: int, channels: int, bands: int, frames: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, filters, (bands, frames), bias=False)
        self.sign = _buffer(filters, 1)
        self.bias = _buffer(filters, 1)
        self.scale = _buffer(filters, 1)
        self.shift = _buffer(filters, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1, bands, T] to [B, filters, T - kernel + 1]."""
        return (self.largest(x) * self.sign + self.bias).relu() * self.scale + self.shift

    def largest(self, x: Tensor) -> Tensor:
        """Largest output of each filter over the bands, [B, filters, T - kernel + 1]."""
        made: Tensor = self.layer(x)
        return made.amax(dim=2)


class Temporal(Pooled):
    """Filters along time alone, with "same" padding.

    A direct convolution of one channel is slow. Here every block of 16 frames is one product
    with the filters at 16 positions.
    """

    def largest(self, x: Tensor) -> Tensor:
        """Largest output of each filter over the bands, [B, filters, T]."""
        weight = self.layer.weight.flatten(1)
        filters, kernel = weight.shape
        patches, _, bands, frames = x.shape
        blocks = -(-frames // BLOCK_FRAMES)
        left = (kernel - 1) // 2  # TensorFlow puts the odd frame at the end
        padded = F.pad(x[:, 0], (left, blocks * BLOCK_FRAMES - frames + kernel - 1 - left))
        shifted = [F.pad(weight, (at, BLOCK_FRAMES - 1 - at)) for at in range(BLOCK_FRAMES)]
        bank = torch.stack(shifted, dim=1).flatten(0, 1)
        heard = padded.unfold(-1, BLOCK_FRAMES + kernel - 1, BLOCK_FRAMES).flatten(0, 2)
        made = (heard @ bank.T).reshape(patches, bands, blocks, filters, BLOCK_FRAMES)
        return made.amax(dim=1).transpose(1, 2).flatten(2)[..., :frames]


class Scaled(nn.Module):
    """A layer, rectified, then scaled and shifted as normalisation does at inference."""

    def __init__(self, layer: nn.Conv1d | nn.Linear) -> None:
        super().__init__()
        self.layer = layer
        shape = (len(layer.weight),) + (1,) * (layer.weight.ndim - 2)
        self.scale = _buffer(*shape)
        self.shift = _buffer(*shape)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C] or [B, C, T] to the same with the layer's outputs for C."""
        made: Tensor = self.layer(x)
        return made.relu() * self.scale + self.shift


class Musicnn(nn.Module):
    """Embedding and tags of 3 s patches of a log-mel spectrogram.

    Filters of the frontend that depend on nothing are not computed: a channel of ones stands
    for all of them (see `accomptk.weights.folding`).
    """

    def __init__(self, shapes: Mapping[str, Sequence[int]]) -> None:
        """Make the layers.

        Args:
            shapes: Shape of each tensor of the converted state, by name.
        """
        super().__init__()
        self.input_scale = _buffer()
        self.input_shift = _buffer()
        self.timbral = nn.ModuleList(Pooled(*shape) for shape in _layers(shapes, "timbral"))
        self.temporal = nn.ModuleList(Temporal(*shape) for shape in _layers(shapes, "temporal"))
        self.midend = nn.ModuleList(
            Scaled(nn.Conv1d(channels, out, kernel, padding=kernel // 2))
            for out, channels, kernel in _layers(shapes, "midend")
        )
        self.embed = Scaled(nn.Linear(shapes["embed.layer.weight"][1], EMBEDDING))
        self.tags = nn.Linear(EMBEDDING, shapes["tags.weight"][0])

    def forward(self, spectrogram: Tensor, starts: Sequence[int] = (0,)) -> tuple[Tensor, Tensor]:
        """Listen to patches of one recording.

        Args:
            spectrogram: From `log_mel`, [bands, T].
            starts: First frame of each patch.

        Returns:
            Embeddings [patches, 200] and tag probabilities [patches, 50].
        """
        x = spectrogram * self.input_scale + self.input_shift
        patches = torch.stack([x[:, start : start + PATCH_FRAMES] for start in starts])[:, None]
        timbral = [_overlapping(block, x, patches, starts) for block in self.timbral]
        temporal = [block(patches) for block in self.temporal]
        front = torch.cat([*timbral, *temporal], dim=1)
        ones = torch.ones_like(front[:, :1])
        first = self.midend[0](torch.cat([front, ones], dim=1))
        second = self.midend[1](first) + first
        third = self.midend[2](second) + second
        heard = torch.cat([front, first, second, third], dim=1)
        pooled = torch.stack([heard.amax(dim=-1), heard.mean(dim=-1)], dim=-1)
        embedding = self.embed(pooled.flatten(1))
        return embedding, self.tags(embedding).sigmoid()


def tag_names(variant: str) -> tuple[str, ...]:
    """Names of the 50 tags of a variant, in the order of the outputs."""
    return tuple(name.replace("_", " ") for name in TAGS[variant].split())


def load_musicnn(path: Path, variant: str = "msd") -> Musicnn:
    """A variant's network, from the file that ``accomptk weights fetch musicnn`` makes.

    Raises:
        CheckpointError: If the file is missing, damaged or holds something else.
    """
    from accomptk.checkpoint import load_tensors

    tensors, _ = load_tensors(path, "musicnn")
    prefix = f"{variant}."
    return build_musicnn(
        {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
    )


def build_musicnn(state: Mapping[str, Tensor]) -> Musicnn:
    """The network of a converted state, ready for inference."""
    net = Musicnn({name: tuple(tensor.shape) for name, tensor in state.items()})
    net.load_state_dict(dict(state))
    return net.eval().requires_grad_(False)


def log_mel(wav: Tensor) -> Tensor:
    """log10(1 + 10000 x mel power), the input of the network.

    Args:
        wav: Samples at 16 kHz, [N], more than half an FFT.

    Returns:
        Spectrogram, [bands, 1 + N // 256].
    """
    stft = torch.stft(
        wav,
        FFT_SAMPLES,
        HOP_SAMPLES,
        window=torch.hann_window(FFT_SAMPLES),
        pad_mode="reflect",
        return_complex=True,
    )
    power = stft.real.square() + stft.imag.square()
    return torch.log10(_mel_filters() @ power * 10_000 + 1)


@lru_cache(maxsize=1)
def _mel_filters() -> Tensor:
    """Slaney's mel filters, each of unit area, [bands, bins]."""
    from torchaudio.functional import melscale_fbanks

    bins, top_hz = FFT_SAMPLES // 2 + 1, SAMPLE_RATE / 2
    filters: Tensor = melscale_fbanks(bins, 0.0, top_hz, BANDS, SAMPLE_RATE, "slaney", "slaney")
    return filters.T.contiguous()


def _overlapping(block: nn.Module, x: Tensor, patches: Tensor, starts: Sequence[int]) -> Tensor:
    """A timbral block on every patch, computed once where patches overlap.

    Only the first and the last three frames of a patch see its zero padding. They are computed
    for each patch; the rest comes from one pass over the recording.
    """
    edge = TIMBRAL_FRAMES // 2
    whole = block(x[None, None])[0]  # column t belongs to frame t + edge
    inner = torch.stack([whole[:, start : start + PATCH_FRAMES - 2 * edge] for start in starts])
    first = F.pad(patches[..., : 2 * edge], (edge, 0))
    last = F.pad(patches[..., -2 * edge :], (0, edge))
    left, right = block(torch.cat([first, last])).chunk(2)
    return torch.cat([left, inner, right], dim=-1)


def _buffer(*shape: int) -> nn.Buffer:
    return nn.Buffer(torch.ones(shape))


def _layers(shapes: Mapping[str, Sequence[int]], stage: str) -> list[Sequence[int]]:
    """Weight shapes of the numbered layers of a stage."""
    names = (f"{stage}.{index}.layer.weight" for index in range(len(shapes)))
    return [shapes[name] for name in names if name in shapes]
