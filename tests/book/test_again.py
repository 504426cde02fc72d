"""A test that had no answer is asked once more, and then its answer counts."""

from pathlib import Path

import browsing  # noqa: F401 (puts _ext on the path)
import pytest
from tiny import write
from txbook import again

pytestmark = pytest.mark.plain
DIES_ONCE = """
import os, pathlib

def test_one():
    mark = pathlib.Path("died")
    if not mark.exists():
        mark.touch()
        os._exit(1)

def test_two():
    pathlib.Path("two").open("a").write("x")
"""
DIES_ALWAYS = """
import os

def test_one():
    os._exit(1)
"""
FAILS = """
def test_one():
    assert 1 == 2
"""
NO_PAGE_ONCE = """
import pathlib
import pytest
from playwright.sync_api import TimeoutError

@pytest.fixture
def page():
    mark = pathlib.Path("came late")
    if not mark.exists():
        mark.touch()
        raise TimeoutError("Page.wait_for_load_state: Timeout 90000ms exceeded.")

def test_one(page):
    pass
"""
NO_PAGE_EVER = NO_PAGE_ONCE.replace("mark.touch()", "pass")
A_FAULT_BEFORE = NO_PAGE_ONCE.replace("raise TimeoutError", "raise ValueError")
TOO_LATE = """
from playwright.sync_api import TimeoutError

def test_one():
    raise TimeoutError("what the test waits for does not come")
"""


@pytest.mark.parametrize(
    ("code", "status", "again_said"),
    [
        (DIES_ONCE, 0, 1),
        (DIES_ALWAYS, 1, 1),
        (FAILS, 1, 0),
        (NO_PAGE_ONCE, 0, 1),
        (NO_PAGE_EVER, 1, 1),
        (A_FAULT_BEFORE, 1, 0),
        (TOO_LATE, 1, 0),
    ],
)
def test_only_a_test_without_an_answer_is_asked_again(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    status: int,
    again_said: int,
) -> None:
    write(tmp_path, "tests/test_dying.py", code)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    extension = str(Path(again.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", extension)
    assert again.run(tmp_path, ["-q", "-p", "xdist", "-n", "1", "tests"]) == status
    said = capfd.readouterr().out
    assert said.count("== asked again: tests/test_dying.py::test_one") == again_said
    if code is DIES_ONCE:
        assert (tmp_path / "two").read_text() == "x"  # the others are not asked again


@pytest.mark.parametrize("before", ["", "os.fork(); "], ids=["alone", "with a child"])
def test_a_test_that_hangs_is_ended_and_asked_again(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    before: str,
) -> None:
    hangs = DIES_ONCE.replace("os._exit(1)", f"{before}time.sleep(99)")
    write(tmp_path, "tests/test_dying.py", f"import time\n{hangs}")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.delenv("TXBOOK_LINES", raising=False)
    monkeypatch.setenv("TXBOOK_LIMIT", "3")
    monkeypatch.setenv("PYTHONPATH", str(Path(again.__file__).parents[1]))
    limited = ["-q", "-p", "xdist", "-p", "txbook.limits", "-n", "1", "tests"]
    assert again.run(tmp_path, limited) == 0
    said = capfd.readouterr()
    assert "== asked again: tests/test_dying.py::test_one" in said.out
    assert "in test_one" in said.err  # where it hung
