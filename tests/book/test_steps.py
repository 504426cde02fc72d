"""``make test``: its steps, their times, and what these say of a longer book."""

import json
from pathlib import Path

import pytest
from tiny import command, write
from txbook import steps, times
from txbook.runner import chapters

MAKEFILE = """
lint package:
\t@echo $@ begins; sleep 1; echo $@ ends
unit mutants:
\t@echo $@ begins; sleep 0.5; echo $@ ends
site:
\t@echo broken; exit 3
book:
\t@echo built
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path, "Makefile", MAKEFILE)
    monkeypatch.setenv("JOBS", "2")
    monkeypatch.delenv("MAKEFLAGS", raising=False)
    return tmp_path


def test_two_small_steps_run_side_by_side_and_every_time_is_kept(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert steps.run(root, ["lint", "package", "book"]) == 0
    said = capfd.readouterr().out
    begins = [said.index(f"[{x}] {x} begins\n") for x in ("lint", "package")]
    ends = [said.index(f"[{x}] {x} ends\n") for x in ("lint", "package")]
    assert max(begins) < min(ends)
    assert said.index("== book\n") > min(said.index(f"== {x} passed") for x in ("lint", "package"))
    kept = json.loads((root / "_build/times.json").read_text())
    assert set(kept) == {"lint", "package"}  # the book keeps its own


def test_a_small_step_stands_beside_a_large_one_and_large_ones_take_turns(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert steps.run(root, ["package", "unit", "mutants"]) == 0
    said = capfd.readouterr().out
    assert said.index("unit begins") < said.index("package ends")
    assert said.index("mutants begins") > said.index("unit ends")


def test_the_first_step_that_fails_ends_it(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert steps.run(root, ["unit", "site", "book"]) != 0
    said = capfd.readouterr()
    assert "== site failed" in said.err
    assert "built" not in said.out


def test_as_many_steps_as_cores_and_one_of_them_large(root: Path) -> None:
    def running(*targets: str) -> list[steps.Step]:
        return [steps.Step(target, None, None, 0) for target in targets]

    assert steps.fits("unit", [])
    assert steps.fits("lint", running("package"))
    assert steps.fits("unit", running("lint"))
    assert steps.fits("lint", running("unit"))
    assert not steps.fits("unit", running("mutants"))
    assert not steps.fits("unit", running("lint", "mutants"))
    assert not steps.fits("chromium", running("lint", "package"))
    assert not steps.fits("unit", running("lint", "package"))


def test_the_projection_is_what_is_fixed_and_a_share_for_each_chapter(tmp_path: Path) -> None:
    taken = {"lint": 60.0, "book": 260.0, "site": 130.0}
    assert times.projected(taken, have=13, want=29) == 60 + 390 / 13 * 29
    for number in range(2):
        write(tmp_path, f"chapters/0{number}_x.ipynb", "{}")
    assert len(chapters(tmp_path)) == 2
    for step, seconds in {"lint": 60, "book": 10}.items():
        times.record(tmp_path, step, seconds)
    text = times.summary(tmp_path, 4)
    assert "1 min 10 s" in text
    assert "with 4 chapters instead of 2: about 80 s" in text


def test_the_command_prints_the_times(tmp_path: Path) -> None:
    write(tmp_path, "chapters/01_x.ipynb", "{}")
    times.record(tmp_path, "book", 10)
    process = command(tmp_path, "times", "--chapters", "29")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "about 290 s" in said
