"""accomptk synth: a teacher's trajectories from words alone, to shards."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from accomptk.cli.options import (
    codec_option,
    device_option,
    echo_json,
    force_option,
    json_option,
    out_option,
    progress,
    quiet_option,
    recipe_option,
    set_option,
    teacher_option,
    tell,
    thesaurus_option,
)

if TYPE_CHECKING:
    from accomptk.diffusion.trajectories import ChunkDenoiser
    from accomptk.latents.codec import Codec

EPILOG = """\b
Examples:
  accomptk synth --out runs/synth
  accomptk synth --prompts my-prompts.txt --set streams=64 --workers 2
"""


@click.command(epilog=EPILOG)
@teacher_option
@codec_option
@click.option(
    "--prompts",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    metavar="FILE",
    help="Your prompts, one a line.  [default: the caption grammar]",
)
@thesaurus_option
@recipe_option("pocket/synth")
@click.option("--batch", type=click.IntRange(min=1), default=None, help="Bands at once.")
@click.option("--workers", type=click.IntRange(min=1), default=1, help="Processes to use.")
@out_option("./runs/synth-<time>")
@set_option
@device_option
@force_option
@json_option
@quiet_option
def synth(
    teacher: str,
    codec: Path | None,
    prompts: Path | None,
    thesaurus: str | None,
    recipe: str,
    batch: int | None,
    workers: int,
    out: Path | None,
    overrides: tuple[str, ...],
    device: str,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Let a teacher play bands from words alone, and keep every state of its ODE.

    The same command goes on where it was interrupted; under `accelerate launch` or `torchrun`
    each process makes its share of the shards.
    """
    from accomptk.diffusion.bands import SynthRecipe
    from accomptk.diffusion.briefs import read_prompts
    from accomptk.diffusion.trajectory_shards import forget, synthesise
    from accomptk.processes import find_team
    from accomptk.recipe import load_recipe
    from accomptk.run import Run

    team = find_team(device)
    if out is None and team.size > 1:
        raise click.UsageError("several processes need one --out")
    resolved = load_recipe(recipe, SynthRecipe, overrides)
    run = Run.create("synth", out, resolved.seed, resolved, resume=not force)
    if force and team.leads:
        forget(run.folder)
    team.wait()
    bank = _tell(read_prompts(prompts), teacher, thesaurus) if prompts else ()
    with progress(quiet) as bar:
        task = bar.add_task("synth", total=resolved.streams)
        details = synthesise(
            run.folder,
            partial(load_pair, teacher, codec, device),
            resolved,
            prompts=bank,
            batch=batch or 0,
            workers=workers,
            share=team.share,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    team.wait()
    done = sum(
        len(duets) for name, duets in details.shards.items() if (run.folder / name).is_file()
    )
    if done == details.streams:
        run.finish()
    if as_json:
        echo_json({"trajectories": str(run.folder), "tuples": done, "of": details.streams})
    else:
        click.echo(f"{done} of {details.streams} distinct condition tuples rolled out", err=True)
        click.echo(run.folder)


def _tell(prompts: Sequence[str], teacher: str, thesaurus: str | None) -> tuple[str, ...]:
    """The prompts of a bank as the teacher is told them."""
    from accomptk.conditions.thesaurus import load_thesaurus
    from accomptk.streaming.models import load_model

    vocabulary = load_model(teacher).vocabulary
    words = load_thesaurus(thesaurus, vocabulary) if thesaurus else None
    return tuple(tell(prompt, vocabulary, words) for prompt in prompts)


def load_pair(teacher: str, codec: Path | None, device: str) -> "tuple[ChunkDenoiser, Codec]":
    """A model that can be asked for trajectories, and its codec.

    Raises:
        CodecError: If they do not belong together.
    """
    from accomptk.latents.codec import check_space, load_codec
    from accomptk.run import pick_device
    from accomptk.streaming.models import load_model

    model, own = load_model(teacher, pick_device(device)), load_codec(codec)
    check_space(f"model '{teacher}'", model.space, own.space)
    return cast("ChunkDenoiser", model), own  # every model that can be loaded is one
