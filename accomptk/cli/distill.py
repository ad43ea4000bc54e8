"""accomptk distill: a student that plays a chunk in one step."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accomptk.cli.options import (
    codec_option,
    data_option,
    device_option,
    echo_checkpoint,
    force_option,
    json_option,
    minutes_option,
    out_option,
    progress,
    quiet_option,
    set_option,
    teacher_option,
)

if TYPE_CHECKING:
    from accomptk.diffusion.distillation import Distilling, DistillRecipe, PairedRecipe
    from accomptk.diffusion.teacher import Teacher
    from accomptk.processes import Team
    from accomptk.run import Run

DATA_FREE, PAIRED = "pocket/distill-quick", "pocket/distill-paired"
EPILOG = """\b
Examples:
  accomptk distill --data-free
  accomptk distill --data-free --recipe pocket/distill --trajectories runs/synth
  accomptk distill --data data/band
"""


@click.command(epilog=EPILOG)
@click.option("--data-free", is_flag=True, help="From trajectories alone; no recording is read.")
@teacher_option
@codec_option
@click.option(
    "--trajectories",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    metavar="DIR",
    help="Of accomptk synth.  [default: made first, in the run's folder]",
)
@data_option(None, "Prepared set, without --data-free.  [default: data/band]")
@click.option(
    "--recipe",
    default=None,
    metavar="NAME|FILE",
    help=f"Shipped recipe, or a .toml file.  [default: {DATA_FREE}, or {PAIRED}]",
)
@minutes_option
@click.option(
    "--merge", is_flag=True, help="Also write merged.safetensors, which needs no teacher."
)
@out_option("./runs/distill-<time>")
@set_option
@device_option
@force_option
@json_option
@quiet_option
def distill(data_free: bool, data: Path | None, trajectories: Path | None, **options: Any) -> None:
    """Distil the teacher into a student that plays a chunk in one step.

    The same command goes on with the run in --out. Prints the student's path; `eval --models` and
    `simulate --model` take it.
    """
    if data_free and data is not None:
        raise click.UsageError("--data-free reads no data; leave --data out")
    if not data_free and trajectories is not None:
        raise click.UsageError("--trajectories are for --data-free; add it")
    from accomptk.diffusion.distillation import distil
    from accomptk.diffusion.student import merge_student
    from accomptk.processes import find_team
    from accomptk.streaming.models import SHIPPED, shipped_path

    name, team = options["teacher"], find_team(options["device"])
    path = shipped_path(name) if name in SHIPPED else Path(name)
    run, recipe, teacher = start(data_free, path, options, team)
    way = (
        without_data(run, recipe, teacher, trajectories, options, team)
        if data_free
        else with_data(recipe, teacher, path, data or Path("data/band"))
    )
    with progress(options["quiet"] or not team.leads) as bar:
        task = bar.add_task("distill", total=recipe.optim.steps)
        student = distil(
            run,
            way,
            teacher,
            path,
            recipe,
            minutes=options["minutes"],
            team=team,
            on_step=lambda step, loss: bar.update(
                task, completed=step, description=f"distill, loss {loss:.3f}"
            ),
        )
    team.end()
    if not team.leads:
        return
    if options["merge"]:
        merge_student(student, run.folder / "merged.safetensors")
    echo_checkpoint(student, run, options["as_json"])


def start(
    data_free: bool, path: Path, options: dict[str, Any], team: "Team"
) -> "tuple[Run, DistillRecipe | PairedRecipe, Teacher]":
    """The run, its recipe and the teacher."""
    from accomptk.diffusion.distillation import DistillRecipe, PairedRecipe
    from accomptk.diffusion.teacher import Teacher
    from accomptk.recipe import load_recipe
    from accomptk.run import pick_device

    schema: type[DistillRecipe | PairedRecipe] = DistillRecipe if data_free else PairedRecipe
    name = options["recipe"] or (DATA_FREE if data_free else PAIRED)
    recipe = load_recipe(name, schema, options["overrides"])
    teacher = Teacher(path, pick_device(options["device"]))
    verb, resume = "distill", not options["force"]
    run = team.create_run(verb, options["out"], recipe.seed, recipe, resume)
    return run, recipe, teacher


def with_data(recipe: Any, teacher: "Teacher", path: Path, data: Path) -> "Distilling":
    """Distillation on recordings."""
    from accomptk.diffusion.distillation import Paired

    return Paired(recipe, teacher, path, data)


def without_data(
    run: "Run",
    recipe: Any,
    teacher: "Teacher",
    given: Path | None,
    options: dict[str, Any],
    team: "Team",
) -> "Distilling":
    """Distillation on trajectories, which are made first where none are given."""
    from functools import partial

    from accomptk.cli.synth import load_pair
    from accomptk.diffusion.bands import SynthRecipe
    from accomptk.diffusion.distillation import DataFree
    from accomptk.diffusion.trajectory_shards import TrajectorySet, forget, synthesise
    from accomptk.recipe import load_recipe

    if given is None:
        given = run.folder / "trajectories"
        if options["force"] and team.leads:
            forget(given)
        team.wait()
        asked = load_recipe(recipe.synth, SynthRecipe)
        with progress(options["quiet"] or not team.leads) as bar:
            task = bar.add_task("synth", total=asked.streams)
            synthesise(
                given,
                partial(load_pair, options["teacher"], options["codec"], options["device"]),
                asked,
                share=team.share,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        team.wait()
    return DataFree(recipe, teacher, TrajectorySet(given))
