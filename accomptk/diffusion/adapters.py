"""LoRA adapters (Hu et al. 2022): put into a model by peft, stored as peft writes them, merged."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

ADAPTER = "default"  # peft's name of a model's only adapter
MARK = "lora_"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterRecipe:
    """Which layers are adapted, and by how much.

    Args:
        rank: Of each update; 0 trains the weights themselves.
        alpha: Updates are scaled by alpha / rank.
        targets: Names of linear layers.
    """

    rank: int
    alpha: int
    targets: tuple[str, ...]

    @property
    def scale(self) -> float:
        """Factor of each update."""
        return self.alpha / self.rank


def adapt(model: nn.Module, recipe: AdapterRecipe) -> None:
    """Freeze a model and put trainable adapters into it; the caller forks and seeds the RNG.

    Without a rank the whole model becomes trainable.
    """
    if recipe.rank == 0:
        model.requires_grad_(True)
        return
    from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, target_modules=list(recipe.targets))
    inject_adapter_in_model(config, model, adapter_name=ADAPTER)


def adapter_state(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The adapters among the weights of an adapted model, under the names that peft writes."""
    return {
        name.replace(f".{ADAPTER}", ""): value for name, value in weights.items() if MARK in name
    }


def merge(
    weights: Mapping[str, Tensor], adapters: Mapping[str, Tensor], scale: float
) -> dict[str, Tensor]:
    """Weights with the updates added: W + scale B A. It needs no peft, which is slow to import."""
    merged = dict(weights)
    for name, down in adapters.items():
        if f".{MARK}A." in name:
            layer, up = name.replace(f"{MARK}A.", ""), adapters[name.replace("_A.", "_B.")]
            merged[layer] = weights[layer] + scale * (up @ down)
    return merged


def settle(weights: Mapping[str, Tensor], recipe: AdapterRecipe | None) -> Mapping[str, Tensor]:
    """The weights of an adapted model as those of a plain one, updates and all."""
    if recipe is None or recipe.rank == 0:
        return weights
    own = {
        name.replace(".base_layer", ""): value
        for name, value in weights.items()
        if MARK not in name
    }
    return merge(own, adapter_state(weights), recipe.scale)
