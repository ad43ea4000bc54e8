"""How a model in training plays: closeness and sound of a few validation songs."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from accomptk.diffusion.fit import Heard
from accomptk.latents.codec import Codec
from accomptk.latents.pictures import HIGHEST_DB, LOWEST_DB, levels
from accomptk.metrics.anchors import LOWER, UPPER
from accomptk.metrics.cache import AnchorCache
from accomptk.metrics.judge import Judged, judge_stem
from accomptk.metrics.panel import find_panel
from accomptk.stems.audio import SAMPLE_RATE
from accomptk.stems.index import StemSet
from accomptk.stems.instruments import PARTS
from accomptk.streaming.entries import NOTHING_PLAYED
from accomptk.streaming.models import load_model
from accomptk.streaming.outcomes import OutcomeStore
from accomptk.streaming.parts import choose_songs, find_parts
from accomptk.streaming.stage import Stage
from accomptk.streaming.tally import Tally, song_cells
from accomptk.window import Window

SONGS = 3
BATCH = 4
LOOKAHEAD, HOPS = 2, 4  # a hop ahead, each a quarter of the reach
SOUND_S = 12.0  # of each sound kept

Wav = NDArray[np.float32]


class Audition:
    """Plays the same validation songs with one checkpoint after another, a hop ahead.

    Frechet distances want more songs than these, so there are none.

    Args:
        data: Prepared set; its validation songs are played, or others where it has none.
        codec: Of the models.
        folder: Where judged anchors are kept.
        device: Where the models play.

    Raises:
        DatasetError: If no song has a part to play.
    """

    def __init__(
        self, data: Path, codec: Codec, folder: Path, device: torch.device | None = None
    ) -> None:
        self.data, self.codec, self.folder, self.device = data, codec, folder, device
        self.stems = StemSet.open(data)
        split = "valid" if self.stems.split("valid") else "auto"
        self.parts, _ = find_parts(choose_songs(self.stems, split, SONGS), PARTS)
        self.pool, _ = find_parts(choose_songs(self.stems, split), PARTS)

    @cached_property
    def stage(self) -> Stage:
        """Where they play; its judges are loaded for the first audition."""
        return Stage(
            stems=self.stems,
            codec=self.codec,
            panel=replace(find_panel(), embed=None, embedding="none"),
            recipe=replace(NOTHING_PLAYED, data=str(self.data), batch=BATCH),
            pool=self.pool,
            anchors=AnchorCache(self.folder),
            outcomes=OutcomeStore(self.folder),
        )

    def __call__(self, checkpoint: Path) -> Heard:
        """Let a checkpoint play and judge it."""
        model = load_model(str(checkpoint), self.device)
        reach = model.frames
        window = Window.from_lookahead(LOOKAHEAD, frames=reach, hop=reach // HOPS)
        judged: dict[str, Judged] = {}
        sounds: dict[str, Wav] = {}
        for first in range(0, len(self.parts), BATCH):
            batch = [self.stage.load(part) for part in self.parts[first : first + BATCH]]
            played = self.stage.simulate(model, window, batch)
            for take, wav in zip(batch, played.audio, strict=False):
                made = wav[take.part.scored]
                judged[take.part.name] = judge_stem(made, take.scene, self.stage.panel)
                if take.part.song.track == self.parts[0].song.track:
                    sounds[f"{take.part.stem.instrument}/made"] = made
                    sounds[f"{take.part.stem.instrument}/heard"] = take.scene.context
        sounds = {name: wav[: round(SOUND_S * SAMPLE_RATE)] for name, wav in sounds.items()}
        pictures = {name: picture(wav) for name, wav in sounds.items()}
        return Heard(self._score(judged), sounds, pictures, SAMPLE_RATE)

    def _score(self, judged: Mapping[str, Judged]) -> dict[str, float]:
        """Means over songs and their closeness to the anchors."""
        anchors = {part.name: self.stage.judge_anchors(part) for part in self.parts}
        upper, lower = (
            Tally({name: found[anchor] for name, found in anchors.items() if anchor in found})
            for anchor in (UPPER, LOWER)
        )
        cells = song_cells(Tally(dict(judged)), upper, lower, self.parts, seed=0)
        scores = {}
        for key, cell in cells.items():
            if cell is not None:
                scores[f"audition/{key}"] = cell.mean
                if cell.closeness is not None:
                    scores[f"closeness/{key}"] = cell.closeness
        return scores


def picture(wav: Wav) -> Wav:
    """A spectrogram, 0 to 1, [bands, T]; the highest band comes first, as in an image."""
    level_db, _ = levels(wav)
    lit = (level_db[::-1] - LOWEST_DB) / (HIGHEST_DB - LOWEST_DB)
    return np.clip(lit, 0, 1).astype(np.float32)
