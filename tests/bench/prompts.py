"""Whether streams that play by prompt alone have the instrument and the genre they were asked for.

    accomptk weights fetch
    python tests/bench/prompts.py --model student --data data/band

Each part of the songs is played from its song's prompt, hearing nothing and knowing no beat. Judged
is the share of a stream's patches that are nearest to stems of what was asked for (of other songs,
those of other splits among them, through the codec; `accomptk.metrics.adherence`). Closeness: 0 is
another song's stream in its place, 1 the ground truth; intervals are over songs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from accomptk.latents.codec import load_codec
from accomptk.metrics.closeness import bootstrap, closeness
from accomptk.metrics.judge import Judged
from accomptk.metrics.panel import find_panel
from accomptk.metrics.sheet import sheet_to_markdown, write_sheet
from accomptk.run import numpy_generator
from accomptk.stems.audio import SAMPLE_RATE
from accomptk.stems.demo import demo_root
from accomptk.stems.index import StemSet
from accomptk.streaming.beat_sources import NoBeats
from accomptk.streaming.engine import Controls, StreamingEngine
from accomptk.streaming.models import load_model
from accomptk.streaming.parts import Part, choose_songs, find_others, find_parts, load_part
from accomptk.streaming.stage import through
from accomptk.streaming.tally import Tally, with_adherence
from accomptk.window import Window

HOP, HOPS, BATCH = 18, 16, 8  # 24 s

Floats = np.ndarray[Any, Any]


@torch.inference_mode()
def play(model, codec, parts: Sequence[Part]) -> list[Floats]:
    """A stream for each part by its prompt alone, [N]."""
    controls = Controls(
        Window(frames=model.frames, hop=HOP, gap=0),
        tuple(part.stem.instrument for part in parts),
        tuple(part.song.prompt for part in parts),
        listen=False,
    )
    engine = StreamingEngine(model, codec, controls, [NoBeats() for _ in parts], range(len(parts)))
    silence = torch.zeros(len(parts), HOP * codec.frame_samples)
    chunks = [played.wav for _ in range(HOPS) for played in engine.push(silence)]
    return list(torch.cat(chunks, 1).numpy())


def judged(parts: Sequence[Part], patches: Sequence[Floats]) -> Tally:
    """Embeddings [n, d] under the names of the parts."""
    named = zip(parts, patches, strict=True)
    return Tally({part.name: Judged(scores={}, stem=heard, mix=heard) for part, heard in named})


def swap(parts: Sequence[Part], *, across: bool) -> list[int]:
    """For each part one of a song half the list away: of another instrument, or of its own."""
    groups: dict[str, list[int]] = {}
    for index, part in enumerate(parts):
        groups.setdefault("" if across else part.stem.instrument, []).append(index)
    found: dict[int, int] = {}
    for group in groups.values():
        turn = len(group) // 2 + across  # one further is another instrument
        found |= zip(group, (*group[turn:], *group[:turn]), strict=True)
    return [found[index] for index in range(len(parts))]


@click.command()
@click.option("--model", default="student", show_default=True)
@click.option("--data", type=click.Path(path_type=Path), default=None, help="[default: demo songs]")
@click.option("--songs", default=40, show_default=True)
@click.option("--examples", default=60, show_default=True, help="Songs of other splits.")
@click.option("--store", type=click.Path(path_type=Path), default=Path("results/prompts.csv"))
def main(model: str, data: Path | None, songs: int, examples: int, store: Path) -> None:
    """Write a row for each attribute."""
    stems, player, codec = StemSet.open(data or demo_root()), load_model(model), load_codec()
    instruments = ("drums", "bass", "guitar", "piano")
    chosen = choose_songs(stems, "auto", songs)
    parts, _ = find_parts(chosen, instruments)
    others = find_others(stems, chosen, instruments, examples)
    panel = find_panel()
    groups = [parts[i : i + BATCH] for i in range(0, len(parts), BATCH)]
    made = panel.embed([w for group in groups for w in play(player, codec, group)], SAMPLE_RATE)
    heard = [
        panel.embed([through(codec, load_part(stems, part).truth)], SAMPLE_RATE)[0]
        for part in (*parts, *others)
    ]
    truth, known = judged(parts, heard[: len(parts)]), judged([*parts, *others], heard)

    def scored(tally: Tally) -> Tally:
        return with_adherence(tally, known, [*parts, *others])

    asked, real = scored(judged(parts, made)), scored(truth)
    rows = []
    for name in ("instrument", "genre"):
        swapped = swap(parts, across=name == "instrument")
        other = judged(parts, [made[index] for index in swapped])
        other.sources = {
            part.name: parts[index].song.track for part, index in zip(parts, swapped, strict=True)
        }
        tallies = {"recovered": asked, "of another": scored(other), "ground truth": real}
        found = {label: t.by_song(f"adherence_{name}", parts) for label, t in tallies.items()}
        rng = numpy_generator(0, "bootstrap")
        near = closeness(found["recovered"], found["of another"], found["ground truth"], rng)
        means = {label: bootstrap(values, rng) for label, values in found.items()}
        rows.append(
            {
                "asked for": name,
                **{label: mean and mean.mean for label, mean in means.items()},
                "closeness": near and near.mean,
                "low": near and near.low,
                "high": near and near.high,
                "songs": means["recovered"] and means["recovered"].n,
                "checkpoint": f"{player.name} {player.sha8}",
            }
        )
    write_sheet(store, rows)
    click.echo(sheet_to_markdown(rows))


if __name__ == "__main__":
    main()
