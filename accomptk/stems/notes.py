"""What players play: notes in beats, gathered in parts, and written as MIDI."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

DRUM_CHANNEL = 9
CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)

_TICKS_PER_SECOND = 2000
_NOTE_OFF, _NOTE_ON, _CONTROL, _PROGRAM = 0x80, 0x90, 0xB0, 0xC0
_REVERB_SEND = 91


@dataclass(frozen=True, slots=True)
class Note:
    """One note; ``start`` and ``end`` in beats from the first bar."""

    start: float
    end: float
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Part:
    """What one player plays.

    Attributes:
        name: As the arranger calls it, for instance ``Chord-Guitar``.
        instrument: Its class.
        program: General MIDI program from 0; for drums the kit.
        notes: In order of their starts.
        reverb: How much reverb it gets, 0 to 127.
    """

    name: str
    instrument: str
    program: int
    notes: tuple[Note, ...]
    reverb: int = 0

    @property
    def is_drum(self) -> bool:
        """Whether pitches are drums rather than tones."""
        return self.instrument == "drums"

    def with_notes(self, notes: Iterable[Note]) -> Self:
        """The same player with other notes, sorted."""
        ordered = sorted(notes, key=lambda note: (note.start, note.pitch, note.end))
        return replace(self, notes=tuple(ordered))


class Take(NamedTuple):
    """Parts that sound together, and when on the tape they start."""

    offset_s: float
    parts: Sequence[Part]


def to_midi(takes: Sequence[Take], seconds_at: Callable[[float], float]) -> bytes:
    """Write takes one after another as a MIDI file of constant tempo.

    Times are absolute, so no player's rounding of tempo changes can add up.

    Args:
        takes: Each with at most 15 parts beside drums.
        seconds_at: Time in seconds of a beat, counted from the take's offset.
    """
    import mido

    events: list[_Event] = []
    for offset_s, parts in takes:
        free = iter(CHANNELS)
        for part in parts:
            channel = DRUM_CHANNEL if part.is_drum else next(free)
            events += _set_up(part, channel, _to_tick(offset_s))
            events += _play(part, channel, seconds_at, offset_s)
    track = mido.MidiTrack()
    now = 0
    for event in sorted(events, key=lambda event: event[:2]):
        track.append(mido.Message.from_bytes(event.data, time=event.tick - now))
        now = event.tick
    buffer = io.BytesIO()
    mido.MidiFile(ticks_per_beat=_TICKS_PER_SECOND // 2, tracks=[track]).save(file=buffer)
    return buffer.getvalue()


class _Event(NamedTuple):
    tick: int
    rank: int  # of what happens at the same time: set up, release, strike
    data: tuple[int, ...]


def _to_tick(seconds: float) -> int:
    return max(round(seconds * _TICKS_PER_SECOND), 0)


def _set_up(part: Part, channel: int, tick: int) -> Iterator[_Event]:
    yield _Event(tick, 0, (_PROGRAM | channel, part.program))
    yield _Event(tick, 0, (_CONTROL | channel, _REVERB_SEND, part.reverb))


def _play(
    part: Part, channel: int, seconds_at: Callable[[float], float], offset_s: float
) -> Iterator[_Event]:
    """Strikes and releases; a key struck again is released first."""
    struck_again: dict[int, int] = {}
    for note in reversed(part.notes):
        start = _to_tick(offset_s + seconds_at(note.start))
        end = max(_to_tick(offset_s + seconds_at(note.end)), start + 1)
        end = min(end, struck_again.get(note.pitch, end))
        if end <= start:
            continue  # struck twice at once
        struck_again[note.pitch] = start
        yield _Event(start, 2, (_NOTE_ON | channel, note.pitch, note.velocity))
        yield _Event(end, 1, (_NOTE_OFF | channel, note.pitch, 0))
