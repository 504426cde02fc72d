"""What every test shares: a fixed seed, one thread, and the devices that this machine has."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import HealthCheck, settings

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
    """Let two test processes share two cores."""
    torch.set_num_threads(1)


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
