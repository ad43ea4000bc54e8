import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from accomptk.checkpoint import file_sha256, load_tensors, read_header, save_checkpoint
from accomptk.errors import CheckpointError
from accomptk.recipe import recipe_hash


@dataclass(frozen=True)
class Recipe:
    width: int = 4
    sizes: tuple[int, ...] = (1, 2)


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(3, 4, generator=generator)
    return {"weight": weight, "view": weight.T, "count": torch.tensor(7)}


@pytest.fixture
def saved(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> Path:
    path = tmp_path / "made" / "teacher.safetensors"
    save_checkpoint(
        path,
        tensors,
        kind="teacher",
        recipe=Recipe(),
        step=12,
        parents={"codec": "ab" * 32},
        extra={"note": [1, 2]},
    )
    return path


def test_weights_and_header_come_back(saved: Path, tensors: dict[str, torch.Tensor]) -> None:
    loaded, header = load_tensors(saved, "teacher")

    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)
    assert (header.kind, header.step, header.parents) == ("teacher", 12, {"codec": "ab" * 32})
    assert header.recipe == {"width": 4, "sizes": [1, 2]}
    assert header.recipe_hash == recipe_hash(Recipe())
    assert header.extra == {"note": [1, 2]}
    assert header.versions["torch"] == torch.__version__.partition("+")[0]


def test_returned_hash_is_the_files_and_repeats(tmp_path: Path, tensors) -> None:
    paths = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    hashes = [save_checkpoint(path, tensors, kind="codec", recipe=Recipe()) for path in paths]

    assert hashes[0] == hashes[1] == file_sha256(paths[0])
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.safetensors", "b.safetensors"]


def test_half_halves_the_file_and_loads_as_float32(tmp_path: Path) -> None:
    wide = {"weight": torch.linspace(-1, 1, 10_000), "index": torch.arange(3)}
    full, half = tmp_path / "full.safetensors", tmp_path / "half.safetensors"
    save_checkpoint(full, wide, kind="codec", recipe=Recipe())
    save_checkpoint(half, wide, kind="codec", recipe=Recipe(), half=True)

    loaded, _ = load_tensors(half, "codec")

    assert full.stat().st_size - half.stat().st_size == 20_000
    assert loaded["weight"].dtype == torch.float32
    assert loaded["index"].dtype == torch.int64
    torch.testing.assert_close(loaded["weight"], wide["weight"], atol=5e-4, rtol=0)


def test_another_kind_is_refused_by_name(saved: Path) -> None:
    with pytest.raises(
        CheckpointError, match="is a teacher checkpoint, wanted is a codec"
    ) as error:
        load_tensors(saved, "codec")
    assert "accomptk train codec" in str(error.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        read_header(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize("kept", [0, 4, 200, -1])
def test_truncated_file_is_one_line(saved: Path, kept: int) -> None:
    saved.write_bytes(saved.read_bytes()[:kept])

    for read in (read_header, lambda path: load_tensors(path, "teacher")):
        with pytest.raises(CheckpointError, match="damaged, or not an accomptk") as error:
            read(saved)
        assert "\n" not in str(error.value)


def test_a_strangers_safetensors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, path)

    with pytest.raises(CheckpointError, match="not an accomptk checkpoint"):
        read_header(path)


def test_a_later_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "later.safetensors"
    save_file({}, path, metadata={"accomptk": json.dumps({"schema": 99, "kind": "codec"})})

    with pytest.raises(CheckpointError, match="header schema 99"):
        read_header(path)


def test_a_failed_save_leaves_the_old_file(saved: Path) -> None:
    before = saved.read_bytes()

    with pytest.raises(TypeError):
        save_checkpoint(
            saved, {"a": torch.zeros(1)}, kind="teacher", recipe=Recipe(), extra={"x": object()}
        )

    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]
