import pytest

from eval_run import write_run


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """The folder of a run of eval."""
    return write_run(tmp_path_factory.mktemp("run"))
