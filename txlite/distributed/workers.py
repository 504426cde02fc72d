"""Several processes from one call: started, joined, waited for, and ended whatever happens.

A notebook cannot be imported, so that what the processes do stands in a module; what they return
comes back, and what goes wrong in one of them comes back as one error. For several machines, and
for long runs, ``torchrun`` starts the processes instead.
"""

import multiprocessing as mp
import os
import pickle
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
import torch.distributed as dist

from txlite._checks import check_callable, check_choice, check_positive, check_rate

__all__ = ["run_workers"]

_T = TypeVar("_T")
_GRACE = 0.3  # seconds


def run_workers(
    function: Callable[..., _T],
    world_size: int,
    *given: Any,
    timeout: float = 60.0,
    backend: Literal["gloo", "nccl"] = "gloo",
) -> list[_T]:
    """Call a function in several new processes that know each other, and return what each returns.

    In each of them ``torch.distributed`` has been joined: ``dist.get_rank()`` says which it is.

    Parameters
    ----------
    function : callable
        A function at the top of a module, which the new processes import.
    world_size : int
        How many processes there are.
    *given : object
        The function's arguments, the same in each process; whatever can be pickled.
    timeout : float
        Seconds after which all of them are ended.
    backend : str
        ``"gloo"`` for processors, ``"nccl"`` for GPUs, one for each process.

    Returns
    -------
    list
        What the function returned, by rank.

    Raises
    ------
    ValueError
        If an argument does not fit, or the function is one that a new process cannot import.
    RuntimeError
        If a process fails; the message is that of the one that failed first.
    TimeoutError
        If they are not done in time.

    Examples
    --------
    >>> run_workers(torch.distributed.get_rank, 2)
    [0, 1]
    """
    check_callable("function", function, "what each process does")
    world_size = check_positive("world_size", world_size)
    timeout = check_rate("timeout", timeout)
    check_choice("backend", backend, ("gloo", "nccl"))
    task = _packed(function, given)
    context = _context()
    deadline = time.monotonic() + timeout
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder, "meeting").as_uri()
        ends = [context.Pipe() for _ in range(world_size)]
        team: list[Any] = [
            context.Process(
                target=_work,
                args=(end, meeting, rank, world_size, backend, timeout, task),
                daemon=True,
            )
            for rank, (_, end) in enumerate(ends)
        ]
        try:
            for process, (_, end) in zip(team, ends, strict=True):
                process.start()
                end.close()  # the process has it; when it dies, the other end notices
            return _answers([theirs for theirs, _ in ends], team, deadline, timeout)
        finally:
            for theirs, end in ends:
                theirs.close()  # whoever waits may go
                end.close()
            _end(team)


def _packed(function: Callable[..., Any], given: tuple[Any, ...]) -> bytes:
    """Return the task as bytes; refuse a function that only this process knows."""
    inner = getattr(function, "func", function)  # of a partial
    where = f"{getattr(inner, '__module__', None)}.{getattr(inner, '__qualname__', inner)}"
    if where.startswith("__main__.") or "<" in where:
        raise ValueError(
            f"function should stand at the top of a module that a new process can import, "
            f"got {where}"
        )
    try:
        return pickle.dumps((function, given))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(f"given should hold what can be pickled, got: {error}") from None


def _context() -> ForkServerContext | SpawnContext:
    """Return how processes are made: where it can be, copied from one that has imported torch."""
    if "forkserver" not in mp.get_all_start_methods():
        return mp.get_context("spawn")
    context = mp.get_context("forkserver")
    context.set_forkserver_preload([__package__, "torch.distributed.tensor.parallel"])
    return context


def _answers(ends: list[Connection], team: list[Any], deadline: float, timeout: float) -> list[Any]:
    """Return every rank's result, or raise what the first to fail says."""
    size, found = len(ends), dict[int, Any]()
    failures: list[tuple[bool, float, str]] = []
    waiting = dict(enumerate(ends))
    while waiting:
        # once one has failed, another that is its cause has a moment to be heard
        left = _GRACE if failures else max(0.0, deadline - time.monotonic())
        ready = wait(list(waiting.values()), left)
        if failures and not ready:
            break
        if not ready:
            late = ", ".join(map(str, waiting))
            raise TimeoutError(f"workers should end within timeout={timeout:g} s, ran on: {late}")
        for rank in [rank for rank, end in waiting.items() if end in ready]:
            try:
                when, story, packed = waiting.pop(rank).recv()
            except EOFError:  # it has died, and nobody dies of what another says
                team[rank].join(5)
                story = f"it ended with exit code {team[rank].exitcode}"
                failures.append((False, 0.0, f"rank {rank} of {size} failed: {story}"))
                continue
            if story:
                failures.append((True, when, f"rank {rank} of {size} failed: {story}"))
            else:
                found[rank] = pickle.loads(packed)
    if failures:
        raise RuntimeError(min(failures)[2])
    return [found[rank] for rank in range(size)]


def _end(team: list[Any]) -> None:
    """End every process that is still there, and wait until it is gone."""
    for process in team:
        if process.pid is not None and process.is_alive():
            process.join(0.5)
            process.kill()
    for process in team:
        if process.pid is not None:
            process.join()
            process.close()


def _work(
    answer: Connection, meeting: str, rank: int, size: int, backend: str, limit: float, task: bytes
) -> None:
    """What each process does: join, call, answer."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    try:
        function, given = pickle.loads(task)
        if backend == "nccl":
            torch.cuda.set_device(rank)
        dist.init_process_group(
            backend, meeting, rank=rank, world_size=size, timeout=timedelta(seconds=limit)
        )
        packed = pickle.dumps(function(*given))
        answer.send((time.monotonic(), "", packed))
        with suppress(EOFError, OSError):  # until all have answered: one that is gone tears
            answer.recv()  # the connections of those that are still joining
    except BaseException as error:  # said before the others notice that this one is gone
        story = f"{type(error).__name__}: {error}\n\n{traceback.format_exc()}"
        answer.send((time.monotonic(), story, b""))
    finally:
        answer.close()
        if dist.is_initialized():
            dist.destroy_process_group()


def _end_with_parent() -> None:
    """Leave when the process that wanted the answer is gone."""
    parent = mp.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
