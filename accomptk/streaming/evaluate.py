"""Plays and judges a set of songs: every model at every look-ahead, beside the anchors.

Streams run in batches of a fixed size, filled up with silence, so that what a stream gives does
not depend on how many others there are. Judges work while no model does, so that the times of
the steps are those of a machine with nothing else to do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from accomptk.diffusion.accompanist import Accompanist
from accomptk.errors import DatasetError
from accomptk.latents.codec import Codec, decode, encode
from accomptk.metrics.anchors import ANCHORS
from accomptk.metrics.cache import AnchorCache, cache_key, halve
from accomptk.metrics.judge import Judged, Scene
from accomptk.run import derive_seed
from accomptk.stems.audio import SAMPLE_RATE
from accomptk.stems.index import StemSet
from accomptk.stems.instruments import INSTRUMENTS
from accomptk.streaming.beat_sources import BeatSource, GivenBeats, NoBeats
from accomptk.streaming.judging import JudgePool, Task
from accomptk.streaming.models import sampling_of
from accomptk.streaming.pairing import Pairing, make_anchors, pair
from accomptk.streaming.parts import STREAM_S, Part, PartAudio, load_part, to_scene, to_warmup
from accomptk.streaming.simulate import Simulation, simulate
from accomptk.streaming.tally import Tally
from accomptk.window import Window

STREAM_BATCH = 4  # as many as a band's instruments that play along at once
BEATS = ("auto", "given", "tracker", "none")

Wav = NDArray[np.float32]
Progress = Callable[[int, int, str], None]
Heard = Callable[["Entry", Part, Wav], None]


class Entry(NamedTuple):
    """One row to be: a model at a window, and the recipe that it was trained by."""

    model: Accompanist
    window: Window
    recipe: str = ""

    @property
    def label(self) -> str:
        """Model and look-ahead, for people."""
        return f"{self.model.name} K={float(self.window.lookahead):.3g}"


class Take(NamedTuple):
    """A part that was read: its audio, and what a made stem is judged against."""

    part: Part
    audio: PartAudio
    scene: Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalRecipe:
    """What is evaluated and how; with the data it decides every number but the times.

    Attributes:
        data: Folder of the set, or ``demo``.
        split: Split of the set, ``all`` or ``auto``.
        songs: At most this many; 0 for all.
        models: Shipped names or files.
        instruments: Parts to play.
        lookahead: Look-aheads K; unused where gaps are given.
        gap: Gaps in frames.
        hop: Frames made a step.
        steps: Sampling steps; 0 for each model's own.
        beats: One of ``BEATS``; ``auto`` gives known beats and tracks unknown ones.
        prompts: Whether models get the songs' prompts.
        seed: Root of all random numbers.
    """

    data: str
    split: str
    songs: int
    models: tuple[str, ...]
    instruments: tuple[str, ...]
    lookahead: tuple[int, ...]
    gap: tuple[int, ...]
    hop: int
    steps: int
    beats: str
    prompts: bool
    seed: int

    def windows(self, frames: int) -> list[Window]:
        """One a look-ahead or gap, for a model that reaches ``frames``."""
        if self.gap:
            return [Window(frames=frames, hop=self.hop, gap=gap) for gap in self.gap]
        tied = partial(Window.from_lookahead, frames=frames, hop=self.hop)
        return [tied(lookahead) for lookahead in self.lookahead]


@dataclass(slots=True)
class Evaluation:
    """What came of it: one tally a row and one an anchor."""

    entries: list[tuple[Entry, Tally]]
    anchors: dict[str, Tally] = field(default_factory=lambda: {name: Tally() for name in ANCHORS})


class Evaluator:
    """Plays parts of a set and has them judged.

    Args:
        stems: The set that holds the songs.
        codec: That all models were trained on.
        judges: Who judges.
        recipe: What the rows have in common.
        cache: Keeps the judged anchors.
        pool: What random pairings are chosen from.
    """

    def __init__(
        self,
        stems: StemSet,
        codec: Codec,
        judges: JudgePool,
        recipe: EvalRecipe,
        cache: AnchorCache,
        pool: Sequence[Part],
    ) -> None:
        self.stems, self.codec, self.judges = stems, codec, judges
        self.recipe, self.cache, self.pool = recipe, cache, pool

    def run(
        self,
        entries: Sequence[Entry],
        parts: Sequence[Part],
        *,
        progress: Progress = lambda done, total, what: None,
        heard: Heard = lambda entry, part, wav: None,
    ) -> Evaluation:
        """Play every part with every entry, and judge it and its anchors.

        Args:
            entries: The rows.
            parts: What is played; must be among the pool.
            progress: Told of each batch that is done.
            heard: Given each made stream, whole, [N].
        """
        result = Evaluation([(entry, Tally()) for entry in entries])
        batches = [parts[i : i + STREAM_BATCH] for i in range(0, len(parts), STREAM_BATCH)]
        total, done = len(batches) * (1 + len(entries)), 0
        for batch in batches:
            takes = [self.load(part) for part in batch]
            for entry, tally in result.entries:
                played = self.play(entry, takes)
                _count_steps(tally, played, entry.window, self.codec)
                self._judge(takes, played.audio, tally)
                for take, wav in zip(takes, played.audio, strict=False):
                    heard(entry, take.part, wav)
                progress(done := done + 1, total, entry.label)
            for take in takes:
                for name, judged in self.judge_anchors(take).items():
                    result.anchors[name].judged[take.part.name] = judged
            progress(done := done + 1, total, "anchors")
        return result

    def load(self, part: Part) -> Take:
        """Read a part; where no beats are known, the judge tracks those of the whole song."""
        audio = load_part(self.stems, part)
        scene = to_scene(part, audio)
        track = self.judges.panel.track_beats
        if scene.beats.size == 0 and track is not None:
            scene = replace(scene, beats=track(scene.truth + scene.context, SAMPLE_RATE))
        return Take(part, audio, scene)

    def play(self, entry: Entry, takes: Sequence[Take]) -> Simulation:
        """Simulate the streams of a batch, filled up with silent ones."""
        recipe, spare = self.recipe, STREAM_BATCH - len(takes)
        contexts = np.stack([take.audio.context for take in takes])
        seeds = [derive_seed(recipe.seed, f"stream/{take.part.name}") for take in takes]
        prompts = [take.part.song.prompt or None if recipe.prompts else None for take in takes]
        beats = [make_beats(take.part, recipe.beats) for take in takes]
        return simulate(
            entry.model,
            self.codec,
            np.pad(contexts, ((0, spare), (0, 0))),
            [take.part.stem.instrument for take in takes] + [INSTRUMENTS[0]] * spare,
            entry.window,
            beats=[*beats, *(NoBeats() for _ in range(spare))],
            prompts=[*prompts, *[None] * spare],
            sampling=sampling_of(entry.model, recipe.steps or None),
            seeds=[*seeds, *[0] * spare],
        )

    def judge_anchors(self, take: Take) -> dict[str, Judged]:
        """What the judges say of the anchors of a part, now or earlier."""
        pairing = self.pairing(take)
        key = self.key(take, pairing)
        known = self.cache.read(key)
        if known is not None:
            return known
        made = make_anchors(
            take.part,
            take.scene,
            pairing,
            self.stems,
            roundtrip=partial(through, self.codec),
            seed=self.recipe.seed,
        )
        judged = self.judges.judge([Task(wav, take.scene) for wav in made.values()])
        found = dict(zip(made, map(halve, judged), strict=True))
        self.cache.write(key, found)
        return found

    def pairing(self, take: Take) -> Pairing:
        """The other songs that stand in for a part's own stem."""
        return pair(take.part, self.pool, self.recipe.seed)

    def key(self, take: Take, pairing: Pairing) -> str:
        """Name of everything that the anchors of a part follow from."""
        panel = self.judges.panel
        others = [other and _fingerprint(other) for other in (pairing.random, pairing.tempo)]
        return cache_key(
            part=_fingerprint(take.part),
            others=others,
            codec=self.codec.sha8,
            judges=[panel.embedding, panel.tracker],
            seed=self.recipe.seed,
        )

    def _judge(self, takes: Sequence[Take], made: Wav, tally: Tally) -> None:
        tasks = [
            Task(
                wav[take.part.scored],
                take.scene,
                (wav[take.part.warmup], to_warmup(take.part, take.audio)),
            )
            for take, wav in zip(takes, made, strict=False)
        ]
        for take, judged in zip(takes, self.judges.judge(tasks), strict=True):
            tally.judged[take.part.name] = halve(judged)


def through(codec: Codec, wav: Wav) -> Wav:
    """A mono signal [N] through the codec and back, aligned."""
    with torch.inference_mode():
        made = decode(codec, encode(codec, torch.from_numpy(np.ascontiguousarray(wav))[None, None]))
    return np.asarray(made[0, 0, : wav.size].numpy(), np.float32)


def make_beats(part: Part, mode: str) -> BeatSource:
    """The beats that a model gets for a part.

    Raises:
        DatasetError: If given beats are asked for and the song has none.
    """
    song, source = part.song, beats_source(part, mode)
    if source == "none":
        return NoBeats()
    if source == "tracker":
        from accomptk.streaming.beat_sources import tracker

        return tracker()
    if song.beats.size < 2:
        raise DatasetError(
            f"{song.track}: knows no beats to give; use --beats tracker or --beats none"
        )
    return GivenBeats(song.beats, song.downbeats)


def beats_source(part: Part, mode: str) -> str:
    """Where a model's beats come from: ``given``, ``tracker`` or ``none``."""
    if mode == "auto":
        return "given" if part.song.beats_source == "known" else "tracker"
    return mode


def _count_steps(tally: Tally, played: Simulation, window: Window, codec: Codec) -> None:
    hop_ms = 1000 * window.hop * codec.frame_samples / codec.sample_rate
    tally.nfe = played.nfe
    tally.step_ms += played.step_ms
    tally.rtf += [ms / hop_ms for ms in played.step_ms]
    if played.misses is not None:
        on_time = len(played.step_ms) - played.misses
        tally.late += [True] * played.misses + [False] * on_time


def _fingerprint(part: Part) -> list[Any]:
    """What a part sounds like and what is known of it."""
    song = part.song
    return [
        part.name,
        [(stem.stem, stem.sha256) for stem in song.stems],
        [part.start_s, part.end_s, STREAM_S],
        song.beats.tolist(),
        song.downbeats.tolist(),
        song.chords,
    ]
