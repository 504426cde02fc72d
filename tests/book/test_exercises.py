"""What an exercise owes its reader, asked of every chapter whose exercises have their fields.

Starters are red by name, solutions are right, and nothing a reader has before a solution holds a
line or a number of it. The faults at the end show that each of these gates can close.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import exercising
import pytest
from browsing import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from txbook.exercises.fields import KINDS
from txbook.exercises.source import Exercise, blocks, exercises, minutes

from txlite import checks

CHAPTERS = sorted((ROOT / "chapters").glob("[0-9]*.ipynb"))
LEAST_KINDS = 5
DERIVATION = 40  # words of a solution without a cell
IDLE = ("vary ", "play with", "see what happens", "what do you notice", "try different")
every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
every_exercise = pytest.mark.parametrize(
    ("path", "exercise"),
    [
        pytest.param(path, exercise, id=f"{path.stem}-{exercise.label}")
        for path in CHAPTERS
        for exercise in exercising.of(path)
    ],
)


@every_chapter
def test_a_chapter_has_a_ladder(path: Path) -> None:
    found = exercising.of(path)
    assert all(one.complete for one in found), [one.label for one in found if not one.complete]
    kinds = Counter(one.block.options["kind"] for one in found)
    assert kinds.keys() <= KINDS.keys()
    assert len(kinds) >= LEAST_KINDS, dict(kinds)
    assert kinds["write"] <= 1
    assert {"calculate", "predict", "repair", "experiment"} <= kinds.keys(), dict(kinds)
    assert kinds.keys() & {"prove", "read"}, dict(kinds)
    assert minutes(exercising.read(path)) == sum(int(e.block.options["minutes"]) for e in found)


def test_no_two_exercises_of_the_book_share_a_label() -> None:
    labels = [one.label for path in CHAPTERS for one in exercising.of(path)]
    assert [label for label, count in Counter(labels).items() if count > 1] == []


@every_exercise
def test_an_exercise_has_hints_a_task_and_a_solution(path: Path, exercise: Exercise) -> None:
    assert exercise.block.argument, "no title"
    assert exercise.block.within("hint"), "no hint"
    assert exercise.solution is not None, "no solution"
    kind = exercise.block.options["kind"]
    derived = kind in ("prove", "read") and len(exercise.solution.text.split()) >= DERIVATION
    assert exercise.reference or derived, "a solution is executed or derived"
    text = exercising.prose(exercise).lower()
    assert [idle for idle in IDLE if idle in text] == []


@every_exercise
def test_an_exercise_can_be_checked(path: Path, exercise: Exercise) -> None:
    on_page = exercise.block.within("number-box", "drawn-puzzle", "detective")
    checked = exercising.has_checker(exercise.starter)
    assert on_page or checked or exercise.block.options["kind"] == "prove"
    if checked:
        last = exercise.reference[-1].source.rstrip().splitlines()[-1]
        assert last.endswith(".require()"), "the solution does not insist on being right"
        left = exercising.checkers(exercise.starter) - exercising.insisted(exercise.reference)
        assert left == set(), "the solution does not insist on every part being right"


def test_every_checker_has_work() -> None:
    """Each judges what a reader mends, or shows on a page what it says; else it goes."""
    known = {name for name in checks.__all__ if isinstance(getattr(checks, name), checks.Exercise)}
    called = set().union(*(exercising.at_work(exercising.read(path)) for path in CHAPTERS))
    assert sorted(known - called) == [], "no exercise calls these: use them or take them away"
    assert sorted(called - known) == []


@every_exercise
def test_no_line_of_a_solution_is_given_away(path: Path, exercise: Exercise) -> None:
    assert exercising.leaks(exercise, exercising.read(path)) == []


@every_exercise
def test_a_starter_is_red_by_name_and_its_solution_right(
    path: Path, exercise: Exercise, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [*exercise.starter, *exercise.reference]
    if any(exercising.NEEDS in exercising.tags(cell) for cell in cells):
        stored_in_git(exercise)
        return
    verdicts, glued = exercising.run(exercise, exercising.read(path), monkeypatch)
    if exercising.has_checker(exercise.starter):
        assert exercising.are_red(verdicts), f"the starter is not red by name: {verdicts}"
    boxes = exercising.boxes(exercise)
    assert boxes.keys() <= glued.keys(), "a box asks for what its solution has not computed"
    boards = {board.argument for board in exercise.block.within("board")}
    assert boards <= glued.keys(), "a board asks for what its solution has not computed"
    assert exercising.told(exercise, glued) == []


def stored_in_git(exercise: Exercise) -> None:
    """Where cells need their chapter, ``make notebooks`` has compared them with what git keeps."""
    last = exercise.reference[-1]
    assert exercising.COMPARED in exercising.tags(last), (
        "a solution that needs a chapter is compared"
    )
    assert last.outputs, "run make outputs"
    if exercising.has_checker(exercise.starter):
        assert "Not yet." in str(exercise.starter[-1].get("outputs")), "the starter is not red"


@every_exercise
def test_a_box_passes_the_chapter_under_every_seed(path: Path, exercise: Exercise) -> None:
    values = exercising.measured(ROOT, path.stem)
    assert exercising.unstable(exercise, values) == []
    own = {name: over[0] for name, over in values.items()}
    assert exercising.told(exercise, own) == []


# --- the gates close ------------------------------------------------------------------------------

TASK = """````{{exercise}} A share
:label: ex-a
:kind: {kind}
:difficulty: 1
:importance: 1
:minutes: 5
:deliverable: one number
:success: the box

{text}

```{{number-box}} share
:label: How much?
:tolerance: 0.01
```

```{{hint}}
{hint}
```
````"""
ABOVE = "def share(scores):\n    return scores.softmax(-1)[0].item()"
STARTER = "def mine(num_queries, num_keys): ...\n\n\nchecks.causal_mask(mine)"
RIGHT = """def mine(num_queries, num_keys):
    i = torch.arange(num_queries)[:, None] + (num_keys - num_queries)
    return torch.arange(num_keys) <= i

viz.glue("share", 0.25)
checks.causal_mask(mine).require()"""


def made(
    text: str = "Think.",
    hint: str = "Mild.",
    above: str = ABOVE,
    starter: str = STARTER,
    right: str = RIGHT,
    kind: str = "write",
) -> tuple[Exercise, Any]:
    notebook = new_notebook()
    notebook.cells = [
        new_code_cell("import torch\nfrom txlite import checks, viz"),
        new_markdown_cell("## Idea"),
        new_code_cell(above),
        new_markdown_cell("## Exercises\n\n" + TASK.format(text=text, hint=hint, kind=kind)),
        new_code_cell(starter),
        new_markdown_cell("```{solution} ex-a\nSo.\n```"),
        new_code_cell(right),
    ]
    (found,) = exercises(notebook)
    return found, notebook


def test_an_exercise_is_read_as_it_is_written() -> None:
    exercise, notebook = made(hint="Some `code`.")
    assert exercise.label == "ex-a"
    assert exercise.block.argument == "A share"
    assert exercise.block.text == "Think."
    assert [block.text for block in exercise.block.within("hint")] == ["Some `code`."]
    assert exercise.block.within("number-box")[0].options["tolerance"] == "0.01"
    assert [cell.source for cell in exercise.starter] == [STARTER]
    assert [cell.source for cell in exercise.reference] == [RIGHT]
    assert exercise.solution is not None
    assert minutes(notebook) == 5
    assert minutes(new_notebook()) is None
    (outer,) = blocks("`````{a} x\n:o: 1\n````{b}\n```{c}\ny\n```\n````\nz\n`````")
    assert [block.name for block in outer.walk()] == ["a", "b", "c"]
    assert (outer.options, outer.text) == ({"o": "1"}, "z")


def test_a_good_exercise_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    exercise, notebook = made()
    assert exercising.leaks(exercise, notebook) == []
    assert exercising.checkers(exercise.starter) == {"causal_mask"}
    assert exercising.insisted(exercise.reference) == {"causal_mask"}
    verdicts, glued = exercising.run(exercise, notebook, monkeypatch)
    assert exercising.are_red(verdicts)
    assert glued == {"share": 0.25}
    assert exercising.told(exercise, glued) == []


LINE = "i = torch.arange(num_queries)[:, None] + (num_keys - num_queries)"


@pytest.mark.parametrize(
    "where",
    [
        {"text": f"Write `{LINE}`."},
        {"hint": f"Write `{LINE.replace(' ', '')}`."},
        {"above": f"num_queries = num_keys = 3\n{LINE}  # said here"},
        {"starter": f"def mine(num_queries, num_keys):\n    {LINE}\n\nchecks.causal_mask(mine)"},
    ],
    ids=lambda where: next(iter(where)),
)
def test_a_line_that_is_given_away_is_found(where: dict[str, str]) -> None:
    assert exercising.leaks(*made(**where)) == [LINE]


def test_what_is_to_be_repaired_is_given_and_has_to_change() -> None:
    starter = (
        f"def mine(num_queries, num_keys):\n    {LINE}\n    return i\n\nchecks.causal_mask(mine)"
    )
    assert exercising.leaks(*made(starter=starter, kind="repair")) == []
    same = {"starter": RIGHT, "right": RIGHT, "kind": "repair"}
    assert exercising.leaks(*made(**same)) == ["the solution is the starter"]


@pytest.mark.parametrize(
    "starter",
    [RIGHT.replace(".require()", ""), "checks.causal_mask(lambda t, s: torch.eye(9) > 7)", "7"],
    ids=["right", "wrong without a name", "no verdict"],
)
def test_a_starter_that_is_not_red_by_name_is_found(
    starter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts, _ = exercising.run(*made(starter=starter), monkeypatch)
    assert not exercising.are_red(verdicts)


def test_a_checker_works_in_a_starter_or_where_its_verdict_is_shown() -> None:
    _, notebook = made()
    shown = new_code_cell("checks.gelu(f)", metadata={"tags": [exercising.COMPARED]})
    notebook.cells[1:1] = [shown, new_code_cell("checks.embed(f)")]
    notebook.cells[-1].source += "\nchecks.bleu(f).require()"
    notebook.cells[-1].metadata["tags"] = [exercising.COMPARED]
    assert exercising.at_work(notebook) == {"causal_mask", "gelu"}


def test_each_part_of_a_starter_has_to_be_red(monkeypatch: pytest.MonkeyPatch) -> None:
    exercise, notebook = made()
    right = "checks.causal_mask(checks.causal_mask.reference)"
    exercise.starter.insert(0, new_code_cell(right))
    verdicts, _ = exercising.run(exercise, notebook, monkeypatch)
    assert not exercising.are_red(verdicts)
    exercise.starter[0] = new_code_cell("mask = checks.padding_mask(lambda keep: keep)")
    left = exercising.checkers(exercise.starter) - exercising.insisted(exercise.reference)
    assert left == {"padding_mask"}


def test_a_wrong_solution_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="Not yet"):
        exercising.run(*made(right=RIGHT.replace("<=", "<")), monkeypatch)


@pytest.mark.parametrize("text", ["It is 0.25.", "It is 1/4.", "About 0.251", "25 % or 0,25"])
def test_a_number_that_is_given_away_is_found(text: str) -> None:
    assert exercising.told(made(text=text)[0], {"share": 0.25})
    assert exercising.told(made(hint=text)[0], {"share": 0.25})
    assert exercising.told(made(text="It is {glue:text}`share:.2f`.")[0], {}) == ["share"]


def test_a_box_that_other_seeds_do_not_pass_is_found() -> None:
    exercise, _ = made()
    assert exercising.unstable(exercise, {"share": [0.25, 0.259, 0.241]}) == []
    assert exercising.unstable(exercise, {"share": [0.25, 0.27]}) == [
        "share: 0.25 to 0.27 over the seeds"
    ]
    assert exercising.unstable(exercise, {"other": [1.0]}) == ["share: not measured over the seeds"]
    assert exercising.unstable(exercise, {}) == []
