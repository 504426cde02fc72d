"""A pytest plugin: a test that had no answer is asked once more, in a process of its own.

    python -m txbook.again -q -n 2 tests

A browser that hangs, or a limit that ends a test, takes the process with it, and pytest-xdist says
that the test failed. Or the page that a test is about does not arrive in a minute and a half, while
the machine has other work. What the test would have answered nobody knows. So its name is kept, and
when all others are done it runs again, alone: then its answer counts.
"""

import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

NAMES = "TXBOOK_ENDED"  # the file for the names


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem: str, report: Any) -> None:
    """Keep the name of a test whose process has ended, and count it as one without an answer."""
    _without_an_answer(crashitem, report, "its process has ended")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the name of a test whose page did not arrive before the test could begin."""
    report = yield
    if call.when == "setup" and call.excinfo is not None:
        kind = call.excinfo.type
        if kind.__module__.startswith("playwright.") and kind.__name__ == "TimeoutError":
            _without_an_answer(item.nodeid, report, "its page has not arrived")
    return report


def _without_an_answer(name: str, report: Any, why: str) -> None:
    with Path(os.environ[NAMES]).open("a", encoding="utf-8") as file:
        file.write(f"{name}\n")
    report.outcome = "skipped"
    report.longrepr = (name, 0, f"Skipped: {why}; it is asked again")


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
