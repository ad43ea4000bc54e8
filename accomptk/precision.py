"""Whether a machine multiplies numbers of few bits faster than float32."""

import time
from functools import cache

import torch

SIZE = 256
TRIES = 3
SLOWER = 2.0
"""How much slower than float32 still passes: where bits are emulated it is a hundred times, and a
busy machine may well be taken by something else for half of a try."""


@cache
def is_fast(dtype: torch.dtype, device: str) -> bool:
    """Whether products of this type are worth it; on a CPU they are tried, once a process.

    Only CPUs emulate 16 bits, those without AMX or AVX-512: one product then takes as long as a
    whole step should.
    """
    return device != "cpu" or seconds(dtype) < SLOWER * seconds(torch.float32)


def seconds(dtype: torch.dtype) -> float:
    """The shortest of some products of square matrices."""
    square = torch.ones(SIZE, SIZE, dtype=dtype)
    taken = []
    for _ in range(TRIES):
        began = time.perf_counter()
        torch.mm(square, square)
        taken.append(time.perf_counter() - began)
    return min(taken)
