"""What each control does to its own trait, what a mixture of prompts does, and whether it clicks.

    python tests/bench/steering.py --model student --streams 8

Streams play by themselves, half a minute at each setting, from the same seeds; a slope is that of
the trait over the setting, with its 95 % interval over streams. At the end every stream is switched
from one prompt to another in the middle: the jump where the chunks meet is put beside the jumps
elsewhere in the stream.
"""

from pathlib import Path

import click
import numpy as np
import pandas as pd
import torch

from accomptk.conditions.controls import CONTROLS
from accomptk.latents.codec import load_codec
from accomptk.latents.traits import TRAITS, measure
from accomptk.metrics.sheet import write_sheet
from accomptk.run import numpy_generator
from accomptk.stems.instruments import INSTRUMENTS
from accomptk.streaming.beat_sources import GivenBeats
from accomptk.streaming.engine import Controls, StreamingEngine
from accomptk.streaming.models import load_model
from accomptk.window import Window

SETTINGS = (-1.0, -0.5, 0.0, 0.5, 1.0)
PROMPTS = ("slow ballad, soft, gentle", "fast metal, distorted guitar, loud, powerful")
HOP = 9
CLICK = np.arange(-8, 600, 0.5)  # 120 bpm


class Bench:
    """Streams of one model, each with a player of its own and nothing to hear."""

    def __init__(self, model: str, streams: int, seconds: float) -> None:
        self.model, self.codec = load_model(model), load_codec()
        self.players = tuple(INSTRUMENTS[i % len(INSTRUMENTS)] for i in range(streams))
        self.hops = round(12 * seconds / HOP)
        size = self.codec.frame_samples * HOP
        self.silence = torch.zeros(streams, size)

    def open(self, **controls: object) -> StreamingEngine:
        """Streams that have played nothing."""
        count = len(self.players)
        window = Window(frames=self.model.frames, hop=HOP, gap=0)
        first = {"prompts": (None,) * count, "listen": False, **controls}
        beats = [GivenBeats(CLICK, CLICK[::4]) for _ in range(count)]
        chosen = Controls(window, self.players, **first)
        return StreamingEngine(self.model, self.codec, chosen, beats, range(count))

    @torch.inference_mode()
    def play(self, engine: StreamingEngine, hops: int | None = None) -> np.ndarray:
        """Audio of the next hops, [B, N]."""
        chunks = [engine.push(self.silence) for _ in range(hops or self.hops)]
        return torch.cat([played.wav for some in chunks for played in some], 1).numpy()

    def traits(self, **controls: object) -> np.ndarray:
        """Mean traits of each stream under these controls, [B, 4]."""
        wavs = self.play(self.open(**controls))
        rate, size = self.codec.sample_rate, self.codec.frame_samples
        return np.array([np.nanmean(measure(wav, rate, size), 1) for wav in wavs])


def slope(settings: np.ndarray, values: np.ndarray) -> dict[str, float | bool]:
    """Slope of values [S, B] over settings [S], its interval over streams, and whether the mean
    goes one way."""
    centred = settings - settings.mean()
    slopes = centred @ np.nan_to_num(values) / (centred**2).sum()
    rng = numpy_generator(0, "bootstrap")
    draws = slopes[rng.integers(len(slopes), size=(2000, len(slopes)))].mean(1)
    low, high = np.percentile(draws, [2.5, 97.5])
    steps = np.diff(np.nanmean(values, 1))
    goes = bool((steps > 0).all() or (steps < 0).all())
    return {"slope": float(slopes.mean()), "low": low, "high": high, "monotonic": goes}


def clicks(bench: Bench) -> dict[str, float]:
    """Largest jump between samples where the prompt changes, and the usual largest of a chunk."""
    count = len(bench.players)
    engine = bench.open(prompts=(PROMPTS[0],) * count)
    before = bench.play(engine)
    engine.control(prompts=(PROMPTS[1],) * count)
    wav = np.concatenate([before, bench.play(engine)], 1)
    jumps = np.abs(np.diff(wav, axis=1))
    size, seam = bench.silence.shape[1], before.shape[1] - 1
    usual = np.median([jumps[:, i : i + size].max(1) for i in range(0, seam, size)], 0)
    at = jumps[:, seam - 2 : seam + 3].max(1)
    return {"jump at the change": float(at.max()), "share": float((at / usual).max())}


@click.command()
@click.option("--model", default="student", show_default=True)
@click.option("--streams", default=8, show_default=True)
@click.option("--seconds", default=30.0, show_default=True, help="Of each setting.")
@click.option("--store", type=click.Path(path_type=Path), default=Path("results/steering.csv"))
def main(model: str, streams: int, seconds: float, store: Path) -> None:
    """Write a row for each control, and one for each trait under a mixture."""
    bench, rows = Bench(model, streams, seconds), []
    settings = np.array(SETTINGS)
    for name in CONTROLS:
        values = np.array([bench.traits(**{name: value}) for value in SETTINGS])
        rows.append(
            {"turned": name, "trait": name, **slope(settings, values[..., TRAITS.index(name)])}
        )
    mixes = (settings + 1) / 2
    ends = {"prompts": (PROMPTS[0],) * streams, "prompts_b": (PROMPTS[1],) * streams}
    values = np.array([bench.traits(**ends, mix=float(mix)) for mix in mixes])
    for index, name in enumerate(TRAITS):
        rows.append({"turned": "mix", "trait": name, **slope(mixes, values[..., index])})
    table = pd.DataFrame(rows).assign(checkpoint=f"{bench.model.name} {bench.model.sha8}")
    write_sheet(store, table.to_dict("records"))
    click.echo(table.to_string(index=False))
    click.echo(clicks(bench))


if __name__ == "__main__":
    main()
