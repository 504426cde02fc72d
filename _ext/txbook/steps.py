"""Run make targets one after the other, small ones beside another, and keep their times."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from txbook import times
from txbook.progress import duration
from txbook.runner import cores, say

ONE_CORE = {"chromium", "lint", "package"}  # every other step uses all cores by itself
KEEPS_ITS_OWN_TIME = {"book"}  # it may have been built before
POLL = 0.1  # seconds


@dataclass
class Step:
    """A make target that is running."""

    target: str
    process: "subprocess.Popen[str]"
    reader: threading.Thread | None
    begin: float


def start(root: Path, target: str) -> Step:
    """Start a target; the lines of one that may have company begin with its name.

    The others write for themselves, to the last letter: a line that is never ended is seen too.
    """
    command = [os.environ.get("MAKE", "make"), "--no-print-directory", target]
    if target not in ONE_CORE:
        process = subprocess.Popen(command, cwd=root, stderr=subprocess.STDOUT, text=True)
        return Step(target, process, None, time.perf_counter())
    process = subprocess.Popen(
        command,
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )

    def read() -> None:
        with process.stdout as lines:
            for line in lines:
                print(f"[{target}] {line}", end="", flush=True)

    reader = threading.Thread(target=read)
    reader.start()
    return Step(target, process, reader, time.perf_counter())


def fits(target: str, running: Sequence[Step]) -> bool:
    """Tell whether a target may start beside those that run.

    A step of one core mostly waits (for pip, for a process that it has started), so that one may
    stand beside a step that uses all cores; two of the latter only take turns.
    """
    if not running:
        return True
    alone = target not in ONE_CORE and any(step.target not in ONE_CORE for step in running)
    return not alone and len(running) < cores()


def run(root: Path, targets: Sequence[str]) -> int:
    """Run targets in this order; the first that fails ends it. Return an exit status."""
    todo, running = list(targets), []
    try:
        while todo or running:
            while todo and fits(todo[0], running):
                say(f"\n== {todo[0]}")
                running.append(start(root, todo.pop(0)))
            time.sleep(POLL)
            for step in [step for step in running if step.process.poll() is not None]:
                running.remove(step)
                if step.reader is not None:
                    step.reader.join()
                seconds = time.perf_counter() - step.begin
                if step.process.returncode:
                    print(f"== {step.target} failed", file=sys.stderr, flush=True)
                    return step.process.returncode
                if step.target not in KEEPS_ITS_OWN_TIME:
                    times.record(root, step.target, seconds)
                say(f"== {step.target} passed in {duration(seconds)}")
    finally:
        for step in running:
            step.process.terminate()
            step.process.wait()
    return 0
