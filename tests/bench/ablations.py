"""The data-free loss, self-rollout, re-queried targets and ranks, at one short budget each.

    accomptk synth --recipe pocket/synth-quick --out runs/short
    accomptk synth --recipe pocket/synth-quick --set seed=1 --out runs/short-held-out
    python tests/bench/ablations.py runs/short runs/short-held-out --out runs/ablations

Each student plays the held-out plans in one step a chunk on its own history; its chunks are
compared with what the teacher plays from the same noise under that same history. The students stay
in OUT, for `accomptk eval --models`.
"""

import subprocess
from functools import partial
from pathlib import Path

import click
import pandas as pd
import torch

from accomptk.checkpoint import read_header
from accomptk.diffusion.consistency import EndpointWeights, endpoint_loss, requery
from accomptk.diffusion.student import Student, load_student
from accomptk.diffusion.teacher import Teacher
from accomptk.diffusion.trajectories import play_through
from accomptk.diffusion.trajectory_shards import TrajectorySet
from accomptk.metrics.sheet import write_sheet
from accomptk.streaming.models import shipped_path

LATENT, SPECTRAL, TEMPORAL = ("weights.latent=1", "weights.spectral=0", "weights.temporal=0")
FULL = ("adapter.rank=0", "optim.lr=1e-4")
VARIANTS = {
    "latent": (LATENT, SPECTRAL, TEMPORAL),
    "latent + spectral": (LATENT, TEMPORAL),
    "latent + spectral + temporal": (),
    "no self-rollout": ("self_rollout=0",),
    "stored targets": ("requery=false",),
    "rank 4": ("adapter.rank=4", "adapter.alpha=4"),
    "rank 16": ("adapter.rank=16", "adapter.alpha=16"),
    "rank 64": ("adapter.rank=64", "adapter.alpha=64"),
    "all weights": FULL,
}
TERMS = ("latent", "spectral", "temporal")


@torch.inference_mode()
def measure(student: Student, teacher: Teacher, held_out: TrajectorySet) -> dict[str, float]:
    """Each term of the loss on the student's own streams, the mean over shards."""
    sigmas, rows = held_out.sigmas, []
    for shard in range(len(held_out.details.shards)):
        plan, states = held_out.read(shard)[-1]
        made = play_through(
            student,
            plan,
            range(len(states)),
            lambda denoise, x: (x, denoise(x, sigmas[:1].expand(len(x)))),
            sigma_max=float(sigmas[0]),
        )
        goal = requery(
            teacher.denoiser, plan, made[:, -1], made[:, 0], sigmas, held_out.details.guidance
        )
        loss = partial(endpoint_loss, made[:, -1], goal[:, -1], plan.chunks)
        alone = [EndpointWeights(**{t: float(t == term) for t in TERMS}) for term in TERMS]
        rows.append({term: loss(w).item() for term, w in zip(TERMS, alone, strict=True)})
    return pd.DataFrame(rows).mean().to_dict()


@click.command()
@click.argument("trajectories", type=click.Path(path_type=Path))
@click.argument("held_out", type=click.Path(path_type=Path))
@click.option("--recipe", default="pocket/distill-quick", show_default=True)
@click.option("--teacher", default="teacher", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/ablations"))
@click.option("--store", type=click.Path(path_type=Path), default=Path("results/ablations.csv"))
def main(
    trajectories: Path, held_out: Path, recipe: str, teacher: str, out: Path, store: Path
) -> None:
    """Distil and measure every variant; a finished one is not distilled again."""
    path = shipped_path(teacher) if "." not in teacher else Path(teacher)
    parent, plans = Teacher(path), TrajectorySet(held_out)
    whole = sum(weight.numel() for weight in parent.denoiser.parameters())
    one_step = Student(parent, parent.denoiser, plans.sigmas)
    rows = [{"variant": "teacher in one step", **measure(one_step, parent, plans)}]
    for name, overrides in VARIANTS.items():
        folder = out / name.replace(" ", "-")
        command = ["accomptk", "distill", "--data-free", "--quiet", "--teacher", teacher]
        command += ["--recipe", recipe, "--trajectories", trajectories, "--out", folder]
        command += [word for override in overrides for word in ("--set", override)]
        subprocess.run(list(map(str, command)), check=True)
        file = folder / "ema.safetensors"
        trained = sum(weight.numel() for weight in load_weights(file))
        rows.append(
            {
                "variant": name,
                **measure(load_student(file), parent, plans),
                "steps": read_header(file).step,
                "parameters": trained,
                "share": trained / whole,
                "bytes": file.stat().st_size,
            }
        )
        write_sheet(store, pd.DataFrame(rows).to_dict("records"))
    click.echo(pd.DataFrame(rows).to_string(index=False))


def load_weights(file: Path) -> list[torch.Tensor]:
    """What a student's file holds."""
    from accomptk.checkpoint import load_tensors

    return list(load_tensors(file, "student")[0].values())


if __name__ == "__main__":
    main()
