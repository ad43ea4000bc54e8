"""The published COCOLA model (Ciranni et al. 2024), for users who have one of its checkpoints.

Conventions: as `accomptk.metrics.coherence`, but for the unit, which is COCOLA's own: the
bilinear form of two embeddings of 5 s, unrelated to nats. The harmonic view silences the
percussive half of what the network hears, and the other way round, so both is not their sum.
The network is EfficientNet-B0 (Tan & Le 2019) with names of weights as in the checkpoint. Its
views are separated by median filters (librosa), of 64 mel bands at 16 kHz.
"""

import pickle
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from accomptk.errors import CheckpointError, MissingTool
from accomptk.metrics.coherence import VIEWS, validate
from accomptk.metrics.onset import SILENCE_DB, level_db

Floats = NDArray[np.floating[Any]]

SAMPLE_RATE = 16_000
WINDOW_SAMPLES = 5 * SAMPLE_RATE
HOP_SAMPLES = WINDOW_SAMPLES // 2
FFT_SAMPLES, FFT_WINDOW_SAMPLES, FFT_HOP_SAMPLES = 1024, 400, 160
MEL_BANDS, LOWEST_HZ, HIGHEST_HZ = 64, 60.0, 7800.0
# Repeats, kernel, stride, expansion, channels of each stage of EfficientNet-B0.
STAGES = (
    *((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80)),
    *((3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)),
)
STEM, HEAD = 32, 1280
NORM_EPS = 1e-3
UNREADABLE = (KeyError, RuntimeError, ValueError, TypeError, AttributeError, EOFError)


class Same(nn.Conv2d):
    """A convolution padded as TensorFlow does it for an even size: the odd cell at the end."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] to [B, C', H / stride, W / stride]."""
        total = self.kernel_size[0] - self.stride[0]
        before, after = total // 2, total - total // 2
        return super().forward(F.pad(x, (before, after, before, after)))


class Bottleneck(nn.Module):
    """An inverted bottleneck with squeeze and excitation."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inside * expansion
        self.expands = expansion > 1
        if self.expands:
            self._expand_conv = Same(inside, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, eps=NORM_EPS)
        self._depthwise_conv = Same(wide, wide, kernel, stride, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, eps=NORM_EPS)
        self._se_reduce = Same(wide, max(1, inside // 4), 1)
        self._se_expand = Same(max(1, inside // 4), wide, 1)
        self._project_conv = Same(wide, outside, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(outside, eps=NORM_EPS)
        self.adds = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        """[B, inside, H, W] to [B, outside, H / stride, W / stride]."""
        wide = F.silu(self._bn0(self._expand_conv(x))) if self.expands else x
        wide = F.silu(self._bn1(self._depthwise_conv(wide)))
        gate = self._se_expand(F.silu(self._se_reduce(F.adaptive_avg_pool2d(wide, 1))))
        made: Tensor = self._bn2(self._project_conv(gate.sigmoid() * wide))
        return made + x if self.adds else made


class EfficientNet(nn.Module):
    """EfficientNet-B0 without its classifier."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self._conv_stem = Same(channels, STEM, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(STEM, eps=NORM_EPS)
        blocks, inside = [], STEM
        for repeats, kernel, stride, expansion, outside in STAGES:
            for index in range(repeats):
                first = stride if index == 0 else 1
                blocks.append(Bottleneck(inside, outside, kernel, first, expansion))
                inside = outside
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = Same(inside, HEAD, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(HEAD, eps=NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, H, W] to [B, 1280]."""
        x = F.silu(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        x = F.silu(self._bn1(self._conv_head(x)))
        return F.adaptive_avg_pool2d(x, 1).flatten(1)


class Bilinear(nn.Module):
    """The bilinear form of two embeddings."""

    def __init__(self, embedding: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(embedding, embedding))

    def forward(self, one: Tensor, two: Tensor) -> Tensor:
        """[B, E] and [B, E] to [B]."""
        return ((one @ self.w) * two).sum(dim=1)


class Cocola(nn.Module):
    """The encoder of both sides and the bilinear form."""

    def __init__(self, embedding: int) -> None:
        super().__init__()
        network = nn.ModuleDict({"model": nn.Sequential(EfficientNet(2))})
        self.encoder = nn.ModuleDict({"encoder": network, "projection": nn.Linear(HEAD, embedding)})
        self.layer_norm = nn.LayerNorm(embedding)
        self.similarity = Bilinear(embedding)

    def forward(self, contexts: Tensor, stems: Tensor) -> Tensor:
        """Similarity of windows [B, 2, bands, frames] pair by pair, [B]."""
        found: Tensor = self.similarity(self._embed(contexts), self._embed(stems))
        return found

    def _embed(self, windows: Tensor) -> Tensor:
        network = self.encoder["encoder"]
        assert isinstance(network, nn.ModuleDict)
        embedded = self.encoder["projection"](network["model"](windows))
        return torch.tanh(self.layer_norm(embedded))


class CocolaJudge:
    """A `CoherenceJudge` by a checkpoint of COCOLA."""

    def __init__(self, name: str, net: Cocola) -> None:
        self.name, self.net = name, net

    def __call__(self, stem: Floats, context: Floats, sample_rate: int) -> dict[str, float] | None:
        """Similarity by view; a window in which either is silent counts as 0."""
        validate(stem, context)
        if min(level_db(stem), level_db(context)) < SILENCE_DB:
            return None
        stems, contexts = (_windows(wav, sample_rate) for wav in (stem, context))
        if not len(stems):
            return None
        pairs = zip(stems, contexts, strict=True)
        sounds = torch.tensor([min(map(level_db, pair)) > SILENCE_DB for pair in pairs])
        heard = [torch.stack([_split(wav) for wav in side]) for side in (contexts, stems)]
        keep = {"both": (1.0, 1.0), "harmonic": (1.0, 0.0), "percussive": (0.0, 1.0)}
        with torch.inference_mode():
            return {
                view: float((self.net(*(_masked(x, keep[view]) for x in heard)) * sounds).mean())
                for view in VIEWS
            }


def load_cocola(path: Path) -> CocolaJudge:
    """A published checkpoint, as the authors' training wrote it.

    Raises:
        MissingTool: If there is no such file, or librosa is not installed.
        CheckpointError: If it is not a COCOLA checkpoint with harmonic and percussive channels.
    """
    if not path.is_file():
        raise MissingTool(
            f"COCOLA checkpoint '{path}': no such file; download one that the authors name at "
            "github.com/gladia-research-group/cocola, or leave it out for accomptk's own judge"
        )
    try:
        import librosa  # noqa: F401
    except ImportError as error:
        raise MissingTool("COCOLA needs librosa: pip install librosa") from error
    return _load(path)


@lru_cache(maxsize=1)
def _load(path: Path) -> CocolaJudge:
    from accomptk.checkpoint import file_sha256

    try:
        weights = _read_weights(path)
        net = Cocola(len(weights["similarity.w"]))
        net.load_state_dict(weights)
    except (*UNREADABLE, pickle.UnpicklingError) as error:
        raise CheckpointError(
            f"{path}: not a COCOLA checkpoint of two channels; give the authors' file"
        ) from error
    return CocolaJudge(f"COCOLA {file_sha256(path)[:8]}", net.eval())


def _read_weights(path: Path) -> Mapping[str, Tensor]:
    """Tensors of a checkpoint whose other contents are classes that are not here.

    Only what rebuilds tensors is run; every other class becomes an empty stand-in.
    """
    reader = SimpleNamespace(
        __name__="tensors",
        Unpickler=_TensorUnpickler,
        load=lambda file, **options: _TensorUnpickler(file, **options).load(),
    )
    loaded = torch.load(path, map_location="cpu", pickle_module=reader, weights_only=False)
    weights: Mapping[str, Tensor] = loaded["state_dict"]
    return weights


class _Absent:
    """Stands for an object of a class that is not here."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass


class _TensorUnpickler(pickle.Unpickler):
    """Finds what rebuilds tensors and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """The class or function of a tensor, or a stand-in."""
        allowed = (module == "torch._utils" and name.startswith("_rebuild")) or (
            (module, name) == ("collections", "OrderedDict")
        )
        return super().find_class(module, name) if allowed else _Absent


def _windows(wav: Floats, sample_rate: int) -> list[Floats]:
    import soxr

    low = soxr.resample(np.asarray(wav, np.float32), sample_rate, SAMPLE_RATE)
    starts = range(0, len(low) - WINDOW_SAMPLES + 1, HOP_SAMPLES)
    return [low[start : start + WINDOW_SAMPLES] for start in starts]


def _split(wav: Floats) -> Tensor:
    """Harmonic and percussive mel levels below their peak, [2, bands, frames]."""
    import librosa

    spectrum = librosa.stft(
        wav, n_fft=FFT_SAMPLES, win_length=FFT_WINDOW_SAMPLES, hop_length=FFT_HOP_SAMPLES
    )
    bank = librosa.filters.mel(
        sr=SAMPLE_RATE, n_fft=FFT_SAMPLES, n_mels=MEL_BANDS, fmin=LOWEST_HZ, fmax=HIGHEST_HZ
    )
    powers = [bank @ np.abs(half) ** 2 for half in librosa.decompose.hpss(spectrum)]
    return torch.from_numpy(
        np.stack([librosa.power_to_db(power, ref=np.max) for power in powers]).astype(np.float32)
    )


def _masked(windows: Tensor, keep: tuple[float, float]) -> Tensor:
    """Windows with one of their halves silenced."""
    return windows * torch.tensor(keep)[:, None, None]
