"""Judges many stems at once, in processes of their own."""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Self

import numpy as np
from numpy.typing import NDArray

from accomptk.metrics.judge import Judged, Panel, Scene, judge_stem, score_notes

Wav = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A stem to judge, and optionally how its stream began, which is scored apart."""

    made: Wav
    scene: Scene
    warmup: tuple[Wav, Scene] | None = None


class JudgePool:
    """A panel that judges in ``workers`` processes, or in this one when that is 1."""

    def __init__(self, panel: Panel, workers: int) -> None:
        self.panel = panel
        self._pool = (
            ProcessPoolExecutor(workers, get_context("spawn"), _start_judge)
            if workers > 1
            else None
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def judge(self, tasks: Sequence[Task]) -> list[Judged]:
        """Judge all tasks; the order and the numbers do not depend on the workers."""
        work = partial(judge_task, panel=self.panel)
        return list(map(work, tasks) if self._pool is None else self._pool.map(work, tasks))


def judge_task(task: Task, panel: Panel) -> Judged:
    """Judge one stem; scores of the warm-up are named ``warmup_...``."""
    judged = judge_stem(task.made, task.scene, panel)
    if task.warmup is None:
        return judged
    first = {f"warmup_{key}": value for key, value in score_notes(*task.warmup).items()}
    return replace(judged, scores={**judged.scores, **first})


def _start_judge() -> None:
    """Compute on one thread and end with the process that asked, even when that is killed.

    Judges of several threads each would only wait for one another.
    """
    import torch

    torch.set_num_threads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
