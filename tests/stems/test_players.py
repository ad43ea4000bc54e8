import numpy as np
import pytest

from accomptk.stems.instruments import INSTRUMENTS, MELODY, OTHER, from_program
from accomptk.stems.notes import Note, Part
from accomptk.stems.players import SOUNDS, choose_sound, class_of_track


def track(program: int, is_drum: bool = False) -> Part:
    return Part("x", from_program(program, is_drum), program, (Note(0, 1, 60, 80),))


@pytest.mark.parametrize(
    ("program", "name"),
    [(0, "piano"), (18, "piano"), (27, "guitar"), (48, "strings"), (89, "strings"), (61, OTHER)],
)
def test_tracks_go_to_the_nearest_class(program, name):
    assert class_of_track(track(program)) == name


def test_saxophones_and_kits():
    assert class_of_track(track(66)) == OTHER
    assert class_of_track(track(25, is_drum=True)) == "drums"


def test_every_class_has_sounds_of_its_own():
    assert set(SOUNDS) == {*INSTRUMENTS, MELODY}
    for name in ("bass", "guitar", "strings"):
        assert {from_program(sound.program, False) for sound in SOUNDS[name]} == {name}


def test_the_wished_sound_is_kept_often_but_not_always():
    rng = np.random.default_rng(0)
    chosen = [choose_sound(rng, "guitar", 28).program for _ in range(400)]
    assert 0.5 < chosen.count(28) / 400 < 0.75
    assert len(set(chosen)) == len(SOUNDS["guitar"])
    assert choose_sound(rng, "bass", 99).program in range(32, 40)
