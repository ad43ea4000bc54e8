"""A listening test of a run: versions shuffled and numbered, what is what in a key apart.

Each trial is a part of a song. The listener hears the context and every version of the part,
the ground truth among them, and rates how well each plays along, from 0 to 100.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from accomptk.errors import DatasetError
from accomptk.report.gallery import Excerpt, Gallery
from accomptk.report.page import REST_BYTES, Follow, render
from accomptk.report.sound import count_fitting, record
from accomptk.run import numpy_generator

SCRIPTS = ("page.js", "sound.js", "deck.js", "blind.js")


def build_test(
    gallery: Gallery, trials: int, seed: int, most_bytes: float, progress: Follow
) -> tuple[str, str]:
    """The page of a listening test and its key.

    Args:
        gallery: The run.
        trials: Parts to rate; fewer where the run has fewer or they are too large.
        seed: Chooses the parts and shuffles the versions.
        most_bytes: How large the page may be.
        progress: Told of each part that is encoded.

    Returns:
        HTML without a name of any model, song or file; and JSON.

    Raises:
        DatasetError: If the run kept no audio.
    """
    if not gallery.excerpts:
        raise DatasetError(
            f"{gallery.folder}: holds no audio to listen to; run eval again with --audio"
        )
    budget = most_bytes - REST_BYTES
    excerpts = _draw(gallery.excerpts, trials, seed)
    orders = [_shuffle(excerpt, seed) for excerpt in excerpts]
    ensembles = [
        (excerpt.context, *(excerpt.takes[key] for key in order))
        for excerpt, order in zip(excerpts, orders, strict=True)
    ]
    fitting = count_fitting([[ensemble] for ensemble in ensembles], budget)
    excerpts, orders, ensembles = excerpts[:fitting], orders[:fitting], ensembles[:fitting]
    recordings = record(ensembles, budget, progress)
    key = _key(excerpts, orders, seed)
    data = {
        "test": key["test"],
        "trials": [
            {
                "instrument": excerpt.instrument,
                "seconds": recording.seconds,
                "gain": recording.gain,
                "context": f"audio-{index}-0",
                "takes": [f"audio-{index}-{place + 1}" for place in range(len(order))],
            }
            for index, (excerpt, order, recording) in enumerate(
                zip(excerpts, orders, recordings, strict=True)
            )
        ],
    }
    html = render("blind.html", SCRIPTS, recordings, data=data)
    return html, json.dumps(key, indent=2) + "\n"


def _draw(excerpts: Sequence[Excerpt], trials: int, seed: int) -> list[Excerpt]:
    order = numpy_generator(seed, "blind/trials").permutation(len(excerpts))
    return [excerpts[index] for index in order[:trials]]


def _shuffle(excerpt: Excerpt, seed: int) -> list[str]:
    """Keys of the versions in the order in which they are numbered."""
    keys = sorted(excerpt.takes)
    rng = numpy_generator(seed, f"blind/{excerpt.track}/{excerpt.stem}")
    return [keys[index] for index in rng.permutation(len(keys))]


def _key(excerpts: Sequence[Excerpt], orders: Sequence[Sequence[str]], seed: int) -> dict[str, Any]:
    """What is what; ``test`` names this very test, in the key and in every rating."""
    trials = [
        {
            "trial": number,
            "song": excerpt.track,
            "part": excerpt.stem,
            "versions": dict(enumerate(order, start=1)),
        }
        for number, (excerpt, order) in enumerate(zip(excerpts, orders, strict=True), start=1)
    ]
    name = hashlib.sha256(json.dumps(trials).encode()).hexdigest()[:8]
    return {"test": name, "seed": seed, "trials": trials}
