"""``torchrun`` starts what the documentation says, and it trains as one process."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.plain
@pytest.mark.slow
def test_the_command_runs_as_it_stands() -> None:
    words = ["--standalone", "--nproc_per_node", "2", "-m", "txlite.distributed.rehearsal"]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *words],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = re.search(r"^2 processes on (\w+): loss [\d.]+, (\S+) from one process", done.stdout)
    assert said, done.stdout
    assert float(said[2]) < 1e-12
