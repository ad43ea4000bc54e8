"""What kind of music a groove family is, read from its name."""

import re
from typing import NamedTuple

from accomptk.stems.form import FASTEST_BPM, SLOWEST_BPM


class Genre(NamedTuple):
    """A kind of music.

    Attributes:
        caption: As a listener would call it.
        slowest: Lowest usual tempo in bpm.
        fastest: Highest usual tempo in bpm.
        is_blues: Whether it likes blues changes.
    """

    caption: str
    slowest: float
    fastest: float
    is_blues: bool = False


# Tried in order; what modifies (fast, slow, waltz) comes before what it modifies.
_GENRES = (
    (r"jazzwaltz", Genre("jazz waltz", 100, 180)),
    (r"latinwaltz", Genre("latin waltz", 95, 160)),
    (r"countrywaltz|rockwaltz|popwaltz", Genre("pop waltz", 85, 150)),
    (r"waltz", Genre("waltz", 90, 180)),
    (r"fastblues|boogie|boggie", Genre("boogie blues", 125, 180, True)),
    (r"slowblues|blues128", Genre("blues", 70, 90, True)),
    (r"blues", Genre("blues", 80, 130, True)),
    (r"fastbigband|bebop|fastswing", Genre("bebop", 150, 180)),
    (r"slowswing|slowjazz|slowbigband|easyswing", Genre("swing", 70, 110)),
    (r"countryswing|westernswing", Genre("western swing", 110, 170)),
    (r"swing|bigband|basie|bouncy|charleston|jive", Genre("swing", 110, 175)),
    (r"gypsy", Genre("gypsy jazz", 120, 180)),
    (r"jazzbossa|bossa|quando", Genre("bossa nova", 95, 150)),
    (r"samba", Genre("samba", 130, 180)),
    (r"latinhouse", Genre("latin house", 115, 135)),
    (r"fusion", Genre("fusion", 90, 130)),
    (r"jazzrock", Genre("jazz rock", 95, 145)),
    (r"jazzrhumba|rhumba|beguine|bolero", Genre("rhumba", 80, 130)),
    (r"jazzcountry", Genre("country jazz", 100, 160)),
    (r"jazz|evansish", Genre("jazz", 90, 170)),
    (r"salsa|mambo|merengue|^son$|cuban", Genre("salsa", 120, 180)),
    (r"chacha", Genre("cha-cha", 100, 130)),
    (r"tango", Genre("tango", 90, 135)),
    (r"calypso", Genre("calypso", 115, 170)),
    (r"ska", Genre("ska", 120, 170)),
    (r"heavymetal|metal", Genre("metal", 110, 175)),
    (r"rockballad|slowrock", Genre("rock ballad", 70, 90)),
    (r"ballad|serenade|lullaby", Genre("ballad", 70, 95)),
    (r"triphop", Genre("trip hop", 72, 95)),
    (r"hip-?hop", Genre("hip hop", 75, 105)),
    (r"funk", Genre("funk", 88, 122)),
    (r"techno|rave", Genre("techno", 120, 150)),
    (r"trance", Genre("trance", 122, 145)),
    (r"house|disco|boneym", Genre("disco house", 110, 132)),
    (r"dance", Genre("dance pop", 105, 135)),
    (r"ambient|desert", Genre("ambient", 70, 100)),
    (r"50s|60s|twist", Genre("rock and roll", 115, 180)),
    (r"folkrock|bluefolk|folk", Genre("folk", 85, 140)),
    (r"shuffle", Genre("shuffle", 90, 150)),
    (r"poprock|softrock|bubble", Genre("pop rock", 90, 140)),
    (r"rock|highfive|strut", Genre("rock", 95, 160)),
    (r"bluegrass|hillcountry|zydeco", Genre("bluegrass", 110, 175)),
    (r"country|western|kwest", Genre("country", 85, 150)),
    (r"polka|quickstep", Genre("polka", 110, 170)),
    (r"march|dixie", Genre("march", 100, 130)),
    (r"ragtime|softshoe|foxtrot|showtune|broadway", Genre("show tune", 95, 160)),
    (r"r\+b|^rb|modernrb|mellowrb|soul|motown", Genre("soul", 75, 120)),
    (r"spiritual|hymn", Genre("gospel", 72, 110)),
    (r"16beat|16shuffle", Genre("sixteen-beat pop", 75, 115)),
    (r"8beat|2beat", Genre("eight-beat pop", 85, 145)),
)
_POP = Genre("pop", 80, 150)


def genre_of(family: str) -> Genre:
    """The genre of a family such as ``stdlib/bossanova``; pop when its name tells nothing."""
    stem = family.rpartition("/")[2].lower()
    genre = next((genre for pattern, genre in _GENRES if re.search(pattern, stem)), _POP)
    return genre._replace(
        slowest=max(genre.slowest, SLOWEST_BPM), fastest=min(genre.fastest, FASTEST_BPM)
    )


def genres() -> tuple[Genre, ...]:
    """Every genre that a family can have."""
    found = [genre for _, genre in _GENRES]
    return tuple(dict.fromkeys([*found, _POP]))
