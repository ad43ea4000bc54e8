import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from accomptk.processes import Team, find_team
from accomptk.stems.prepare import prepare
from synthetic_band import SONGS

MEMBER = Path(__file__).parent / "team_member.py"


def test_who_is_alone_leads_and_does_everything(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    team = find_team()
    assert team.leads
    assert team.share([1, 2, 3]) == [1, 2, 3]
    assert team.agree("folder") == "folder"
    team.wait()
    team.end()


def test_shares_are_disjoint_and_complete():
    shares = [Team(rank, 3).share(range(10)) for rank in range(3)]
    assert sorted(item for share in shares for item in share) == list(range(10))
    assert [Team(rank, 3).leads for rank in range(3)] == [True, False, False]


@pytest.fixture
def folder(tmp_path):
    """Where a team works: a set of two songs."""
    prepare(tmp_path / "band", [(s.track, s) for s in SONGS[:2]], name="band", source="test")
    return tmp_path


def start(folder, **variables):
    """A member of a team, with the variables that a launcher sets."""
    paths = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(MEMBER.parent)}
    return subprocess.Popen(
        [sys.executable, MEMBER, folder],
        env={**os.environ, **paths, **variables},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_two_gloo_processes_evaluate_together(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    members = [start(folder, **shared, RANK=rank, LOCAL_RANK=rank) for rank in ("0", "1")]
    said = [member.communicate(timeout=600)[0].strip() for member in members]
    assert said == ["0 of 2: 2 jobs, [2]", "1 of 2: 2 jobs, []"]


@pytest.mark.slow
def test_what_was_done_before_a_kill_is_kept(folder):
    killed = start(folder)
    while not list(folder.glob("outcomes/[!.]*.npz")):
        assert killed.poll() is None
        time.sleep(0.01)
    killed.kill()
    killed.communicate()
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("outcomes/[!.]*.npz")}
    said = start(folder).communicate(timeout=600)[0].strip()
    assert said == "0 of 1: 4 jobs, [2]"
    assert len(list(folder.glob("outcomes/[!.]*.npz"))) == 2
    assert kept == {path: path.stat().st_mtime_ns for path in kept}
