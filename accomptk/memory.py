"""How this process and those that it starts treat memory that was freed."""

import ctypes
import os

# glibc's names of its parameters: of mallopt(), and in the environment of new processes.
_KEPT = {
    "MALLOC_MMAP_MAX_": (-4, 0),
    "MALLOC_TRIM_THRESHOLD_": (-1, 1 << 30),
    "MALLOC_TOP_PAD_": (-2, 1 << 26),
}


def keep_freed_memory() -> None:
    """Reuse freed blocks instead of handing them back to the system; what the user set stays.

    glibc returns a large tensor's pages as soon as it is freed, and the next one faults them in
    again, 4 KiB at a time: a third of the time that encoding and training take on a CPU. Other
    C libraries are left as they are.
    """
    if any(name in os.environ for name in _KEPT):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for name, (parameter, value) in _KEPT.items():
        os.environ[name] = str(value)
        mallopt(parameter, value)
