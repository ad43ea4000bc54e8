"""``accomptk train``: base models, in the order in which they need each other."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accomptk.cli.options import (
    codec_option,
    data_option,
    device_option,
    echo_checkpoint,
    echo_json,
    follow_stages,
    force_option,
    init_option,
    json_option,
    minutes_option,
    out_option,
    progress,
    quiet_option,
    recipe_option,
    set_option,
    workers_option,
)

if TYPE_CHECKING:
    from accomptk.latents.codec import Codec
    from accomptk.run import Run
    from accomptk.streaming.audition import Audition

stems_option = data_option(Path("data/band"), "Prepared set of stems.")


@click.group(epilog="Example: accomptk train codec --data data/band")
def train() -> None:
    """Train the codec, the teacher, the baseline or the judge; or lend a model sounds."""


@train.command(epilog="Example: accomptk train codec --data data/band --recipe pocket/codec")
@stems_option
@recipe_option("pocket/codec")
@out_option("./runs/train-codec-<time>")
@set_option
@minutes_option
@workers_option
@force_option
@quiet_option
def codec(
    data: Path,
    recipe: str,
    out: Path | None,
    overrides: tuple[str, ...],
    minutes: float | None,
    workers: int | None,
    force: bool,
    quiet: bool,
) -> None:
    """Fit the spectral codec to a prepared set and encode the set with it.

    Prints the path of the codec's checkpoint.
    """
    from accomptk.latents.codec import load_codec
    from accomptk.latents.fit import CodecRecipe, fit_codec
    from accomptk.recipe import load_recipe
    from accomptk.run import Run, cores
    from accomptk.stems.index import SPLITS, StemSet

    resolved = load_recipe(recipe, CodecRecipe, overrides)
    stems = StemSet.open(data)
    run = Run.create("train-codec", out, resolved.seed, resolved, resume=not force)
    with progress(quiet) as bar:
        path = fit_codec(
            run,
            stems,
            resolved,
            workers=workers or cores(),
            minutes=minutes,
            progress=follow_stages(bar),
        )
    _encode(data, load_codec(path), SPLITS, workers or cores(), quiet)
    click.echo(path)


def _encode(data: Path, codec: "Codec", splits: Collection[str], workers: int, quiet: bool) -> None:
    """Encode the songs of some splits that have no latents of this codec yet."""
    from accomptk.latents.shards import encode_set

    with progress(quiet) as bar:
        task = bar.add_task("encode")
        encode_set(
            data,
            codec,
            splits=splits,
            workers=workers,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )


def _model_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options of the subcommands that train a network on latents."""
    options = [
        stems_option,
        codec_option,
        init_option,
        minutes_option,
        out_option("./runs/train-<model>-<time>"),
        set_option,
        device_option,
        click.option(
            "--auditions/--no-auditions",
            default=True,
            show_default=True,
            help="Play validation songs now and then, and log how it goes.",
        ),
        force_option,
        json_option,
        quiet_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


TEACHER_EPILOG = """\b
Examples:
  accomptk train teacher --data data/band --out runs/teacher
  accomptk train teacher --data data/mine --init shipped --recipe pocket/finetune
"""


@train.command(epilog=TEACHER_EPILOG)
@recipe_option("pocket/teacher")
@_model_options
def teacher(recipe: str, **options: Any) -> None:
    """Train the teacher, or go on with the run in --out.

    Songs of --data that have no latents yet are encoded first. Prints the path of the averaged
    weights; `eval --models` and `simulate --model` take it.
    """
    from accomptk.diffusion.fit import TeacherFitting
    from accomptk.diffusion.teacher import TeacherRecipe

    _fit_model("teacher", TeacherRecipe, TeacherFitting, recipe, **options)


@train.command("a-style", epilog="Example: accomptk train a-style --out runs/a-style")
@recipe_option("pocket/a-style")
@_model_options
def a_style(recipe: str, **options: Any) -> None:
    """Train the baseline: bidirectional window, inpainting, no beats."""
    from accomptk.diffusion.a_style import AStyleRecipe
    from accomptk.diffusion.fit import AStyleFitting

    _fit_model("a_style", AStyleRecipe, AStyleFitting, recipe, **options)


@train.command(epilog="Example: accomptk train coherence --data data/band --minutes 40")
@recipe_option("pocket/coherence")
@stems_option
@init_option
@minutes_option
@out_option("./runs/train-coherence-<time>")
@set_option
@force_option
@json_option
@quiet_option
def coherence(
    recipe: str,
    data: Path,
    init: str | None,
    minutes: float | None,
    out: Path | None,
    overrides: tuple[str, ...],
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train the judge of coherence, or go on with the run in --out.

    It learns from songs with known beats which stem belongs to which context. Prints the path
    of the averaged weights.
    """
    from accomptk.listening.fit import CoherenceRecipe, fit_coherence
    from accomptk.metrics.coherence import SHIPPED
    from accomptk.recipe import load_recipe
    from accomptk.run import Run

    loaded = load_recipe(recipe, CoherenceRecipe, overrides)
    start = None if init is None else SHIPPED if init == "shipped" else Path(init)
    run = Run.create("train-coherence", out, loaded.seed, loaded, resume=not force)
    with progress(quiet) as bar:
        task = bar.add_task("listen")
        path = fit_coherence(
            run,
            loaded,
            data,
            init=start,
            minutes=minutes,
            on_hear=lambda done, total: bar.update(task, completed=done, total=total),
            on_step=lambda step, loss: bar.update(
                task,
                completed=step,
                total=loaded.optim.steps,
                description=f"train coherence, loss {loss:.3f}",
            ),
        )
    echo_checkpoint(path, run, as_json)


@train.command(epilog="Example: accomptk train sounds --data data/mine --out mine.safetensors")
@stems_option
@codec_option
@click.option(
    "--model",
    default="student",
    show_default=True,
    help="Whose weights to take: a shipped name, or a file.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    metavar="FILE.safetensors",
    help="Model to write.  [default: ./runs/train-sounds-<name of DIR>/<model>.safetensors]",
)
@json_option
@quiet_option
def sounds(
    data: Path, codec: Path | None, model: str, out: Path | None, as_json: bool, quiet: bool
) -> None:
    """Let a model play with the sounds of your stems, without training.

    Each stream then draws one of the training songs' sounds by its seed and its prompt. Songs of
    --data that have no latents yet are encoded first. Prints the model's path.
    """
    from accomptk.diffusion.lending import lend_sounds
    from accomptk.latents.codec import load_codec
    from accomptk.run import cores
    from accomptk.streaming.models import SHIPPED, shipped_path

    heard_by = load_codec(codec)
    _encode(data, heard_by, ("train",), cores(), quiet)
    path = shipped_path(model) if model in SHIPPED else Path(model)
    out = out or Path("runs") / f"train-sounds-{data.resolve().name}" / path.name
    counts = lend_sounds(path, data, heard_by.space, out)
    if as_json:
        echo_json({"checkpoint": str(out), "sounds": counts})
        return
    said = ", ".join(f"{count} of {name}" for name, count in counts.items())
    click.echo(f"sounds: {said}", err=True)
    click.echo(out)


def _audition(data: Path, codec: "Codec", run: "Run", device: str) -> "Audition | None":
    """Plays songs of the set; says why where none can be played."""
    from accomptk.errors import DatasetError
    from accomptk.run import pick_device
    from accomptk.streaming.audition import Audition

    try:
        return Audition(data, codec, run.folder / "audition", pick_device(device))
    except DatasetError as error:
        click.echo(f"no auditions: {error}", err=True)
        return None


def _fit_model(
    kind: str,
    schema: type[Any],
    fitting: Callable[..., Any],
    recipe_name: str,
    *,
    data: Path,
    codec: Path | None,
    init: str | None,
    minutes: float | None,
    out: Path | None,
    overrides: tuple[str, ...],
    device: str,
    auditions: bool,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    from accomptk.diffusion.fit import fit
    from accomptk.latents.codec import load_codec
    from accomptk.processes import find_team
    from accomptk.recipe import load_recipe
    from accomptk.run import cores, pick_device
    from accomptk.streaming.models import shipped_path

    recipe, team = load_recipe(recipe_name, schema, overrides), find_team(device)
    start = None if init is None else shipped_path(kind) if init == "shipped" else Path(init)
    heard_by = load_codec(codec)
    if team.leads:
        _encode(data, heard_by, ("train", "valid"), cores(), quiet)
    team.wait()
    made = fitting(recipe, data, heard_by.space, start)
    if made.unknown and team.leads:
        click.echo(f"words that the model does not know: {', '.join(made.unknown)}", err=True)
    run = team.create_run(f"train-{kind}", out, recipe.seed, made.recipe, resume=not force)
    with progress(quiet or not team.leads) as bar:
        task = bar.add_task(f"train {kind}", total=recipe.optim.steps)
        path = fit(
            run,
            made,
            init=start,
            device=pick_device(device),
            minutes=minutes,
            team=team,
            audition=_audition(data, heard_by, run, device) if auditions and team.leads else None,
            on_step=lambda step, loss: bar.update(
                task, completed=step, description=f"train {kind}, loss {loss:.3f}"
            ),
        )
    team.end()
    if team.leads:
        echo_checkpoint(path, run, as_json)
