"""Frechet distance: closed forms, the package's own value, bad input, and sense."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from accomptk.errors import DatasetError
from accomptk.metrics.frechet import (
    Reference,
    fad,
    frechet_distance,
    frechet_symmetric,
    statistics,
    validate,
)
from accomptk.metrics.frechet_package import import_package
from fake_judges import band_levels
from synthetic_band import PLAYERS, RATE, SONGS

DIMS = 8


@pytest.fixture
def songs(rng: np.random.Generator) -> list[np.ndarray]:
    """Ten songs, each a little different, with features that depend on each other."""
    mixing = rng.standard_normal((DIMS, DIMS))
    return [
        (rng.standard_normal((22, DIMS)) + rng.standard_normal(DIMS) / 2) @ mixing
        for _ in range(10)
    ]


@pytest.mark.parametrize("distance", [frechet_distance, frechet_symmetric])
def test_closed_form_of_independent_features(distance) -> None:
    mu1, mu2 = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, 0.0])
    var1, var2 = np.array([1.0, 4.0, 9.0]), np.array([4.0, 4.0, 1.0])
    wanted = 5 + (1 - 2) ** 2 + 0 + (3 - 1) ** 2

    assert distance(mu1, np.diag(var1), mu2, np.diag(var2)) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("distance", [frechet_distance, frechet_symmetric])
def test_closed_form_of_one_covariance(distance, rng: np.random.Generator) -> None:
    half = rng.standard_normal((DIMS, DIMS))
    sigma, mu = half @ half.T, rng.standard_normal(DIMS)

    # sigma and 9 sigma: tr(sigma + 9 sigma - 2 * 3 sigma)
    assert distance(mu, sigma, mu + 1, 9 * sigma) == pytest.approx(
        DIMS + 4 * np.trace(sigma), rel=1e-6
    )


@pytest.mark.parametrize("dims", [DIMS, 100])
def test_fad_is_the_packages_own_value(dims: int, rng: np.random.Generator) -> None:
    mixing = np.eye(dims) + rng.standard_normal((dims, dims)) / np.sqrt(4 * dims)
    reference = rng.standard_normal((3 * dims, dims)) @ mixing
    estimate = rng.standard_normal((2 * dims, dims)) @ mixing + 1
    package = import_package().FrechetAudioDistance
    judge = package.__new__(package)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy's matrix root is called as it was
        wanted = judge.calculate_frechet_distance(
            *judge.calculate_embd_statistics(reference), *judge.calculate_embd_statistics(estimate)
        )

    assert fad(reference, estimate) == pytest.approx(wanted, rel=1e-9)
    assert frechet_symmetric(*statistics(reference), *statistics(estimate)) == pytest.approx(
        wanted, rel=1e-3
    )


def test_the_same_set_has_no_distance(songs: list[np.ndarray]) -> None:
    together = np.concatenate(songs)

    assert 0 <= fad(together, together) < 1e-6
    assert fad(together, together[::-1]) < 1e-6


def test_is_symmetric(songs: list[np.ndarray]) -> None:
    one, two = np.concatenate(songs[:5]), np.concatenate(songs[5:])

    assert fad(one, two) == pytest.approx(fad(two, one), rel=1e-6)


def test_grows_with_noise(songs: list[np.ndarray], rng: np.random.Generator) -> None:
    clean = np.concatenate(songs)
    noise = rng.standard_normal(clean.shape)
    distances = [fad(clean, clean + level * noise) for level in (0, 0.3, 1, 3, 10)]

    assert distances == sorted(distances)
    assert distances[1] > distances[0] + 1e-3


@pytest.fixture(scope="module")
def played() -> dict[str, list[np.ndarray]]:
    """What each player plays in three songs, [N] a song."""
    songs = [song() for song in SONGS]
    return {name: [song.stems[name][1] for song in songs] for name in PLAYERS}


def heard(wavs: list[np.ndarray]) -> np.ndarray:
    """Levels of six bands in each second, all songs together."""
    return np.concatenate(band_levels(wavs, RATE))


def add_noise(wav: np.ndarray, level: float) -> np.ndarray:
    return wav + level * np.random.default_rng(1).standard_normal(wav.size)


def low_pass(wav: np.ndarray, hz: float) -> np.ndarray:
    return sosfiltfilt(butter(8, hz, fs=RATE, output="sos"), wav)


@pytest.mark.parametrize(
    ("spoil", "steps"),
    [(add_noise, (0, 0.01, 0.03, 0.1, 0.3)), (low_pass, (20_000, 8000, 3000, 1000))],
)
def test_grows_as_audio_gets_worse(spoil, steps, played: dict[str, list[np.ndarray]]) -> None:
    drums = played["drums"]
    distances = [fad(heard(drums), heard([spoil(wav, step) for wav in drums])) for step in steps]

    assert all(worse > 1.5 * better + 1e-3 for better, worse in pairwise(distances)), distances


@pytest.mark.parametrize("player", ["drums", "bass"])
def test_another_instrument_is_farther_than_another_song(
    player: str, played: dict[str, list[np.ndarray]]
) -> None:
    reference = heard(played[player][:2])
    distances = {name: fad(reference, heard(wavs[2:])) for name, wavs in played.items()}
    right = distances.pop(player)

    assert min(distances.values()) > 1.5 * right, (right, distances)


def test_is_undefined_for_fewer_patches_than_features(rng: np.random.Generator) -> None:
    enough, few = rng.standard_normal((DIMS, DIMS)), rng.standard_normal((DIMS - 1, DIMS))

    assert fad(enough, enough) is not None
    assert fad(enough, few) is None
    assert fad(few, enough) is None
    assert fad(enough, np.zeros((0, DIMS))) is None


def test_one_feature_needs_two_patches(rng: np.random.Generator) -> None:
    assert fad(rng.standard_normal((1, 1)), rng.standard_normal((9, 1))) is None
    assert fad(np.array([[0.0], [2.0]]), np.array([[1.0], [3.0]])) == pytest.approx(1)


def test_a_constant_feature_does_not_break_it(rng: np.random.Generator) -> None:
    reference = rng.standard_normal((40, DIMS))
    reference[:, 3] = 1.5
    silence = np.ones((40, DIMS))

    wanted = np.square(reference.mean(axis=0) - 1).sum() + np.trace(np.cov(reference.T))
    assert fad(reference, silence) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize(
    ("estimate", "line"),
    [
        (np.zeros(4), r"estimate: shape \(4,\); it must be"),
        (np.full((4, 2), np.nan), "estimate: values that are no numbers"),
        (np.zeros((4, 3)), "2 and 3 features"),
    ],
)
def test_refuses_bad_input(estimate: np.ndarray, line: str) -> None:
    with pytest.raises(DatasetError, match=line):
        validate(np.zeros((4, 2)), estimate)
    with pytest.raises(DatasetError, match=line):
        fad(np.zeros((4, 2)), estimate)


def test_interval_holds_the_value_and_n(songs: list[np.ndarray]) -> None:
    shifted = [song + 1 for song in songs]
    found = Reference(songs, seed=3).fad(shifted)

    assert found.value == pytest.approx(DIMS, rel=1e-6)
    assert found.low <= found.value <= found.high
    assert (found.n, found.n_reference) == (220, 220)


def test_what_songs_have_in_common_cancels(
    songs: list[np.ndarray], rng: np.random.Generator
) -> None:
    reference = Reference(songs)
    shifted = reference.fad([song + 1 for song in songs])
    others = [song[rng.permutation(22)] + 1 for song in reversed(songs)]
    unpaired = reference.fad(others)

    assert shifted.value == pytest.approx(unpaired.value)
    assert shifted.high - shifted.low < 0.01 * (unpaired.high - unpaired.low)


def test_interval_narrows_with_more_songs(
    songs: list[np.ndarray], rng: np.random.Generator
) -> None:
    more = [song + rng.standard_normal(DIMS) / 5 for song in songs * 4]
    few, many = (
        Reference(some).fad([song + rng.standard_normal(song.shape) for song in some])
        for some in (more[:10], more)
    )

    assert many.high - many.low < few.high - few.low


def test_interval_repeats_with_its_seed(songs: list[np.ndarray], rng: np.random.Generator) -> None:
    made = [song + rng.standard_normal(song.shape) for song in songs]

    assert Reference(songs, seed=1).fad(made) == Reference(songs, seed=1).fad(made)
    assert Reference(songs, seed=1).fad(made).low != Reference(songs, seed=2).fad(made).low


def test_draws_weigh_patches_as_if_they_were_repeated(rng: np.random.Generator) -> None:
    from accomptk.metrics.frechet import _weighted

    patches, weights = rng.standard_normal((6, 3)), np.array([2, 2, 0, 0, 3, 1])
    mu, sigma = _weighted(patches, weights)
    wanted_mu, wanted_sigma = statistics(np.repeat(patches, weights, axis=0))

    np.testing.assert_allclose(mu, wanted_mu)
    np.testing.assert_allclose(sigma, wanted_sigma)


def test_one_song_has_no_interval(rng: np.random.Generator) -> None:
    song = rng.standard_normal((30, DIMS))
    found = Reference([song]).fad([song + 1])

    assert found.value == pytest.approx(DIMS, rel=1e-6)
    assert (found.low, found.high) == (None, None)


def test_undefined_distance_still_says_its_n(rng: np.random.Generator) -> None:
    found = Reference([rng.standard_normal((5, DIMS))]).fad([rng.standard_normal((3, DIMS))])

    assert (found.value, found.low, found.high) == (None, None, None)
    assert (found.n, found.n_reference) == (3, 5)


def test_refuses_no_songs_and_mixed_embeddings() -> None:
    with pytest.raises(DatasetError, match="no songs"):
        Reference([])
    with pytest.raises(DatasetError, match="different features"):
        Reference([np.zeros((4, 2)), np.zeros((4, 3))])
