"""What a song is: what is known of its music, and the stems that it was written to disk as."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accomptk.errors import DatasetError

Chord = tuple[float, float, str]
"""Start and end in seconds and a label as mir_eval reads it, such as ``"C:min7"``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Music:
    """What is known of a song's music, and where it is from.

    Attributes:
        split: ``train``, ``valid`` or ``test``.
        beats: Times in seconds, [beats]; empty when unknown.
        downbeats: Times of the bars' first beats in seconds, [bars].
        meter: Beats in a bar, 0 when unknown.
        chords: In order of time; empty when unknown.
        key: In words; empty when unknown, like the texts below.
        prompt: Words for the song.
        family: Songs of one family never sit in two splits.
        source: What kind of collection it is from.
        soundfont: That it was rendered with.
        license: Of the recording.
        beats_source: ``known``, ``estimated`` (and perhaps none were found), or empty when
            nobody looked for any.
    """

    split: str = "train"
    beats: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    downbeats: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    meter: int = 0
    chords: Sequence[Chord] = ()
    key: str = ""
    prompt: str = ""
    family: str = ""
    source: str = ""
    soundfont: str = ""
    license: str = ""
    beats_source: str = ""

    def __post_init__(self) -> None:
        """Give lists from JSON or a table their types."""
        set_field = object.__setattr__
        set_field(self, "beats", np.asarray(self.beats, dtype=np.float64))
        set_field(self, "downbeats", np.asarray(self.downbeats, dtype=np.float64))
        set_field(self, "chords", tuple((float(a), float(b), str(c)) for a, b, c in self.chords))

    @property
    def tempo(self) -> float:
        """Median beats per minute, 0 when unknown."""
        return 60 / float(np.median(np.diff(self.beats))) if len(self.beats) > 1 else 0.0


MUSIC = tuple(f.name for f in fields(Music))
"""Names of what is known of a song's music."""


def music_of(song: Music) -> dict[str, Any]:
    """The fields of `Music`, to make another kind of song with."""
    return {name: getattr(song, name) for name in MUSIC}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stem:
    """One track of a song, as written to disk.

    Attributes:
        track: The song.
        stem: Name within the song.
        instrument: One of ``instruments.CLASSES``.
        path: File, relative to the set's folder, with forward slashes.
        seconds: Length.
        sha256: Of the file.
        rms_db: Level over the whole song, dBFS.
        active: ``(start_s, end_s)`` of the parts above -60 dBFS; empty for a silent stem.
        size_bytes: Of the file, 0 when unknown.
    """

    track: str
    stem: str
    instrument: str
    path: str
    seconds: float
    sha256: str
    rms_db: float
    active: tuple[tuple[float, float], ...]
    size_bytes: int = 0

    def __post_init__(self) -> None:
        """Give lists from JSON or a table their types."""
        regions = tuple((float(start_s), float(end_s)) for start_s, end_s in self.active)
        object.__setattr__(self, "active", regions)


STEM = tuple(f.name for f in fields(Stem))
"""Names of what is known of a stem."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Song(Music):
    """A song of a prepared set: its stems and what is known of its music.

    Attributes:
        track: Name, unique in the set.
        stems: As written.
        seconds: Length of every stem.
        origin: Fingerprint of what the song was made from; another one means make it again.
    """

    track: str
    stems: tuple[Stem, ...]
    seconds: float
    origin: str = ""

    def stem(self, name: str) -> Stem:
        """The stem of that name.

        Raises:
            DatasetError: If the song has none.
        """
        for stem in self.stems:
            if stem.stem == name:
                return stem
        names = ", ".join(stem.stem for stem in self.stems)
        raise DatasetError(f"{self.track}: has no stem '{name}'; it has {names}")

    def to_json(self) -> bytes:
        """All of it as one JSON object, which lies beside the stems."""
        music = music_of(self)
        music |= {name: music[name].tolist() for name in ("beats", "downbeats")}
        stems = [{name: getattr(stem, name) for name in STEM[1:]} for stem in self.stems]
        own = {"track": self.track, "seconds": self.seconds, "origin": self.origin}
        text = json.dumps({**own, **music, "stems": stems}, ensure_ascii=False)
        return text.encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> "Song":
        """What `to_json` gave.

        Raises:
            DatasetError: If it is something else.
        """
        try:
            values: Mapping[str, Any] = json.loads(data)
            stems = tuple(Stem(track=values["track"], **stem) for stem in values["stems"])
            return cls(**{**values, "stems": stems})
        except (ValueError, TypeError, KeyError) as error:
            raise DatasetError(f"no description of a song ({error}); prepare it again") from error
