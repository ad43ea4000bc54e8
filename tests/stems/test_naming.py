from pathlib import Path

import pytest

from accomptk.errors import DatasetError
from accomptk.stems.naming import Naming


@pytest.mark.parametrize(
    ("rule", "path", "instrument"),
    [
        ("lead*=guitar", "Lead 1.wav", "guitar"),
        ("track 07=bass", "Track 07.wav", "bass"),
        ("*.flac=strings", "bass.flac", "strings"),
        ("gtr/*=guitar", "gtr/Clean DI.wav", "guitar"),
        ("a=b=drums", "A=B.wav", "drums"),
        ("click=none", "click.wav", "none"),
        ("lead*=guitar", "Bass lead.wav", "bass"),  # a pattern fits from the start
        ("lead*=guitar", "words.wav", None),
    ],
)
def test_rules_come_before_words(rule: str, path: str, instrument: str | None) -> None:
    assert Naming.read([rule]).instrument_of(Path(path)) == instrument


def test_the_first_rule_that_fits_counts(tmp_path: Path) -> None:
    table = tmp_path / "names.toml"
    table.write_text('"lead vox*" = "melody"\n"*" = "other"\n')
    naming = Naming.read(["lead g*=guitar", str(table)])

    found = [naming.instrument_of(Path(f"{name}.wav")) for name in ("Lead gtr", "lead vox", "bass")]
    assert found == ["guitar", "melody", "other"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("lead*=kazoo", "choose an instrument from drums, bass"),
        ("=bass", "choose an instrument"),
        ("absent.toml", "No such file.*give PATTERN=INSTRUMENT"),
    ],
)
def test_wrong_rules_are_one_line(text: str, reason: str) -> None:
    with pytest.raises(DatasetError, match=reason) as caught:
        Naming.read([text])
    assert "\n" not in str(caught.value)


def test_a_table_has_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "names.toml").write_text("lead: guitar")
    with pytest.raises(DatasetError, match="not TOML"):
        Naming.read([str(tmp_path / "names.toml")])
