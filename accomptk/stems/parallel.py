"""Work spread over processes of this machine."""

import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_unordered(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int
) -> Iterator[Result]:
    """Results as they are ready, from processes of one thread each.

    Args:
        work: Runs in any process; what it raises is raised here.
        items: What to work on.
        workers: Processes; 1 works in this one.
    """
    workers = min(workers, len(items))
    if workers <= 1:
        yield from map(work, items)
        return
    from dask.distributed import Client, LocalCluster, as_completed

    cluster = LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
        silence_logs=logging.CRITICAL,
    )
    with cluster, Client(cluster) as client:  # type: ignore[no-untyped-call]
        client.run(_ignore_interrupts)
        futures = client.map(work, items, pure=False)
        for future in as_completed(futures):  # type: ignore[no-untyped-call]
            yield future.result()


def _ignore_interrupts() -> None:
    """Ctrl-C reaches every process of a terminal; the parent alone decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
