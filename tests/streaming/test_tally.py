from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from accomptk.metrics.judge import Judged
from accomptk.metrics.table import METRICS
from accomptk.streaming.parts import Part
from accomptk.streaming.tally import Tally, song_cells, with_adherence

SCALED = [metric.key for metric in METRICS if metric.has_closeness]
PLAYERS = ("drums", "bass")


def part(track, instrument, prompt=""):
    stem = SimpleNamespace(stem=instrument, instrument=instrument)
    return Part(SimpleNamespace(track=track, prompt=prompt), stem)


PARTS = [part(track, player) for track in "abcd" for player in PLAYERS]


def tally(value, swing=0.0):
    """Every scaled metric of every part at about a value; songs a and b above it, c and d below."""
    rng = np.random.default_rng(round(100 * value))
    sides = {"a": swing, "b": swing, "c": -swing, "d": -swing}
    return Tally(
        {
            p.name: Judged(
                scores={
                    key: value + sides[p.song.track] + 0.01 * rng.standard_normal()
                    for key in SCALED
                },
                stem=np.zeros((0, 1)),
                mix=np.zeros((0, 1)),
            )
            for p in PARTS
        }
    )


def closenesses(value, upper, lower):
    cells = song_cells(value, upper, lower, PARTS, seed=0)
    assert all(cells[key].mean == pytest.approx(0.5, abs=0.02) for key in SCALED)
    return {key: cells[key].closeness for key in SCALED}


def test_every_scaled_metric_is_placed_between_its_anchors():
    found = closenesses(tally(0.5), tally(0.9), tally(0.1))
    assert found == {key: pytest.approx(0.5, abs=0.05) for key in SCALED}


@pytest.mark.parametrize(
    ("upper", "lower"),
    [(tally(0.1), tally(0.9)), (tally(0.55, 0.3), tally(0.5, -0.3)), (tally(0.6), tally(0.6))],
    ids=["wrong order", "overlap", "equal"],
)
def test_no_metric_is_placed_between_anchors_that_are_not_apart(upper, lower):
    assert closenesses(tally(0.5), upper, lower) == dict.fromkeys(SCALED)


def heard(tracks):
    """A tally whose every stem is heard as the song that it was taken from, twice."""
    return {
        p.name: Judged(scores={}, stem=np.full((2, 1), tracks[p.name]), mix=np.zeros((0, 1)))
        for p in PARTS
    }


def test_a_stem_is_never_among_its_own_examples():
    """The odd song d sounds like itself; the two others would take its drums for a bass."""
    drums, bass = {"b": 0.0, "c": 0.0, "d": 3.0}, {"b": 4.0, "c": 4.0, "d": -30.0}
    sounds = {f"{track}/drums": value for track, value in drums.items()}
    sounds |= {f"{track}/bass": value for track, value in bass.items()}
    sounds |= {"a/drums": 0.0, "a/bass": 4.0}
    upper = Tally(heard(sounds))
    paired = Tally(heard({**sounds, "a/drums": sounds["d/drums"]}))
    fair = replace(paired, sources={"a/drums": "d"})

    shares = [
        with_adherence(one, upper, PARTS).judged["a/drums"].scores["adherence_instrument"]
        for one in (paired, fair)
    ]
    assert shares == [1.0, 0.0]


def test_one_other_song_is_too_few_to_tell_an_instrument():
    sounds = {p.name: float(p.stem.instrument == "bass") for p in PARTS}
    two = [p for p in PARTS if p.song.track in "ab"]
    upper = Tally(heard(sounds))
    assert with_adherence(upper, upper, two).judged["a/bass"].scores == {}
    assert with_adherence(upper, upper, PARTS).judged["a/bass"].scores == {
        "adherence_instrument": 1.0
    }


def test_a_genre_is_told_among_stems_of_the_same_instrument():
    """Drums of salsa sound like 0, those of polka like 4; the bass has it the other way round."""
    prompts = dict(zip("abcdef", 3 * ["brisk salsa, drums"] + 3 * ["polka, 120 bpm"], strict=True))
    parts = [part(track, player, text) for track, text in prompts.items() for player in PLAYERS]
    sounds = {
        p.name: 4.0 * ((p.song.track in "abc") == (p.stem.instrument == "bass")) for p in parts
    }
    sounds["f/drums"] = 0.0  # played like salsa
    judged = {
        name: Judged(scores={}, stem=np.full((2, 1), sound), mix=np.zeros((0, 1)))
        for name, sound in sounds.items()
    }
    scores = {
        name: one.scores["adherence_genre"]
        for name, one in with_adherence(Tally(judged), Tally(judged), parts).judged.items()
    }
    assert scores == {**dict.fromkeys(sounds, 1.0), "f/drums": 0.0}
