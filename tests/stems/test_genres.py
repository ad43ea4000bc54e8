import pytest

from accomptk.stems.genres import genre_of


@pytest.mark.parametrize(
    ("family", "caption"),
    [
        ("stdlib/bossanova", "bossa nova"),
        ("yamaha/jazzwaltz", "jazz waltz"),
        ("casio/heavymetal", "metal"),
        ("stdlib/slowblues", "blues"),
        ("casio/16beatballad1", "ballad"),
        ("casio/latinhouse", "latin house"),
        ("nobody/knows", "pop"),
    ],
)
def test_the_name_tells_the_genre(family, caption):
    genre = genre_of(family)
    assert genre.caption == caption
    assert 70 <= genre.slowest < genre.fastest <= 180


def test_only_blues_likes_blues_changes():
    assert genre_of("casio/blues").is_blues
    assert not genre_of("stdlib/waltz").is_blues
