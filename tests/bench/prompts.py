"""Whether streams that play by prompt alone have the instrument and the genre they were asked for.

    accomptk weights fetch
    python tests/bench/prompts.py --model student --data data/band

Each part of the songs is played from its song's prompt, hearing nothing and knowing no beat. Judged
is the share of a stream's patches that are nearest to stems of what was asked for (other songs, the
ground truth through the codec; `accomptk.metrics.adherence`). Closeness: 0 is the same streams
judged by what another stream was asked for, 100 the ground truth; intervals are over songs.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from accomptk.latents.codec import load_codec
from accomptk.metrics.adherence import asked_genre, class_recovered
from accomptk.metrics.closeness import bootstrap, closeness
from accomptk.metrics.panel import find_panel
from accomptk.metrics.sheet import sheet_to_markdown, write_sheet
from accomptk.run import numpy_generator
from accomptk.stems.audio import SAMPLE_RATE
from accomptk.stems.demo import demo_root
from accomptk.stems.genres import genres
from accomptk.stems.index import StemSet
from accomptk.streaming.beat_sources import NoBeats
from accomptk.streaming.engine import Controls, StreamingEngine
from accomptk.streaming.models import load_model
from accomptk.streaming.parts import Part, choose_songs, find_parts, load_part
from accomptk.streaming.stage import through
from accomptk.window import Window

HOP, HOPS, BATCH = 18, 16, 8  # 24 s

Floats = np.ndarray[Any, Any]
Asked = Callable[[Part], str | None]


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


def shares(
    parts: Sequence[Part],
    made: Sequence[Floats],
    truths: Sequence[Floats],
    kind: Asked,
    asked: Sequence[str | None],
    among: Callable[[Part, Part], bool],
) -> Floats:
    """Share of each stream's patches that are recovered as ``asked``, NaN where nothing is."""
    found = np.full(len(parts), np.nan)
    for index, (part, patches, wanted) in enumerate(zip(parts, made, asked, strict=True)):
        examples: dict[str, list[Floats]] = {}
        for other, truth in zip(parts, truths, strict=True):
            name = kind(other)
            if name and other.song.track != part.song.track and among(part, other):
                examples.setdefault(name, []).append(truth)
        share = None if wanted is None else class_recovered(patches, wanted, examples)
        found[index] = np.nan if share is None else share
    return found


def by_song(parts: Sequence[Part], values: Floats) -> Floats:
    """Mean over the parts of each song, NaN where none has a value."""
    tracks = [part.song.track for part in parts]
    groups = [values[[other == track for other in tracks]] for track in dict.fromkeys(tracks)]
    return np.array([np.nanmean(g) if np.isfinite(g).any() else np.nan for g in groups])


@click.command()
@click.option("--model", default="student", show_default=True)
@click.option("--data", type=click.Path(path_type=Path), default=None, help="[default: demo songs]")
@click.option("--songs", default=40, show_default=True)
@click.option("--store", type=click.Path(path_type=Path), default=Path("results/prompts.csv"))
def main(model: str, data: Path | None, songs: int, store: Path) -> None:
    """Write a row for each attribute."""
    stems, player, codec = StemSet.open(data or demo_root()), load_model(model), load_codec()
    instruments = ("drums", "bass", "guitar", "piano")
    parts, _ = find_parts(choose_songs(stems, "auto", songs), instruments)
    panel, captions = find_panel(), [genre.caption for genre in genres()]
    groups = [parts[i : i + BATCH] for i in range(0, len(parts), BATCH)]
    wavs = [wav for group in groups for wav in play(player, codec, group)]
    made = panel.embed(wavs, SAMPLE_RATE)
    heard = [through(codec, load_part(stems, part).truth) for part in parts]
    truths = panel.embed(heard, SAMPLE_RATE)

    def instrument(part: Part) -> str:
        return part.stem.instrument

    def genre(part: Part) -> str | None:
        return asked_genre(part.song.prompt, captions)

    kinds = {
        "instrument": (instrument, lambda part, other: True),
        "genre": (genre, lambda part, other: instrument(part) == instrument(other)),
    }
    rows = []
    for name, (kind, among) in kinds.items():
        asked = [kind(part) for part in parts]
        # Another's: half the list away, which is another song, and along it for instruments.
        turned = asked[len(asked) // 2 + 1 :] + asked[: len(asked) // 2 + 1]
        scores = {
            "recovered": shares(parts, made, truths, kind, asked, among),
            "of another": shares(parts, made, truths, kind, turned, among),
            "ground truth": shares(parts, truths, truths, kind, asked, among),
        }
        means = {label: by_song(parts, values) for label, values in scores.items()}
        rng = numpy_generator(0, "bootstrap")
        near = closeness(means["recovered"], means["of another"], means["ground truth"], rng)
        rows.append(
            {
                "asked for": name,
                **{label: bootstrap(values, rng).mean for label, values in means.items()},
                "closeness": near and near.mean,
                "low": near and near.low,
                "high": near and near.high,
                "songs": len(next(iter(means.values()))),
                "checkpoint": f"{player.name} {player.sha8}",
            }
        )
    write_sheet(store, rows)
    click.echo(sheet_to_markdown(rows))


if __name__ == "__main__":
    main()
