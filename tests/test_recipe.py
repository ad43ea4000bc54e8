import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accomptk.errors import RecipeError
from accomptk.recipe import (
    dump_recipe,
    load_recipe,
    parse_recipe,
    recipe_hash,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    sigma_max: float
    rho: float
    name: str = "karras"


@dataclass(frozen=True, slots=True, kw_only=True)
class Toy:
    seed: int
    noise: Noise
    sizes: tuple[int, ...]
    parent: str | None = None
    pair: tuple[str, float] = ("a", 1.0)
    device: Literal["cpu", "cuda"] = "cpu"
    is_causal: bool = True
    weights: dict[str, float] = field(default_factory=dict)


TEXT = """
seed = 3
sizes = [1, 2]
pair = ["b", 2]
[noise]
sigma_max = 80
rho = 7.0
[weights]
"odd key" = 1e-5
"""


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    path = tmp_path / "toy.toml"
    path.write_text(TEXT)
    return path


def test_reads_tables_lists_and_ints_as_floats(toy: Path) -> None:
    recipe = load_recipe(str(toy), Toy)

    assert recipe == Toy(
        seed=3,
        noise=Noise(sigma_max=80.0, rho=7.0),
        sizes=(1, 2),
        pair=("b", 2.0),
        weights={"odd key": 1e-5},
    )
    assert isinstance(recipe.noise.sigma_max, float)


def test_dump_and_load_give_the_same_recipe(toy: Path, tmp_path: Path) -> None:
    recipe = load_recipe(str(toy), Toy)
    again = tmp_path / "again.toml"
    again.write_text(dump_recipe(recipe))

    assert load_recipe(str(again), Toy) == recipe
    assert recipe_hash(load_recipe(str(again), Toy)) == recipe_hash(recipe)


def test_hash_is_of_the_content(toy: Path) -> None:
    plain = load_recipe(str(toy), Toy)
    changed = load_recipe(str(toy), Toy, ["noise.rho=7.5"])

    assert recipe_hash(plain) == recipe_hash(load_recipe(str(toy), Toy, ["noise.rho=7"]))
    assert recipe_hash(plain) != recipe_hash(changed)


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("noise.rho=5", lambda toy: toy.noise.rho == 5.0),
        ("seed = 9", lambda toy: toy.seed == 9),
        ("parent=runs/a b.safetensors", lambda toy: toy.parent == "runs/a b.safetensors"),
        ('parent="7"', lambda toy: toy.parent == "7"),
        ("sizes=[4, 5, 6]", lambda toy: toy.sizes == (4, 5, 6)),
        ("weights.new=2", lambda toy: toy.weights["new"] == 2.0),
        ("is_causal=false", lambda toy: toy.is_causal is False),
    ],
)
def test_overrides(toy: Path, override: str, read) -> None:
    assert read(load_recipe(str(toy), Toy, [override]))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("noise.sigma_maks=1", r"\[noise\]: unknown key 'sigma_maks'; did you mean 'sigma_max'\?"),
        ("seeed=1", r"toy.toml: unknown key 'seeed'; did you mean 'seed'\?"),
        ("zzzz=1", "unknown key 'zzzz'; allowed are seed, noise"),
        ("noise.rho=wide", r'\[noise\]: rho = "wide": must be a number'),
        ("noise.rho=true", "must be a number"),
        ("seed=1.0", "seed = 1.0: must be a whole number"),
        ("seed=true", "must be a whole number"),
        ("is_causal=1", "must be true or false"),
        ("parent=7", "parent = 7: must be a text"),
        ("device=tpu", "must be one of 'cpu', 'cuda'"),
        ("sizes=[1.5]", "must be a whole number"),
        ("sizes=1", "must be a list, each item a whole number"),
        ('pair=["a"]', "must be a list of 2: a text, a number"),
        ("noise=1", "must be a table"),
        ("seed.deep=1", "'seed' is a value, not a table"),
        ("seed", "not an assignment"),
    ],
)
def test_bad_overrides_are_one_helpful_line(toy: Path, override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        load_recipe(str(toy), Toy, [override])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["seed", "sizes", "sigma_max", "rho"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    path = tmp_path / "short.toml"
    path.write_text("\n".join(line for line in TEXT.splitlines() if not line.startswith(key)))

    with pytest.raises(RecipeError, match=f"key '{key}' is missing"):
        load_recipe(str(path), Toy)


def test_extends_merges_one_level(toy: Path, tmp_path: Path) -> None:
    child = tmp_path / "child.toml"
    child.write_text('extends = "toy.toml"\nseed = 4\n[noise]\nrho = 3.0\n')

    recipe = load_recipe(str(child), Toy)

    assert (recipe.seed, recipe.noise.rho, recipe.noise.sigma_max) == (4, 3.0, 80.0)
    grandchild = tmp_path / "grandchild.toml"
    grandchild.write_text('extends = "child.toml"\n')
    with pytest.raises(RecipeError, match="one level is allowed"):
        load_recipe(str(grandchild), Toy)


def test_a_file_that_is_not_there_or_not_toml(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such file"):
        load_recipe("pocket/nothing", Toy)
    broken = tmp_path / "broken.toml"
    broken.write_text("seed = \n")
    with pytest.raises(RecipeError, match=r"broken\.toml: not TOML"):
        load_recipe(str(broken), Toy)


def test_plain_values_parse_like_a_file() -> None:
    values = {"seed": 1, "sizes": [2], "parent": None, "noise": {"sigma_max": 1, "rho": 2}}

    assert parse_recipe(values, Toy, "header").sizes == (2,)
    with pytest.raises(RecipeError, match=r"header \[noise\]: unknown key"):
        parse_recipe({**values, "noise": {"sigma_maxx": 1}}, Toy, "header")


@given(st.dictionaries(st.text(min_size=1), st.floats(allow_nan=False)), st.text())
def test_any_text_and_number_survives_the_dump(weights: dict[str, float], name: str) -> None:
    toy = Toy(seed=1, sizes=(), parent=name, weights=weights, noise=Noise(sigma_max=1.0, rho=1e-9))

    assert parse_recipe(tomllib.loads(dump_recipe(toy)), Toy, "dump") == toy
