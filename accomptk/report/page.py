"""The report: one HTML page with tables, plots and players, that needs nothing else."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from accomptk.metrics.layout import footnote
from accomptk.metrics.table import QUALITY
from accomptk.report.gallery import Excerpt, Gallery
from accomptk.report.plots import compute_panels, lookahead_panels
from accomptk.report.sound import Recording, count_fitting, record
from accomptk.report.tables import detail_table, quality_tables, speed_table

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("page.js", "sound.js", "deck.js", "pictures.js", "tables.js", "report.js")
HEARD = ("ground_truth", "codec")  # the anchors that are worth an ear
REST_BYTES = 400_000  # what is no audio: tables, plots, style and scripts

Follow = Callable[[int, int], None]


def build_report(gallery: Gallery, most_bytes: float, progress: Follow) -> str:
    """The page of a run.

    Args:
        gallery: The run.
        most_bytes: How large the page may be.
        progress: Told of each excerpt that is encoded.
    """
    names, rows = gallery.names, gallery.rows
    budget = most_bytes - REST_BYTES
    excerpts = _choose(gallery.only(HEARD), budget)
    recordings = record([excerpt.files for excerpt in excerpts], budget, progress)
    songs = list(dict.fromkeys(excerpt.track for excerpt in excerpts))
    return render(
        "report.html",
        SCRIPTS,
        recordings,
        data=_to_data(gallery, excerpts, recordings),
        gallery=gallery,
        songs=songs,
        quality=quality_tables(names, rows, gallery.result.get("by_instrument", {})),
        detail=detail_table(names, rows),
        speed=speed_table(names, rows),
        panels={
            "Quality and look-ahead": lookahead_panels(rows),
            "Quality and compute": compute_panels(rows),
        },
        footnote=footnote(rows),
    )


def render(
    template: str, scripts: Sequence[str], recordings: Sequence[Recording], **values: Any
) -> str:
    """Fill a template, with style, scripts and audio inside the page.

    Args:
        template: Its file name.
        scripts: File names, in the order in which they run.
        recordings: The audio; sound ``j`` of recording ``i`` gets the id ``audio-i-j``.
        values: What else the template names.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    jinja = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    files = ("style.css", *scripts)
    style, *code = [(ASSETS / name).read_text(encoding="utf-8") for name in files]
    return jinja.get_template(template).render(
        style=style, scripts=code, recordings=recordings, **values
    )


def _choose(gallery: Gallery, budget_bytes: float) -> list[Excerpt]:
    """The excerpts of as many whole songs as fit."""
    songs = [[e for e in gallery.excerpts if e.track == song] for song in gallery.songs]
    fitting = count_fitting([[e.files for e in song] for song in songs], budget_bytes)
    return [excerpt for song in songs[:fitting] for excerpt in song]


def _to_data(
    gallery: Gallery, excerpts: Sequence[Excerpt], recordings: Sequence[Recording]
) -> list[dict[str, Any]]:
    """What the scripts need to know of each excerpt."""
    return [
        _excerpt_data(gallery, excerpt, recording, index)
        for index, (excerpt, recording) in enumerate(zip(excerpts, recordings, strict=True))
    ]


def _excerpt_data(
    gallery: Gallery, excerpt: Excerpt, recording: Recording, index: int
) -> dict[str, Any]:
    versions = [version for version in gallery.versions if version.key in excerpt.takes]
    takes = [
        {
            "label": version.label,
            "colour": _colour(gallery, version.model),
            "audio": f"audio-{index}-{place}",
            "outline": recording.sounds[place].outline,
            "scores": _scores(gallery.result, version.name, excerpt),
        }
        for place, version in enumerate(versions, start=1)
    ]
    return {
        "song": excerpt.track,
        "title": excerpt.prompt.partition(",")[0] or excerpt.track,
        "part": excerpt.stem.replace("_", " "),
        "prompt": excerpt.prompt,
        "seconds": recording.seconds,
        "gain": recording.gain,
        "start": excerpt.start_s,
        "downbeats": excerpt.downbeats_s,
        "chords": [[start, end, short_chord(label)] for start, end, label in excerpt.chords],
        "context": {"audio": f"audio-{index}-0", "outline": recording.sounds[0].outline},
        "takes": takes,
    }


def _colour(gallery: Gallery, model: str) -> int | None:
    """Place among the models, as in plots and tables; None for an anchor."""
    return gallery.models.index(model) if model in gallery.models else None


def _scores(result: Mapping[str, Any], version: str, excerpt: Excerpt) -> str:
    """What the judges said of this take alone, in words."""
    found = result.get("by_part", {}).get(version, {}).get(f"{excerpt.track}/{excerpt.stem}", {})
    return " · ".join(
        f"{metric.label} {found[metric.key]:.{metric.digits}f}"
        for metric in QUALITY
        if math.isfinite(found.get(metric.key, math.nan))
    )


def short_chord(label: str) -> str:
    """``C:min7`` as musicians write it, ``Cm7``; nothing for no chord."""
    root, _, kind = label.partition(":")
    if root in ("N", "X"):
        return ""
    kind = re.sub(r"^maj(?=$|/)", "", kind)
    return root + kind.replace("min", "m").replace("hdim7", "ø").replace("dim", "°")
