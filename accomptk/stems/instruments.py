"""Which instrument a stem is: the classes, and how programs and file names map to them."""

import re
import unicodedata

INSTRUMENTS = ("drums", "bass", "guitar", "piano", "strings")
"""Classes that a model can play; the order is the model's."""

PARTS = ("drums", "bass", "guitar", "piano")
"""Those that are played where songs are evaluated."""

MELODY = "melody"
"""Voices and solo instruments: heard as context, never made."""

OTHER = "other"
"""Everything else: heard as context, never made."""

CLASSES = (*INSTRUMENTS, MELODY, OTHER)

# General MIDI programs, counted from 0: the first program of each run and its class.
_PROGRAM_RUNS = (
    (0, "piano"),
    (8, OTHER),  # mallets and organs
    (21, MELODY),  # accordion, harmonica, bandoneon
    (24, "guitar"),
    (32, "bass"),
    (40, "strings"),
    (47, OTHER),  # timpani
    (48, "strings"),
    (52, OTHER),  # choir pad
    (53, MELODY),  # voices
    (55, OTHER),  # orchestra hit
    (56, MELODY),  # solo brass
    (61, OTHER),  # brass sections
    (64, MELODY),  # reeds, pipes, synth leads
    (88, OTHER),  # pads and effects
    (104, "guitar"),  # sitar, banjo, shamisen, koto
    (108, OTHER),  # kalimba
    (109, MELODY),  # bagpipe, fiddle, shanai
    (112, OTHER),  # bells
    (115, "drums"),  # woodblock to reversed cymbal
    (119, OTHER),  # sound effects
)

# Tried in order, so that "bass drum" is drums and "bass guitar" is bass. A word matches
# whole, or from its start when it ends in "*".
_NAME_WORDS = (
    (
        "drums",
        "drum* kick* snare* hihat* hat hats hh tom toms cymbal* ride crash perc percs percus* "
        "overhead* oh conga* bongo* shaker tamb* clap claps cajon bd sd schlagzeug batterie "
        "bateria beat beats",
    ),
    (MELODY, "vocal* vox voice* voc sing singer singing gesang chant bvs bgv"),
    ("bass", "bass basses basse bassline bassgui* bassgit* bajo basso sub contrabass* kontrabass*"),
    ("guitar", "guitar* gtr gtrs gitar* git guit* chitarra banjo ukulele strat tele"),
    ("piano", "piano* pno keys key keyboard* keybs rhodes wurli* epiano klavier clav clavinet"),
    ("strings", "string* str strs violin* viola* cello* violon* streicher harp orchestra* vln vlc"),
    (
        MELODY,
        "melod* lead* solo* sax* trumpet* flute* clarinet* oboe* bassoon* trombone* horn* "
        "harmonica* whistle recorder tpt",
    ),
    (OTHER, "other* rest synth* pad pads organ* fx sfx accomp* misc brass choir* loop*"),
)


def from_program(program: int, is_drum: bool) -> str:
    """The class of a General MIDI program.

    Args:
        program: 0 to 127.
        is_drum: Whether the notes are on the drum channel, where programs are kits.
    """
    if is_drum:
        return "drums"
    return next(name for first, name in reversed(_PROGRAM_RUNS) if program >= first)


def from_name(name: str) -> str | None:
    """The class that a file name such as ``"02 Bass DI.wav"`` states, or None."""
    words = _words(name)
    for instrument, patterns in _NAME_WORDS:
        for pattern in patterns.split():
            if any(_matches(word, pattern) for word in words):
                return instrument
    return None


def _words(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r"\.[A-Za-z0-9]{1,5}$", "", name))
    plain = unicodedata.normalize("NFKD", spaced).casefold()
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    joined = letters.replace("hi-hat", "hihat").replace("hi hat", "hihat")
    return re.findall(r"[^\W\d_]+", joined)


def _matches(word: str, pattern: str) -> bool:
    return word.startswith(pattern[:-1]) if pattern.endswith("*") else word == pattern
