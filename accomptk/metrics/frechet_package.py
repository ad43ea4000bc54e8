"""The frechet-audio-distance package: how it is imported offline, and its own judges.

Importing it asks a hub for tokenizers that only CLAP's text branch needs, and retries for
minutes where there is no network. So it is imported late, with the hub switched off, and with
an empty module in the place of ``laion_clap`` unless CLAP is what is wanted.
"""

import contextlib
import importlib
import io
import os
import sys
import types
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accomptk.errors import DatasetError, MissingTool

Embedding = NDArray[np.float32]

HOP_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSpec:
    """What the package needs for one of its models, and what it gives."""

    sample_rate: int
    num_features: int
    patch_s: float | None  # None: the model makes its own patches of a whole signal
    files: tuple[str, ...]  # patterns in the folder of checkpoints; the package downloads others
    arguments: dict[str, Any]


PACKAGE_MODELS = {
    "vggish": PackageSpec(
        sample_rate=16_000,
        num_features=128,
        patch_s=None,
        files=(
            "harritaylor_torchvggish_*/hubconf.py",
            "checkpoints/vggish-10086976.pth",
            "checkpoints/vggish_pca_params-970ea276.pth",
        ),
        arguments={"model_name": "vggish"},
    ),
    "pann": PackageSpec(
        sample_rate=32_000,
        num_features=2048,
        patch_s=3.0,
        files=("Cnn14_mAP%3D0.431.pth",),
        arguments={"model_name": "pann"},
    ),
    "clap": PackageSpec(
        sample_rate=48_000,
        num_features=512,
        patch_s=10.0,
        files=("music_audioset_epoch_15_esc_90.14.pt",),
        arguments={"model_name": "clap", "submodel_name": "music_audioset"},
    ),
    "encodec": PackageSpec(
        sample_rate=24_000,
        num_features=128,
        patch_s=None,
        files=("checkpoints/encodec_24khz-d7cc33bc.th",),
        arguments={"model_name": "encodec"},
    ),
}


class PackageModel:
    """One of the package's judges behind `accomptk.metrics.embeddings.EmbeddingModel`."""

    def __init__(self, name: str, judge: Any) -> None:
        self.name = name
        self.judge = judge
        self.spec = PACKAGE_MODELS[name]
        self.num_features = self.spec.num_features
        self.sample_rate = self.spec.sample_rate

    def embed(self, wav: Embedding) -> Embedding:
        """[N] at the model's rate to [patches, features]."""
        made = [self._hear(patch) for patch in self._patches(wav)]
        return np.concatenate(made)

    def _patches(self, wav: Embedding) -> list[Embedding]:
        if self.spec.patch_s is None:
            return [np.resize(wav, max(len(wav), self.sample_rate))]
        size, hop = round(self.spec.patch_s * self.sample_rate), round(HOP_S * self.sample_rate)
        filled = np.resize(wav, max(len(wav), size))
        return [filled[first : first + size] for first in range(0, len(filled) - size + 1, hop)]

    def _hear(self, patch: Embedding) -> Embedding:
        with contextlib.redirect_stdout(io.StringIO()) as said:  # the package prints its errors
            try:
                made = self.judge.get_embeddings([patch], self.sample_rate)
            except ValueError as error:
                raise DatasetError(f"embedding '{self.name}': {said.getvalue().strip()}") from error
        return np.asarray(made, dtype=np.float32).reshape(-1, self.num_features)


@lru_cache(maxsize=2)
def load_package_model(name: str, ckpt_dir: Path | None) -> PackageModel:
    """One of `PACKAGE_MODELS` with the checkpoints of a folder; nothing is downloaded.

    Raises:
        MissingTool: If the folder is not given or lacks a checkpoint.
    """
    spec = PACKAGE_MODELS[name]
    missing = [file for file in spec.files if ckpt_dir is None or not any(ckpt_dir.glob(file))]
    if missing:
        where = "no folder of checkpoints was given" if ckpt_dir is None else f"not in {ckpt_dir}"
        raise MissingTool(
            f"embedding '{name}' needs {', '.join(missing)}: {where}; download what "
            "frechet-audio-distance names, or use musicnn-msd"
        )
    package = import_package(clap=name == "clap")
    arguments = {"ckpt_dir": str(ckpt_dir), "sample_rate": spec.sample_rate, **spec.arguments}
    with _same_hub_dir(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return PackageModel(name, package.FrechetAudioDistance(**arguments))


def import_package(clap: bool = False) -> Any:
    """The package's module ``frechet_audio_distance.fad``, imported without a network.

    Args:
        clap: Whether CLAP itself is needed, which takes some ten seconds more.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with warnings.catch_warnings(), _clap_stub(stub=not clap):
        warnings.simplefilter("ignore")  # of the packages that it imports
        module: Any = importlib.import_module("frechet_audio_distance.fad")
        if clap and not hasattr(module.laion_clap, "CLAP_Module"):
            module.laion_clap = importlib.import_module("laion_clap")
    return module


@contextlib.contextmanager
def _clap_stub(stub: bool) -> Iterator[None]:
    """Let an import of ``laion_clap`` find an empty module, unless it is there or wanted."""
    if not stub or "laion_clap" in sys.modules:
        yield
        return
    sys.modules["laion_clap"] = types.ModuleType("laion_clap")
    try:
        yield
    finally:
        del sys.modules["laion_clap"]


@contextlib.contextmanager
def _same_hub_dir() -> Iterator[None]:
    """Undo the package's change of torch's hub folder."""
    import torch

    before = torch.hub.get_dir()
    try:
        yield
    finally:
        torch.hub.set_dir(before)
