import json

import numpy as np
import pytest

from accomptk.conditions.sounds import (
    EACH,
    FEWEST_FOR_KEY,
    FEWEST_FRAMES,
    SOUND_FEATURES,
    SOUND_SIZE,
    Portrait,
    SoundBank,
    SoundSpace,
    portray,
)

CHANNELS, SONGS = 10, 30
PROMPTS = ("slow jazz, upright bass", "fast rock, picked bass", "fast rock, synth bass")


def portrait_of(bright, rng):
    """A stem of which each frame is bright by so much, give or take."""
    frames = rng.normal(0, 0.1, (CHANNELS, 60))
    frames[0] += bright
    portrait = portray(frames, np.ones(60, bool))
    assert portrait is not None
    return portrait


@pytest.fixture(scope="module")
def shown():
    rng = np.random.default_rng(0)
    return [
        Portrait(instrument, PROMPTS[song % 3], portrait_of(base + song, rng), np.zeros(12))
        for song in range(SONGS)
        for instrument, base in (("bass", 0), ("drums", 1000))
    ]


def test_a_portrait_counts_what_sounds_alone():
    rng = np.random.default_rng(1)
    frames, sounding = rng.normal(size=(CHANNELS, 60)), np.arange(60) < 40
    portrait = portray(frames, sounding)
    frames[:, 40:] = 100
    np.testing.assert_array_equal(portray(frames, sounding), portrait)
    np.testing.assert_allclose(portrait[:CHANNELS], frames[:, :40].mean(1), atol=1e-6)
    change = np.abs(np.diff(frames[:, :40])).mean(1)
    np.testing.assert_allclose(portrait[CHANNELS:], change, atol=1e-6)
    assert portray(frames, np.arange(60) < FEWEST_FRAMES - 1) is None
    assert portray(frames, np.arange(60) % 2 == 0) is None  # no two in a row


def test_places_tell_sounds_of_one_instrument_apart(shown):
    bank = SoundBank.of(shown)
    for name in ("bass", "drums"):
        first = np.array([sound.place[0] for sound in bank.sounds if sound.instrument == name])
        assert abs(np.corrcoef(first, np.arange(SONGS))[0, 1]) > 0.99
        assert abs(first.mean()) < 0.01
        assert first.std() == pytest.approx(1, abs=0.05)


def test_what_tells_the_key_is_no_sound():
    """One feature is the tonic's, another the sound's: the places know the latter alone."""
    rng = np.random.default_rng(3)
    tonics = rng.integers(0, 12, 2 * FEWEST_FOR_KEY)
    bright = rng.normal(size=len(tonics))
    features = rng.normal(0, 0.1, (len(tonics), 2 * CHANNELS))
    features[:, 0] += 9 * np.sin(2 * np.pi * tonics / 12)
    features[:, 1] += 5 * bright
    space = SoundSpace.of(
        [
            Portrait("piano", "", one.astype(np.float32), np.eye(12, dtype=np.float32)[tonic])
            for one, tonic in zip(features, tonics, strict=True)
        ]
    )
    places = np.stack([space.place(one, "piano") for one in features])
    by_tonic = np.stack([places[tonics == tonic].mean(0) for tonic in range(12)])
    assert abs(by_tonic).max() < 0.8
    assert max(abs(np.corrcoef(place, bright)[0, 1]) for place in places.T if place.any()) > 0.98
    assert not any(abs(axis[0]) > abs(axis[1]) and abs(axis[0]) > 0.05 for axis in space.axes.T)


def test_a_stream_keeps_its_sound_and_streams_differ(shown):
    bank = SoundBank.of(shown)
    chosen = [bank.choose("bass", None, seed) for seed in range(20)]
    assert all(sound.shape == (SOUND_FEATURES,) and sound[-1] == 1 for sound in chosen)
    np.testing.assert_array_equal(bank.choose("bass", None, 7), chosen[7])
    assert len({sound.tobytes() for sound in chosen}) > 8
    both = bank.choices(("bass", "drums"), (None, "slow"), (7, 8))
    np.testing.assert_array_equal(both[0], chosen[7])


def test_words_of_the_prompt_choose(shown):
    bank = SoundBank.of(shown)
    fitting = [sound.place for sound in bank.sounds if sound.instrument == "bass"][2::3]
    for seed in range(10):
        place = bank.choose("bass", "synth bass please", seed)[:SOUND_SIZE]
        assert any(np.array_equal(place, one) for one in fitting)


def test_what_has_no_sound_is_not_told(shown):
    assert not SoundBank().choose("bass", "slow", 0).any()
    assert not SoundBank.of(shown).choose("piano", "slow", 0).any()
    assert SoundBank.of([]).to_json() is None


def test_a_bank_in_plain_numbers_is_the_same(shown):
    bank = SoundBank.of(shown)
    again = SoundBank.of_json(json.loads(json.dumps(bank.to_json())))
    for seed in range(5):
        mine, read = (one.choose("bass", PROMPTS[0], seed) for one in (bank, again))
        np.testing.assert_allclose(read, mine, atol=1e-4)
    assert SoundBank.of_json(None).sounds == ()


def test_a_bank_shown_others_keeps_what_they_lack(shown):
    bank = SoundBank.of(shown)
    rng = np.random.default_rng(2)
    others = [
        Portrait("bass", "mine", portrait_of(5.0, rng), np.zeros(12)) for _ in range(EACH + 9)
    ]
    later = bank.show(others)
    own = [sound for sound in later.sounds if sound.instrument == "bass"]
    assert {sound.prompt for sound in own} == {"mine"}
    assert len(own) == EACH
    assert len(later.sounds) == EACH + SONGS
    place = bank.space.place(others[0].features, "bass")
    np.testing.assert_array_equal(own[0].place, place)
