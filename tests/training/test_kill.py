"""A real child process that trains is killed with signal 9, again and again, and loses nothing."""

import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.training import dying
from txlite.training import latest_checkpoint

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no signal 9")
DEATHS = 20


@pytest.fixture(scope="module")
def children():
    """Start children from a server that has imported torch once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.training.dying", *dying.SLOW])

    def start(function, *args):
        child = context.Process(target=function, args=args)
        child.start()
        return child

    return start


def report(children, folder, steps, file: Path):
    """Train to the end in a child, from what is in the folder, and say what happened."""
    child = children(dying.live, folder and str(folder), steps, str(file))
    child.join(120)
    assert child.exitcode == 0
    return json.loads(file.read_text())


@pytest.mark.slow
def test_killed_at_every_single_thing_that_saving_does(children, tmp_path):
    """Each child gets one thing further into its first three saves than the one before."""
    folder, steps = tmp_path / "run", 40
    for call in range(1, 34):
        child = children(dying.die_at, call, str(folder), steps, str(tmp_path / "unused"))
        child.join(120)
        assert child.exitcode == -signal.SIGKILL
        newest = latest_checkpoint(folder)  # raises if it is not there
        assert newest is None or (newest / "training.json").is_file()
        assert newest is not None or call < 16  # a save does fewer things than that
    got = report(children, folder, steps, tmp_path / "killed.json")
    assert got == report(children, None, steps, tmp_path / "whole.json")


@pytest.mark.slow
def test_killed_at_twenty_random_moments(children, tmp_path):
    folder, steps, chance = tmp_path / "run", 300, random.Random(4)
    unfinished = 0
    for _ in range(DEATHS):
        child = children(dying.live, str(folder), steps, str(tmp_path / "unused"))
        begun, pause = latest_checkpoint(folder), chance.uniform(0.0, 0.12)
        while latest_checkpoint(folder) == begun and child.is_alive():
            time.sleep(0.002)
        time.sleep(pause)
        os.kill(child.pid, signal.SIGKILL)
        child.join(60)
        assert child.exitcode == -signal.SIGKILL, "it ended before it could be killed"
        unfinished += any(path.name.startswith(".writing") for path in folder.iterdir())
    assert unfinished, "no kill fell into the middle of saving"
    got = report(children, folder, steps, tmp_path / "killed.json")
    wanted = report(children, None, steps, tmp_path / "whole.json")
    assert len(got["losses"]) == steps
    assert got == wanted


def test_the_comparison_can_fail(children, tmp_path):
    first = report(children, None, 4, tmp_path / "first.json")
    assert first == report(children, None, 4, tmp_path / "again.json")
    assert first != report(children, None, 5, tmp_path / "longer.json")
