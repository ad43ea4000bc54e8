"""accomptk report: a page to listen on, made from a run of eval."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from accomptk.cli.options import echo_json, json_option, progress, quiet_option, seed_option

if TYPE_CHECKING:
    from rich.progress import Progress

    from accomptk.report.page import Follow

EPILOG = """\b
Examples:
  accomptk report runs/eval-20260101-120000
  accomptk report runs/eval-20260101-120000 --blind --trials 8 --seed 7
"""


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--blind", is_flag=True, help="A listening test instead, its key in a second file.")
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    default=12,
    show_default=True,
    help="Parts to rate, with --blind.",
)
@click.option(
    "--size",
    "size_mb",
    type=click.FloatRange(min=1),
    default=12.0,
    show_default=True,
    metavar="MB",
    help="How large the page may be; the rate of the audio follows, then the number of songs.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    metavar="FILE.html",
    help="Page to write.  [default: report.html or blind.html in the run's folder]",
)
@seed_option
@json_option
@quiet_option
def report(
    run: Path,
    blind: bool,
    trials: int,
    size_mb: float,
    out: Path | None,
    seed: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Make ONE page of tables, plots and players from RUN, a folder that eval wrote.

    The page needs no network and no other file. With --blind it is a listening test: versions are
    shuffled and numbered, and what is what stands only in the key, which listeners must not get.
    """
    from accomptk.report.blind import build_test
    from accomptk.report.gallery import Gallery
    from accomptk.report.page import build_report

    gallery = Gallery.open(run)
    most_bytes = size_mb * 1e6
    page = out or run / ("blind.html" if blind else "report.html")
    files = {}
    with progress(quiet) as bar:
        if blind:
            html, key = build_test(gallery, trials, seed, most_bytes, follow(bar))
            files[page.with_name(f"{page.stem}-key.json")] = key
        else:
            html = build_report(gallery, most_bytes, follow(bar))
    write({page: html, **files}, as_json)


def follow(bar: "Progress") -> "Follow":
    """Show on a progress display what was encoded."""
    task = bar.add_task("encoding")
    return lambda done, total: bar.update(task, completed=done, total=total)


def write(files: dict[Path, str], as_json: bool) -> None:
    """Write the files and name them on stdout."""
    from accomptk.run import replacing

    for path, text in files.items():
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    if as_json:
        sizes = {str(path): path.stat().st_size for path in files}
        echo_json({"page": str(next(iter(files))), "files": sizes})
        return
    for path in files:
        click.echo(path)
