import json
import re
import shutil

import pytest

from accomptk.report.gallery import Gallery
from accomptk.report.page import build_report, short_chord

pytestmark = pytest.mark.debian("ffmpeg")


def ignore(done, total):
    pass


@pytest.fixture(scope="module")
def page(run):
    return build_report(Gallery.open(run), 12e6, ignore)


def block(html, name):
    """The JSON in the page under an id."""
    return json.loads(re.search(rf'id="{name}">(.*?)</script>', html, re.DOTALL)[1])


def test_the_page_needs_nothing_else(page):
    assert not re.findall(r"""https?:|["'(]//|(?:src|href)="(?!data:)""", page)
    assert "default-src 'none'" in page
    assert len(page) < 12e6


def test_every_take_has_its_audio(page):
    excerpts = block(page, "excerpts")
    sounds = [take["audio"] for e in excerpts for take in (e["context"], *e["takes"])]

    assert len(excerpts) == 3
    assert [take["label"] for take in excerpts[0]["takes"]] == [
        *("ground truth", "truth through the codec"),
        *("teacher, K = 0", "teacher, K = 2", "a_style, K = 2"),
    ]
    assert len(set(sounds)) == 3 * 6
    assert all(f'id="{sound}">GkXf' in page for sound in sounds)  # how WebM begins
    assert page.count('type="audio/webm') == len(sounds)


def test_an_excerpt_says_what_is_known_of_it(page):
    excerpt = block(page, "excerpts")[0]

    assert (excerpt["song"], excerpt["part"], excerpt["title"]) == ("one", "drums", "slow one")
    assert (excerpt["seconds"], excerpt["start"], excerpt["gain"]) == (6.0, 2.0, 1.0)
    assert excerpt["chords"] == [[0.0, 4.0, "C"], [4.0, 6.0, "Am7"]]
    assert [take["scores"] for take in excerpt["takes"]] == ["", "", "onset F1 0.25", "", ""]
    assert [take["colour"] for take in excerpt["takes"]] == [None, None, 0, 0, 1]


def test_words_of_others_stay_words(page):
    assert block(page, "excerpts")[0]["prompt"] == "slow one, </script> & quiet"
    assert page.count("</script> & quiet") == 0


def test_a_small_page_has_fewer_songs(run):
    page = build_report(Gallery.open(run), 420_000 + 250_000, ignore)

    assert {excerpt["song"] for excerpt in block(page, "excerpts")} == {"one"}
    assert "1 of 2 songs" in page


def test_a_run_without_audio_is_tables_and_plots(run, tmp_path):
    for name in ("table.csv", "result.json"):
        shutil.copy(run / name, tmp_path)
    page = build_report(Gallery.open(tmp_path), 12e6, ignore)

    assert 'id="listen"' not in page
    assert "<table>" in page
    assert "<svg" in page


@pytest.mark.parametrize(
    ("label", "short"),
    [
        ("C:maj", "C"),
        ("A:min", "Am"),
        ("Bb:maj7", "Bbmaj7"),
        ("F#:hdim7/b3", "F#ø/b3"),
        ("B:dim7", "B°7"),
        ("E:sus4(b7)", "Esus4(b7)"),
        ("G", "G"),
        ("N", ""),
    ],
)
def test_chords_as_musicians_write_them(label, short):
    assert short_chord(label) == short
