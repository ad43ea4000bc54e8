"""What a live stream costs through real UDP, and the hop and gap that hold at that cost."""

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
from accomptk.live.gap import HOPS, Limits, choose
from accomptk.live.protocol import PACKET_FLOATS
from accomptk.live.ring import Peer
from accomptk.live.server import Server
from accomptk.live.stage import Stage
from accomptk.run import numpy_generator

LEVEL = 0.05
WARM_STEPS = 2
TRIAL_S, TRIAL_STEPS = 2.0, 3
"""How long a hop is tried at start: musicians wait for it, and a step alone tells nothing."""
HOLDING_TRIES = 4
"""Windows that are tried until one holds; a machine that others use may sustain none."""
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
    desk = Desk(_fixed(stage, hop, gap, line))
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


def play_noise(server: Peer, rate: int, seconds: float, line: Line, linger_s: float = 1.0) -> Heard:
    """Be a client that plays quiet noise in real time, and listens a little longer."""
    noise = LEVEL * numpy_generator(0, "bench").standard_normal(round(seconds * rate))
    client = Client(server, rate, line.packet, line.round_trip_s / 2, line.loss)
    try:
        client.join("bench")
        begun_s = time.monotonic()
        client.perform(noise.astype(np.float32))
        time.sleep(linger_s + line.round_trip_s)
    finally:
        client.close()
    return Heard(begun_s, tuple(client.chunks))


def fit(stage: Stage, rate: int) -> None:
    """Choose hop and gap, as far as they are left to us, from what steps of a stream cost here.

    Steps are timed while packets come and go: alone, one after the other, they cost another time.

    Args:
        stage: Models and setup; the setup is replaced.
        rate: The client's sample rate.
    """
    if not stage.auto_gap:
        return
    limits = stage.limits(rate)
    hops = HOPS if stage.auto_hop else (stage.setup.hop,)
    hop, gap = choose(limits, lambda hop: slowest_ms(stage, hop, limits), hops)
    stage.setup = replace(stage.setup, hop=hop, gap=gap)


def slowest_ms(stage: Stage, hop: int, limits: Limits) -> float:
    """Slowest step of a short stream to a client of this process, in ms."""
    desk = Desk(_fixed(stage, hop, min(hop, limits.most - hop), Line()))
    seconds = max(TRIAL_S, (WARM_STEPS + TRIAL_STEPS) * hop * stage.frame_s)
    with serving(desk) as server:
        play_noise(server.address, stage.codec.sample_rate, seconds, Line(), linger_s=0.0)
    steps = list(desk.playing.figures.step_ms)
    return max(steps[WARM_STEPS:] or steps, default=1000 * seconds)


def measure_all(
    stage: Stage,
    windows: Sequence[tuple[int, int]],
    seconds: float,
    with_auto: bool = False,
    with_remote: bool = False,
) -> Iterator[dict[str, Any]]:
    """A row a window, and where asked for those of the windows chosen here, and one from afar.

    Each is yielded as soon as it is measured.

    Args:
        stage: Models and setup.
        windows: Hops and gaps, frames.
        seconds: Length of each stream.
        with_auto: Whether to add the hop and gap that are chosen here, and longer ones until
            nothing is missed.
        with_remote: Whether to add the last window over a long, lossy line.
    """
    for hop, gap in windows:
        yield rehearse(stage, hop, gap, seconds, Line())
    if with_auto:
        yield from hold(replace(stage, auto_hop=True, auto_gap=True), seconds)
    if with_remote:
        yield rehearse(stage, *windows[-1], seconds, REMOTE)


def hold(stage: Stage, seconds: float) -> Iterator[dict[str, Any]]:
    """Rows of the window that is chosen and of ever longer gaps, until one misses nothing."""
    fit(stage, stage.codec.sample_rate)
    for more in range(HOLDING_TRIES):
        row = rehearse(stage, stage.setup.hop, stage.setup.gap + more, seconds, Line())
        yield row
        if not row["misses"]:
            return


def _fixed(stage: Stage, hop: int, gap: int, line: Line) -> Stage:
    """The stage with this window for good, in real time, and nothing written down."""
    return replace(
        stage,
        setup=replace(stage.setup, hop=hop, gap=gap),
        record=None,
        auto_gap=False,
        auto_hop=False,
        round_trip_s=max(stage.round_trip_s, line.round_trip_s),
        now=time.monotonic,
    )


def _sum_up(desk: Desk, client: Heard, cpu: float, line: Line) -> dict[str, Any]:
    conductor = desk.playing
    figures, setup = conductor.figures, conductor.wanted
    terms = list(figures.terms_ms)[WARM_STEPS:]
    waits = _in_to_out_ms(desk, client)[WARM_STEPS:]
    hop_ms = conductor.window()[2]
    step_ms = list(figures.step_ms)[WARM_STEPS:]
    if terms and figures.chunks == len(waits) + WARM_STEPS:  # one of each, in the same order
        latest = min(len(step_ms), len(waits))
        carried = np.array(waits[-latest:]) - step_ms[-latest:]
        terms = [
            {**term, "transport": float(ms)}
            for term, ms in zip(terms[-latest:], carried, strict=True)
        ]
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


def sheets(rows: Sequence[dict[str, Any]], machine: str) -> dict[str, list[dict[str, Any]]]:
    """Measured streams as the stored tables ``live``, and ``live-terms`` of their steps."""
    streams: list[dict[str, Any]] = []
    terms: list[dict[str, Any]] = []
    for row in rows:
        far = f", {row['round_trip_ms']:g} ms away, {row['loss']:.0%} lost" if row["loss"] else ""
        name = f"hop {row['hop']}, gap {row['gap']}{far}"
        streams.append(
            {
                "stream": name,
                "chunks": row["chunks"],
                "missed": row["misses"],
                **{f"step_ms_{quantile}": ms for quantile, ms in row["step_ms"].items()},
                "step_p95_share_of_hop": row["step_ms"]["p95"] / row["hop_ms"],
                **{f"in_to_out_ms_{quantile}": ms for quantile, ms in row["in_to_out_ms"].items()},
                "in_to_out_p95_share_of_hop": row["in_to_out_ms"]["p95"] / row["hop_ms"],
                "jitter_ms": row["jitter_ms"],
                "cores": row["cpu"],
                "machine": machine,
            }
        )
        terms += [
            {"term": f"{name}: {term}", **{f"{quantile}_ms": ms for quantile, ms in times.items()}}
            for term, times in row["terms_ms"].items()
        ]
    return {"live": streams, "live-terms": terms}
