"""``make notebooks``: nbval sees in a stored run what it would see in a kernel."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
from browsing import ROOT
from nbformat.v4 import new_output
from tiny import ONE, write_notebook

PASSES = "print('one')\nprint('two')"


def compare(
    root: Path, *options: str, chosen: str = "chapters", budget: str = "laptop"
) -> tuple[int, str]:
    """Run nbval on the repository's chapters as make does; return its status and report."""
    sanitize = ROOT / "tests" / "book" / "nbval_sanitize.cfg"
    command = [
        *(sys.executable, "-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider"),
        *("-p", "txbook.stored", "--rootdir", str(root), "-c", os.devnull),
        *(f"--nbval-sanitize-with={sanitize}", *(options or ("--nbval",)), chosen),
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "_ext"), "TXLITE_BUDGET": budget}
    done = subprocess.run(
        command, cwd=root, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


def chapter(
    root: Path, *cells: str, outputs: list[list[nbformat.NotebookNode]], name: str = "01_one"
) -> None:
    """Write a chapter that claims these outputs."""
    path = root / "chapters" / f"{name}.ipynb"
    write_notebook(path, *cells)
    notebook = nbformat.read(path, as_version=4)
    for count, (cell, claimed) in enumerate(zip(notebook.cells[1:], outputs, strict=True), start=1):
        cell.outputs, cell.execution_count = claimed, count
    nbformat.write(notebook, path)


def text(words: str, stream: str = "stdout") -> nbformat.NotebookNode:
    return new_output("stream", name=stream, text=words)


def value(words: str) -> nbformat.NotebookNode:
    return new_output("execute_result", data={"text/plain": words}, execution_count=1)


def test_equal_outputs_pass_and_the_second_time_nothing_runs(repository: Path) -> None:
    address = "class A: pass\nA()"
    outputs = [[text("one\ntwo\n")], [value("<__main__.A at 0x12ab>")], []]
    chapter(repository, PASSES, address, "x = 1", outputs=outputs)
    status, said = compare(repository)
    assert status == 0, said
    assert "1 to run" in said
    assert "3 passed" in said
    status, said = compare(repository)
    assert status == 0, said
    assert "0 to run" in said


DIFFERENT = {  # a cell, the outputs that the notebook claims, and what nbval says
    "01_other": (PASSES, [text("one\nTWO\n")], "Cell outputs differ"),
    "02_too_much": (PASSES, [], "Unexpected output fields"),
    "03_missing": ("x = 1", [text("one\n")], "Missing output fields"),
    "04_value": ("40 + 2", [value("43")], "Cell outputs differ"),
    "05_stderr": ("import sys; print('x', file=sys.stderr)", [], "Unexpected output fields"),
    "06_exception": ("1 / 0", [], "ZeroDivisionError"),
    "07_death": ("import os; os._exit(1)", [], "died"),
}


def test_what_differs_fails(repository: Path) -> None:
    (repository / ONE).unlink()
    for name, (cell, claimed, _) in DIFFERENT.items():
        outputs = [[text("fine\n")], claimed]
        chapter(repository, "print('fine')", cell, outputs=outputs, name=name)
    status, said = compare(repository)
    assert status == 1, said
    assert f"{len(DIFFERENT)} failed, {len(DIFFERENT)} passed" in said
    reports = re.split(r"^_+ chapters/(\w+)\.ipynb::Cell 1 _+$", said, flags=re.MULTILINE)
    found = dict(zip(reports[1::2], reports[2::2], strict=True))
    assert list(found) == list(DIFFERENT)
    for name, (_, _, complaint) in DIFFERENT.items():
        assert complaint in found[name], name


def test_the_cells_after_a_failed_one_have_not_run(repository: Path) -> None:
    chapter(repository, "1 / 0", "print('after')", outputs=[[], [text("after\n")]])
    status, said = compare(repository)
    assert status == 1
    assert "2 failed" in said
    assert "cell 0 has failed before" in said


def test_in_the_smallest_budget_every_cell_runs_and_none_is_compared(repository: Path) -> None:
    chapter(repository, PASSES, "x = 1", outputs=[[text("three\n")], []])
    assert compare(repository, budget="smoke")[0] == 0
    chapter(repository, PASSES, "assert False", outputs=[[text("three\n")], []])
    status, said = compare(repository, budget="smoke")
    assert status == 1
    assert "1 failed, 1 passed" in said


def test_lax_compares_tagged_cells_only(repository: Path) -> None:
    chapter(repository, PASSES, outputs=[[text("three\n")]])
    assert compare(repository, "--nbval-lax")[0] == 0
    path = repository / ONE
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].metadata["tags"] = ["nbval-check-output"]
    nbformat.write(notebook, path)
    assert compare(repository, "--nbval-lax")[0] == 1


def test_one_cell_can_be_chosen(repository: Path) -> None:
    chapter(repository, "x = 1", "print(x)", outputs=[[], [text("2\n")]])
    status, said = compare(repository, chosen=f"{ONE}::Cell 1")
    assert status == 1
    assert "1 failed in" in said
