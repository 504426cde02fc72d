"""A pytest plugin: a limit for each test, and, in a file that is named, a line for each.

    TXBOOK_LIMIT=60 TXBOOK_LINES=lines.jsonl python -m pytest -n 4 -p txbook.limits tests

A test that runs longer than ``TXBOOK_LIMIT`` seconds ends its process, whatever it waits for, a
GPU too, and says where every thread stood; pytest-xdist then reports it as failed, and starts
another process. The lines tell what was done even if the whole run is stopped.
"""

import faulthandler
import json
import os
import sys
import threading
from collections.abc import Generator
from pathlib import Path

import psutil
import pytest

ERRORS = pytest.StashKey[int]()  # where errors go while no test's are captured


def pytest_configure(config: pytest.Config) -> None:
    """Keep hold of the error output, which a test's process loses with what it has captured."""
    config.stash[ERRORS] = os.dup(sys.__stderr__.fileno())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool, bool]:
    """End this process if a test takes too long."""
    # A thread of Python's: faulthandler's own would lock up a process that a test forks.
    errors = item.config.stash[ERRORS]
    watch = threading.Timer(float(os.environ["TXBOOK_LIMIT"]), _end, [errors])
    watch.daemon = True
    watch.start()
    try:
        return (yield)
    finally:
        watch.cancel()


def _end(errors: int) -> None:
    """Say where every thread stands, and end this process and those that it has started.

    One that lived on would hold the pipes open on which pytest-xdist waits for the end.
    """
    faulthandler.dump_traceback(file=errors, all_threads=True)
    for process in psutil.Process().children(recursive=True):
        process.kill()
    os._exit(1)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note how a test has ended; setting it up and tearing it down only where they fail."""
    if report.failed or report.skipped or report.when == "call":
        _note(report.nodeid, report.outcome, report.duration)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a file that cannot be read."""
    if report.failed:
        _note(report.nodeid, report.outcome, 0.0)


def _note(name: str, outcome: str, seconds: float) -> None:
    if "TXBOOK_LINES" not in os.environ or "PYTEST_XDIST_WORKER" in os.environ:
        return  # of a worker, the process that has started it hears too
    line = {"name": name, "outcome": outcome, "seconds": round(seconds, 3)}
    with Path(os.environ["TXBOOK_LINES"]).open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(line)}\n")
