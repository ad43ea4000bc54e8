"""f(x_sigma, sigma) against the trajectory's end, level by level, for every model in one plot.

    accomptk synth --set seed=1 --set streams=32 --out runs/held-out
    python tests/bench/endpoints.py runs/held-out --models teacher,student,paired.safetensors

The trajectories must be of the teacher that all models come from, and of another seed than the
students were distilled with. Errors are relative to the standard deviation of the ends.
"""

from pathlib import Path

import click
import pandas as pd
import torch

from accomptk.diffusion.consistency import OnePass
from accomptk.diffusion.trajectory_shards import TrajectorySet
from accomptk.metrics.sheet import write_sheet
from accomptk.streaming.models import load_model


@torch.inference_mode()
def errors(model, trajectories: TrajectorySet) -> list[float]:
    """Root mean square error of one step from each level, over all chunks of all players."""
    square = torch.zeros(len(trajectories.sigmas) - 1)
    power = 0.0
    for shard in range(len(trajectories.details.shards)):
        for plan, states in trajectories.read(shard):
            end, begin = states[:, -1], plan.chunks[0].start
            view = OnePass(model.denoiser, plan.context, end, plan.layout(), plan.conditions)
            power += end[..., begin:].square().sum().item()
            for index, sigma in enumerate(trajectories.sigmas[:-1]):
                made = view(states[:, index], sigma.expand(len(states)))
                square[index] += (made - end)[..., begin:].square().sum()
    return (square / power).sqrt().tolist()


@click.command()
@click.argument("trajectories", type=click.Path(path_type=Path))
@click.option("--models", default="teacher,student", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("results/endpoints"))
def main(trajectories: Path, models: str, out: Path) -> None:
    """Write OUT.csv and OUT.png."""
    import matplotlib.pyplot as plt

    held_out = TrajectorySet(trajectories)
    sigmas = held_out.sigmas[:-1].tolist()
    found = {Path(name).stem: errors(load_model(name), held_out) for name in models.split(",")}
    table = pd.DataFrame({"sigma": sigmas, **found})
    write_sheet(out.with_suffix(".csv"), table.to_dict("records"))
    for name, values in found.items():
        plt.loglog(sigmas, values, marker="o", label=name)
    plt.xlabel("sigma")
    plt.ylabel("error of f(x, sigma), relative to the ends")
    plt.legend()
    plt.savefig(out.with_suffix(".png"), dpi=150)
    click.echo(table.to_string(index=False))


if __name__ == "__main__":
    main()
