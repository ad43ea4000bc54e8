"""Work spread over processes of this machine, or over a cluster's."""

import logging
import signal
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from accomptk.errors import DatasetError

if TYPE_CHECKING:
    from distributed import Client

Item = TypeVar("Item")
Result = TypeVar("Result")

Workers = int | str
"""Processes of this machine, 1 for this one; or the address of a dask scheduler."""

_AHEAD = 4  # items a process has waiting for it, so that a long list is sent piece by piece
_PATIENCE_S = 10.0


def map_unordered(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    workers: Workers,
    lost: Callable[[Item], Result] | None = None,
) -> Iterator[Result]:
    """Results as they are ready, from processes of one thread each.

    What a process was doing when it died is done again by another one.

    Args:
        work: Runs in any process, perhaps twice; what it raises is raised here.
        items: What to work on.
        workers: Processes, or a scheduler's address such as ``tcp://10.0.0.1:8786``.
        lost: Gives the result of an item that killed every process that took it; without it
            such an item is an error.

    Raises:
        DatasetError: If no scheduler answers.
    """
    if isinstance(workers, int):
        workers = min(workers, len(items))
        if workers <= 1:
            yield from map(work, items)
            return
    if not items:
        return
    from distributed import KilledWorker

    is_ours = isinstance(workers, int)
    with _connect(workers) as client, _taught(client, work, is_ours=is_ours) as name:
        suspects: list[Item] = []
        for item, future in _stream(client, name, items):
            try:
                result = future.result()
            except KilledWorker:
                suspects.append(item)  # or was it its neighbour? each gets a try of its own
            else:
                yield result
        for item in suspects:
            try:
                result = client.submit(_do, name, item, pure=False).result()
            except KilledWorker:
                if lost is None:
                    raise
                result = lost(item)
            yield result


def _stream(client: "Client", name: str, items: Sequence[Item]) -> "Iterator[tuple[Item, Any]]":
    """Items and their futures as those are done; only some are under way at a time."""
    from distributed import as_completed

    waiting = iter(items)
    under_way: dict[Any, Item] = {}

    def start(count: int) -> list[Any]:
        batch = list(islice(waiting, count))
        futures: list[Any] = client.map(_do, [name] * len(batch), batch, pure=False)
        under_way.update((f.key, item) for f, item in zip(futures, batch, strict=True))
        return futures

    threads = client.ncores().values()  # type: ignore[no-untyped-call]
    ready: Any = as_completed(start(_AHEAD * max(sum(threads), 1)))  # type: ignore[no-untyped-call]
    for future in ready:
        yield under_way.pop(future.key), future
        for another in start(1):
            ready.add(another)


@contextmanager
def _connect(workers: Workers) -> "Iterator[Client]":
    """A client of processes started here, or of a cluster that runs already."""
    from distributed import Client, LocalCluster

    if isinstance(workers, str):
        try:
            client = Client(workers, timeout=_PATIENCE_S)  # type: ignore[no-untyped-call]
        except (OSError, ValueError, TypeError) as error:
            raise DatasetError(
                f"{workers}: no dask scheduler answers there; start one with `dask scheduler` and "
                "give its address, such as tcp://127.0.0.1:8786"
            ) from error
        with client:
            _await_workers(client, workers)
            yield client
        return
    cluster = LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
        silence_logs=logging.CRITICAL,
    )
    with cluster, Client(cluster) as client:  # type: ignore[no-untyped-call]
        yield client


def _await_workers(client: "Client", address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=_PATIENCE_S)
    except TimeoutError as error:
        raise DatasetError(
            f"{address}: the scheduler has no workers; start some with "
            f"`dask worker {address} --nthreads 1`"
        ) from error


@contextmanager
def _taught(client: "Client", work: Callable[[Item], Result], *, is_ours: bool) -> Iterator[str]:
    """Give the work to every process, also to those that come later; once, as it may be large."""
    from distributed import WorkerPlugin

    class Work(WorkerPlugin):
        def __init__(self) -> None:
            self.work = work

        def setup(self, worker: Any) -> None:
            if is_ours:  # Ctrl-C reaches every process of a terminal; the parent alone decides
                signal.signal(signal.SIGINT, signal.SIG_IGN)

    name = f"accomptk-{uuid.uuid4().hex}"
    client.register_plugin(Work(), name=name)
    try:
        yield name
    finally:
        client.unregister_worker_plugin(name)  # type: ignore[no-untyped-call]


def _do(name: str, item: Any) -> Any:
    """Do in a worker what it was taught."""
    from distributed import get_worker

    taught: Any = get_worker().plugins[name]
    return taught.work(item)
