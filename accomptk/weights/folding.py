"""From musicnn's published variables to the state of our network.

The published frontend has 561 filters. Training switched most of them off: their weights
vanished (the sum of their absolute values is below 1e-6), so that each gives one constant. The
constants and every batch normalisation are folded into the layers that follow, in float64.
The function stays the same; with the Million Song Dataset's weights it costs a tenth.
"""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accomptk.errors import CheckpointError
from accomptk.weights.musicnn import VARIANTS
from accomptk.weights.tensor_bundle import read_bundle

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Norm = tuple[Floats, Floats]  # scale and shift

BN_EPSILON = 1e-3
VANISHED = 1e-6  # sum of a filter's absolute weights; what it hears stays below 10
TIMBRAL_LAYERS = 2
FRONTEND_LAYERS = 5
CONV_LAYERS = 8
OPTIMISER = ("Adam", "Adam_1", "beta1_power", "beta2_power")


class Layer(NamedTuple):
    """A layer of the published graph, rectified, with the normalisation that follows."""

    weight: Floats  # [out, in, ...]
    bias: Floats  # [out]
    scale: Floats  # [out]
    shift: Floats  # [out]


def convert(wheel: Path) -> dict[str, Tensor]:
    """State of both variants from the published wheel; names begin with ``msd.`` or ``mtt.``.

    Raises:
        CheckpointError: If the file is no wheel of musicnn.
    """
    state: dict[str, Tensor] = {}
    try:
        with zipfile.ZipFile(wheel) as archive:
            for variant in VARIANTS:
                folder = f"musicnn/{variant.upper()}_musicnn/"
                index = archive.read(f"{folder}.index")
                data = archive.read(f"{folder}.data-00000-of-00001")
                folded = fold(read_bundle(index, data))
                state |= {f"{variant}.{name}": tensor for name, tensor in folded.items()}
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"{wheel}: not a wheel of musicnn; run `accomptk weights fetch musicnn` again"
        ) from error
    return state


def fold(variables: Mapping[str, NDArray[np.float32]]) -> dict[str, Tensor]:
    """State of `accomptk.weights.musicnn.Musicnn`; every variable is used exactly once.

    Args:
        variables: Values by TensorFlow's names; those of the optimiser are ignored.

    Raises:
        CheckpointError: If variables are missing or left over: it is another graph.
    """
    try:
        norms, convs, embed, tags = _take_apart(variables)
    except KeyError as error:
        raise CheckpointError(f"not the graph of musicnn: {error} is missing") from error
    frontend, midend = convs[:FRONTEND_LAYERS], convs[FRONTEND_LAYERS:]
    masks = [np.abs(layer.weight).sum(axis=(1, 2, 3)) > VANISHED for layer in frontend]
    alive = np.concatenate(masks)
    constants = np.concatenate([_constants(layer) for layer in frontend])[~alive]
    kept = [_select(layer, mask) for layer, mask in zip(frontend, masks, strict=True)]
    midend[0] = _fold_first(midend[0], alive, constants)
    embed = _fold_embed(embed, norms[-2], alive, constants)
    state = {"input_scale": norms[0][0][0], "input_shift": norms[0][1][0]}
    state |= _stage("timbral", kept[:TIMBRAL_LAYERS]) | _stage("temporal", kept[TIMBRAL_LAYERS:])
    state |= _stage("midend", midend) | _scaled("embed", embed) | tags
    return {name: torch.tensor(values, dtype=torch.float32) for name, values in state.items()}


def _take_apart(
    variables: Mapping[str, NDArray[np.float32]],
) -> tuple[list[Norm], list[Layer], Layer, dict[str, Floats]]:
    """Normalisations, convolutions, the embedding and the tags of the published graph."""
    left = {
        name: values.astype(np.float64)
        for name, values in variables.items()
        if name.rpartition("/")[2] not in OPTIMISER
    }
    norms = [_pop_norm(left, index) for index in range(CONV_LAYERS + 3)]
    convs = [_pop_conv(left, index, norms[index + 1]) for index in range(CONV_LAYERS)]
    embed = Layer(left.pop("dense/kernel").T, left.pop("dense/bias"), *norms[-1])
    tags = {"tags.weight": left.pop("dense_1/kernel").T, "tags.bias": left.pop("dense_1/bias")}
    if left:
        raise CheckpointError(f"not the graph of musicnn: {', '.join(sorted(left))} left over")
    return norms, convs, embed, tags


def _pop_norm(left: dict[str, Floats], index: int) -> Norm:
    """Scale and shift of a batch normalisation at inference."""
    name = "batch_normalization" + (f"_{index}" if index else "")
    mean, variance = left.pop(f"{name}/moving_mean"), left.pop(f"{name}/moving_variance")
    scale = left.pop(f"{name}/gamma") / np.sqrt(variance + BN_EPSILON)
    return scale, left.pop(f"{name}/beta") - mean * scale


def _pop_conv(left: dict[str, Floats], index: int, norm: Norm) -> Layer:
    """A convolution; its kernel [frames, bands or channels, 1, out] is turned, time last."""
    name = "conv2d" + (f"_{index}" if index else "")
    kernel, bias = left.pop(f"{name}/kernel"), left.pop(f"{name}/bias")
    order = (3, 2, 1, 0)
    weight = kernel.transpose(order)
    return Layer(weight if index < FRONTEND_LAYERS else weight[:, 0], bias, *norm)


def _constants(layer: Layer) -> Floats:
    """What each filter gives when its weights are zero."""
    constants: Floats = np.maximum(layer.bias, 0) * layer.scale + layer.shift
    return constants


def _select(layer: Layer, mask: Mask) -> Layer:
    return Layer(*(part[mask] for part in layer))


def _fold_first(layer: Layer, alive: Mask, constants: Floats) -> Layer:
    """The mid-end's first layer, with one channel of ones (zero where padded) for constants."""
    ones = np.einsum("oik,i->ok", layer.weight[:, ~alive], constants)[:, None]
    return layer._replace(weight=np.concatenate([layer.weight[:, alive], ones], axis=1))


def _fold_embed(layer: Layer, norm: Norm, alive: Mask, constants: Floats) -> Layer:
    """The dense layer, with the normalisation before it and the constants folded in."""
    scale, shift = norm
    bias = layer.bias + layer.weight @ shift
    weight = (layer.weight * scale).reshape(len(bias), -1, 2)  # maximum and mean of a channel
    dropped = np.flatnonzero(~alive)
    bias += weight[:, dropped].sum(axis=2) @ constants
    return layer._replace(
        weight=np.delete(weight, dropped, axis=1).reshape(len(bias), -1), bias=bias
    )


def _stage(name: str, layers: Sequence[Layer]) -> dict[str, Floats]:
    """State of the numbered layers of a stage."""
    state: dict[str, Floats] = {}
    for index, layer in enumerate(layers):
        is_image = layer.weight.ndim == 4
        state |= (_pooled if is_image else _scaled)(f"{name}.{index}", layer)
    return state


def _pooled(name: str, layer: Layer) -> dict[str, Floats]:
    sign = np.where(layer.scale < 0, -1.0, 1.0)
    columns = {"sign": sign, "bias": layer.bias, "scale": layer.scale, "shift": layer.shift}
    state = {f"{name}.{key}": values[:, None] for key, values in columns.items()}
    return state | {f"{name}.layer.weight": layer.weight * sign[:, None, None, None]}


def _scaled(name: str, layer: Layer) -> dict[str, Floats]:
    shape = (-1,) + (1,) * (layer.weight.ndim - 2)
    return {
        f"{name}.layer.weight": layer.weight,
        f"{name}.layer.bias": layer.bias,
        f"{name}.scale": layer.scale.reshape(shape),
        f"{name}.shift": layer.shift.reshape(shape),
    }
