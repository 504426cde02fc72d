"""Plant changes in copies of the package, and see which of them the tests notice.

What every test needs (torch, pytest, hypothesis) is imported once. Each change gets a fork of that
process and a copy of the package to itself, so that the changes cannot see each other, none waits
for torch, and the working tree is never touched.
"""

import contextlib
import importlib
import math
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
WARM = ["hypothesis", "jaxtyping", "numpy.typing", "pytest", "torch", "torch.testing"]
OPTIONS = ["-x", "-q", "--no-header", "-o", "addopts=", "-p", "no:cacheprovider"]
CHOICE = ["-m", "not site and not browser and not slow"]
PASSED, FAILED, BROKEN, NOTHING, NOT_OURS = 0, 1, 2, 5, 99
TEST_SECONDS = 30  # of one test's own time: an endless loop ends there
STEP_SECONDS = 300  # of waiting for one set of tests
MEMORY = 8 << 30


class Task(NamedTuple):
    """A text to plant in a file of the package, and sets of tests, the likeliest first."""

    name: str
    file: str
    text: str
    steps: tuple[tuple[str, ...], ...]


@dataclass
class Result:
    """How one task fared: "killed", "survived", or "trouble" where the tests did not run."""

    task: Task
    verdict: str
    said: str
    seconds: float


@dataclass
class _Slot:
    """A copy of the package, and the fork that works in it."""

    folder: Path
    plants: int = 0
    pid: int = 0
    task: Task | None = None
    step: int = 0
    tested: bool = False
    begun: float = 0.0
    step_begun: float = 0.0
    notes: list[str] = field(default_factory=list)


def warm_up() -> None:
    """Import what the tests import, but nothing of this package."""
    for name in WARM:
        importlib.import_module(name)


def run(
    tasks: Iterable[Task], root: Path = ROOT, workers: int = 2, seconds: float | None = None
) -> Iterator[Result]:
    """Try every task, some at a time; what has ended in the time there is is yielded as it ends."""
    end = time.monotonic() + (seconds or math.inf)
    with tempfile.TemporaryDirectory(prefix="mutants-") as home:
        slots = [_Slot(_copy(root, Path(home) / str(i))) for i in range(workers)]
        waiting, free, busy = iter(tasks), slots[:], []
        try:
            while True:
                while free and (task := next(waiting, None)) is not None:
                    busy.append(free.pop())
                    _begin(busy[-1], task, root)
                if not busy or time.monotonic() > end:
                    return
                time.sleep(0.02)
                for slot in busy[:]:
                    if (result := _look(slot)) is not None:
                        busy.remove(slot)
                        free.append(slot)
                        _put_back(slot, root)
                        yield result
        finally:
            for slot in busy:
                _kill(slot)


def failing_anyway(results: Iterable[Result], root: Path = ROOT) -> str:
    """Return a test that noticed a change and fails without one too, nothing where none does."""
    noticed = {r.said: r.task for r in results if r.verdict == "killed" and "::" in r.said}
    names = sorted({name.split("[")[0] if " " in name else name for name in noticed})
    if not names:
        return ""
    file = next(iter(noticed.values())).file
    text = (root / "txlite" / file).read_text(encoding="utf-8")
    (result,) = run([Task("unchanged", file, text, (tuple(names),))], root, workers=1)
    return "" if result.verdict == "survived" else result.said


@contextlib.contextmanager
def snapshot(root: Path = ROOT) -> Iterator[Path]:
    """Give a copy of package and tests as they are now, whatever is edited meanwhile."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as home:
        yield _copy(root, Path(home) / "now")


def _copy(root: Path, folder: Path) -> Path:
    """Copy the package and its tests."""
    for name in ("txlite", "tests", "book/studies"):  # the package finds its studies beside it
        if (root / name).exists():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(root / name, folder / name, ignore=ignored)
    for path in root.iterdir():  # what the tests of the surroundings read
        if path.is_file():
            shutil.copy(path, folder)
    return folder


def _begin(slot: _Slot, task: Task, root: Path) -> None:
    """Plant a task's text in a copy, and run its first tests."""
    slot.task, slot.step, slot.begun, slot.plants = task, 0, time.monotonic(), slot.plants + 1
    slot.tested = False
    planted = slot.folder / "txlite" / task.file
    planted.write_text(task.text, encoding="utf-8")
    os.utime(planted, (slot.plants, slot.plants))  # what was compiled before is of another time
    _fork(slot)


def _put_back(slot: _Slot, root: Path) -> None:
    """Make a copy the package again."""
    assert slot.task is not None
    shutil.copy2(root / "txlite" / slot.task.file, slot.folder / "txlite" / slot.task.file)


def _fork(slot: _Slot) -> None:
    """Run the tests of a task's step in a fork."""
    assert slot.task is not None
    slot.step_begun = time.monotonic()
    sys.stdout.flush()
    slot.pid = os.fork()
    if not slot.pid:
        code = NOT_OURS
        with contextlib.suppress(BaseException):
            code = _test(slot.folder, [*OPTIONS, *CHOICE, *slot.task.steps[slot.step]])
        sys.stdout.flush()
        os._exit(code)


def _test(folder: Path, arguments: list[str]) -> int:
    """Run pytest in this process on the package that lies in a folder; return its code."""
    os.setsid()
    with (folder / "out.txt").open("w") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    for name in [n for n in sys.modules if n.split(".")[0] in {"tests", "txlite"}]:
        del sys.modules[name]
    os.environ |= {"PYTHONPATH": str(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    sys.dont_write_bytecode = False
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    code = int(pytest.main(arguments, plugins=[_Patience()]))
    loaded = sys.modules.get("txlite")
    ours = loaded is None or str(folder) in str(loaded.__file__)
    return code if ours else NOT_OURS


class _Patience:
    """End a test that has worked for too long."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        signal.signal(signal.SIGVTALRM, self.enough)
        signal.setitimer(signal.ITIMER_VIRTUAL, TEST_SECONDS)
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    @staticmethod
    def enough(number: int, frame: FrameType | None) -> None:
        pytest.fail(f"no end after {TEST_SECONDS} s", pytrace=False)


def _look(slot: _Slot) -> Result | None:
    """Return how a slot's task ended; go on to its next tests; or see that it takes too long."""
    assert slot.task is not None
    pid, status = os.waitpid(slot.pid, os.WNOHANG)
    if not pid and time.monotonic() - slot.step_begun < STEP_SECONDS:
        return None
    if not pid:
        _kill(slot)
        return _result(slot, "killed", "no end")
    code = os.waitstatus_to_exitcode(status)
    out = (slot.folder / "out.txt").read_text(encoding="utf-8", errors="replace")
    if code in (PASSED, NOTHING):
        slot.step, slot.tested = slot.step + 1, slot.tested or code == PASSED
        if slot.step < len(slot.task.steps):
            _fork(slot)
            return None
        no_test = "none of its tests is one of those that are run (slow, site, browser)"
        return _result(slot, "survived", "") if slot.tested else _result(slot, "trouble", no_test)
    if code in (FAILED, BROKEN) or code < 0:
        return _result(slot, "killed", _who(out) or f"the process ended with {code}")
    return _result(slot, "trouble", f"pytest ended with {code}\n{out}")


def _result(slot: _Slot, verdict: str, said: str) -> Result:
    assert slot.task is not None
    return Result(slot.task, verdict, said, time.monotonic() - slot.begun)


def _who(out: str) -> str:
    """Return the test, or the file of tests, that noticed."""
    found = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", out, re.MULTILINE)
    return found[1] if found else ""


def _kill(slot: _Slot) -> None:
    """End a fork and whatever it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(slot.pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(slot.pid, 0)
