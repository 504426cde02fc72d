"""What an import costs: next to nothing beside torch, and nothing heavy comes along."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.plain

HEAVY = [
    "IPython",
    "anywidget",
    "beartype",
    "ipywidgets",
    "matplotlib",
    "numpy.random",
    "safetensors",
    "scipy",
    "torch._dynamo",
    "torch._inductor",
    "torch.distributed",
    "transformers",
    "txlite.viz",
]
LONGEST = 0.15  # seconds over torch's own
RUNS = 5  # at most; the shortest counts, and time on the processor, as others may be busy on it

MEASURE = """
import sys, time, torch
before, start = set(sys.modules), time.process_time()
import {package}
print(time.process_time() - start, *(set(sys.modules) - before))
"""


def python(code: str) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


def test_the_import_costs_little_over_torch() -> None:
    costs: list[float] = []
    while len(costs) < RUNS and min(costs, default=1.0) > LONGEST:
        costs.append(float(python(MEASURE.format(package="txlite.nn")).split()[0]))
    assert min(costs) <= LONGEST, costs


def test_nothing_heavy_comes_along() -> None:
    packages = "txlite.nn, txlite.inspect, txlite.interop"
    new = python(MEASURE.format(package=packages)).split()[1:]
    assert {"txlite.nn.masks", "txlite.inspect", "jaxtyping"} <= set(new)  # it can see a module
    for heavy in HEAVY:
        assert not [name for name in new if f"{name}.".startswith(f"{heavy}.")]


def test_the_top_gives_version_device_seed_and_budget_only() -> None:
    code = "import sys, txlite; print(*txlite.__all__, 'txlite.nn' in sys.modules)"
    assert python(code).split() == ["__version__", "budget", "device", "seed", "False"]


def test_a_folder_of_tests_hides_no_module_of_python() -> None:
    tests = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", "import inspect; print(inspect.__file__)"],
        cwd=tests,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stdout.startswith(str(tests))
