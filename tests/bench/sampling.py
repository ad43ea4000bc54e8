"""What a hop costs with every model and number of steps, and how soon a stream is heard; one run.

    python tests/bench/sampling.py --hop 9

Run it while nothing else computes. `x3` is how many times faster the sampling is than the teacher's
in 3 steps; TTFA is from silence to the first decoded chunk of a stream that plays by prompt,
control-to-ear from a turned control to the first decoded chunk that heard it; waiting for the next
hop comes on top (half a hop on average).
"""

import time
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

from accomptk.latents.codec import load_codec
from accomptk.metrics.sheet import write_sheet
from accomptk.run import gflops, machine_line
from accomptk.streaming.beat_sources import NoBeats
from accomptk.streaming.engine import Controls, StreamingEngine
from accomptk.streaming.models import load_model
from accomptk.streaming.speed import measure_stream
from accomptk.window import Window

ROWS = (
    *(("teacher", steps) for steps in (2, 3, 4, 5, 6)),
    *(("a_style", steps) for steps in (2, 4)),
    *(("student", steps) for steps in (1, 2, 4)),
)
PLAYERS = ("drums", "bass", "guitar", "piano")


def open_stream(model, codec, window: Window, sampling) -> StreamingEngine:
    """Four players by prompt alone."""
    controls = Controls(window, PLAYERS, ("slow jazz",) * 4, sampling, listen=False)
    return StreamingEngine(model, codec, controls, [NoBeats()], range(4))


@torch.inference_mode()
def answers_ms(model, codec, window: Window, sampling, repeats: int = 10) -> dict[str, float]:
    """Median time to the first chunk, and to the first one after a turned control."""
    silence = torch.zeros(1, window.hop * codec.frame_samples)
    first, turned = [], []
    for index in range(repeats):
        engine = open_stream(model, codec, window, sampling)
        began = time.perf_counter()
        assert engine.push(silence)
        first.append(time.perf_counter() - began)
        for _ in range(3):
            engine.push(silence)
        began = time.perf_counter()
        engine.control(energy=(-1) ** index * 0.5)
        assert engine.push(silence)
        turned.append(time.perf_counter() - began)
    return {
        "ttfa_ms": 1000 * float(np.median(first)),
        "control_to_ear_ms": 1000 * float(np.median(turned)) + 1000 * window.gap / 12,
    }


@torch.inference_mode()
def gflop(model, codec, window: Window, sampling) -> float:
    """GFLOP of one hop of four players in steady state, towers and decoder included."""
    engine = open_stream(model, codec, window, sampling)
    silence = torch.zeros(1, window.hop * codec.frame_samples)
    for _ in range(window.frames // window.hop + 1):
        engine.push(silence)
    with FlopCounterMode(display=False) as counter:
        engine.push(silence)
    return counter.get_total_flops() / 1e9


@click.command()
@click.option("--hop", default=9, show_default=True)
@click.option("--student", default="student", show_default=True)
@click.option("--store", type=click.Path(path_type=Path), default=Path("results/sampling.csv"))
def main(hop: int, student: str, store: Path) -> None:
    """Write a row for each model and number of steps."""
    codec, rows = load_codec(), []
    for name, steps in ROWS:
        model = load_model(student if name == "student" else name)
        window = Window(frames=model.frames, hop=hop, gap=0)
        sampling = replace(model.sampling, num_steps=steps)
        cost = measure_stream(model, codec, PLAYERS, window, sampling)
        guided = 1 if sampling.guidance == 1 or name == "student" else 2
        rows.append(
            {
                "played by": name,
                "steps": steps,
                "nfe": cost["nfe"],
                "passes": guided * cost["nfe"],
                "gflop": gflop(model, codec, window, sampling),
                **{f"{term}_ms": times["p50"] for term, times in cost["terms_ms"].items()},
                "hop_ms": cost["step_ms"]["p50"],
                "hop_p95_ms": cost["step_ms"]["p95"],
                "rtf": cost["rtf"],
                **answers_ms(model, codec, window, sampling),
            }
        )
    table = pd.DataFrame(rows)
    cheapest = table.loc[table["played by"] == "teacher"].groupby("steps")["sampling_ms"].first()
    for steps, cost_ms in cheapest.items():
        table[f"x{steps}"] = cost_ms / table["sampling_ms"]
    table["gflops"], table["machine"] = gflops(), machine_line()
    write_sheet(store, table.to_dict("records"))
    click.echo(table.round(2).to_string(index=False))


if __name__ == "__main__":
    main()
