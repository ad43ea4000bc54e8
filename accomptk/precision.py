"""Whether a machine multiplies numbers of few bits faster than float32."""

import time
from functools import cache

import torch

SIZE = 256
TRIES = 3
SLOWER = 2.0
"""How much slower than float32 still passes: where bits are emulated it is fifty times."""


@cache
def is_fast(dtype: torch.dtype, device: str) -> bool:
    """Whether products of this type are worth it; on a CPU they are tried, once a process.

    Only CPUs emulate 16 bits, those without AMX or AVX-512: one product then takes as long as a
    whole step should.
    """
    return device != "cpu" or seconds(dtype) < SLOWER * seconds(torch.float32)


def seconds(dtype: torch.dtype) -> float:
    """Least time of this thread in a product of square matrices, whatever else the machine does."""
    square, taken, threads = torch.ones(SIZE, SIZE, dtype=dtype), [], torch.get_num_threads()
    torch.set_num_threads(1)  # of several, each would wait for the one that has no core
    try:
        for _ in range(TRIES):
            began = time.thread_time()
            torch.mm(square, square)
            taken.append(time.thread_time() - began)
    finally:
        torch.set_num_threads(threads)
    return min(taken)
