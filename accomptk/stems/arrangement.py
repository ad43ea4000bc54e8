"""Who plays what: a groove's tracks dealt to the band, and parts for those left without."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from accomptk.stems.chart import Chart
from accomptk.stems.comping import write_comping
from accomptk.stems.instruments import INSTRUMENTS, MELODY, OTHER
from accomptk.stems.melody import write_melody
from accomptk.stems.notes import Part
from accomptk.stems.performance import add_fills, perform
from accomptk.stems.players import Sound, choose_sound, class_of_track

_BASS_CEILING = 50  # median pitch above which a track is no bass line
_BASS_MIDDLE = (30, 44)
_PLAYERS_A_CLASS = 2
_STRINGS_SHARE, _MELODY_SHARE, _LEFT_OUT_SHARE = 0.6, 0.85, 0.08

Dealt = dict[str, list[Part]]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Parts by class in the order of the classes, and the sound that stands for each."""

    parts: Mapping[str, tuple[Part, ...]]
    sounds: Mapping[str, Sound]


def arrange(
    rng: np.random.Generator, chart: Chart, tracks: Sequence[Part], *, writes_fills: bool
) -> Arrangement:
    """Deal the tracks of a groove to the band and let it play the chart.

    Args:
        rng: Source of all choices.
        chart: What the tracks follow; its rests, stops, fills and levels are applied here.
        tracks: As read from mma.
        writes_fills: Whether drum fills are made here; false when the groove has its own.
    """
    swing = find_swing(tracks)
    dealt = _deal(rng, tracks)
    _complete(rng, chart, dealt, swing)
    sounds = {
        name: choose_sound(rng, name, parts[0].program) for name, parts in sorted(dealt.items())
    }
    if rng.random() < _MELODY_SHARE:
        sounds[MELODY] = choose_sound(rng, MELODY)
        is_solo = bool(rng.random() < 0.35)
        middle = sounds[MELODY].middle
        tune = write_melody(rng, chart, middle=middle, swing=swing, is_solo=is_solo)
        dealt[MELODY] = [Part(MELODY, MELODY, -1, ()).with_notes(tune)]
    if writes_fills and "drums" in dealt:
        dealt["drums"] = [add_fills(rng, chart, part) for part in dealt["drums"]]
    parts = {
        name: tuple(perform(rng, chart, name, dealt[name], sounds[name]))
        for name in (*INSTRUMENTS, MELODY)
        if name in dealt
    }
    return Arrangement(parts, sounds)


def find_swing(tracks: Sequence[Part]) -> float:
    """Where the second eighth of a beat falls: 0.5 straight, about 0.66 swung."""
    offbeats = np.array([note.start % 1 for track in tracks for note in track.notes])
    offbeats = offbeats[(offbeats > 0.42) & (offbeats < 0.75)]
    if len(offbeats) == 0:
        return 0.5
    return 0.66 if float(np.mean(offbeats > 0.58)) > 0.6 else 0.5


def _deal(rng: np.random.Generator, tracks: Sequence[Part]) -> Dealt:
    """Tracks by class; what fits no class goes to a class that has nothing to play."""
    dealt: Dealt = {}
    spare = []
    bass_names = _find_bass(tracks)
    for track in tracks:
        name = "bass" if track.name in bass_names else class_of_track(track)
        if name == "bass" and track.name not in bass_names:
            name = OTHER
        if name == OTHER:
            spare.append(track)
        else:
            dealt.setdefault(name, []).append(track)
    for name in ("guitar", "piano"):
        rich = [other for other in ("guitar", "piano") if len(dealt.get(other, ())) > 1]
        if name in dealt:
            continue
        if rich:
            dealt[name] = [dealt[rich[0]].pop()]
        elif spare and rng.random() < 0.5:
            dealt[name] = [spare.pop(0)]
    if "strings" not in dealt and spare and rng.random() < 0.5:
        dealt["strings"] = [spare.pop(0)]
    return {name: _limit(name, parts) for name, parts in dealt.items()}


def _find_bass(tracks: Sequence[Part]) -> set[str]:
    """Names of the tracks that carry the bass line."""
    low = [
        track
        for track in tracks
        if not track.is_drum and np.median([n.pitch for n in track.notes]) < _BASS_CEILING
    ]
    plain = {track.name for track in low if track.instrument == "bass"}
    named = [track.name for track in low if track.name.startswith(("Bass", "Walk"))]
    high = [track.name for track in tracks if track.instrument == "bass"]
    return plain or set((*named, *high)[:1])


def _limit(name: str, parts: list[Part]) -> list[Part]:
    """At most two players of a class, the busiest; a bass where a bass can be heard."""
    if name == "bass":
        return [_transpose_bass(part) for part in parts]
    busiest = sorted(parts, key=lambda part: -len(part.notes))[:_PLAYERS_A_CLASS]
    return [part for part in parts if part in busiest]


def _transpose_bass(part: Part) -> Part:
    """The line moved by octaves into the range of a bass."""
    middle = float(np.median([note.pitch for note in part.notes]))
    lowest, highest = _BASS_MIDDLE
    octaves = np.ceil((lowest - middle) / 12) if middle < lowest else 0
    octaves -= np.ceil((middle - highest) / 12) if middle > highest else 0
    shift = 12 * int(octaves)
    return part.with_notes(replace(note, pitch=note.pitch + shift) for note in part.notes)


def _complete(rng: np.random.Generator, chart: Chart, dealt: Dealt, swing: float) -> None:
    """Write parts for players that have none, and sometimes send one home."""
    missing = [name for name in ("guitar", "piano") if name not in dealt]
    if "strings" not in dealt and rng.random() < _STRINGS_SHARE:
        missing.append("strings")
    for name in missing:
        notes = write_comping(rng, chart, name, swing=swing)
        dealt[name] = [Part(name, name, -1, ()).with_notes(notes)]
    if rng.random() < _LEFT_OUT_SHARE:
        dealt.pop(str(rng.choice(["guitar", "piano"])))
