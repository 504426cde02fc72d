"""Two teams of processes, started once: everything that they do comes back as one table a rank."""

from typing import Any

import pytest

from tests.distributed import jobs
from txlite.distributed import run_workers

Found = list[dict[str, Any]]


@pytest.fixture(scope="session", params=[2, 4])
def found(request: pytest.FixtureRequest) -> Found:
    """What each of two, and of four, processes has found."""
    size: int = request.param
    return run_workers(jobs.everything, size, size, timeout=500.0)
