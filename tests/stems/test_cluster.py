"""A dask cluster as users start it: two workers on loopback, one of which is killed midway."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from accomptk.latents.codec import load_codec
from accomptk.latents.shards import encode_set, read_latents
from accomptk.stems.checking import verify
from accomptk.stems.folder import tasks
from accomptk.stems.index import StemSet
from accomptk.stems.prepare import prepare
from layouts import rendered, write_folder

SONGS = 12
LATENT_TOLERANCE = 1e-3  # float16 latents; the same machine and thread count give the same bits

pytestmark = pytest.mark.slow


def start(*words: str) -> subprocess.Popen[bytes]:
    quiet = subprocess.DEVNULL
    return subprocess.Popen(
        [sys.executable, "-m", *words], stdout=quiet, stderr=quiet, start_new_session=True
    )


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


@pytest.fixture
def cluster() -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Address of a scheduler, and its two workers; these are not started again when they die."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    here = ("--host", "127.0.0.1")
    scheduler = start(
        "distributed.cli.dask_scheduler", *here, "--port", str(port), "--no-dashboard"
    )
    options = (*here, "--nthreads", "1", "--no-nanny", "--no-dashboard")
    workers = [start("distributed.cli.dask_worker", address, *options) for _ in range(2)]
    yield address, workers
    for process in (*workers, scheduler):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_cluster_makes_the_same_set_with_one_worker_killed(
    tmp_path: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    address, workers = cluster
    for number in range(SONGS):
        stems = {name: 0.9**number * wav for name, wav in rendered(number, 10.0).items()}
        write_folder(tmp_path / "in", f"song {number:02d}", stems)
    made = tasks(tmp_path / "in", "train")
    deadline_s = time.monotonic() + 120
    killed = []

    def kill_one(done: int, total: int, track: str) -> None:
        if done == 3:
            os.killpg(workers[0].pid, signal.SIGKILL)
            killed.append(track)

    from distributed import Client

    with Client(address, timeout=60) as client:  # both have to be there before one can die
        client.wait_for_workers(2, timeout=deadline_s - time.monotonic())
    options = {"name": "n", "source": "stems"}
    summary = prepare(tmp_path / "there", made, workers=address, progress=kill_one, **options)
    prepare(tmp_path / "here", made, **options)

    assert killed
    assert len(summary.prepared) == SONGS
    assert not verify(tmp_path / "there")
    there, here = (StemSet.open(tmp_path / name) for name in ("there", "here"))
    hashes = [
        [stem.sha256 for song in found.songs for stem in song.stems] for found in (there, here)
    ]
    assert hashes[0] == hashes[1]

    codec = load_codec()
    encode_set(tmp_path / "there", codec, workers=address)
    encode_set(tmp_path / "here", codec)
    pairs = zip(
        *(read_latents(tmp_path / name, codec.space, "train") for name in ("there", "here")),
        strict=True,
    )
    worst = max(
        float(np.abs(one.latents.astype(np.float32) - other.latents).max()) for one, other in pairs
    )
    assert worst <= LATENT_TOLERANCE
