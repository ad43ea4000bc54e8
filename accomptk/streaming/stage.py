"""Plays and judges in any process; what comes of it lies in the folder of the run.

Streams run in batches of a fixed size, filled up with silence, so that what a stream gives does
not depend on how many others there are, nor on which process plays it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from accomptk.diffusion.accompanist import Accompanist
from accomptk.errors import DatasetError
from accomptk.latents.codec import Codec, decode, encode
from accomptk.metrics.anchors import OTHERS
from accomptk.metrics.cache import AnchorCache, cache_key, halve
from accomptk.metrics.judge import Judged, Panel, Scene, embed_stem, judge_stem, score_notes
from accomptk.run import derive_seed
from accomptk.stems.audio import SAMPLE_RATE
from accomptk.stems.index import StemSet
from accomptk.stems.instruments import INSTRUMENTS
from accomptk.streaming.beat_sources import BeatSource, GivenBeats, NoBeats
from accomptk.streaming.entries import Entry, EvalRecipe, Recorded
from accomptk.streaming.latency import Latency, lose, make_clock
from accomptk.streaming.models import sampling_of
from accomptk.streaming.outcomes import Outcome, OutcomeStore
from accomptk.streaming.pairing import Pairing, make_anchors, pair
from accomptk.streaming.parts import STREAM_S, Part, PartAudio, load_part, to_scene, to_warmup
from accomptk.streaming.recordings import Keep, read_recording
from accomptk.streaming.simulate import Simulation, simulate
from accomptk.window import Window

BEATS = ("auto", "given", "tracker", "none")

Wav = NDArray[np.float32]


class Take(NamedTuple):
    """A part that was read: its audio, and what a made stem is judged against."""

    part: Part
    audio: PartAudio
    scene: Scene


class PlayJob(NamedTuple):
    """A batch of parts for one entry to play."""

    entry: Entry
    parts: tuple[Part, ...]

    @property
    def label(self) -> str:
        """For people."""
        return self.entry.label


class AnchorJob(NamedTuple):
    """A part whose anchors are to be judged."""

    part: Part

    @property
    def label(self) -> str:
        """For people."""
        return "anchors"


class OtherJob(NamedTuple):
    """A part of a song that is not evaluated, whose sound is to be judged."""

    part: Part

    @property
    def label(self) -> str:
        """For people."""
        return OTHERS


Job = PlayJob | AnchorJob | OtherJob


@dataclass(slots=True, kw_only=True, eq=False)
class Stage:
    """Everything that playing and judging needs.

    Attributes:
        stems: The set that holds the songs.
        codec: That all models were trained on.
        panel: Who judges.
        recipe: What the rows have in common.
        pool: What random pairings are chosen from.
        anchors: Keeps the judged anchors.
        outcomes: Keeps what came of the streams.
        others: Parts of songs that are not evaluated.
        keep: Writes what is to be listened to.
    """

    stems: StemSet
    codec: Codec
    panel: Panel
    recipe: EvalRecipe
    pool: Sequence[Part]
    anchors: AnchorCache
    outcomes: OutcomeStore
    others: Sequence[Part] = ()
    keep: Keep = field(default_factory=Keep)
    _takes: dict[str, Take] = field(default_factory=dict, init=False, repr=False)

    def perform(self, job: Job) -> None:
        """Do a job unless it was done before."""
        match job:
            case AnchorJob(part):
                self.judge_anchors(part, listen=self.keep.audio is not None)
            case OtherJob(part):
                self.judge_other(part)
            case PlayJob():
                self.outcome(job)

    def outcome(self, job: PlayJob) -> Outcome:
        """What comes of a batch, now or earlier."""
        key = self.outcome_key(job)
        known = self.outcomes.read(key)
        if known is not None:
            return known
        takes = [self.load(part) for part in job.parts]
        outcome = self._play(job.entry, takes)
        self.outcomes.write(key, outcome)
        return outcome

    def judge_anchors(self, part: Part, listen: bool = False) -> Mapping[str, Judged]:
        """What the judges say of the anchors of a part, now or earlier.

        Args:
            part: The part.
            listen: Also keep the anchors' audio, for which they have to be made.
        """
        pairing = self.pair(part)
        key = self.anchor_key(part, pairing)
        known = self.anchors.read(key)
        if known is not None and not listen:
            return known
        take = self.load(part)
        made = make_anchors(
            part,
            take.scene,
            pairing,
            self.stems,
            roundtrip=partial(through, self.codec),
            seed=self.recipe.seed,
        )
        if listen:
            for name, wav in made.items():
                self.keep.anchor(name, part, wav)
            self.keep.context(part, take.audio)
        if known is None:
            judged = {name: judge_stem(wav, take.scene, self.panel) for name, wav in made.items()}
            known = {name: halve(one) for name, one in judged.items()}
            self.anchors.write(key, known)
        return known

    def judge_other(self, part: Part) -> Judged:
        """Embeddings of a real stem through the codec, without scores, now or earlier."""
        key = cache_key(other=_fingerprint(part), codec=self.codec.sha8, judges=_judges(self.panel))
        known = self.anchors.read(key)
        if known is None:
            audio = load_part(self.stems, part)
            wav = through(self.codec, audio.truth[part.scored])
            heard = embed_stem(wav, audio.context[part.scored], SAMPLE_RATE, self.panel)
            known = {OTHERS: halve(heard)}
            self.anchors.write(key, known)
        return known[OTHERS]

    def pair(self, part: Part) -> Pairing:
        """The other songs that anchors of a part are taken from."""
        return pair(part, self.pool, self.recipe.seed)

    def load(self, part: Part) -> Take:
        """Read a part; where no beats are known, the judge tracks those of the whole song.

        The parts of the last batches are remembered: jobs of one batch follow each other.
        """
        if part.name not in self._takes:
            if len(self._takes) >= 2 * self.recipe.batch:
                self._takes.clear()
            self._takes[part.name] = self._read(part)
        return self._takes[part.name]

    def simulate(self, model: Accompanist, window: Window, takes: Sequence[Take]) -> Simulation:
        """Play the streams of a batch, filled up with silent ones, as far as they are scored."""
        recipe, codec = self.recipe, self.codec
        spare = [0] * (recipe.batch - len(takes))
        length = max(take.part.scored.stop for take in takes)
        contexts = np.stack([take.audio.context[:length] for take in takes])
        seeds = [derive_seed(recipe.seed, f"stream/{take.part.name}") for take in takes] + spare
        prompts = [take.part.song.prompt or None if recipe.prompts else None for take in takes]
        beats = [make_beats(take.part, recipe.beats, model) for take in takes]
        contexts = np.pad(contexts, ((0, len(spare)), (0, 0)))
        return simulate(
            model,
            codec,
            lose(contexts, recipe.loss, codec.frame_samples, seeds),
            [take.part.stem.instrument for take in takes] + [INSTRUMENTS[0] for _ in spare],
            window,
            beats=[*beats, *(NoBeats() for _ in spare)],
            prompts=[*prompts, *(None for _ in spare)],
            sampling=sampling_of(model, recipe.steps or None, recipe.anticipate),
            seeds=seeds,
            clock=make_clock(recipe.clock, Latency.parse(recipe.latency), seeds),
        )

    def outcome_key(self, job: PlayJob) -> str:
        """Name of everything that the outcome of a batch follows from."""
        entry, recipe = job.entry, self.recipe
        player: list[Any]
        if isinstance(entry.player, Recorded):
            player = [_stamp(entry.player, part) for part in job.parts]
        else:
            sampling = sampling_of(entry.player, recipe.steps or None, recipe.anticipate)
            assert entry.window is not None
            player = [entry.player.sha8, astuple(entry.window), astuple(sampling)]
        return cache_key(
            entry=[entry.label, *player],
            parts=[_fingerprint(part) for part in job.parts],
            codec=self.codec.sha8,
            judges=_judges(self.panel),
            stream=[recipe.beats, recipe.prompts, recipe.clock, recipe.latency, recipe.loss],
            batch=recipe.batch,
            seed=recipe.seed,
        )

    def anchor_key(self, part: Part, pairing: Pairing) -> str:
        """Name of everything that the anchors of a part follow from."""
        others = [other and _fingerprint(other) for other in (pairing.random, pairing.tempo)]
        return cache_key(
            part=_fingerprint(part),
            others=others,
            codec=self.codec.sha8,
            judges=_judges(self.panel),
            seed=self.recipe.seed,
        )

    def _read(self, part: Part) -> Take:
        audio = load_part(self.stems, part)
        scene = to_scene(part, audio)
        track = self.panel.track_beats
        if scene.beats.size == 0 and track is not None:
            scene = replace(scene, beats=track(scene.truth + scene.context, SAMPLE_RATE))
        return Take(part, audio, scene)

    def _play(self, entry: Entry, takes: Sequence[Take]) -> Outcome:
        if isinstance(entry.player, Recorded):
            made = [read_recording(entry.player.files[take.part.name]) for take in takes]
            return Outcome(judged=self._judge(entry, takes, made))
        assert entry.window is not None
        played = self.simulate(entry.player, entry.window, takes)
        return Outcome(
            judged=self._judge(entry, takes, list(played.audio)),
            step_ms=tuple(played.step_ms),
            hop_ms=1000 * entry.window.hop * self.codec.frame_samples / self.codec.sample_rate,
            late=tuple(played.late or ()),
            nfe=played.nfe,
        )

    def _judge(self, entry: Entry, takes: Sequence[Take], made: Sequence[Wav]) -> dict[str, Judged]:
        found = {}
        for take, wav in zip(takes, made, strict=False):
            whole = _to_length(wav, take.audio.truth.size)
            self.keep.made(entry, take.part, take.audio, whole)
            found[take.part.name] = halve(self._judge_stream(take, whole))
        return found

    def _judge_stream(self, take: Take, wav: Wav) -> Judged:
        """Judge the scored stretch; scores of the warm-up are named ``warmup_...``."""
        part = take.part
        judged = judge_stem(wav[part.scored], take.scene, self.panel)
        first = score_notes(wav[part.warmup], to_warmup(part, take.audio))
        named = {f"warmup_{key}": value for key, value in first.items()}
        return replace(judged, scores={**judged.scores, **named})


def through(codec: Codec, wav: Wav) -> Wav:
    """A mono signal [N] through the codec and back, aligned."""
    with torch.inference_mode():
        made = decode(codec, encode(codec, torch.from_numpy(np.ascontiguousarray(wav))[None, None]))
    return np.asarray(made[0, 0, : wav.size].numpy(), np.float32)


def make_beats(part: Part, mode: str, model: Accompanist) -> BeatSource:
    """The beats that a model gets for a part.

    Raises:
        DatasetError: If given beats are asked for and the song has none.
    """
    song, source = part.song, beats_source(part, mode, model)
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


def beats_source(part: Part, mode: str, player: Accompanist | Recorded) -> str:
    """Where a player's beats come from: ``given``, ``tracker`` or ``none``; empty if unknown."""
    if isinstance(player, Recorded):
        return ""
    if not player.hears_beats:
        return "none"
    if mode == "auto":
        return "given" if part.song.beats_source == "known" else "tracker"
    return mode


def _to_length(wav: Wav, samples: int) -> Wav:
    return np.pad(wav[:samples], (0, max(0, samples - wav.size)))


def _judges(panel: Panel) -> list[str]:
    """The names of all judges."""
    values = (getattr(panel, field.name) for field in fields(panel))
    return [value for value in values if isinstance(value, str)]


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


def _stamp(player: Recorded, part: Part) -> list[Any]:
    """What a recording is: its name, size and time of change."""
    path = player.files[part.name]
    status = path.stat()
    return [str(path), status.st_size, status.st_mtime_ns]
