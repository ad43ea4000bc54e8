"""numpy leaves the cores to torch."""

import json
import os
import subprocess
import sys

import pytest

SHOW = """
import json
from click.testing import CliRunner
from accomptk.cli import main
CliRunner().invoke(main, ["weights", "list"])
import numpy, threadpoolctl
pools = threadpoolctl.threadpool_info()
print(json.dumps([p["num_threads"] for p in pools if p["internal_api"] == "openblas"]))
"""


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core")
@pytest.mark.parametrize(("given", "found"), [({}, 1), ({"OPENBLAS_NUM_THREADS": "2"}, 2)])
def test_blas_has_one_thread_unless_told(given, found):
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = {k: v for k, v in os.environ.items() if k not in names} | given
    out = subprocess.check_output([sys.executable, "-c", SHOW], env=environment)
    threads = json.loads(out)
    assert threads
    assert set(threads) == {found}
