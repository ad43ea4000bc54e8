"""A musicnn with few filters: its variables, the published graph word for word, its files."""

import zipfile
from collections.abc import Mapping
from itertools import takewhile
from operator import eq
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from accomptk.weights.tensor_bundle import FOOTER_BYTES, MAGIC

Variables = dict[str, np.ndarray]

FRONT = ((7, 38, 4), (7, 67, 3), (128, 1, 2), (64, 1, 3), (32, 1, 2))  # frames, bands, filters
MIDEND = 5
EMBEDDING = 200
TAGS = 50
EPSILON = 1e-3


def variables(rng: np.random.Generator) -> Variables:
    """Random variables of the graph; the first filter of each frontend layer has vanished."""
    made: Variables = {"beta1_power": np.zeros(()), "dense/kernel/Adam": np.zeros((2, 3))}
    filters = sum(shape[2] for shape in FRONT)
    kernels = [(frames, bands, 1, out) for frames, bands, out in FRONT]
    kernels += [(7, channels, 1, MIDEND) for channels in (filters, MIDEND, MIDEND)]
    pooled = 2 * (filters + 3 * MIDEND)
    for index, shape in enumerate(kernels):
        kernel = rng.standard_normal(shape) / np.sqrt(np.prod(shape[:3]))
        if index < len(FRONT):
            kernel[..., 0] *= 1e-12
        made |= _layer(_numbered("conv2d", index), kernel, rng)
    made |= _layer("dense", rng.standard_normal((pooled, EMBEDDING)) / np.sqrt(pooled), rng)
    made |= _layer("dense_1", rng.standard_normal((EMBEDDING, TAGS)) / 10, rng)
    sizes = [1, *(shape[-1] for shape in kernels), pooled, EMBEDDING]
    for index, size in enumerate(sizes):
        made |= _norm(_numbered("batch_normalization", index), size, rng)
    return {name: values.astype(np.float32) for name, values in made.items()}


def published(values: Mapping[str, np.ndarray], patches: Tensor) -> tuple[Tensor, Tensor]:
    """Embedding and tags of log-mel patches [B, bands, T] by the graph as it was published."""
    v = {name: torch.from_numpy(np.asarray(x)).double() for name, x in values.items()}
    x = _normalise(v, 0, patches.double().transpose(1, 2)[:, None])  # [B, 1, T, bands]
    front = []
    for index, (frames, bands, _) in enumerate(FRONT):
        before = 3 if bands > 1 else (frames - 1) // 2
        padded = F.pad(x, (0, 0, before, frames - 1 - before))
        made = _normalise(v, index + 1, _conv(v, index, padded).relu())
        front.append(made.amax(dim=3))  # [B, filters, T]
    layers = [torch.cat(front, dim=1)]
    for index in range(5, 8):
        padded = F.pad(layers[-1].transpose(1, 2)[:, None], (0, 0, 3, 3))
        made = _normalise(v, index + 1, _conv(v, index, padded).relu())[..., 0]
        layers.append(made if index == 5 else made + layers[-1])
    heard = torch.cat(layers, dim=1)
    flat = torch.stack([heard.amax(dim=2), heard.mean(dim=2)], dim=2).flatten(1)
    dense = _normalise(v, 9, flat) @ v["dense/kernel"] + v["dense/bias"]
    embedding = _normalise(v, 10, dense.relu())
    tags = (embedding @ v["dense_1/kernel"] + v["dense_1/bias"]).sigmoid()
    return embedding.float(), tags.float()


def write_bundle(values: Mapping[str, np.ndarray]) -> tuple[bytes, bytes]:
    """Content of a TensorFlow checkpoint's ``.index`` and ``.data`` files."""
    data, entries, before = b"", [(b"", b"\x08\x01")], b""
    for name in sorted(values):
        raw = np.asarray(values[name], "<f4").tobytes()
        dims = b"".join(_field(2, _field(1, size)) for size in values[name].shape)
        entry = _field(1, 1) + _field(2, dims) + _field(4, len(data)) + _field(5, len(raw))
        entries.append((name.encode(), entry + b"\x35\x00\x00\x00\x00"))
        data += raw
    block = b""
    for key, entry in entries:
        shared = sum(1 for _ in takewhile(bool, map(eq, before, key)))
        block += b"".join(map(_varint, (shared, len(key) - shared, len(entry))))
        block += key[shared:] + entry
        before = key
    block += bytes(4) + (1).to_bytes(4, "little")
    handle = _varint(0) + _varint(len(block))
    root = b"".join(map(_varint, (0, 1, len(handle)))) + b"z" + handle
    root += bytes(4) + (1).to_bytes(4, "little")
    table = block + bytes(5)  # type "not compressed" and a checksum that nobody reads
    footer = _varint(0) + _varint(0) + _varint(len(table)) + _varint(len(root))
    footer = footer.ljust(FOOTER_BYTES - len(MAGIC), b"\0") + MAGIC
    return table + root + bytes(5) + footer, data


def write_wheel(folder: Path, rng: np.random.Generator) -> Path:
    """A wheel as pip accepts it, with both checkpoints where the published one has them."""
    path = folder / "musicnn-0.1.0-py3-none-any.whl"
    info = "musicnn-0.1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for variant in ("MSD", "MTT"):
            index, data = write_bundle(variables(rng))
            archive.writestr(f"musicnn/{variant}_musicnn/.index", index)
            archive.writestr(f"musicnn/{variant}_musicnn/.data-00000-of-00001", data)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: musicnn\nVersion: 0.1.0")
        archive.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def _numbered(stem: str, index: int) -> str:
    return f"{stem}_{index}" if index else stem


def _layer(name: str, kernel: np.ndarray, rng: np.random.Generator) -> Variables:
    return {f"{name}/kernel": kernel, f"{name}/bias": rng.standard_normal(kernel.shape[-1]) / 4}


def _norm(name: str, size: int, rng: np.random.Generator) -> Variables:
    return {
        f"{name}/gamma": rng.standard_normal(size),
        f"{name}/beta": rng.standard_normal(size),
        f"{name}/moving_mean": rng.standard_normal(size) / 4,
        f"{name}/moving_variance": rng.uniform(0.5, 2, size),
    }


def _conv(v: Mapping[str, Tensor], index: int, x: Tensor) -> Tensor:
    name = _numbered("conv2d", index)
    return F.conv2d(x, v[f"{name}/kernel"].permute(3, 2, 0, 1), v[f"{name}/bias"])


def _normalise(v: Mapping[str, Tensor], index: int, x: Tensor) -> Tensor:
    name = _numbered("batch_normalization", index)
    mean, variance, gamma, beta = (
        v[f"{name}/{part}"].reshape(1, -1, *[1] * (x.ndim - 2))
        for part in ("moving_mean", "moving_variance", "gamma", "beta")
    )
    return (x - mean) / (variance + EPSILON).sqrt() * gamma + beta


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    made = b""
    while value > 127:
        made, value = made + bytes([value & 127 | 128]), value >> 7
    return made + bytes([value])
