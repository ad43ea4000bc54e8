"""What a musician sees while it plays: a panel on a terminal, plain lines or JSON elsewhere."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

from accomptk.live.conductor import Conductor
from accomptk.live.stage import Stage

METER_DB = (-60.0, 0.0)
METER_CELLS = 20
QUIET_KINDS = ("state", "tempo", "heartbeat", "pong", "done", "underrun", "late")
"""Events that a line each would be too many of."""
LINE_S = 5.0


class Playing(Protocol):
    """What a view looks at: a desk, a multitrack, or a device."""

    @property
    def conductor(self) -> Conductor | None:
        """The stream, None before there is one."""

    def state(self) -> tuple[str, float, float, int, int, int]:
        """State, rtf, latency in ms, samples lost, chunks late, packets ignored."""


class View:
    """Events as lines, or as JSON, one a line.

    Args:
        stage: What is played.
        write: Takes a line.
        as_json: Whether lines are JSON.
    """

    def __init__(self, stage: Stage, write: Callable[[str], None], as_json: bool) -> None:
        self.stage, self.write, self.as_json = stage, write, as_json
        self.front: Playing | None = None
        self._shown_s = 0.0

    def follow(self, front: Playing) -> None:
        """Look at this from now on."""
        self.front = front

    def event(self, kind: str, values: dict[str, Any]) -> None:
        """Something happened."""
        if self.as_json:
            self.write(json.dumps({"event": kind, "time_s": round(time.time(), 3), **values}))
        elif kind not in QUIET_KINDS:
            text = " ".join(str(item) for item in values.get("values", values.values()))
            self.write(f"{kind} {text}".strip())

    def show(self) -> None:
        """Called a few times a second."""
        if self.as_json or self.front is None or time.monotonic() - self._shown_s < LINE_S:
            return
        self._shown_s = time.monotonic()
        if self.front.conductor is not None and self.front.conductor.is_playing:
            self.write("  ".join(f"{name} {value}" for name, value in rows(self.front).items()))


class Panel(View):
    """A panel that rich draws over itself.

    Args:
        stage: What is played.
        update: Takes what is to be drawn.
    """

    def __init__(self, stage: Stage, update: Callable[[Any], None]) -> None:
        super().__init__(stage, lambda line: None, as_json=False)
        self.update = update
        self.last = ""

    def event(self, kind: str, values: dict[str, Any]) -> None:
        """Something happened."""
        if kind not in QUIET_KINDS:
            text = " ".join(str(item) for item in values.get("values", values.values()))
            self.last = f"{kind} {text}".strip()

    def show(self) -> None:
        """Draw."""
        from rich.panel import Panel as Frame
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        for name, value in (rows(self.front) if self.front else {}).items():
            table.add_row(name, value)
        table.add_row("", "")
        table.add_row("last", self.last)
        self.update(Frame(table, title=f"accomptk live: {self.stage.model.name}", width=72))


def rows(front: Playing) -> dict[str, str]:
    """What is shown of a stream, by name."""
    state, rtf, _, lost, late, ignored = front.state()
    shown = {"state": state}
    conductor = front.conductor
    if conductor is None:
        return shown
    figures, setup = conductor.figures, conductor.wanted
    hop, gap, hop_ms, gap_ms = conductor.window()
    shown["window"] = f"hop {hop} ({hop_ms:.0f} ms), gap {gap} ({gap_ms:.0f} ms)"
    shown["in"] = meter(figures.in_db)
    for name, level in zip(setup.instruments, figures.out_db, strict=False):
        shown[name] = meter(level)
    shown["step"] = (
        f"p50 {figures.latency(0.5):.0f}, p95 {figures.latency(0.95):.0f} ms, rtf {rtf:.2f}"
    )
    shown["missed"] = f"{late} of {figures.chunks} chunks, {lost} samples in, {ignored} packets"
    tempo = f"{figures.bpm:.0f} bpm ({figures.confidence:.0%} sure)"
    shown["beat"] = tempo if figures.bpm else "none heard"
    if setup.prompt:
        shown["prompt"] = setup.prompt
    return shown


def meter(level_db: float) -> str:
    """A level as a bar with its figure."""
    low, high = METER_DB
    share = min(max((level_db - low) / (high - low), 0.0), 1.0)
    cells = round(share * METER_CELLS)
    return f"{'#' * cells}{'.' * (METER_CELLS - cells)} {max(level_db, low):5.0f} dB"


@contextmanager
def open_view(
    stage: Stage, as_json: bool, quiet: bool, out: TextIO | None = None
) -> Iterator[View]:
    """The view that fits where the output goes.

    Args:
        stage: What is played.
        as_json: Whether events are wanted as JSON.
        quiet: Whether nothing but JSON is wanted.
        out: Where to; None for stdout.
    """
    out = out or sys.stdout

    def write(line: str) -> None:
        out.write(line + "\n")
        out.flush()

    if as_json or not out.isatty() or quiet:
        yield View(stage, write if as_json or not quiet else lambda line: None, as_json)
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(file=out), refresh_per_second=8) as screen:
        yield Panel(stage, screen.update)
