"""Training excerpts drawn from prepared latents: a context, a target, and their chunks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from accomptk.conditions.controls import CONTROL_FEATURES, CONTROLS, Usual
from accomptk.conditions.grid import (
    BEAT_FEATURES,
    FRAMES_PER_SECOND,
    BeatNoise,
    chunk_features,
)
from accomptk.conditions.harmony import HARMONY_FEATURES, harmony_features
from accomptk.conditions.prompts import Vocabulary
from accomptk.conditions.sounds import SOUND_FEATURES, Portrait, SoundSpace, given, portray
from accomptk.diffusion.transformer import Conditions, Layout
from accomptk.errors import DatasetError
from accomptk.latents.shards import SongLatents
from accomptk.stems.instruments import INSTRUMENTS
from accomptk.window import Chunk, Window

Floats = NDArray[np.float32]

_SOUND_NOISE = 0.25  # on a sound, in deviations: a stream's own is somebody else's
_TRIES = 1000  # songs may be of instruments that are not made


@dataclass(frozen=True, slots=True, kw_only=True)
class Drops:
    """Probability with which training withholds each condition of an excerpt.

    A model that is always given the true history learns to go on with it and never to listen,
    and what it goes on with in a stream is its own first guess. Controls are withheld one by one,
    half of them where ``controls`` does not withhold all. Recipes older than sounds told none.
    """

    context: float
    history: float
    prompt: float
    beats: float
    harmony: float
    controls: float
    sound: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """Range from which training draws the hop and gap of an excerpt, in frames.

    ``cold`` is the share of excerpts that begin a stream: nothing was played before the first
    chunk and little was heard.
    """

    frames: int
    excerpt: int
    hop_min: int
    hop_max: int
    gap_max: int
    ahead_max: int
    cold: float

    def window(self, rng: np.random.Generator) -> Window:
        """Hop and gap drawn jointly: uniform hop, gap from -hop to what the reach allows."""
        hop = int(rng.integers(self.hop_min, self.hop_max + 1))
        highest = min(self.gap_max, self.ahead_max - hop)
        return Window(frames=self.frames, hop=hop, gap=int(rng.integers(-hop, highest + 1)))


@dataclass(frozen=True, slots=True)
class Batch:
    """Excerpts as the network takes them; all latents [B, C, T]."""

    target: Tensor
    context: Tensor
    layout: Layout
    conditions: Conditions
    is_made: Tensor  # 1 where a chunk covers the frame, [B, T]

    def to(self, device: torch.device) -> "Batch":
        """The same on a device."""
        return Batch(
            target=self.target.to(device),
            context=self.context.to(device),
            layout=self.layout.to(device),
            conditions=self.conditions.to(device),
            is_made=self.is_made.to(device),
        )

    def astray(self) -> "Batch":
        """The same, but each excerpt hears what another should have heard."""
        harmony = self.conditions.harmony.roll(1, 0)
        conditions = replace(self.conditions, harmony=harmony)
        return replace(self, context=self.context.roll(1, 0), conditions=conditions)


def chunks_of(window: Window, first_heard: int, length: int) -> list[Chunk]:
    """The chunks that a stream begins within ``length`` frames; the last may end after them."""
    chunks: list[Chunk] = []
    heard, made = first_heard, None
    while made is None or made < length:
        chunk = window.chunk(heard, made)
        if chunk.start >= length:
            break
        chunks.append(chunk)
        made, heard = chunk.end, heard + window.hop
    return [chunk for chunk in chunks if chunk.hop > 0]


def sounding(song: SongLatents) -> Floats:
    """Where each stem is above its silence, [S, T] bool."""
    centre = (np.arange(song.latents.shape[2]) + 0.5) / FRAMES_PER_SECOND
    rows = [
        np.any([(start <= centre) & (centre < end) for start, end in regions], axis=0)
        if regions
        else np.zeros(len(centre), bool)
        for regions in song.active
    ]
    return np.stack(rows)


def sounding_starts(sounds: Floats, length: int, share: float) -> NDArray[np.int64]:
    """First frames of the excerpts of ``length`` frames of which at least a share sounds."""
    total = np.concatenate([[0], np.cumsum(sounds)])
    return np.flatnonzero(total[length:] - total[:-length] >= share * length)


class Sampler(Protocol):
    """Draws what a model is trained on."""

    def batch(self, size: int, rng: np.random.Generator) -> Batch:
        """Excerpts with their chunks and conditions."""
        ...

    def windows(
        self, size: int, frames: int, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Target and context [B, C, frames] and instrument [B]."""
        ...


class ExcerptSampler:
    """Draws batches from songs held in memory.

    Args:
        songs: Latents of one split.
        vocabulary: Words of the prompts.
        geometry: Range of hop and gap, excerpt length.
        drops: How often each condition is withheld.
        beat_noise: Errors added to the known beats.
        space: Places of the sounds; None tells none.
        activity: Least share of target frames that sound in every excerpt drawn.
    """

    def __init__(
        self,
        songs: Sequence[SongLatents],
        vocabulary: Vocabulary,
        geometry: Geometry,
        drops: Drops,
        beat_noise: BeatNoise,
        space: SoundSpace | None = None,
        activity: float = 0.25,
    ) -> None:
        self.songs = [song for song in songs if song.latents.shape[2] >= geometry.excerpt]
        self.sounds = {song.track: sounding(song) for song in self.songs}
        self.vocabulary, self.geometry, self.drops = vocabulary, geometry, drops
        self.beat_noise, self.activity = beat_noise, activity
        self.space = space
        self.usual = usual_controls(self.songs)

    def batch(self, size: int, rng: np.random.Generator) -> Batch:
        """A batch that depends on the generator alone."""
        excerpts = [self._excerpt(rng) for _ in range(size)]
        stacked = [torch.stack(part) for part in zip(*excerpts, strict=True)]
        target, context, start, end, heard, history, *conditions = stacked
        return Batch(
            target=target,
            context=context,
            layout=Layout(start, end, heard, history),
            conditions=Conditions(*conditions),
            is_made=(end > 0).to(torch.float32),
        )

    def windows(
        self, size: int, frames: int, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Target and context [B, C, frames] and instrument [B], without chunks or conditions."""
        places = [self._place(rng, frames) for _ in range(size)]
        target, context = (
            torch.from_numpy(np.stack(part).astype(np.float32))
            for part in (
                [s.latents[stem, :, at : at + frames] for s, stem, _, at in places],
                [s.context_latents[mix, :, at : at + frames] for s, _, mix, at in places],
            )
        )
        which = [INSTRUMENTS.index(song.instruments[stem]) for song, stem, _, _ in places]
        return target, context, torch.tensor(which)

    def _excerpt(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        length = self.geometry.excerpt
        song, stem, context, first = self._place(rng, length)
        span = slice(first, first + length)
        is_cold = rng.random() < self.geometry.cold
        window = self.geometry.window(rng)
        first_heard = int(rng.integers(1, window.hop + 1))
        chunks = chunks_of(window, first_heard, length)
        start, end, heard = (np.zeros(length, np.int64) for _ in range(3))
        start -= 1
        for chunk in chunks:
            made = slice(chunk.start, chunk.end)
            start[made], end[made], heard[made] = chunk.start, chunk.end, chunk.heard
        is_deaf = rng.random() < self.drops.context
        if is_deaf:
            heard[:] = 0
        history = chunks[0].start if is_cold else 0
        if rng.random() < self.drops.history:
            history = length
        place = _Place(song, stem, context, first, is_cold, chunks)
        beats = np.zeros((BEAT_FEATURES, length), np.float32)
        if rng.random() >= self.drops.beats and len(song.beats):
            beats[:, chunks[0].start :] = self._beats(place, rng)
        harmony = np.zeros((HARMONY_FEATURES, length), np.float32)
        if rng.random() >= self.drops.harmony and not is_deaf:
            harmony = _harmony(place, beats)
        controls = np.zeros((CONTROL_FEATURES, length), np.float32)
        if rng.random() >= self.drops.controls:
            controls = self._controls(place, length, rng)
        prompt = song.prompt if rng.random() >= self.drops.prompt else None
        return (
            torch.from_numpy(song.latents[stem, :, span].astype(np.float32)),
            torch.from_numpy(song.context_latents[context, :, span].astype(np.float32)),
            torch.from_numpy(start),
            torch.from_numpy(end),
            torch.from_numpy(heard),
            torch.tensor(history),
            torch.tensor(INSTRUMENTS.index(song.instruments[stem])),
            torch.from_numpy(self.vocabulary.vector(prompt)),
            torch.from_numpy(beats),
            torch.from_numpy(harmony),
            torch.from_numpy(controls),
            torch.from_numpy(self._sound(place, rng)),
        )

    def _place(self, rng: np.random.Generator, length: int) -> tuple[SongLatents, int, int, int]:
        """A song, a target stem that sounds, a context without it, and a first frame."""
        for _ in range(_TRIES):
            song = self.songs[int(rng.integers(len(self.songs)))]
            playable = [i for i, name in enumerate(song.instruments) if name in INSTRUMENTS]
            if not playable:
                continue
            stem = playable[int(rng.integers(len(playable)))]
            without = [i for i, stems in enumerate(song.contexts) if song.stems[stem] not in stems]
            firsts = sounding_starts(self.sounds[song.track][stem], length, self.activity)
            if without and len(firsts):
                return song, stem, int(rng.choice(without)), int(rng.choice(firsts))
        raise DatasetError(
            f"none of {_TRIES} stems tried sounds in {self.activity:.0%} of {length} frames beside "
            "others; prepare songs with more in them"
        )

    def _beats(self, place: "_Place", rng: np.random.Generator) -> Floats:
        song, chunks = place.song, place.chunks
        offset_s = place.first / FRAMES_PER_SECOND
        beats, downbeats = song.beats - offset_s, song.downbeats - offset_s
        if place.is_cold:
            beats, downbeats = beats[beats >= 0], downbeats[downbeats >= 0]
        features = chunk_features(
            beats,
            downbeats,
            np.array([chunk.heard for chunk in chunks]),
            np.array([chunk.start for chunk in chunks]),
            np.array([chunk.end for chunk in chunks]),
            noise=self.beat_noise,
            rng=rng,
        )
        return features[:, : self.geometry.excerpt - chunks[0].start]

    def _sound(self, place: "_Place", rng: np.random.Generator) -> Floats:
        """The sound of the stem outside of the excerpt, which it shall not give away."""
        untold = np.zeros(SOUND_FEATURES, np.float32)
        if self.space is None or rng.random() < self.drops.sound:
            return untold
        song, stem = place.song, place.stem
        outside = self.sounds[song.track][stem].copy()
        outside[place.first : place.first + self.geometry.excerpt] = False
        portrait = portray(song.latents[stem], outside)
        if portrait is None:
            return untold
        found = self.space.place(portrait, song.instruments[stem])
        return given(found + rng.normal(0, _SOUND_NOISE, len(found)).astype(np.float32))

    def _controls(self, place: "_Place", length: int, rng: np.random.Generator) -> Floats:
        """Each control in half of the excerpts, what is given being the mean over each chunk."""
        song, stem = place.song, place.stem
        rows = np.zeros((CONTROL_FEATURES, length), np.float32)
        given = rng.random(len(CONTROLS)) < 0.5
        usual = self.usual[song.instruments[stem]]
        for chunk in place.chunks:
            span = slice(place.first + chunk.start, place.first + min(chunk.end, length))
            measured = song.traits[stem, :, span].astype(np.float32)
            sounding = measured[:, np.isfinite(measured).all(0)]
            if sounding.shape[1]:
                value = usual.relative(sounding.mean(1, keepdims=True))
                made = slice(chunk.start, min(chunk.end, length))
                rows[: len(CONTROLS), made] = value * given[:, None]
                rows[len(CONTROLS) :, made] = given[:, None]
        return rows


@dataclass(frozen=True, slots=True)
class Astray:
    """Draws what another sampler draws, but each hears what another should have heard."""

    own: Sampler

    def batch(self, size: int, rng: np.random.Generator) -> Batch:
        """Excerpts with the context and the harmony of others."""
        return self.own.batch(size, rng).astray()

    def windows(
        self, size: int, frames: int, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Windows with the context of others."""
        target, context, instrument = self.own.windows(size, frames, rng)
        return target, context.roll(1, 0), instrument


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an excerpt is: its song, target stem, context, first frame, and its chunks."""

    song: SongLatents
    stem: int
    context: int
    first: int
    is_cold: bool
    chunks: list[Chunk]


def _harmony(place: _Place, beats: Floats) -> Floats:
    """Harmony rows of all chunks, from what a stream would have heard; as long as ``beats``."""
    begin = place.first if place.is_cold else 0
    chroma = place.song.context_chroma[place.context].astype(np.float32)[:, begin:]
    shift, length = place.first - begin, beats.shape[1]
    rows = np.zeros((HARMONY_FEATURES, length), np.float32)
    for chunk in place.chunks:
        made = slice(chunk.start, min(chunk.end, length))
        heard, start, end = (at + shift for at in (chunk.heard, made.start, made.stop))
        rows[:, made] = harmony_features(chroma, heard, start, end, beats[:, made])
    return rows


def portraits(songs: Sequence[SongLatents]) -> list[Portrait]:
    """What the playable stems of songs sound like."""
    found = []
    for song in songs:
        chroma = song.context_chroma.astype(np.float32).sum((0, 2))
        chroma /= max(float(np.linalg.norm(chroma)), 1e-9)
        for stem, sounds in enumerate(sounding(song)):
            instrument = song.instruments[stem]
            features = portray(song.latents[stem], sounds) if instrument in INSTRUMENTS else None
            if features is not None:
                found.append(Portrait(instrument, song.prompt, features, chroma))
    return found


def usual_controls(songs: Sequence[SongLatents]) -> dict[str, Usual]:
    """What is usual of each instrument in these songs."""
    measured: dict[str, list[Floats]] = {}
    for song in songs:
        for instrument, traits in zip(song.instruments, song.traits, strict=True):
            measured.setdefault(instrument, []).append(traits.astype(np.float32))
    return {name: Usual.of(np.concatenate(parts, 1)) for name, parts in measured.items()}
