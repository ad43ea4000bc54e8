"""Freed memory is kept: the pages of a tensor are faulted in once."""

import os
import subprocess
import sys

import pytest

from accomptk.memory import keep_freed_memory

FAULTS = """
import resource, sys
import numpy as np
from accomptk.memory import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
def work():
    return np.ones(8_000_000, np.float32) * 2
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc")
def test_pages_are_faulted_in_once(monkeypatch):
    for name in ("MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_"):
        monkeypatch.delenv(name, raising=False)
    faults = {
        word: int(subprocess.check_output([sys.executable, "-c", FAULTS, word]))
        for word in ("keep", "leave")
    }
    assert faults["keep"] < 50 < faults["leave"]


def test_what_the_user_set_stays(monkeypatch):
    monkeypatch.delenv("MALLOC_MMAP_MAX_", raising=False)
    monkeypatch.setenv("MALLOC_TOP_PAD_", "4096")
    keep_freed_memory()
    assert os.environ["MALLOC_TOP_PAD_"] == "4096"
    assert "MALLOC_MMAP_MAX_" not in os.environ
