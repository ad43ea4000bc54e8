"""The training loop of every model: optimiser, averaged weights, checkpoints, resume."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from accomptk.run import Run, numpy_generator, replacing

Loss = Callable[[int], Tensor]
"""loss(step): draws batch and noise from the step's own generators, so a resumed run equals
a straight one."""

Save = Callable[[Path, dict[str, Tensor], int], None]
"""save(path, weights, step) writes a checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Optim:
    """AdamW with a linear warm-up, and a power-function average of the weights.

    Args:
        lr: Learning rate after the warm-up.
        warmup: Steps of the warm-up.
        weight_decay: AdamW's.
        clip: Largest gradient norm.
        ema: Half width of the averaged profile relative to the training so far (Karras et al.
            2024, sec. 3.1, as a uniform-growing window): 0.1 averages the last tenth.
        batch: Excerpts a step.
        steps: Steps of a whole training.
        save_every_s: Seconds between two checkpoints.
        precision: Of the network's arithmetic: "float32", or "bfloat16" where the machine is
            faster with it; weights and their updates are float32 either way.
        cooldown: Share of the steps, the last, over which the rate falls to 0 as a cosine.
    """

    lr: float
    warmup: int
    weight_decay: float
    clip: float
    ema: float
    batch: int
    steps: int
    save_every_s: float
    precision: Literal["float32", "bfloat16"] = "float32"
    cooldown: float = 0.0

    def arithmetic(self, device: torch.device) -> torch.autocast:
        """The context in which a loss is computed."""
        dtype: torch.dtype = getattr(torch, self.precision)
        return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        warm = min(1.0, (step + 1) / max(self.warmup, 1))
        left = (self.steps - step) / max(self.cooldown * self.steps, 1)
        return self.lr * warm * 0.5 * (1 - math.cos(math.pi * min(left, 1.0)))


class Trainer:
    """Trains a module in a run folder.

    ``ema.safetensors`` holds the averaged weights, ``raw.safetensors`` the last ones and
    ``state.pt`` what only a resumed run needs.

    Args:
        run: Where it writes.
        model: What is trained, in place.
        optim: How.
        save: Writes a checkpoint of given weights.
    """

    def __init__(self, run: Run, model: nn.Module, optim: Optim, save: Save) -> None:
        self.run, self.model, self.optim, self.save = run, model, optim, save
        self.ema = {name: value.clone() for name, value in model.state_dict().items()}
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=optim.lr, betas=(0.9, 0.99), weight_decay=optim.weight_decay
        )
        self.step = 0
        self.seconds = 0.0
        if self._state.exists():
            self._resume()

    def train(
        self,
        loss: Loss,
        *,
        minutes: float | None = None,
        on_step: Callable[[int, float], None] | None = None,
    ) -> None:
        """Train until the recipe's steps are done or the minutes are over.

        Args:
            loss: Loss of a step.
            minutes: Stop soundly after this time; the same command goes on later.
            on_step: Called with the step and its loss.
        """
        began = saved = time.monotonic()
        while self.step < self.optim.steps:
            value = self._train_step(loss)
            if on_step:
                on_step(self.step, value)
            now = time.monotonic()
            if now - saved > self.optim.save_every_s:
                self.checkpoint(now - saved)
                saved = now
            if minutes is not None and now - began > 60 * minutes:
                break
        self.checkpoint(time.monotonic() - saved)
        if self.step >= self.optim.steps:
            self.run.finish()

    def _train_step(self, loss: Loss) -> float:
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self.optim.rate(self.step)
        with self.optim.arithmetic(next(self.model.parameters()).device):
            value = loss(self.step)
        value.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.optim.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self._average()
        self.run.log(self.step, loss=value.item(), gradient_norm=float(norm))
        return value.item()

    @torch.no_grad()
    def _average(self) -> None:
        share = min(1.0, 1.0 / (self.optim.ema * self.step + 1))
        for name, value in self.model.state_dict().items():
            self.ema[name].lerp_(value, share)

    def checkpoint(self, seconds: float = 0.0) -> None:
        """Write averaged and last weights, then the resume state that belongs to them."""
        self.seconds += seconds
        self.save(self.run.folder / "ema.safetensors", self.ema, self.step)
        self.save(self.run.folder / "raw.safetensors", self.model.state_dict(), self.step)
        with replacing(self._state) as temporary:
            state = {
                "step": self.step,
                "seconds": self.seconds,
                "model": self.model.state_dict(),
                "ema": self.ema,
                "optimizer": self.optimizer.state_dict(),
            }
            torch.save(state, temporary)

    @property
    def _state(self) -> Path:
        return self.run.folder / "state.pt"

    def _resume(self) -> None:
        state = torch.load(self._state, weights_only=True)
        self.step, self.seconds = state["step"], state["seconds"]
        self.model.load_state_dict(state["model"])
        self.ema = state["ema"]
        self.optimizer.load_state_dict(state["optimizer"])


def step_generators(run: Run, step: int) -> tuple[np.random.Generator, torch.Generator]:
    """Generators of a step's batch and of its noise; the same whenever the step is done."""
    return numpy_generator(run.seed, "batch", step), run.generator("noise", step)
