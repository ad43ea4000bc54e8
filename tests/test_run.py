import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from accomptk.errors import RecipeError
from accomptk.run import (
    Run,
    derive_seed,
    generator,
    gflops,
    machine_line,
    numpy_generator,
    pick_device,
    replacing,
)


@dataclass(frozen=True)
class Recipe:
    width: int = 4


def draw(seed: int, name: str, index: int = 0) -> torch.Tensor:
    return torch.randn(4, generator=generator(seed, name, index))


def test_generators_depend_on_seed_name_and_index_only(tmp_path: Path) -> None:
    run = Run.create("train", tmp_path / "run", 5, Recipe())

    assert torch.equal(draw(5, "noise", 2), draw(5, "noise", 2))
    assert torch.equal(draw(5, "noise", 2), torch.randn(4, generator=run.generator("noise", 2)))
    drawn = [draw(5, "noise", 2), draw(6, "noise", 2), draw(5, "data", 2), draw(5, "noise", 3)]
    assert len({tuple(values.tolist()) for values in drawn}) == 4
    assert numpy_generator(5, "noise").random() == numpy_generator(5, "noise").random()
    assert numpy_generator(5, "noise").random() != numpy_generator(5, "noise", 1).random()


def test_seeds_fit_torch_and_do_not_run_into_each_other() -> None:
    seeds = {derive_seed(seed, name, i) for seed in range(9) for name in "ab" for i in range(9)}

    assert len(seeds) == 9 * 2 * 9
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derive_seed(1, "x", 11) != derive_seed(1, "x1", 1)


def test_a_run_folder_says_what_it_is(tmp_path: Path) -> None:
    run = Run.create("train-teacher", tmp_path / "run", 7, Recipe(width=8))
    provenance = json.loads((run.folder / "provenance.json").read_text())

    assert (run.folder / "recipe.toml").read_text() == "width = 8\n"
    assert (provenance["verb"], provenance["seed"]) == ("train-teacher", 7)
    assert provenance["versions"]["torch"] in provenance["machine"]
    assert {"git", "dirty", "argv", "started"} <= provenance.keys()


def test_the_default_folder_is_named_by_verb_and_time(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)

    first, second = (Run.create("prep", None, 0, Recipe()) for _ in range(2))

    assert first.folder.parent == Path("runs")
    assert first.folder.name.startswith("prep-2")
    assert first.folder != second.folder


def test_interrupted_runs_go_on_and_other_recipes_are_refused(tmp_path: Path) -> None:
    first = Run.create("train", tmp_path / "run", 0, Recipe())
    first.log(1, loss=0.5)
    first.close()

    again = Run.create("train", tmp_path / "run", 0, Recipe())
    assert not again.is_finished
    assert (again.folder / "metrics.jsonl").exists()
    with pytest.raises(RecipeError, match="started with another recipe"):
        Run.create("train", tmp_path / "run", 0, Recipe(width=5))

    anew = Run.create("train", tmp_path / "run", 0, Recipe(width=5), resume=False)
    assert sorted(path.name for path in anew.folder.iterdir()) == ["provenance.json", "recipe.toml"]


def test_log_writes_lines_and_events(tmp_path: Path) -> None:
    run = Run.create("train", tmp_path / "run", 0, Recipe())
    run.log(1, loss=0.5, rate=np.float32(2))
    run.log(2, loss=0.25)
    run.finish()

    lines = (run.folder / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"step": 1, "loss": 0.5, "rate": 2.0},
        {"step": 2, "loss": 0.25},
    ]
    assert len(list(run.folder.glob("events.out.tfevents.*"))) == 1


def test_finish_is_remembered(tmp_path: Path) -> None:
    run = Run.create("train", tmp_path / "run", 0, Recipe())
    assert not run.is_finished

    run.finish()

    assert Run.create("train", tmp_path / "run", 0, Recipe()).is_finished
    assert not Run.create("train", tmp_path / "run", 0, Recipe(), resume=False).is_finished


def test_replacing_leaves_the_old_file_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def write_half(temporary: Path) -> None:
        temporary.write_text("half")
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"), replacing(path) as temporary:
        write_half(temporary)
    assert path.read_text() == "old"

    with replacing(path) as temporary:
        assert temporary.suffix == ".txt"
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_machine() -> None:
    assert "\n" not in machine_line()
    assert f"torch {torch.__version__.partition('+')[0]}" in machine_line()
    assert gflops(size=64, repeats=1) > 0


def test_devices() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device().type in ("cpu", "cuda", "mps")
    with pytest.raises(RecipeError, match="device 'tpu': not on this machine"):
        pick_device("tpu")
