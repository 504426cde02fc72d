"""What every test shares: a fixed seed, one thread, and the devices that this machine has."""

import gc
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from _pytest.doctest import DoctestItem, DoctestModule
from hypothesis import HealthCheck, settings
from torch.testing import _comparison

settings.register_profile(
    "txlite",
    deadline=None,  # the first example pays for imports
    derandomize=True,  # the same examples in every run: a failure is never a flake
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("txlite")

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def pytest_configure(config: pytest.Config) -> None:
    """Let two test processes share two cores, and import only what a test asks for."""
    gc.freeze()  # what torch has imported stays, and is not looked through again and again
    torch.set_num_threads(1)
    if (unwrap := getattr(_comparison, "_unwrap_dtensor_for_comparison", None)) is not None:
        _comparison._unwrap_dtensor_for_comparison = _of_those_that_exist(unwrap)


def _of_those_that_exist(unwrap: Callable[..., Any]) -> Callable[..., Any]:
    """Look for distributed tensors only where there can be one.

    ``assert_close`` imports their package for every comparison, half a second for the first.
    """

    def look(actual: Any, expected: Any) -> Any:
        made = "torch.distributed.tensor" in sys.modules
        return unwrap(actual, expected) if made else (actual, expected)

    return look


@pytest.hookimpl(wrapper=True)
def pytest_collect_file() -> Iterator[None]:
    """Read a file of tests once: the examples in docstrings are those of the package."""
    collectors = yield
    return [found for found in collectors if not isinstance(found, DoctestModule)]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run some examples as a user does.

    Those that write a whole corpus take minutes when they are checked; the one that exports a
    program cannot be followed through the checks.
    """
    for item in items:
        if isinstance(item, DoctestItem) and item.path.name in ("corpora.py", "export.py"):
            item.add_marker("plain")


@pytest.fixture(autouse=True)
def _fixed_seed() -> Iterator[None]:
    """Start every test from the same random state, and leave the caller's as it was."""
    state = torch.get_rng_state()
    torch.manual_seed(20)
    yield
    torch.set_rng_state(state)


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> torch.device:
    """Each device that this machine has."""
    return torch.device(request.param)
