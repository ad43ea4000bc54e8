"""A listening test of a run: versions shuffled and numbered, what is what in a key apart.

Each trial is a part of a song. The listener hears the context and every version of the part,
the ground truth among them, and rates how well each plays along, from 0 to 100.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from accomptk.errors import DatasetError
from accomptk.report.gallery import Excerpt, Gallery
from accomptk.report.page import REST_BYTES, Follow, render
from accomptk.report.sound import count_fitting, record
from accomptk.run import numpy_generator

HEARD = ("ground_truth", "codec", "random_pairing")
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
    budget = most_bytes - REST_BYTES
    excerpts = draw_trials(gallery, trials, seed)
    excerpts = excerpts[: count_fitting([[excerpt.files] for excerpt in excerpts], budget)]
    recordings = record([excerpt.files for excerpt in excerpts], budget, progress)
    key = to_key(excerpts, seed)
    data = {
        "test": key["test"],
        "trials": [
            {
                "instrument": excerpt.instrument,
                "seconds": recording.seconds,
                "gain": recording.gain,
                "context": f"audio-{index}-0",
                "takes": [f"audio-{index}-{place}" for place in range(1, len(excerpt.files))],
            }
            for index, (excerpt, recording) in enumerate(zip(excerpts, recordings, strict=True))
        ],
    }
    html = render("blind.html", SCRIPTS, recordings, data=data)
    return html, json.dumps(key, indent=2) + "\n"


def draw_trials(gallery: Gallery, trials: int, seed: int) -> list[Excerpt]:
    """Parts in random order, each with its versions in the order in which they are numbered.

    Raises:
        DatasetError: If the run kept no audio.
    """
    excerpts = gallery.only(HEARD).excerpts
    if not excerpts:
        raise DatasetError(
            f"{gallery.folder}: holds no audio to listen to; run eval again with --audio"
        )
    order = numpy_generator(seed, "blind/trials").permutation(len(excerpts))
    return [_shuffle(excerpts[index], seed) for index in order[:trials]]


def _shuffle(excerpt: Excerpt, seed: int) -> Excerpt:
    keys = sorted(excerpt.takes)
    order = numpy_generator(seed, f"blind/{excerpt.track}/{excerpt.stem}").permutation(len(keys))
    return replace(excerpt, takes={keys[index]: excerpt.takes[keys[index]] for index in order})


def to_key(excerpts: Sequence[Excerpt], seed: int) -> dict[str, Any]:
    """What is what; ``test`` names this very test, in the key and in every rating."""
    trials = [
        {
            "trial": number,
            "song": excerpt.track,
            "part": excerpt.stem,
            "versions": dict(enumerate(excerpt.takes, start=1)),
        }
        for number, excerpt in enumerate(excerpts, start=1)
    ]
    name = hashlib.sha256(json.dumps(trials).encode()).hexdigest()[:8]
    return {"test": name, "seed": seed, "trials": trials}
