"""The processes that ``accelerate launch`` or ``torchrun`` started together.

They may be on several machines, and share their folders; who is alone needs no accelerate.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from accomptk.run import Run, pick_device

if TYPE_CHECKING:
    from torch import Tensor

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Team:
    """This process among those that work together.

    Args:
        rank: Its number.
        size: How many there are.
        state: accelerate's; None when there is one.
    """

    rank: int = 0
    size: int = 1
    state: Any = None

    @property
    def leads(self) -> bool:
        """Whether this process reports what all of them did."""
        return self.rank == 0

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """The items that are this process's to do."""
        return items[self.rank :: self.size]

    def agree(self, value: Item) -> Item:
        """The first process's value."""
        if self.size == 1:
            return value
        from accelerate.utils import broadcast_object_list

        values = [value]
        broadcast_object_list(values)
        return values[0]

    def add(self, tensors: "Sequence[Tensor]") -> "Sequence[Tensor]":
        """Tensors of the same shapes in every process, each summed over the processes."""
        if self.size == 1:
            return tensors
        from accelerate.utils import reduce

        summed: list[Tensor] = reduce(list(tensors), reduction="sum")
        return summed

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.state is not None:
            self.state.wait_for_everyone()

    def create_run(
        self, verb: str, out: Path | None, seed: int, recipe: Any, resume: bool = True
    ) -> Run:
        """One run of all processes, made or gone on with by the first; as ``Run.create``."""
        run = Run.create(verb, out, seed, recipe, resume) if self.leads else None
        folder = self.agree(run.folder if run else Path())
        return run or Run(folder, seed)

    def end(self) -> None:
        """Part; nothing can be shared afterwards."""
        if self.state is not None:
            self.state.destroy_process_group()


def find_team(device: str = "auto") -> Team:
    """The team that this process was started in; alone when it was started by itself.

    Args:
        device: Where it computes, as ``run.pick_device`` reads it.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Team()
    from accelerate import PartialState

    state = PartialState(cpu=pick_device(device).type == "cpu")
    return Team(state.process_index, state.num_processes, state)
