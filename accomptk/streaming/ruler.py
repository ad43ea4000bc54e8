"""Holds the metrics themselves to account: the ground truth among anchors and foils.

A foil is a stem that is right in some way and wrong in another (`accomptk.metrics.foils`). The
rows are those of any table, so that they are stored, drawn and checked in the same way.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from accomptk.latents.codec import load_codec
from accomptk.metrics.anchors import UPPER
from accomptk.metrics.cache import AnchorCache, cache_key, halve
from accomptk.metrics.foils import FOILS, make_foils
from accomptk.metrics.judge import Judged, judge_stem
from accomptk.metrics.panel import RULERS, find_panel, judge_line
from accomptk.metrics.ranking import TRUTH, shares_above
from accomptk.metrics.table import Row
from accomptk.run import cores, machine_line, numpy_generator
from accomptk.stems.audio import SAMPLE_RATE
from accomptk.stems.demo import ANCHORS, demo_root
from accomptk.streaming.entries import NOTHING_PLAYED
from accomptk.streaming.evaluate import Evaluation, Progress
from accomptk.streaming.outcomes import OutcomeStore
from accomptk.streaming.parts import Part
from accomptk.streaming.scoreboard import Scoreboard, score
from accomptk.streaming.session import open_session
from accomptk.streaming.stage import Stage
from accomptk.streaming.tally import Tally
from accomptk.streaming.workers import perform_all
from accomptk.weights.registry import cache_dir

Shares = dict[str, tuple[float, int]]
"""Share of pairs in which the own stem scores higher, and how many pairs, by instrument."""


@dataclass(frozen=True, slots=True)
class FoilStage:
    """Judges the anchors and the foils of a part, in any process."""

    stage: Stage

    def perform(self, part: Part) -> None:
        """Judge what was not judged before."""
        self.judge(part)

    def judge(self, part: Part) -> Mapping[str, Judged]:
        """What the judges say of all stand-ins of a part."""
        stage = self.stage
        key = cache_key(foils=FOILS, of=stage.anchor_key(part, stage.pair(part)))
        known = stage.anchors.read(key)
        if known is None:
            scene = stage.load(part).scene
            made = make_foils(
                scene.truth,
                SAMPLE_RATE,
                beats=scene.beats,
                chords=scene.chords,
                is_bass=scene.instrument == "bass",
                rng=numpy_generator(stage.recipe.seed, f"foils/{part.name}"),
            )
            known = {n: halve(judge_stem(wav, scene, stage.panel)) for n, wav in made.items()}
            stage.anchors.write(key, known)
        return {**stage.judge_anchors(part), **known}


def measure_foils(
    stage: Stage,
    parts: Sequence[Part],
    *,
    workers: int = 1,
    progress: Progress = lambda done, total, what: None,
) -> Evaluation:
    """Judge anchors and foils of all parts.

    Args:
        stage: Where that happens.
        parts: Whose ground truth is to be beaten.
        workers: Processes.
        progress: Told of each part that is done.
    """
    judge = FoilStage(stage)
    for done, part in enumerate(perform_all(judge, parts, workers), start=1):
        progress(done, len(parts), part.name)
    result = Evaluation([])
    result.anchors |= {name: Tally() for name in FOILS}
    for part in parts:
        result.count_anchors(part, judge.judge(part), stage.pair(part).sources)
    return result


def measure_ruler(
    data: Path | None,
    codec_path: Path | None,
    *,
    instruments: tuple[str, ...],
    songs: int | None,
    seed: int,
    workers: int | None,
    progress: Progress = lambda done, total, what: None,
) -> tuple[Scoreboard, dict[str, Shares]]:
    """Rows of all anchors and foils of a set, and how often each is the less coherent one.

    Args:
        data: Folder of a prepared set; None for the shipped demo songs.
        codec_path: Codec of the anchors; None for the shipped one.
        instruments: Parts to judge.
        songs: At most this many; None for all.
        seed: Root of all random numbers.
        workers: Processes; None for one a core.
        progress: Told of each part that is done.
    """
    root = data or demo_root()
    recipe = replace(NOTHING_PLAYED, songs=songs or 0, instruments=instruments, seed=seed)
    session = open_session(recipe, root, torch.device("cpu"))
    codec, panel = load_codec(codec_path), find_panel()
    with tempfile.TemporaryDirectory() as unused:
        stage = Stage(
            stems=session.stems,
            codec=codec,
            panel=panel,
            recipe=recipe,
            pool=session.pool,
            anchors=AnchorCache(cache_dir() / ANCHORS, [root / ANCHORS]),
            outcomes=OutcomeStore(Path(unused)),
        )
        result = measure_foils(stage, session.parts, workers=workers or cores(), progress=progress)
    common = Row(
        model="",
        data=session.stems.index_hash[:8],
        judges=judge_line(panel, [part.song.beats_source for part in session.parts]),
        machine=machine_line(),
    )
    rulers = RULERS if panel.embed is not None else {}
    board = score(result, session.parts, codec, rulers, recipe, common)
    return board, coherence_shares(result, session.parts)


def coherence_shares(result: Evaluation, parts: Sequence[Part]) -> dict[str, Shares]:
    """How often a part's own stem is more coherent than a foil, by foil and instrument.

    What went through the codec is compared with the own stem through the codec.
    """
    scores = result.by_part()
    instruments = {part.name: part.stem.instrument for part in parts}
    own = dict.fromkeys(FOILS, TRUTH) | dict.fromkeys(("random_pairing", "tempo_matched"), UPPER)
    return {
        foil: shares_above(scores[truth], scores[foil], instruments, "coherence")
        for foil, truth in own.items()
    }
