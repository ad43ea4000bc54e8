import os
import signal

import pytest

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
