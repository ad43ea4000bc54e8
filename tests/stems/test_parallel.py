import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from accomptk.errors import DatasetError
from accomptk.stems import parallel
from accomptk.stems.parallel import map_unordered


def test_one_worker_works_here_and_in_order() -> None:
    made = list(map_unordered(lambda item: (item, os.getpid()), [3, 1, 2], workers=1))

    assert made == [(3, os.getpid()), (1, os.getpid()), (2, os.getpid())]


def test_no_items_start_no_processes() -> None:
    assert list(map_unordered(str, [], workers=8)) == []


def test_several_workers_are_other_processes_and_leave_ctrl_c_to_their_parent() -> None:
    def work(item: int) -> tuple[int, int, bool]:
        if item < 0:
            raise ValueError(item)
        return item, os.getpid(), signal.getsignal(signal.SIGINT) is signal.SIG_IGN

    made = list(map_unordered(work, range(6), workers=2))

    assert sorted(item for item, _, _ in made) == list(range(6))
    assert os.getpid() not in {process for _, process, _ in made}
    assert all(is_deaf for _, _, is_deaf in made)
    with pytest.raises(ValueError, match="-1"):
        list(map_unordered(work, [1, -1], workers=2))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.fixture
def cluster() -> Iterator[str]:
    """Address of a scheduler with two worker processes, which are started again when they die."""
    import dask
    from distributed import LocalCluster

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        ) as started,
    ):
        yield started.scheduler_address


def test_a_cluster_outlives_its_processes(cluster: str, tmp_path: Path) -> None:
    def work(item: int) -> int:
        mark = tmp_path / str(item)
        is_first = not mark.exists()
        mark.touch()
        if item == 9 or (item == 4 and is_first):
            os.kill(os.getpid(), signal.SIGKILL)
        return item * item

    made = sorted(map_unordered(work, range(20), cluster, lost=lambda item: -item))

    assert made == sorted(item * item if item != 9 else -9 for item in range(20))
    assert list(map_unordered(str, [], cluster)) == []


def test_no_scheduler_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_PATIENCE_S", 0.5)
    for address in ("tcp://127.0.0.1:1", "somewhere"):
        with pytest.raises(DatasetError, match="no dask scheduler answers") as caught:
            list(map_unordered(str, [1], address))
        assert "\n" not in str(caught.value)
