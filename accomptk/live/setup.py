"""Everything about a stream that may change while it plays, as plain values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from accomptk.diffusion.accompanist import Sampling
from accomptk.errors import StreamError
from accomptk.live.protocol import BEATS, MODES
from accomptk.stems.instruments import INSTRUMENTS
from accomptk.streaming.engine import Controls
from accomptk.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What plays and how; it can be written down and read again.

    Args:
        instruments: One a stem.
        hop: Frames made at a time.
        gap: Frames between what is heard and what is made.
        steps: Sampler steps; 0 for the model's own.
        mode: ``accompany`` or ``prompt``.
        beats: ``tracker``, ``given`` or ``none``.
        grid: Given beats: a time in seconds, bpm, the beat in the bar there, beats a bar.
        prompt: Style of all stems.
        second: Style that ``interpolation`` goes to.
        own: Styles of single instruments, pairs.
        interpolation: The dials, as on the wire: below 0 leaves it to the model.
        energy: Likewise, from here on.
        density: Notes.
        brightness: Treble.
        tension: Harmony.
        temperature: 1 as the model has it.
    """

    instruments: tuple[str, ...]
    hop: int
    gap: int
    steps: int = 0
    mode: str = "accompany"
    beats: str = "tracker"
    grid: tuple[float, float, float, int] | None = None
    prompt: str | None = None
    second: str | None = None
    own: tuple[tuple[str, str | None], ...] = ()
    interpolation: float = 0.0
    energy: float = -1.0
    density: float = -1.0
    brightness: float = -1.0
    tension: float = -1.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not self.instruments:
            raise StreamError("instruments: none is named; name at least one")
        unknown = [name for name in self.instruments if name not in INSTRUMENTS]
        if unknown:
            raise StreamError(
                f"instrument '{unknown[0]}': not one that a model plays; "
                f"choose of {', '.join(INSTRUMENTS)}"
            )
        if len(set(self.instruments)) < len(self.instruments):
            raise StreamError(f"instruments {', '.join(self.instruments)}: one is named twice")
        for name, value, allowed in (("mode", self.mode, MODES), ("beats", self.beats, BEATS)):
            if value not in allowed:
                raise StreamError(f"{name} '{value}': choose of {', '.join(allowed)}")

    def prompts(self) -> tuple[str | None, ...]:
        """The prompt of each stem."""
        own = dict(self.own)
        return tuple(own.get(name, self.prompt) for name in self.instruments)

    def controls(self, frames: int, sampling: Sampling | None) -> Controls:
        """The engine's controls.

        Args:
            frames: The model's reach.
            sampling: Steps and guidance.
        """
        return Controls(
            window=Window(frames=frames, hop=self.hop, gap=self.gap),
            instruments=self.instruments,
            prompts=self.prompts(),
            sampling=sampling,
            listen=self.mode == "accompany",
            prompts_b=(self.second,) * len(self.instruments) if self.second else (),
            mix=max(self.interpolation, 0.0),
            energy=_dial(self.energy),
            density=_dial(self.density),
            brightness=_dial(self.brightness),
            tension=_dial(self.tension),
            temperature=self.temperature if self.temperature >= 0 else 1.0,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return asdict(self)


def read_changes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a setup as JSON gives them, lists as tuples again."""
    known = {field.name for field in fields(Setup)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise StreamError(
            f"setup: unknown key '{unknown[0]}'; known are {', '.join(sorted(known))}"
        )
    return {name: _tuples(value) for name, value in values.items()}


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _dial(value: float) -> float | None:
    """0 to 1 as the engine's -1 to 1; below 0 as not given."""
    return None if value < 0 else 2 * value - 1
