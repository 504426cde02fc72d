"""A pytest plugin: a test whose process has ended is asked once more, in a process of its own.

    python -m txbook.again -q -n 2 tests

A browser that hangs, or a limit that ends a test, takes the process with it, and pytest-xdist says
that the test failed. What it would have answered nobody knows. So its name is kept, and when all
others are done it runs again, alone: then its answer counts.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

NAMES = "TXBOOK_ENDED"  # the file for the names


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem: str, report: Any) -> None:
    """Keep the name of a test whose process has ended, and count it as one without an answer."""
    with Path(os.environ[NAMES]).open("a", encoding="utf-8") as file:
        file.write(f"{crashitem}\n")
    report.outcome = "skipped"
    report.longrepr = (crashitem, 0, "Skipped: its process has ended; it is asked again")


def run(root: Path, words: Sequence[str]) -> int:
    """Run pytest, and then what had no answer, one by one; return an exit status."""
    with TemporaryDirectory() as folder:
        names = Path(folder, "ended.txt")
        environment = {**os.environ, NAMES: str(names)}
        command = [sys.executable, "-m", "pytest", *words]
        status = subprocess.call([*command, "-p", "txbook.again"], cwd=root, env=environment)
        ended = names.read_text(encoding="utf-8").splitlines() if names.exists() else []
    options = command[:3] + [
        word for word in words if not (root / word).exists()
    ]  # and no other test
    for name in dict.fromkeys(ended):
        print(f"\n== asked again: {name}", flush=True)
        alone = [*options, "--dist", "no", "-n", "0", name]
        status = max(status, subprocess.call(alone, cwd=root))
    return status


if __name__ == "__main__":
    sys.exit(run(Path.cwd(), sys.argv[1:]))
