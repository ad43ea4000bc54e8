"""What a batch of streams came to, kept in the folder of a run so that it can go on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from accomptk.metrics.cache import AnchorCache
from accomptk.metrics.judge import Judged
from accomptk.run import replacing


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One batch of one row.

    Attributes:
        judged: By part.
        step_ms: Compute of each step of the batch.
        hop_ms: Audio made a step.
        late: Share of the streams that were late, a step each; empty without a deadline.
        nfe: Network evaluations a step; None for a recording.
    """

    judged: Mapping[str, Judged]
    step_ms: tuple[float, ...] = ()
    hop_ms: float = 0.0
    late: tuple[float, ...] = ()
    nfe: int | None = None


class OutcomeStore:
    """Outcomes on disk, named by everything that they follow from.

    Args:
        folder: Where they are; several processes may share it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._judged = folder, AnchorCache(folder)

    def read(self, key: str) -> Outcome | None:
        """What was written under this key; None when it is absent or damaged."""
        judged = self._judged.read(key)
        try:
            steps = json.loads(self._steps(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if judged is None:
            return None
        times = {name: tuple(steps[name]) for name in ("step_ms", "late")}
        return Outcome(judged=judged, hop_ms=steps["hop_ms"], nfe=steps["nfe"], **times)

    def write(self, key: str, outcome: Outcome) -> None:
        """Keep an outcome, whole or not at all."""
        names = ("step_ms", "hop_ms", "late", "nfe")
        steps = {name: getattr(outcome, name) for name in names}
        with replacing(self._steps(key)) as temporary:
            temporary.write_text(json.dumps(steps), encoding="utf-8")
        self._judged.write(key, outcome.judged)

    def clear(self) -> None:
        """Forget everything."""
        for path in self.folder.glob("*.*"):
            path.unlink()

    def _steps(self, key: str) -> Path:
        return self.folder / f"{key}.json"
