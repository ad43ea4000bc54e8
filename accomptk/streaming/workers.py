"""Does the same kind of work in several processes of one thread each.

Small steps of a network stall on several threads, so two processes do twice as much as one
process of two threads. Every process gets its own copy of the worker once.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any, Protocol

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""What numerical libraries read when they are loaded."""


class Worker(Protocol):
    """Does jobs; picklable, and free of state that a job would change for the next."""

    def perform(self, job: Any) -> None:
        """Do one job; what comes of it is on disk."""
        ...


def perform_all(worker: Worker, jobs: Sequence[Any], processes: int) -> Iterator[Any]:
    """Do all jobs and give each when it is done, in any order.

    Args:
        worker: Who does them.
        jobs: What to do.
        processes: How many at once; 1 works in this process.
    """
    processes = min(processes, len(jobs))
    if processes <= 1:
        with _one_thread():
            for job in jobs:
                worker.perform(job)
                yield job
        return
    with (
        _environment(dict.fromkeys(THREADS, "1")),
        ProcessPoolExecutor(processes, get_context("spawn"), _start, (worker,)) as pool,
    ):
        started = {pool.submit(_perform, job): job for job in jobs}
        try:
            for future in as_completed(started):
                future.result()
                yield started[future]
        finally:
            pool.shutdown(cancel_futures=True)


_worker: Worker | None = None


def _start(worker: Worker) -> None:
    """Compute on one thread, and end with the process that asked, even when that is killed."""
    import torch

    global _worker
    _worker = worker
    torch.set_num_threads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _perform(job: Any) -> None:
    assert _worker is not None
    _worker.perform(job)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Variables for the processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
