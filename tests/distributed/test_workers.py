"""Processes from one call: answers in order, one message of a failure, an end in time."""

import functools
import multiprocessing as mp
import os
import time
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from txlite.distributed import run_workers

pytestmark = [pytest.mark.plain, pytest.mark.slow]


def summed(factor: int, x: torch.Tensor) -> torch.Tensor:
    x = factor * (dist.get_rank() + 1) * x
    dist.all_reduce(x)
    return x


def failing(folder: str) -> None:
    Path(folder, str(os.getpid())).touch()
    if dist.get_rank() == 1:
        raise ValueError("the second one cannot")
    dist.barrier()


def dying() -> None:
    if dist.get_rank() == 1:
        os._exit(7)
    dist.barrier()


def late(folder: str) -> None:
    Path(folder, str(os.getpid())).touch()
    if dist.get_rank() == 1:
        time.sleep(600)


def unsaid() -> object:
    return lambda: None  # which cannot be sent


def nobody_is_left(folder: Path) -> None:
    assert mp.active_children() == []
    for name in folder.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(name.name), 0)


def test_answers_come_by_rank() -> None:
    x = torch.arange(3.0)
    for out in run_workers(functools.partial(summed, 10), 2, x, timeout=200.0):
        assert torch.equal(out, 30 * x)
    assert torch.equal(x, torch.arange(3.0))


def test_the_first_to_fail_says_why(tmp_path: Path) -> None:
    wanted = r"(?s)^rank 1 of 2 failed: ValueError: the second one cannot\n.*in failing"
    with pytest.raises(RuntimeError, match=wanted):
        run_workers(failing, 2, str(tmp_path), timeout=200.0)
    nobody_is_left(tmp_path)


def test_one_that_dies_is_named() -> None:
    with pytest.raises(RuntimeError, match=r"^rank 1 of 2 failed: it ended with exit code 7"):
        run_workers(dying, 2, timeout=200.0)


def test_what_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match=r"^workers should end within timeout=\d+ s, ran on: 1"):
        run_workers(late, 2, str(tmp_path), timeout=6.0)
    nobody_is_left(tmp_path)


def test_an_answer_that_cannot_be_sent_is_a_failure() -> None:
    with pytest.raises(RuntimeError, match=r"^rank 0 of 1 failed: .*unsaid"):
        run_workers(unsaid, 1, timeout=200.0)


def test_a_function_has_to_stand_in_a_module() -> None:
    with pytest.raises(ValueError, match=r"^function should stand at the top of a module .*lambda"):
        run_workers(lambda: 3, 2)
    here = type(summed)(summed.__code__, {}, "summed")
    here.__module__ = "__main__"
    with pytest.raises(ValueError, match=r"^function should stand .* got __main__\.summed"):
        run_workers(here, 2)


def test_arguments_are_checked() -> None:
    for ask, message in (
        (lambda: run_workers("f", 2), "function should be a function"),  # type: ignore[arg-type]
        (lambda: run_workers(summed, 0), "world_size should be a positive whole number, got 0"),
        (lambda: run_workers(summed, 2, timeout=0.0), "timeout should be a positive number"),
        (lambda: run_workers(summed, 2, backend="mpi"), "backend should be one of gloo, nccl"),  # type: ignore[arg-type]
        (lambda: run_workers(summed, 2, lambda: 3), "given should hold what can be pickled"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            ask()
