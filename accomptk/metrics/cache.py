"""Keeps what the judges said of the anchors of a part, which never changes with the model.

A file is named by the hash of everything that its content depends on, so that nothing is ever
invalidated: another codec, song, judge or version of the metrics has another name. Embeddings
are kept in half precision, and what was just judged is rounded the same way, so that a table
does not depend on what was in the cache.
"""

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from accomptk.metrics.judge import METRICS_VERSION, Judged
from accomptk.run import replacing


def cache_key(**depends_on: Any) -> str:
    """Name for whatever follows from these values and from the version of the metrics."""
    text = json.dumps([METRICS_VERSION, depends_on], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def halve(judged: Judged) -> Judged:
    """The same with embeddings rounded to half precision, as the cache keeps them."""
    stem, mix = (x.astype(np.float16).astype(np.float32) for x in (judged.stem, judged.mix))
    return Judged(scores=judged.scores, stem=stem, mix=mix)


class AnchorCache:
    """Judged anchors on disk.

    Args:
        writable: Folder that is read and written.
        shipped: Folders that are only read.
    """

    def __init__(self, writable: Path, shipped: Sequence[Path] = ()) -> None:
        self.writable = writable
        self.folders = (*shipped, writable)

    def read(self, key: str) -> dict[str, Judged] | None:
        """What was judged under this key, by anchor; None when it is absent or damaged."""
        for folder in self.folders:
            path = folder / f"{key}.npz"
            if path.is_file():
                try:
                    return _read(path)
                except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
                    continue  # judged again and written anew
        return None

    def write(self, key: str, judged: Mapping[str, Judged]) -> None:
        """Keep what was judged."""
        scores = {name: dict(one.scores) for name, one in judged.items()}
        arrays = {"scores": np.frombuffer(json.dumps(scores).encode(), np.uint8)}
        for name, one in judged.items():
            arrays[f"{name}.stem"] = one.stem.astype(np.float16)
            arrays[f"{name}.mix"] = one.mix.astype(np.float16)
        with replacing(self.writable / f"{key}.npz") as temporary:
            np.savez_compressed(temporary, **arrays)


def _read(path: Path) -> dict[str, Judged]:
    with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
        scores = json.loads(file["scores"].tobytes())
        return {
            name: Judged(
                scores=values,
                stem=file[f"{name}.stem"].astype(np.float32),
                mix=file[f"{name}.mix"].astype(np.float32),
            )
            for name, values in scores.items()
        }
