"""Every shipped recipe fits its schema, survives dump and load, and refuses each misspelt key."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accomptk.diffusion.a_style import AStyleRecipe
from accomptk.diffusion.bands import SynthRecipe
from accomptk.diffusion.distillation import DistillRecipe, PairedRecipe
from accomptk.diffusion.teacher import TeacherRecipe
from accomptk.errors import RecipeError
from accomptk.latents.fit import CodecRecipe
from accomptk.listening.fit import CoherenceRecipe
from accomptk.recipe import dump_recipe, find_recipe, load_recipe, parse_recipe, shipped_recipes

SCHEMAS = {
    "codec": CodecRecipe,
    "teacher": TeacherRecipe,
    "finetune": TeacherRecipe,
    "a-style": AStyleRecipe,
    "synth": SynthRecipe,
    "distill": DistillRecipe,
    "distill-paired": PairedRecipe,
    "coherence": CoherenceRecipe,
}
SHIPPED = [(n, SCHEMAS[Path(n).name.removesuffix("-quick")]) for n in shipped_recipes()]


def keys(table: dict[str, Any], path: str = "") -> Iterator[str]:
    """Dotted names of all keys that hold a value."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from keys(value, f"{path}{key}.")
        elif key != "extends":
            yield f"{path}{key}"


def test_each_stage_has_a_pocket_and_a_smoke_recipe() -> None:
    wanted = {f"{size}/{stage}" for size in ("pocket", "smoke") for stage in SCHEMAS}

    assert wanted <= set(shipped_recipes())


@pytest.mark.parametrize(("name", "schema"), SHIPPED)
def test_a_shipped_recipe_survives_dump_and_load(name: str, schema: type[Any]) -> None:
    recipe = load_recipe(name, schema)

    assert parse_recipe(tomllib.loads(dump_recipe(recipe)), schema, name) == recipe


@pytest.mark.parametrize(("name", "schema"), SHIPPED)
def test_each_misspelt_key_is_refused_with_the_right_one(name: str, schema: type[Any]) -> None:
    known = list(keys(tomllib.loads(find_recipe(name).read_text(encoding="utf-8"))))
    assert known

    for dotted in known:
        key = dotted.rpartition(".")[2]
        with pytest.raises(RecipeError, match=f"unknown key '{key}_'; did you mean '{key}'"):
            load_recipe(name, schema, [f"{dotted}_=1"])
