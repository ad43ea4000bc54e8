"""Short songs whose drums, bass, guitar and melody fit each other, and differ between songs."""

from dataclasses import dataclass

import numpy as np

from accomptk.stems.song import SongAudio

RATE = 44_100
CHORDS = {"maj": (0, 4, 7), "min": (0, 3, 7)}
NAMES = ["C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B"]


@dataclass(frozen=True)
class BandSong:
    """A task for prepare: makes one song."""

    track: str
    tempo: float
    root: int
    chords: tuple[tuple[int, str], ...]
    drums: tuple[float, ...]
    bass: tuple[float, ...]
    seconds: float = 14.0
    origin: str = ""

    def __call__(self) -> SongAudio:
        beat = 60 / self.tempo
        beats = np.arange(0, self.seconds, beat)
        bars = np.arange(0, self.seconds, 4 * beat)
        harmony = [
            (bar, min(bar + 4 * beat, self.seconds), self.root + step, kind)
            for bar, (step, kind) in zip(bars, self.chords * len(bars), strict=False)
        ]
        stems = {name: np.zeros(round(self.seconds * RATE)) for name in PLAYERS}
        for start, _, root, kind in harmony:
            for at in self.drums:
                self.hit(stems["drums"], start + at * beat, noise(at))
            for at in self.bass:
                self.hit(stems["bass"], start + at * beat, tone(36 + root % 12, 0.4))
            for at in (0.0, 2.5):
                for step in CHORDS[kind]:
                    self.hit(stems["guitar"], start + at * beat, tone(60 + (root + step) % 12, 0.3))
            for index, step in enumerate(CHORDS[kind]):
                self.hit(stems["melody"], start + index * beat, tone(72 + (root + step) % 12, 0.2))
        return SongAudio(
            track=self.track,
            stems={name: (name, wav.astype(np.float32)) for name, wav in stems.items()},
            split="test",
            beats=beats,
            downbeats=bars,
            meter=4,
            chords=[(a, b, f"{NAMES[root % 12]}:{kind}") for a, b, root, kind in harmony],
            key="",
            prompt="test",
            family=self.track,
            source="test",
            soundfont="",
            license="CC0",
            beats_source="known",
        )

    def hit(self, wav: np.ndarray, at_s: float, sound: np.ndarray) -> None:
        """Add a sound at a time, as far as the song goes."""
        start = round(at_s * RATE)
        wav[start : start + sound.size] += sound[: max(wav.size - start, 0)]


PLAYERS = ("drums", "bass", "guitar", "melody")


def tone(midi: int, level: float) -> np.ndarray:
    """A plucked note."""
    time_s = np.arange(round(0.35 * RATE)) / RATE
    hz = 440 * 2 ** ((midi - 69) / 12)
    return level * np.exp(-5 * time_s) * np.sin(2 * np.pi * hz * time_s)


def noise(at: float) -> np.ndarray:
    """A drum, lower on the beat."""
    time_s = np.arange(round(0.12 * RATE)) / RATE
    hiss = np.random.default_rng(int(8 * at)).standard_normal(time_s.size)
    low = np.sin(2 * np.pi * 70 * time_s) if at % 1 == 0 else 0.0
    return 0.3 * np.exp(-40 * time_s) * (low + 0.5 * hiss)


POP = ((0, "maj"), (9, "min"), (5, "maj"), (7, "maj"))
SAD = ((9, "min"), (5, "maj"), (0, "maj"), (7, "maj"))
SONGS = (
    BandSong("one", 96.0, 0, POP, (0, 0.75, 1, 1.5, 2, 2.75, 3, 3.25), (0, 0.75, 1.5, 3)),
    BandSong("two", 118.0, 3, SAD, (0, 0.5, 1, 2, 2.5, 3), (0, 1.5, 2, 3.5)),
    BandSong("three", 140.0, 6, POP, (0, 1, 1.5, 1.75, 2.25, 3), (0.5, 1, 2.5, 3)),
)
