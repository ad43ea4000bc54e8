"""What a live stream costs through real UDP: a server and, in another process, a client."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any

import numpy as np

from accomptk.live.client import Client
from accomptk.live.desk import Desk
from accomptk.live.protocol import PACKET_FLOATS
from accomptk.live.ring import Peer
from accomptk.live.server import Server
from accomptk.live.stage import Stage
from accomptk.run import numpy_generator

LEVEL = 0.05
WARM_STEPS = 2
QUANTILES = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Line:
    """The line between server and client.

    Args:
        packet: Samples a packet.
        round_trip_s: To the server and back.
        loss: Share of the audio packets that are lost each way.
    """

    packet: int = PACKET_FLOATS
    round_trip_s: float = 0.0
    loss: float = 0.0


REMOTE = Line(packet=286, round_trip_s=0.04, loss=0.01)
"""Another machine: packets that fit an Ethernet frame, a long way, some loss."""


@contextmanager
def serving(desk: Desk) -> Iterator[Server]:
    """A server of its own thread on a free port of this machine."""
    server = Server(desk, "127.0.0.1", 0, desk.now)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            server.run()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="accomptk server")
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
    if failed:
        raise failed[0]


def rehearse(stage: Stage, hop: int, gap: int, seconds: float, line: Line) -> dict[str, Any]:
    """Play quiet noise to a stream in real time and sum up how it went.

    Args:
        stage: Models and setup.
        hop: Frames made at a time.
        gap: Frames between what is heard and what is made.
        seconds: Length.
        line: Between server and client.

    Returns:
        ``step_ms`` and ``in_to_out_ms`` (last sample of a hop sent to first packet back) with
        p50, p95, p99 and max; ``terms_ms``; ``jitter_ms``; ``misses`` of ``chunks``; ``cpu``,
        cores that the server kept busy; ``rtf``.
    """
    one = replace(
        stage,
        setup=replace(stage.setup, hop=hop, gap=gap),
        auto_gap=False,
        auto_hop=False,
        round_trip_s=max(stage.round_trip_s, line.round_trip_s),
    )
    desk = Desk(one)
    # A process of its own, as a musician's program is: threads of one Python take turns.
    spawn = get_context("spawn")
    with serving(desk) as server, ProcessPoolExecutor(1, mp_context=spawn) as elsewhere:
        cpu_s = time.process_time()
        client = elsewhere.submit(
            play_noise, server.address, stage.codec.sample_rate, seconds, line
        ).result()
        cpu = (time.process_time() - cpu_s) / seconds
        return _sum_up(desk, client, cpu, line)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a client saw; times are of the clock that all processes share.

    Args:
        begun_s: When the first sample was due.
        chunks: Stem, first sample and time of each packet that came back.
    """

    begun_s: float
    chunks: tuple[tuple[int, int, float], ...]


def play_noise(server: Peer, rate: int, seconds: float, line: Line) -> Heard:
    """Be a client that plays quiet noise in real time."""
    noise = LEVEL * numpy_generator(0, "bench").standard_normal(round(seconds * rate))
    client = Client(server, rate, line.packet, line.round_trip_s / 2, line.loss)
    try:
        client.join("bench")
        begun_s = time.monotonic()
        client.perform(noise.astype(np.float32))
        time.sleep(1.0 + line.round_trip_s)
    finally:
        client.close()
    return Heard(begun_s, tuple(client.chunks))


def measure_all(
    stage: Stage,
    windows: Sequence[tuple[int, int]],
    seconds: float,
    with_auto: bool = False,
    with_remote: bool = False,
) -> list[dict[str, Any]]:
    """A row a window, and where asked for one of the window that is chosen, and one from afar.

    Args:
        stage: Models and setup.
        windows: Hops and gaps, frames.
        seconds: Length of each stream.
        with_auto: Whether to add the shortest hop and gap that hold here.
        with_remote: Whether to add the last window over a long, lossy line.
    """
    rows = [rehearse(stage, hop, gap, seconds, Line()) for hop, gap in windows]
    if with_auto:
        fitted = replace(stage, auto_hop=True, auto_gap=True)
        fitted.fit(stage.codec.sample_rate)
        rows.append(rehearse(stage, fitted.setup.hop, fitted.setup.gap, seconds, Line()))
    if with_remote:
        rows.append(rehearse(stage, *windows[-1], seconds, REMOTE))
    return rows


def _sum_up(desk: Desk, client: Heard, cpu: float, line: Line) -> dict[str, Any]:
    conductor = desk.playing
    figures, setup = conductor.figures, conductor.wanted
    terms = list(figures.terms_ms)[WARM_STEPS:]
    waits = _in_to_out_ms(desk, client)[WARM_STEPS:]
    hop_ms = conductor.window()[2]
    step_ms = list(figures.step_ms)[WARM_STEPS:]
    return {
        "hop": setup.hop,
        "gap": setup.gap,
        "lookahead": 1 + setup.gap / setup.hop,
        "hop_ms": hop_ms,
        "packet": line.packet,
        "round_trip_ms": 1000 * line.round_trip_s,
        "loss": line.loss,
        "chunks": figures.chunks,
        "misses": figures.late,
        "leaps": figures.leaps,
        "lost_samples": conductor.timeline.counts.lost,
        "rtf": float(np.mean(step_ms)) / hop_ms if step_ms else None,
        "cpu": cpu,
        "step_ms": quantiles(step_ms),
        "in_to_out_ms": quantiles(waits),
        "jitter_ms": float(np.std(waits)) if waits else None,
        "terms_ms": {name: quantiles([term[name] for term in terms]) for name in terms[0]}
        if terms
        else {},
    }


def _in_to_out_ms(desk: Desk, client: Heard) -> list[float]:
    """For each hop, from its last sample sent to the first packet of its chunk come back."""
    conductor = desk.playing
    size, rate = conductor.frame_samples, conductor.rate
    hop, gap = conductor.wanted.hop * size, conductor.wanted.gap * size
    delay = round(desk.stage.codec.decode_delay * rate / desk.stage.codec.sample_rate)
    first_s: dict[int, float] = {}
    for stem, position, at_s in client.chunks:
        chunk = (position + delay - gap) // hop
        if stem == 0 and chunk not in first_s:
            first_s[chunk] = at_s
    firsts = sorted(first_s.items())
    return [1000 * (at_s - client.begun_s - chunk * hop / rate) for chunk, at_s in firsts]


def quantiles(values: list[float]) -> dict[str, float | None]:
    """p50, p95, p99 and max; None where there is nothing."""
    if not values:
        return {**{f"p{q}": None for q in QUANTILES}, "max": None}
    found: dict[str, float | None] = {f"p{q}": float(np.percentile(values, q)) for q in QUANTILES}
    return {**found, "max": max(values)}
