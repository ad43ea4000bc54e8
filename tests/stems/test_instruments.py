import pytest

from accomptk.stems.instruments import CLASSES, INSTRUMENTS, MELODY, OTHER, from_name, from_program


@pytest.mark.parametrize(
    ("name", "instrument"),
    [
        ("Bass DI.wav", "bass"),
        ("02_BassDI.wav", "bass"),
        ("bass guitar.flac", "bass"),
        ("Bass Drum.wav", "drums"),
        ("Kick_In.wav", "drums"),
        ("Hi-Hat 2.wav", "drums"),
        ("drum loop.wav", "drums"),
        ("Bassoon.wav", MELODY),
        ("Gtr L.wav", "guitar"),
        ("Lead Guitar.wav", "guitar"),
        ("lead vox.wav", MELODY),
        ("bass voice.wav", MELODY),
        ("E-Piano: take 2.wav", "piano"),
        ("Keys.ogg", "piano"),
        ("Violín.wav", "strings"),
        ("Streicher.wav", "strings"),
        ("Sax solo.wav", MELODY),
        ("synth pad.wav", OTHER),
        ("Single Coil Guitar.wav", "guitar"),
        ("track 07.wav", None),
        ("ベース.wav", None),
        ("", None),
        (".wav", None),
    ],
)
def test_file_names_state_instruments(name: str, instrument: str | None) -> None:
    assert from_name(name) == instrument


@pytest.mark.parametrize(
    ("program", "instrument"),
    [
        (0, "piano"),
        (7, "piano"),
        (16, OTHER),
        (24, "guitar"),
        (31, "guitar"),
        (32, "bass"),
        (39, "bass"),
        (40, "strings"),
        (47, OTHER),
        (48, "strings"),
        (53, MELODY),
        (65, MELODY),
        (73, MELODY),
        (89, OTHER),
        (105, "guitar"),
        (118, "drums"),
        (127, OTHER),
    ],
)
def test_programs_map_to_classes(program: int, instrument: str) -> None:
    assert from_program(program, is_drum=False) == instrument


def test_every_program_has_a_class_and_the_drum_channel_is_drums() -> None:
    classes = {from_program(program, is_drum=False) for program in range(128)}

    assert classes == set(CLASSES)
    assert {from_program(program, is_drum=True) for program in range(128)} == {"drums"}


def test_the_models_order_is_fixed() -> None:
    assert INSTRUMENTS == ("drums", "bass", "guitar", "piano", "strings")
