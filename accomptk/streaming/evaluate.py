"""Plays and judges a set of songs: every model at every look-ahead, beside the anchors.

The work is cut into jobs that several processes share, here or on other machines. What a job
came to is a file in the folder of the run, from which the tables are made: whoever did it, and
whether before or after an interruption.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from accomptk.metrics.anchors import ANCHORS
from accomptk.metrics.judge import Judged
from accomptk.processes import Team
from accomptk.streaming.entries import Entry
from accomptk.streaming.outcomes import Outcome
from accomptk.streaming.parts import Part
from accomptk.streaming.stage import AnchorJob, Job, OtherJob, PlayJob, Stage
from accomptk.streaming.tally import Tally
from accomptk.streaming.workers import perform_all

Progress = Callable[[int, int, str], None]


@dataclass(slots=True)
class Evaluation:
    """What came of it.

    Attributes:
        entries: One tally a row.
        anchors: One an anchor.
        others: Of real stems of songs that are not evaluated, which have embeddings alone.
    """

    entries: list[tuple[Entry, Tally]]
    anchors: dict[str, Tally] = field(default_factory=lambda: {name: Tally() for name in ANCHORS})
    others: Tally = field(default_factory=Tally)

    def count_anchors(
        self, part: Part, judged: Mapping[str, Judged], sources: Mapping[str, str]
    ) -> None:
        """Add what was judged of the anchors of a part, and which songs they were taken from."""
        for name, one in judged.items():
            self.anchors[name].judged[part.name] = one
        for name, track in sources.items():
            self.anchors[name].sources[part.name] = track

    def by_part(self) -> dict[str, dict[str, dict[str, float]]]:
        """Scores by row, part and metric."""
        tallies = {entry.label: tally for entry, tally in self.entries} | self.anchors
        return {
            label: {part: dict(judged.scores) for part, judged in tally.judged.items()}
            for label, tally in tallies.items()
        }


def evaluate(
    stage: Stage,
    entries: Sequence[Entry],
    parts: Sequence[Part],
    *,
    workers: int = 1,
    team: Team | None = None,
    progress: Progress = lambda done, total, what: None,
) -> Evaluation:
    """Play every part with every entry, and judge it and its anchors.

    Args:
        stage: Where that happens.
        entries: The rows.
        parts: What is played.
        workers: Processes of this machine.
        team: Processes that share the jobs, each with workers of its own.
        progress: Told of each job that is done.
    """
    team = team or Team()
    jobs = [*_jobs(entries, parts, stage.recipe.batch), *map(OtherJob, stage.others)]
    mine = team.share(jobs)
    for done, job in enumerate(perform_all(stage, mine, workers), start=1):
        progress(done, len(mine), job.label)
    team.wait()
    return _collect(stage, entries, parts)


def _jobs(entries: Sequence[Entry], parts: Sequence[Part], batch: int) -> list[Job]:
    """Long jobs first, those that read the same parts side by side."""
    batches = _batches(parts, batch)
    played = [PlayJob(entry, some) for some in batches for entry in entries]
    return [*played, *map(AnchorJob, parts)]


def _batches(parts: Sequence[Part], size: int) -> list[tuple[Part, ...]]:
    return [tuple(parts[i : i + size]) for i in range(0, len(parts), size)]


def _collect(stage: Stage, entries: Sequence[Entry], parts: Sequence[Part]) -> Evaluation:
    """Put together what the jobs left."""
    result = Evaluation([(entry, Tally()) for entry in entries])
    for entry, tally in result.entries:
        for some in _batches(parts, stage.recipe.batch):
            _count(tally, stage.outcome(PlayJob(entry, some)))
    for part in parts:
        result.count_anchors(part, stage.judge_anchors(part), stage.pair(part).sources)
    result.others.judged = {part.name: stage.judge_other(part) for part in stage.others}
    return result


def _count(tally: Tally, outcome: Outcome) -> None:
    tally.judged |= outcome.judged
    tally.nfe = outcome.nfe
    tally.step_ms += outcome.step_ms
    tally.rtf += [ms / outcome.hop_ms for ms in outcome.step_ms]
    tally.late += outcome.late
