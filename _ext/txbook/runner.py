"""Execute the chapters of which the store has no valid run, several at a time, longest first.

Whatever shows, compares or writes back a chapter's outputs asks here, so that each chapter is
executed once: the book, the notebook tests, the smoke test, ``make outputs`` and ``make costs``.
"""

import asyncio
import datetime
import os
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import nbformat
from filelock import FileLock, Timeout

from txbook import costs
from txbook.execute import CELL_SECONDS, Outcome, environment, execute
from txbook.key import DEFAULT_BUDGET, cells
from txbook.metronome import Beats, Metronome
from txbook.progress import Progress
from txbook.store import Store, write_whole

Result = TypeVar("Result")
WAIT = 0.5  # seconds between two looks at a lock that another process holds


def cores() -> int:
    """Return how many processes to run at a time: ``JOBS``, else the cores we may use."""
    named = os.environ.get("JOBS", "")
    if named.isdecimal() and int(named):
        return int(named)
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def chapters(root: Path) -> list[Path]:
    """Return the chapters of the repository at ``root``, in reading order."""
    return sorted((root / "chapters").glob("[0-9]*.ipynb"))


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


@dataclass
class Runner:
    """Runs notebooks of the repository at ``root``."""

    root: Path
    jobs: int = field(default_factory=cores)
    timeout: float = CELL_SECONDS

    def run(self, paths: Sequence[Path]) -> list[Outcome]:
        """Return what became of each notebook, in this order; a failed one does not stop the rest.

        Raises
        ------
        KeyboardInterrupt
            On Ctrl-C and on SIGTERM, when every kernel has been stopped.
        """
        store = Store(self.root)
        found = {path: store.find(path) for path in paths}
        todo = [path for path, run in found.items() if run is None]
        say(f"{len(found)} notebooks: {len(found) - len(todo)} stored, {len(todo)} to run")
        fresh = _to_the_end(self._run_all(store, todo)) if todo else {}
        for outcome in fresh.values():
            self._tell(outcome)
        if todo:
            store.trim()
        return [
            fresh[path] if run is None else Outcome(path, run, run.notebook, stored=True)
            for path, run in found.items()
        ]

    async def _run_all(self, store: Store, paths: list[Path]) -> dict[Path, Outcome]:
        recorded = costs.recorded_seconds(self.root)
        paths = sorted(paths, key=lambda path: recorded.get(path.stem, float("inf")), reverse=True)
        names = [path.stem for path in paths]
        expected = {name: recorded[name] for name in names if name in recorded}
        progress = Progress(names, expected, min(self.jobs, len(names)), say)
        free = asyncio.Semaphore(self.jobs)
        with beating(self.root, store.conditions.budget) as beats:
            work = [self._run_one(store, path, free, progress, beats) for path in paths]
            with beside(beats.keep_reading()), beside(progress.tick()):
                return dict(zip(paths, await asyncio.gather(*work), strict=True))

    async def _run_one(
        self,
        store: Store,
        path: Path,
        free: asyncio.Semaphore,
        progress: Progress,
        beats: Beats,
    ) -> Outcome:
        """Execute one notebook when there is room, unless another process is already at it."""
        lock = store.lock(store.key(path))
        waiting = False
        while True:
            async with free:
                if _taken(lock):
                    try:
                        return await self._run_locked(store, path, progress, beats)
                    finally:
                        lock.release()
            if not waiting:
                say(f"wait   {path.stem}: another process is running it")
            waiting = True
            await asyncio.sleep(WAIT)

    async def _run_locked(
        self, store: Store, path: Path, progress: Progress, beats: Beats
    ) -> Outcome:
        run = store.find(path)  # from whom we have waited for
        if run is not None:
            return Outcome(path, run, run.notebook, stored=True)
        count = len(cells(nbformat.read(path, as_version=4)))

        def at(number: int) -> None:
            progress.cell[path.stem] = f"cell {number + 1} of {count}"

        progress.start(path.stem)
        begin = time.perf_counter()
        outcome = await execute(self.root, path, timeout=self.timeout, at=at)
        if outcome.run is None:
            progress.end(path.stem, f"FAILED {path.stem} in cell {outcome.cell + 1}")
            return outcome
        readings = await beats.since(begin)
        cost = {**outcome.run.cost, "beats": readings, **made(self.root)}
        run = replace(outcome.run, cost=cost)
        store.save(run)
        progress.end(path.stem, f"done   {path.stem} ({run.cost['core_seconds']:.0f} core-seconds)")
        return replace(outcome, run=run)

    def _tell(self, outcome: Outcome) -> None:
        """Print and keep the traceback of a chapter that failed; drop that of one that did not."""
        report = self.root / "_build" / "reports" / f"{outcome.chapter}.err.log"
        if outcome.run is not None:
            report.unlink(missing_ok=True)
            return
        title = f"{outcome.chapter}, code cell {outcome.cell + 1}"
        print(f"\n{title}\n{'=' * len(title)}\n{outcome.error}", file=sys.stderr, flush=True)
        report.parent.mkdir(parents=True, exist_ok=True)
        write_whole(report, f"{title}\n\n{outcome.error}\n")


def made(root: Path) -> dict[str, str]:
    """Return when this is, and the commit that is checked out, if that can be known."""
    date = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    asked = ["git", "rev-parse", "--short=10", "HEAD"]
    try:
        done = subprocess.run(asked, cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):  # no git, or no repository
        return {"date": date, "commit": ""}
    return {"date": date, "commit": done.stdout.strip()}


def run(root: Path, paths: Sequence[Path]) -> int:
    """Run notebooks; return an exit status."""
    failed = [o.chapter for o in Runner(root).run(paths) if o.run is None]
    if failed:
        print(f"These failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


def _taken(lock: FileLock) -> bool:
    """Take a lock if it is free."""
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True


@contextmanager
def beating(root: Path, budget: str) -> Iterator[Beats]:
    """Run a metronome beside the chapters; in another budget than the book's nobody asks for it."""
    if budget != DEFAULT_BUDGET:
        yield Beats(None)
        return
    metronome = Metronome(environment(root))
    try:
        yield Beats(metronome)
    finally:
        metronome.stop()


@contextmanager
def beside(work: Coroutine[Any, Any, None]) -> Iterator[None]:
    """Do some work beside the chapters, until they have ended."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        yield
    finally:
        task.cancel()


def _to_the_end(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine; SIGTERM cancels it as Ctrl-C does, so that it can stop what it started."""

    async def guarded() -> Result:
        if sys.platform != "win32":
            task = asyncio.current_task()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    windows = asyncio.SelectorEventLoop if sys.platform == "win32" else None  # zmq needs it
    with asyncio.Runner(loop_factory=windows) as loop:
        try:
            return loop.run(guarded())
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
