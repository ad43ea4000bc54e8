from pathlib import Path

import pytest

from accomptk.errors import MissingTool
from accomptk.stems import grooves
from accomptk.stems.grooves import families, find_library, split_of


@pytest.fixture
def library(tmp_path: Path) -> Path:
    files = {
        "std/rock1": "Time 4\nDefGroove Rock\n  defgroove RockFill a fill\nDefGroove RockEnd\n",
        "std/waltz": "Time 3\nDefGroove Waltz\nDefGroove WaltzSus\n",
        "std/ballad68": "Time 6\nDefGroove Ballad68\n",
        "std/five": "Time 5\nDefGroove Five\n",
        "zoom/rock": "Time 4/4\nDefGroove ROCK01\n",
    }
    for name, text in files.items():
        path = tmp_path / f"{name}.mma"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_families_are_files_with_tonal_grooves_in_three_or_four(library):
    found = {family.name: family for family in families(library)}
    assert list(found) == ["std/rock1", "std/waltz"]
    assert found["std/rock1"].grooves == ("Rock",)
    assert found["std/rock1"].fills == ("RockFill",)
    assert found["std/waltz"].meter == 3
    assert found["std/waltz"].grooves == ("Waltz", "WaltzSus")


def test_splits_are_fixed_for_ever():
    fixed = {
        "stdlib/bossanova": "train",
        "casio/techno": "valid",
        "stdlib/strut": "test",
        "yamaha/jazzwaltz": "valid",
    }
    assert {name: split_of(name) for name in fixed} == fixed


def test_files_that_differ_by_number_or_library_share_a_split():
    assert split_of("casio/rock1") == split_of("casio/rock2") == split_of("pflib/rock1")
    assert split_of("casio/jazzwaltz") == split_of("stdlib/JazzWaltz")


def test_splits_have_their_shares():
    splits = [split_of(f"library/groove-{i}x") for i in range(2000)]
    shares = [splits.count(name) / 2000 for name in ("train", "valid", "test")]
    assert shares == pytest.approx([0.80, 0.08, 0.12], abs=0.03)


def test_a_missing_library_is_one_line_with_the_command(monkeypatch):
    monkeypatch.setattr(grooves, "_LIBRARIES", ())
    with pytest.raises(MissingTool, match="apt-get install mma"):
        find_library()
