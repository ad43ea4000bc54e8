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

from accomptk.errors import RecipeError
from accomptk.precision import is_fast
from accomptk.processes import Team
from accomptk.run import Run, numpy_generator, replacing

Loss = Callable[[int], Tensor]
"""loss(number): draws a batch and its noise from generators of that number, so that a resumed
run equals a straight one; with one batch a step the number is the step's."""

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
        precision: Of the network's arithmetic: "float32"; or "bfloat16", which is left where a
            machine is slower with it. Weights and their updates are float32 either way.
        cooldown: Share of the steps, the last, over which the rate falls to 0 as a cosine.
        batches: Batches a step, which processes share; without it, one for each process.
        compile: Mode of torch.compile; without it, the network runs as it is.
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
    batches: int | None = None
    compile: Literal["default", "reduce-overhead", "max-autotune"] | None = None

    def arithmetic(self, device: torch.device) -> torch.autocast:
        """The context in which a loss is computed."""
        dtype: torch.dtype = getattr(torch, self.precision)
        is_wanted = dtype != torch.float32 and is_fast(dtype, device.type)
        return torch.autocast(device.type, dtype, enabled=is_wanted)

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        warm = min(1.0, (step + 1) / max(self.warmup, 1))
        left = (self.steps - step) / max(self.cooldown * self.steps, 1)
        return self.lr * warm * 0.5 * (1 - math.cos(math.pi * min(left, 1.0)))


class Trainer:
    """Trains a module in a run folder.

    ``ema.safetensors`` holds the averaged weights, ``raw.safetensors`` the last ones and
    ``state.pt`` what only a resumed run needs. Processes of a team hold the same weights: each
    does its share of a step's batches, and the gradients are summed over all, whoever did which.

    Args:
        run: Where it writes.
        model: What is trained, in place; the same in every process.
        optim: How.
        save: Writes a checkpoint of given weights.
        team: The processes that train it together; None for this one alone.

    Raises:
        RecipeError: If a step's batches cannot be shared evenly.
    """

    def __init__(
        self, run: Run, model: nn.Module, optim: Optim, save: Save, team: Team | None = None
    ) -> None:
        self.run, self.model, self.optim, self.save = run, model, optim, save
        self.team = team or Team()
        self.batches = optim.batches or self.team.size
        if self.batches % self.team.size:
            raise RecipeError(
                f"[optim] batches = {self.batches}: cannot be shared by {self.team.size} "
                "processes; set a multiple, or start as many processes as divide it"
            )
        if optim.compile:
            model.compile(mode=optim.compile)
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
            loss: Loss of a batch.
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
            if minutes is not None and self.team.agree(now - began > 60 * minutes):
                break
        self.checkpoint(time.monotonic() - saved)
        if self.step >= self.optim.steps and self.team.leads:
            self.run.finish()
        self.team.wait()

    def _train_step(self, loss: Loss) -> float:
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self.optim.rate(self.step)
        value = self._learn(loss)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.optim.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self._average()
        if self.team.leads:
            self.run.log(self.step, loss=value, gradient_norm=float(norm))
        return value

    def _learn(self, loss: Loss) -> float:
        """Leave the mean gradient of the step's batches in the weights; their mean loss."""
        losses = []
        for number in self.team.share(range(self.batches)):
            with self.optim.arithmetic(next(self.model.parameters()).device):
                value = loss(self.step * self.batches + number) / self.batches
            value.backward()  # type: ignore[no-untyped-call]
            losses.append(value.detach())
        total = torch.stack(losses).sum()
        if self.team.size > 1:
            trained = [weight for weight in self.model.parameters() if weight.requires_grad]
            own = [torch.zeros_like(w) if w.grad is None else w.grad for w in trained]
            total, *gradients = self.team.add([total, *own])
            for weight, gradient in zip(trained, gradients, strict=True):
                weight.grad = gradient
        return total.item()

    @torch.no_grad()
    def _average(self) -> None:
        share = min(1.0, 1.0 / (self.optim.ema * self.step + 1))
        for name, value in self.model.state_dict().items():
            self.ema[name].lerp_(value, share)

    def checkpoint(self, seconds: float = 0.0) -> None:
        """Write averaged and last weights, then the resume state that belongs to them."""
        self.seconds += seconds
        if not self.team.leads:
            return
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
