import io

import mido
import pytest

from accomptk.stems.notes import Note, Part, Take, to_midi


def part(*notes: Note, instrument: str = "piano", program: int = 4) -> Part:
    return Part(instrument, instrument, program, ()).with_notes(notes)


def read(midi: bytes) -> list[tuple[float, str, int, int]]:
    """Seconds, kind, channel and pitch of the note messages."""
    file = mido.MidiFile(file=io.BytesIO(midi))
    now, found = 0.0, []
    for message in file:
        now += message.time
        if message.type in ("note_on", "note_off"):
            found.append((round(now, 3), message.type, message.channel, message.note))
    return found


def test_times_follow_the_tempo_map_and_the_offset():
    takes = [Take(10.0, [part(Note(0, 1, 60, 80), Note(2, 3, 62, 80))])]
    events = read(to_midi(takes, lambda beat: beat**2 / 2))
    assert events == [
        (10.0, "note_on", 0, 60),
        (10.5, "note_off", 0, 60),
        (12.0, "note_on", 0, 62),
        (14.5, "note_off", 0, 62),
    ]


def test_drums_are_on_the_tenth_channel_and_others_apart():
    parts = [part(Note(0, 1, 36, 90), instrument="drums"), *[part(Note(0, 1, 60, 90))] * 10]
    events = read(to_midi([Take(0.0, parts)], float))
    channels = [channel for _, kind, channel, _ in events if kind == "note_on"]
    assert channels == [9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 10]


def test_a_key_struck_again_is_released_first():
    events = read(to_midi([Take(0.0, [part(Note(0, 4, 60, 80), Note(1, 2, 60, 80))])], float))
    assert [event[:2] for event in events] == [
        (0.0, "note_on"),
        (1.0, "note_off"),
        (1.0, "note_on"),
        (2.0, "note_off"),
    ]


@pytest.mark.parametrize("program", [0, 73, 127])
def test_program_and_reverb_are_set_before_the_first_note(program):
    player = Part("x", "melody", program, (Note(0, 1, 60, 80),), reverb=50)
    messages = list(mido.MidiFile(file=io.BytesIO(to_midi([Take(0.0, [player])], float))))
    assert messages[0].program == program
    assert (messages[1].control, messages[1].value) == (91, 50)
    assert messages[2].type == "note_on"


def test_with_notes_sorts():
    assert [n.start for n in part(Note(3, 4, 1, 1), Note(0, 1, 2, 1)).notes] == [0, 3]
