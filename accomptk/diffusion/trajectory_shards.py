"""Trajectories on disk: WebDataset shards, a band a sample, a group of bands a shard."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from accomptk.conditions.grid import FRAMES_PER_SECOND
from accomptk.diffusion.bands import SynthRecipe, play_bands
from accomptk.diffusion.briefs import Brief, write_briefs
from accomptk.diffusion.trajectories import ChunkDenoiser, Plan, Trajectories
from accomptk.diffusion.transformer import Conditions
from accomptk.errors import DatasetError
from accomptk.latents.codec import Codec
from accomptk.recipe import parse_recipe, recipe_hash
from accomptk.run import replacing
from accomptk.stems.parallel import map_unordered
from accomptk.window import Chunk

DETAILS_NAME = "details.json"

Shard = tuple[str, range]
"""File name and bands."""

Load = Callable[[], tuple[ChunkDenoiser, Codec]]
"""Loads the teacher and its codec, in whatever process works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What decides the content of shards.

    Attributes:
        teacher: First digits of the teacher's sha256.
        codec: Likewise of its codec's.
        recipe: Hash of the recipe.
        prompts: The bank; empty for the caption grammar.
        streams: Bands in all.
        group: Bands a shard.
        players: Of each band.
        guidance: Weight of the conditions.
        sigmas: Noise levels of the states.
    """

    teacher: str
    codec: str
    recipe: str
    prompts: tuple[str, ...]
    streams: int
    group: int
    players: int
    guidance: float
    sigmas: tuple[float, ...]

    @property
    def shards(self) -> dict[str, range]:
        """Bands of each shard, by its file name."""
        starts = range(0, self.streams, self.group)
        return {
            f"{index:06d}.tar": range(start, min(start + self.group, self.streams))
            for index, start in enumerate(starts)
        }


def synthesise(
    folder: Path,
    load: Load,
    recipe: SynthRecipe,
    *,
    prompts: Sequence[str] = (),
    batch: int = 0,
    workers: int = 1,
    share: Callable[[Sequence[Shard]], Sequence[Shard]] = lambda shards: shards,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Details:
    """Roll a teacher out into shards; those that are there already are kept.

    Args:
        folder: Where the shards go.
        load: Loads teacher and codec.
        recipe: What to roll out.
        prompts: A bank of the user's; empty for the caption grammar.
        batch: Bands played at once; 0 for a whole group. Decides speed and memory alone.
        workers: Processes on this machine.
        share: Chooses the shards that this process makes; ``Team.share`` where there are several.
        progress: Told of bands done and in all.

    Returns:
        What all processes together make.

    Raises:
        DatasetError: If the folder holds trajectories of something else.
    """
    teacher, codec = load()
    details = Details(
        teacher=teacher.sha8,
        codec=codec.sha8,
        recipe=recipe_hash(recipe),
        prompts=tuple(prompts),
        streams=recipe.streams,
        group=recipe.group,
        players=recipe.players,
        guidance=recipe.guidance,
        sigmas=tuple(recipe.levels(teacher.noise).tolist()),
    )
    _claim(folder, details)
    own = share(list(details.shards.items()))
    missing = [item for item in own if not (folder / item[0]).is_file()]
    total, left = (sum(len(bands) for _, bands in some) for some in (own, missing))
    seconds = recipe.geometry.excerpt / FRAMES_PER_SECOND
    writing = write_briefs(recipe.seed, seconds, recipe.players, prompts)
    briefs = list(islice(writing, left and recipe.streams))
    tasks = [(name, bands[0], [briefs[index] for index in bands]) for name, bands in missing]
    work = partial(_write_shard, folder.absolute(), load, recipe, batch)
    for count in map_unordered(work, tasks, workers):
        left -= count
        progress(total - left, total)
    return details


class TrajectorySet:
    """A folder of finished trajectories.

    Args:
        folder: What `synthesise` wrote.

    Raises:
        DatasetError: If it holds none, or not all of them.
    """

    def __init__(self, folder: Path) -> None:
        details = _read_details(folder)
        if details is None:
            raise DatasetError(f"{folder}: holds no trajectories; make some with accomptk synth")
        self.folder, self.details = folder, details
        self.sigmas = torch.tensor(details.sigmas)
        absent = next((name for name in details.shards if not (folder / name).is_file()), None)
        if absent is not None:
            raise DatasetError(f"{folder / absent}: missing; run the same accomptk synth again")

    def read(self, shard: int) -> list[Trajectories]:
        """The bands of one shard, one a player."""
        samples = list(_read_samples(self.folder / list(self.details.shards)[shard]))
        return [_stack(samples, player) for player in range(self.details.players)]


def forget(folder: Path) -> None:
    """Delete the trajectories in a folder."""
    for path in (folder / DETAILS_NAME, *folder.glob("*.tar")):
        path.unlink(missing_ok=True)


def _claim(folder: Path, details: Details) -> None:
    found = _read_details(folder)
    if found not in (None, details):
        pairs = zip(asdict(found).items(), asdict(details).values(), strict=True)
        differs = [name for (name, old), new in pairs if old != new]
        raise DatasetError(
            f"{folder}: holds trajectories of another {differs[0]}; give another --out"
        )
    with replacing(folder / DETAILS_NAME) as temporary:
        temporary.write_text(json.dumps(asdict(details), indent=2) + "\n", encoding="utf-8")


def _read_details(folder: Path) -> Details | None:
    path = folder / DETAILS_NAME
    if not path.is_file():
        return None
    return parse_recipe(json.loads(path.read_text(encoding="utf-8")), Details, str(path))


def _write_shard(
    folder: Path,
    load: Load,
    recipe: SynthRecipe,
    batch: int,
    task: tuple[str, int, list[Brief]],
) -> int:
    """Roll out a group and write it whole or not at all; runs in any process."""
    from webdataset import TarWriter

    name, first, briefs = task
    teacher, codec = load()
    size = batch or len(briefs)
    with replacing(folder / name) as temporary, TarWriter(str(temporary), mtime=0.0) as writer:
        for start in range(0, len(briefs), size):
            some = briefs[start : start + size]
            played = play_bands(teacher, codec, recipe, some, first + start)
            for index, brief in enumerate(some):
                number = first + start + index
                text = {
                    "prompt": brief.prompt,
                    "players": brief.players,
                    "tempo": brief.tempo,
                    "seeds": [recipe.stream_seed(p, number) for p in range(recipe.players)],
                }
                writer.write({"__key__": f"{number:06d}", **_to_sample(played, text, index)})
    return len(briefs)


def _to_sample(played: Sequence[Trajectories], text: dict[str, Any], index: int) -> dict[str, Any]:
    from safetensors.torch import save

    sample, chunks = {}, []
    for player, (plan, states) in enumerate(played):
        parts = {f.name: getattr(plan.conditions, f.name) for f in fields(plan.conditions)}
        own = {"states": states, "context": plan.context, **parts}
        sample[f"{player}.safetensors"] = save({k: _to_half(v[index]) for k, v in own.items()})
        chunks.append([(chunk.heard, chunk.start, chunk.end) for chunk in plan.chunks])
    return {"json": {**text, "chunks": chunks}, **sample}


def _to_half(value: Tensor) -> Tensor:
    return (value.half() if value.is_floating_point() else value).contiguous()


def _to_single(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value


def _read_samples(path: Path) -> Iterator[dict[str, Any]]:
    import tarfile

    from safetensors import SafetensorError
    from safetensors.torch import load
    from webdataset.tariterators import group_by_keys, tar_file_expander

    try:
        with path.open("rb") as file:
            source = {"url": str(path), "stream": file}
            for sample in group_by_keys(tar_file_expander([source])):
                text = json.loads(sample["json"])
                players = range(len(text["chunks"]))
                yield {
                    "chunks": text["chunks"],
                    "players": [load(sample[f"{player}.safetensors"]) for player in players],
                }
    except (tarfile.TarError, SafetensorError, OSError, ValueError, KeyError) as error:
        raise DatasetError(
            f"{path}: damaged; delete it and run the same accomptk synth again"
        ) from error


def _stack(samples: Sequence[dict[str, Any]], player: int) -> Trajectories:
    own = [sample["players"][player] for sample in samples]
    parts = {name: torch.stack([_to_single(tensors[name]) for tensors in own]) for name in own[0]}
    states, context = parts.pop("states"), parts.pop("context")
    chunks = tuple(Chunk(*edges) for edges in samples[0]["chunks"][player])
    return Trajectories(Plan(chunks, context, Conditions(**parts)), states)
