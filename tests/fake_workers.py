"""Workers at module level, so that other processes find them."""

from accomptk.errors import DatasetError


class Failing:
    """Cannot do one of the jobs."""

    def perform(self, job):
        if job == 2:
            raise DatasetError("job 2: cannot be done; do another")
