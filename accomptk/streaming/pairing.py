"""The anchors of a part: which other songs it is paired with, and all stand-in stems as audio."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accomptk.metrics.anchors import click_track, lay_beside
from accomptk.metrics.judge import Scene
from accomptk.run import numpy_generator
from accomptk.stems.audio import SAMPLE_RATE
from accomptk.stems.index import StemSet
from accomptk.streaming.parts import Part

Wav = NDArray[np.float32]
Roundtrip = Callable[[Wav], Wav]

SPARE_S = 0.01  # more than rounding the start can take away
OFF_BEAT = (3 / 8, 5 / 8)  # beats after this song's: far from its beats, halves and quarters


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """Parts of other songs, of the same instrument; None where there is none."""

    random: Part | None
    tempo: Part | None

    @property
    def sources(self) -> dict[str, str]:
        """Songs that anchors are taken from, by anchor."""
        others = {"random_pairing": self.random, "tempo_matched": self.tempo}
        return {name: part.song.track for name, part in others.items() if part is not None}


def pair(part: Part, parts: Sequence[Part], seed: int) -> Pairing:
    """Choose the other songs of a part, of another family if possible.

    The choice depends on the seed and on the parts to choose from, not on their order.
    """
    same = [other for other in parts if other.stem.instrument == part.stem.instrument]
    others = sorted(
        (other for other in same if other.song.track != part.song.track),
        key=lambda other: other.name,
    )
    foreign = [other for other in others if other.song.family != part.song.family] or others
    if not foreign:
        return Pairing(None, None)
    rng = numpy_generator(seed, f"pairing/{part.name}")
    timed = [other for other in foreign if other.song.beats.size > 1]
    nearest = min(timed, key=lambda other: _tempo_gap(part, other), default=None)
    known = part.song.beats.size > 1
    return Pairing(foreign[rng.integers(len(foreign))], nearest if known else None)


def make_anchors(
    part: Part,
    scene: Scene,
    pairing: Pairing,
    stems: StemSet,
    *,
    roundtrip: Roundtrip,
    seed: int,
) -> dict[str, Wav]:
    """Every anchor that this part has.

    Args:
        part: The part.
        scene: Its scored stretch.
        pairing: Its other songs.
        stems: The set that holds them.
        roundtrip: Through the codec and back, aligned, [N] to [N].
        seed: Root of the random numbers.

    Returns:
        Stems by anchor, each as long as the scene's truth.
    """
    made = {
        "ground_truth": scene.truth,
        "codec": roundtrip(scene.truth),
        "silence": np.zeros_like(scene.truth),
    }
    if scene.beats.size:
        made["click"] = click_track(scene.beats, scene.downbeats, scene.truth, SAMPLE_RATE)
    if pairing.random is not None:
        other, seconds = pairing.random, part.end_s - part.start_s
        wav = stems.audio(other.song, other.stem, other.start_s, seconds + SPARE_S)
        made["random_pairing"] = roundtrip(wav[: scene.truth.size])
    if pairing.tempo is not None:
        laid = _lay_tempo_matched(part, scene, pairing.tempo, stems, seed)
        if laid is not None:
            made["tempo_matched"] = roundtrip(laid)
    return made


def _lay_tempo_matched(
    part: Part, scene: Scene, other: Part, stems: StemSet, seed: int
) -> Wav | None:
    """The other song's stem at this tempo, off this song's beats, [N]."""
    beats, seconds = other.song.beats, scene.truth.size / SAMPLE_RATE
    needed_s = 2 * seconds  # the tempo ratio is at most 1.5
    start_s = max(0.0, min(other.start_s, other.song.seconds - needed_s))
    return lay_beside(
        stems.audio(other.song, other.stem, start_s, needed_s),
        beats[beats >= start_s] - start_s,
        scene.beats,
        phase=float(numpy_generator(seed, f"phase/{part.name}").choice(OFF_BEAT)),
        samples=scene.truth.size,
        sample_rate=SAMPLE_RATE,
    )


def _tempo_gap(part: Part, other: Part) -> float:
    """Distance of two tempi in octaves, where half and double count as the same."""
    periods = (np.median(np.diff(song.beats)) for song in (part.song, other.song))
    octaves = float(np.diff(np.log2(list(periods)))[0])
    return abs(octaves - round(octaves))
