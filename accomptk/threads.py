"""Which libraries of this process may use several cores."""

import os


def leave_cores_to_torch() -> None:
    """Let numpy's products run on one core; what the user set stays. Call before numpy is loaded.

    OpenBLAS keeps a thread a core spinning for a while after each product, however small. In a
    live stream that takes torch's second core from it: one step in twenty took 1.4 times as long.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
