from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accomptk.errors import RecipeError
from accomptk.window import Chunk, Window, to_frames

FRAMES_PER_SECOND = Fraction(12)


@pytest.mark.parametrize(
    ("lookahead", "gap", "heard", "chunk"),
    [
        (0, -18, 72, (82, 100)),  # retrospective: the context of the chunk itself is heard
        (1, 0, 54, (100, 118)),  # immediate
        (2, 18, 36, (118, 136)),  # look-ahead
    ],
)
def test_the_papers_regimes(lookahead: int, gap: int, heard: int, chunk: tuple[int, int]) -> None:
    window = Window.from_lookahead(lookahead)

    assert (window.gap, window.heard, window.lookahead) == (gap, heard, lookahead)
    made = window.chunk(heard=100, made=chunk[0])
    assert (made.start, made.end, made.hop, made.gap) == (*chunk, 18, gap)


def test_any_gap_has_its_lookahead() -> None:
    assert Window(hop=18, gap=9).lookahead == Fraction(3, 2)


def test_the_first_chunk_starts_at_the_gap_and_never_before_the_stream() -> None:
    assert Window(gap=18).chunk(heard=1, made=None) == Chunk(heard=1, start=19, end=37)
    assert Window(gap=-18).chunk(heard=1, made=None) == Chunk(heard=1, start=0, end=1)
    assert Window(gap=-18).chunk(heard=18, made=None) == Chunk(heard=18, start=0, end=18)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    hop = draw(st.integers(1, 36))
    return Window(hop=hop, gap=draw(st.integers(-hop, 35)))


@given(st.lists(st.tuples(windows(), st.integers(0, 40)), min_size=1, max_size=30))
def test_no_frame_is_made_twice_or_skipped_when_the_window_changes(
    steps: list[tuple[Window, int]],
) -> None:
    heard, made, chunks = 1, None, []
    for window, advance in steps:
        heard += advance
        chunk = window.chunk(heard, made)
        made = chunk.end
        chunks.append((window, chunk))

    for (_, before), (_, after) in pairwise(chunks):
        assert after.start == before.end
    assert sum(chunk.hop for _, chunk in chunks) == chunks[-1][1].end - chunks[0][1].start
    for window, chunk in chunks:
        assert chunk.hop >= 0
        assert chunk.end >= chunk.heard + window.gap + window.hop


@given(windows(), st.integers(1, 50))
def test_a_steady_stream_makes_one_hop_a_step(window: Window, count: int) -> None:
    heard = window.hop + max(0, -window.gap)
    chunk = window.chunk(heard, None)
    for _ in range(count):
        heard += window.hop
        chunk = window.chunk(heard, chunk.end)
        assert (chunk.hop, chunk.gap) == (window.hop, window.gap)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"hop": 0}, "window.hop = 0: a hop is 1 to 72"),
        ({"hop": 73}, "window.hop = 73"),
        ({"hop": 18, "gap": -19}, "smallest gap at hop 18 is -18"),
        ({"hop": 18, "gap": 54}, "leaves no context to hear in 72 frames; .* at most 71"),
        ({"frames": 18, "hop": 18, "gap": 0}, "leaves no context"),
    ],
)
def test_impossible_windows_are_refused(fields: dict[str, int], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Window(**fields)


@pytest.mark.parametrize("lookahead", [-1, 4])
def test_impossible_lookaheads_are_refused(lookahead: int) -> None:
    with pytest.raises(RecipeError):
        Window.from_lookahead(lookahead)


@pytest.mark.parametrize(
    ("text", "frames"),
    [("3", 3), ("-18", -18), ("250ms", 3), ("251ms", 4), ("249 ms", 3), ("1500MS", 18), ("0ms", 0)],
)
def test_lengths_are_frames_or_milliseconds_rounded_up(text: str, frames: int) -> None:
    assert to_frames(text, FRAMES_PER_SECOND) == frames


@pytest.mark.parametrize("text", ["", "soon", "1.5", "3 s", "ms"])
def test_other_lengths_are_refused(text: str) -> None:
    with pytest.raises(RecipeError, match=r"whole frames .* or milliseconds"):
        to_frames(text, FRAMES_PER_SECOND)


def test_a_length_divided_by_nothing_is_refused() -> None:
    with pytest.raises(RecipeError, match="1/0ms"):
        to_frames("1/0ms", Fraction(12))
