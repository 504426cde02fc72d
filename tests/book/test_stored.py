"""``make notebooks``: nbval sees in a stored run what it would see in a kernel."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from browsing import ROOT
from nbformat.v4 import new_output
from tiny import write_notebook

PASSES = "print('one')\nprint('two')"


def compare(root: Path, *options: str, chosen: str = "chapters") -> tuple[int, str]:
    """Run nbval on the repository's chapters as make does; return its status and report."""
    sanitize = ROOT / "tests" / "book" / "nbval_sanitize.cfg"
    command = [
        *(sys.executable, "-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider"),
        *("-p", "txbook.stored", "--rootdir", str(root), "-c", os.devnull),
        *(f"--nbval-sanitize-with={sanitize}", *(options or ("--nbval",)), chosen),
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "_ext")}
    done = subprocess.run(
        command, cwd=root, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


def chapter(root: Path, *cells: str, outputs: list[list[nbformat.NotebookNode]]) -> None:
    """Write a chapter that claims these outputs."""
    path = root / "chapters" / "01_one.ipynb"
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


@pytest.mark.parametrize(
    ("cell", "claimed", "complaint"),
    [
        (PASSES, [text("one\nTWO\n")], "Cell outputs differ"),
        (PASSES, [], "Unexpected output fields"),
        ("x = 1", [text("one\n")], "Missing output fields"),
        ("40 + 2", [value("43")], "Cell outputs differ"),
        ("import sys; print('x', file=sys.stderr)", [], "Unexpected output fields"),
        ("1 / 0", [], "ZeroDivisionError"),
        ("import os; os._exit(1)", [], "died"),
    ],
)
def test_what_differs_fails(
    repository: Path,
    cell: str,
    claimed: list[nbformat.NotebookNode],
    complaint: str,
) -> None:
    chapter(repository, "print('fine')", cell, outputs=[[text("fine\n")], claimed])
    status, said = compare(repository)
    assert status == 1, said
    assert "1 failed, 1 passed" in said
    assert complaint in said


def test_the_cells_after_a_failed_one_have_not_run(repository: Path) -> None:
    chapter(repository, "1 / 0", "print('after')", outputs=[[], [text("after\n")]])
    status, said = compare(repository)
    assert status == 1
    assert "2 failed" in said
    assert "cell 0 has failed before" in said


def test_lax_compares_tagged_cells_only(repository: Path) -> None:
    chapter(repository, PASSES, outputs=[[text("three\n")]])
    assert compare(repository, "--nbval-lax")[0] == 0
    path = repository / "chapters" / "01_one.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].metadata["tags"] = ["nbval-check-output"]
    nbformat.write(notebook, path)
    assert compare(repository, "--nbval-lax")[0] == 1


def test_one_cell_can_be_chosen(repository: Path) -> None:
    chapter(repository, "x = 1", "print(x)", outputs=[[], [text("2\n")]])
    status, said = compare(repository, chosen="chapters/01_one.ipynb::Cell 1")
    assert status == 1
    assert "1 failed in" in said
