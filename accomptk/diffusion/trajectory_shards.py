"""Trajectories on disk: WebDataset shards, a duet a sample, a group of duets a shard."""

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
from accomptk.diffusion.briefs import Brief, write_briefs
from accomptk.diffusion.duets import ROLES, Role, SynthRecipe, play_duets
from accomptk.diffusion.trajectories import ChunkDenoiser, Plan, Trajectories
from accomptk.diffusion.transformer import Conditions
from accomptk.errors import DatasetError
from accomptk.latents.codec import Codec
from accomptk.recipe import recipe_hash
from accomptk.run import replacing
from accomptk.stems.parallel import map_unordered
from accomptk.window import Chunk

DETAILS_NAME = "details.json"

Shard = tuple[str, range]
"""File name and duets."""

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
        streams: Duets in all.
        group: Duets a shard.
        guidance: Weight of the conditions.
        sigmas: Noise levels of the states.
    """

    teacher: str
    codec: str
    recipe: str
    prompts: tuple[str, ...]
    streams: int
    group: int
    guidance: float
    sigmas: tuple[float, ...]

    @property
    def shards(self) -> dict[str, range]:
        """Duets of each shard, by its file name."""
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
    force: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Details:
    """Roll a teacher out into shards; those that are there already are kept.

    Args:
        folder: Where the shards go.
        load: Loads teacher and codec.
        recipe: What to roll out.
        prompts: A bank of the user's; empty for the caption grammar.
        batch: Duets played at once; 0 for a whole group. Decides speed and memory alone.
        workers: Processes on this machine.
        share: Chooses the shards that this process makes; ``Team.share`` where there are several.
        force: Make again what is there.
        progress: Told of duets done and in all.

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
        guidance=recipe.guidance,
        sigmas=tuple(recipe.levels(teacher.noise).tolist()),
    )
    _claim(folder, details, force)
    own = share(list(details.shards.items()))
    missing = [item for item in own if force or not (folder / item[0]).is_file()]
    total, left = (sum(len(duets) for _, duets in some) for some in (own, missing))
    seconds = recipe.geometry.excerpt / FRAMES_PER_SECOND
    briefs = list(islice(write_briefs(recipe.seed, seconds, prompts), left and recipe.streams))
    tasks = [(name, duets[0], [briefs[index] for index in duets]) for name, duets in missing]
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

    def read(self, shard: int) -> dict[Role, Trajectories]:
        """Both roles of the duets of one shard."""
        samples = list(_read_samples(self.folder / list(self.details.shards)[shard]))
        return {role: _stack(samples, role) for role in ROLES}


def _claim(folder: Path, details: Details, force: bool) -> None:
    found = _read_details(folder)
    if found not in (None, details) and not force:
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
    values = json.loads(path.read_text(encoding="utf-8"))
    return Details(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})


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
            duets = play_duets(teacher, codec, recipe, some, first + start)
            for index, brief in enumerate(some):
                number = first + start + index
                seeds = {role: recipe.stream_seed(role, number) for role in ROLES}
                text = {"prompt": brief.prompt, "players": brief.players, "tempo": brief.tempo}
                text = {**text, "seeds": seeds}
                writer.write({"__key__": f"{number:06d}", **_to_sample(duets, text, index)})
    return len(briefs)


def _to_sample(duets: dict[Role, Trajectories], text: dict[str, Any], index: int) -> dict[str, Any]:
    from safetensors.torch import save

    tensors, chunks = {}, {}
    for role, (plan, states) in duets.items():
        parts = {f.name: getattr(plan.conditions, f.name) for f in fields(plan.conditions)}
        own = {"states": states, "context": plan.context, **parts}
        tensors[f"{role}.safetensors"] = save({k: _to_half(v[index]) for k, v in own.items()})
        chunks[role] = [(chunk.heard, chunk.start, chunk.end) for chunk in plan.chunks]
    return {"json": {**text, "chunks": chunks}, **tensors}


def _to_half(value: Tensor) -> Tensor:
    return (value.half() if value.is_floating_point() else value).contiguous()


def _read_samples(path: Path) -> Iterator[dict[str, Any]]:
    import tarfile

    from safetensors import SafetensorError
    from safetensors.torch import load
    from webdataset.tariterators import group_by_keys, tar_file_expander

    try:
        with path.open("rb") as file:
            source = {"url": str(path), "stream": file}
            for sample in group_by_keys(tar_file_expander([source])):
                tensors = {role: load(sample[f"{role}.safetensors"]) for role in ROLES}
                yield {"text": json.loads(sample["json"]), **tensors}
    except (tarfile.TarError, SafetensorError, OSError, ValueError, KeyError) as error:
        raise DatasetError(
            f"{path}: damaged; delete it and run the same accomptk synth again"
        ) from error


def _stack(samples: Sequence[dict[str, Any]], role: Role) -> Trajectories:
    stacked = {
        name: torch.stack([sample[role][name] for sample in samples]) for name in samples[0][role]
    }
    parts = {k: v.float() if v.is_floating_point() else v for k, v in stacked.items()}
    states, context = parts.pop("states"), parts.pop("context")
    chunks = tuple(Chunk(*edges) for edges in samples[0]["text"]["chunks"][role])
    return Trajectories(Plan(chunks, context, Conditions(**parts)), states)
