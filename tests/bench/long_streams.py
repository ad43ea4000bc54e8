"""Whether ten minutes of a stream stay like their first: distance, level, centroid, beat.

    accomptk weights fetch
    python tests/bench/long_streams.py --model student --data data/band

Two kinds of streams, eight of each: by prompt alone, and along with the stretch of a song between
its first and last downbeat, repeated. Each minute is judged by itself, all streams pooled; FAD is
to the songs' own stems through the codec.
"""

from pathlib import Path

import click
import numpy as np
import pandas as pd
import torch

from accomptk.latents.codec import load_codec
from accomptk.latents.traits import TRAITS, measure
from accomptk.metrics.beat import beat_f1
from accomptk.metrics.frechet import Reference
from accomptk.metrics.panel import find_panel
from accomptk.metrics.sheet import write_sheet
from accomptk.stems.audio import SAMPLE_RATE
from accomptk.stems.demo import demo_root
from accomptk.stems.index import StemSet
from accomptk.streaming.beat_sources import GivenBeats
from accomptk.streaming.engine import Controls, StreamingEngine
from accomptk.streaming.models import load_model
from accomptk.streaming.parts import choose_songs, find_parts, load_part
from accomptk.streaming.stage import through
from accomptk.window import Window

HOP = 18
MINUTE = 60 * SAMPLE_RATE


class Loop:
    """Whole bars of a part's context without end, and their beats."""

    def __init__(self, stems: StemSet, part, minutes: int) -> None:
        audio, song = load_part(stems, part), part.song
        downbeats = song.downbeats[song.downbeats < part.end_s]
        first_s, last_s = float(downbeats[0]), float(downbeats[-1])
        cut = slice(round(first_s * SAMPLE_RATE), round(last_s * SAMPLE_RATE))
        self.truth, self.part = audio.truth[cut], part
        self.context = np.resize(audio.context[cut], minutes * MINUTE)
        bars = [times[(times >= first_s) & (times < last_s)] for times in (song.beats, downbeats)]
        length_s = (cut.stop - cut.start) / SAMPLE_RATE
        turns = np.arange(np.ceil(60 * minutes / length_s)) * length_s
        self.beats, self.downbeats = ((turns[:, None] + times - first_s).ravel() for times in bars)


@torch.inference_mode()
def play(model, codec, loops: list[Loop], listen: bool) -> np.ndarray:
    """Audio of all streams on the contexts' timeline, [B, N]; silent where nothing was made."""
    count, size = len(loops), codec.frame_samples * HOP
    controls = Controls(
        Window(frames=model.frames, hop=HOP, gap=HOP),
        tuple(loop.part.stem.instrument for loop in loops),
        tuple(loop.part.song.prompt or None for loop in loops),
        listen=listen,
    )
    beats = [GivenBeats(loop.beats, loop.downbeats) for loop in loops]
    engine = StreamingEngine(model, codec, controls, beats, range(count))
    contexts = torch.from_numpy(np.stack([loop.context for loop in loops]))
    made = np.zeros(contexts.shape, np.float32)
    for start in range(0, contexts.shape[1] - size, size):
        for played in engine.push(contexts[:, start : start + size] * listen):
            wav = played.wav.numpy()[:, : max(made.shape[1] - played.first_sample, 0)]
            made[:, played.first_sample : played.first_sample + wav.shape[1]] = wav
    return made


def judge(wavs: np.ndarray, minute: int, loops: list[Loop], ruler: Reference, panel, codec) -> dict:
    """One minute of all streams."""
    cut = slice(minute * MINUTE, (minute + 1) * MINUTE)
    some = [np.ascontiguousarray(wav[cut]) for wav in wavs]
    traits = [np.nanmean(measure(wav, SAMPLE_RATE, codec.frame_samples), 1) for wav in some]
    level, _, centroid, _ = np.nanmean(traits, 0)
    row = {"fad": ruler.fad(panel.embed(some, SAMPLE_RATE)).value, TRAITS[0]: level}
    row["centroid_hz"] = 2**centroid
    tracked = [panel.track_beats(wav, SAMPLE_RATE) + 60.0 * minute for wav in some]
    for name, shift in (("beat_f1", 0), ("beat_f1_random", 1)):
        grids = [loops[(i + shift) % len(loops)].beats for i in range(len(loops))]
        near = [grid[(grid >= 60 * minute) & (grid < 60 * minute + 60)] for grid in grids]
        row[name] = np.mean([beat_f1(a, b) for a, b in zip(near, tracked, strict=True)])
    return row


@click.command()
@click.option("--model", default="student", show_default=True)
@click.option("--data", type=click.Path(path_type=Path), default=None, help="[default: demo songs]")
@click.option("--streams", default=8, show_default=True)
@click.option("--minutes", default=10, show_default=True)
@click.option("--store", type=click.Path(path_type=Path), default=Path("results/long-streams.csv"))
def main(model: str, data: Path | None, streams: int, minutes: int, store: Path) -> None:
    """Write a row a minute and kind, with each value's change against the first minute."""
    stems = StemSet.open(data or demo_root())
    instruments = ("drums", "bass", "guitar", "piano")
    parts, _ = find_parts(choose_songs(stems, "auto"), instruments)
    chosen = [parts[i * len(parts) // streams] for i in range(streams)]
    player, codec, panel = load_model(model), load_codec(), find_panel()
    played_by = f"{player.name} {player.sha8}"
    loops = [Loop(stems, part, minutes) for part in chosen]
    truths = [through(codec, loop.truth) for loop in loops]
    ruler = Reference(panel.embed(truths, SAMPLE_RATE))
    upper = np.mean(
        [
            beat_f1(
                loop.beats[loop.beats < len(wav) / SAMPLE_RATE], panel.track_beats(wav, SAMPLE_RATE)
            )
            for loop, wav in zip(loops, truths, strict=True)
        ]
    )
    rows = []
    for kind, listen in (("prompt", False), ("accompaniment", True)):
        wavs = play(player, codec, loops, listen)
        for minute in range(minutes):
            row = judge(wavs, minute, loops, ruler, panel, codec)
            above = row["beat_f1"] - row["beat_f1_random"]
            row["beat_closeness"] = above / (upper - row["beat_f1_random"])
            rows.append({"kind": kind, "minute": minute + 1, **row, "checkpoint": played_by})
    table = pd.DataFrame(rows)
    for name in ("fad", "centroid_hz", "beat_closeness"):
        first = table.groupby("kind")[name].transform("first")
        table[f"{name}_change"] = table[name] / first - 1
    write_sheet(store, table.to_dict("records"))
    click.echo(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
