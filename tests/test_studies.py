"""Where a study lies, what it says of its runs, and what it answers to a wrong name."""

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from txlite import studies
from txlite.studies import Study, find, read

ROOT = Path(__file__).resolve().parents[1]
KEPT = sorted(path.stem for path in (ROOT / "book" / "studies").glob("*.json"))


def study(**values: list[float | int]) -> Study:
    runs = len(next(iter(values.values())))
    return Study(list(range(runs)), values, [1.0] * runs, "here", "cpu", {}, {})


FIVE = study(right=[0.5, 0.9, 0.625, 0.75, 0.5625], gap=[-0.25, 0.5, 0.125, 0.25, 0.75])


@pytest.mark.parametrize("name", KEPT)
def test_every_study_of_the_book_is_read(name: str) -> None:
    found = read(name)
    assert found.seeds == list(range(len(found.seeds)))
    assert all(len(found[value]) == len(found.seeds) for value in found)


@pytest.mark.parametrize("place", [".", "tests", "/"])
def test_it_is_found_wherever_a_notebook_runs(place: str) -> None:
    command = "from txlite.studies import find; print(find('01.json').read_text()[:1])"
    done = subprocess.run(
        [sys.executable, "-c", command],
        cwd=ROOT / place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "{\n"


def test_an_installed_package_brings_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "txlite" / "_studies"
    inside.mkdir(parents=True)
    monkeypatch.setattr(studies, "PLACES", (tmp_path / "book" / "studies", inside))
    (inside / "16.json").write_text(json.dumps(asdict(FIVE)), encoding="utf-8")
    assert find("16.json").parent == inside
    assert read("16") == FIVE


@pytest.mark.parametrize("name", ["66.json", "66_german.safetensors"])
def test_what_is_not_there_says_how_it_comes(name: str) -> None:
    message = f"there is no book/studies/{name}; make study CHAPTERS=66 measures it"
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(message)}$"):
        find(name)
    with pytest.raises(FileNotFoundError, match=r"66\.json; make study CHAPTERS=66"):
        read("66")


@pytest.mark.plain
@pytest.mark.parametrize("name", ["1", 1, "", "long memory", "001", "01.json", "masks"])
def test_a_name_begins_with_a_chapters_number(name: Any) -> None:
    message = f"name should begin with a chapter's number in two digits, such as '01', got {name!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        read(name)


def test_runs_median_and_range() -> None:
    assert FIVE["right"] == [0.5, 0.9, 0.625, 0.75, 0.5625]
    assert FIVE.median("right") == 0.625
    assert FIVE.range("right") == (0.5, 0.9)
    assert list(FIVE) == ["right", "gap"]
    assert "right" in FIVE
    assert "wrong" not in FIVE


def test_seeds_are_compared_with_themselves() -> None:
    pair = study(a=[1, 2, 3, 4], b=[0, 3, 3, 1])
    assert (pair.wins("a", "b"), pair.wins("b", "a"), pair.wins("a", "a")) == (2, 1, 0)


def test_what_is_told() -> None:
    assert FIVE.told("right", 2) == "0.62 (0.50–0.90)"
    assert FIVE.told("right", times=100) == "62 (50–90)"
    assert FIVE.told("right", 1, to=" … ") == "0.6 (0.5 … 0.9)"
    assert FIVE.told("gap", 2) == "0.25 (−0.25 to 0.75)"
    level = study(same=[0.98, 1.0, 0.99])
    assert level.told("same", 1) == "1.0 (1.0–1.0)"
    assert level.told("same", 1, brief=True) == "1.0"
    assert level.told("same", 2, brief=True) == "0.99 (0.98–1.00)"


@pytest.mark.parametrize(
    "ask",
    [
        lambda name: FIVE[name],
        FIVE.median,
        FIVE.range,
        FIVE.told,
        lambda name: FIVE.wins("right", name),
        lambda name: FIVE.assert_within(name, 0.5),
    ],
)
def test_a_wrong_name_is_told_the_right_one(ask) -> None:
    with pytest.raises(ValueError, match=r"^the study has no 'rihgt'; near it: 'right'$"):
        ask("rihgt")
    with pytest.raises(ValueError, match=r"^the study has no 'zzzz'; it has 2 others$"):
        ask("zzzz")


@pytest.mark.kills(
    "studies: the range is not widened",
    "studies.py",
    "        wide = max(high - low, slack)",
    "        wide = slack",
)
def test_another_run_may_lie_one_range_beyond_the_study() -> None:
    found = study(x=[2.0, 4.0, 3.0])
    for value in (0.0, 3.0, 6.0, torch.tensor(1.5)):
        found.assert_within("x", value)
    for value, said in ((-0.25, "-0.25"), (6.25, "6.25")):
        message = f"x: {said} should lie in [0, 6]; the 3 runs of the study lie in [2, 4]"
        with pytest.raises(AssertionError, match=f"^{re.escape(message)}$"):
            found.assert_within("x", value)
    with pytest.raises(AssertionError, match="x: nan"):
        found.assert_within("x", float("nan"))


def test_runs_that_agree_leave_some_slack_where_it_is_asked_for() -> None:
    level = study(x=[1.0, 1.0])
    level.assert_within("x", 0.95, slack=0.0625)
    with pytest.raises(AssertionError, match=r"x: 0\.95"):
        level.assert_within("x", 0.95)
