"""Runs the cells of exercises, and finds what gives their answers away."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from txbook import spread
from txbook.exercises.numbers import allowed, readings
from txbook.exercises.source import Exercise, exercises

from txlite import viz
from txlite.checks.framework.verdict import Verdict

NEEDS = "needs-chapter"  # a cell that runs only after the cells of its chapter
COMPARED = "nbval-check-output"
MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)
DIGITS = re.compile(r"[-−]?\d+(?:[.,]\d+)?(?:/\d+)?")
TOLD = ("label", "unit", "deliverable", "success")  # options that a reader sees
LONG = 12  # characters: what is shorter is no answer
# What every training has, and no answer is.
IDIOMS = {"with torch.no_grad():", "optimiser.step()", "loss.backward()", "optimiser.zero_grad()"}


@cache
def read(path: Path) -> Any:
    """Return a notebook, which no test changes."""
    return nbformat.read(path, as_version=4)


def of(path: Path) -> list[Exercise]:
    """Return the exercises of a chapter."""
    return exercises(read(path))


def tags(cell: Any) -> set[str]:
    """Return a cell's tags."""
    return set(cell.metadata.get("tags", ()))


def python(cell: Any) -> ast.Module:
    """Parse a cell; the lines that only IPython understands count as empty."""
    return ast.parse(MAGIC.sub(r"\1pass", cell.source))


def imports(notebook: Any) -> list[Any]:
    """Return the code cells before the first section: they import, and begin the chance."""
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and re.search(r"^## ", cell.source, re.MULTILINE):
            break
        if cell.cell_type == "code":
            found.append(cell)
    return found


def execute(cells: list[Any], names: dict[str, Any]) -> object:
    """Run cells in these names; return what the last line of the last one is."""
    value: object = None
    for cell in cells:
        tree, last = python(cell), None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = ast.Expression(tree.body.pop().value)
        exec(compile(tree, "<cell>", "exec"), names)
        value = eval(compile(last, "<cell>", "eval"), names) if last is not None else None
    return value


def session(notebook: Any) -> dict[str, Any]:
    """Return the names that the cells of imports have made, without the installation."""
    names: dict[str, Any] = {"__name__": "__exercise__"}
    execute(imports(notebook), names)
    return names


def run(exercise: Exercise, notebook: Any, monkeypatch: Any) -> tuple[list[object], dict[str, Any]]:
    """Run an exercise's starter and its solution.

    Returns
    -------
    tuple
        What the checkers say of the starter, cell by cell, and what the solution has glued.
    """
    found: dict[str, Any] = {}
    monkeypatch.setattr(viz, "glue", lambda name, value, **_: found.update({name: value}))
    names = session(notebook)
    said = [(cell, execute([cell], names)) for cell in exercise.starter]
    verdicts = [verdict for cell, verdict in said if has_checker([cell])]
    found.clear()
    execute(exercise.reference, names)
    return verdicts, found


def are_red(verdicts: list[object]) -> bool:
    """Tell whether there are verdicts, and each of them is wrong by name."""
    return bool(verdicts) and all(
        isinstance(verdict, Verdict) and not verdict.passed and bool(verdict.mistake)
        for verdict in verdicts
    )


def checkers(cells: list[Any]) -> set[str]:
    """Return the names of the checkers that cells call."""
    return {name for cell in cells for name in re.findall(r"\bchecks\.(\w+)\(", cell.source)}


def at_work(notebook: Any) -> set[str]:
    """Return the checkers that a reader meets: in starters, and where git keeps what they say."""
    found = exercises(notebook)
    answers = {id(cell) for exercise in found for cell in exercise.reference}
    shown = [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and COMPARED in tags(cell) and id(cell) not in answers
    ]
    return checkers([*shown, *(cell for exercise in found for cell in exercise.starter)])


def insisted(cells: list[Any]) -> set[str]:
    """Return the names of the checkers that cells call and require to pass."""
    calls = r"\bchecks\.(\w+)\([^()]*\)\.require\(\)"
    return {name for cell in cells for name in re.findall(calls, cell.source)}


def has_checker(cells: list[Any]) -> bool:
    """Tell whether cells call one of the checkers."""
    return bool(checkers(cells))


def lines(cell: Any) -> Iterator[str]:
    """Yield the lines of a cell as Python writes them: without comments, each string in one."""
    for line in ast.unparse(python(cell)).splitlines():
        yield line.strip()


def prose(exercise: Exercise) -> str:
    """Return what a reader reads before the answer: title, text, fields, clues, hints, labels."""
    parts = [exercise.block.argument]
    for block in exercise.block.walk():
        if block.name not in ("suspect", "repair"):  # they are read once an answer is given
            told = [text for name, text in block.options.items() if name in TOLD]
            parts += [block.text, *(told if block.name != "exercise" else told[-2:])]
    return "\n".join(parts)


def leaks(exercise: Exercise, notebook: Any) -> list[str]:
    """Return the lines of a solution that stand in what a reader has before it.

    What is to be repaired is given: there only lines that the starter lacks are an answer.
    """
    above = {
        line
        for cell in notebook.cells[: exercise.at]
        if cell.cell_type == "code" and "remove-cell" not in tags(cell)
        for line in lines(cell)
    }
    given = {line for cell in exercise.starter for line in lines(cell)}
    text = re.sub(r"[\s`]", "", prose(exercise))
    answer = {line for cell in exercise.reference for line in lines(cell)}
    answer = {line for line in answer if len(line) > LONG and line not in IDIOMS}
    answer = {line for line in answer if not line.startswith(("def ", "checks."))}
    if exercise.block.options.get("kind") == "repair":
        if not answer - given:
            return ["the solution is the starter"]
        answer, given = answer - given, set()
    return sorted(
        line for line in answer if line in above | given or re.sub(r"\s", "", line) in text
    )


def boxes(exercise: Exercise) -> dict[str, dict[str, float | None]]:
    """Return how far an answer may be off, for each number box."""
    return {
        box.argument: {
            name: float(box.options[name]) if name in box.options else None
            for name in ("tolerance", "relative")
        }
        for box in exercise.block.within("number-box")
    }


def told(exercise: Exercise, values: dict[str, float]) -> list[str]:
    """Return the numbers in the text of an exercise that one of its boxes would accept."""
    text = prose(exercise)
    found = [name for name in boxes(exercise) if re.search(rf"glue:\w+\}}`{name}\b", text)]
    for name, reach in boxes(exercise).items():
        if name in values:
            for number in DIGITS.findall(text):
                if any(allowed(values[name], one, **reach) for one in readings(number)):
                    found.append(f"{name}: {number}")
    return found


def measured(root: Path, chapter: str) -> dict[str, list[float]]:
    """Return what the chapter's numbers did over the seeds; nothing if it was not measured."""
    found = spread.load(root, chapter)
    return found["cpu"].values if "cpu" in found else {}


def unstable(exercise: Exercise, values: dict[str, list[float]]) -> list[str]:
    """Return the boxes that the page's own other seeds would not pass."""
    if not values:
        return []
    found = []
    for name, reach in boxes(exercise).items():
        over = values.get(name)
        if over is None:
            found.append(f"{name}: not measured over the seeds")
        elif not all(allowed(over[0], one, **reach) for one in over):
            found.append(f"{name}: {min(over):g} to {max(over):g} over the seeds")
    return found
