"""A tiny repository: a package of three files, and chapters of one or two cells."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import browsing  # noqa: F401 (puts _ext on the path)
import nbformat
import pytest
from browsing import ROOT
from txbook.execute import Outcome
from txbook.runner import Runner

from tests.children import fresh

ONE = "chapters/01_one.ipynb"


def write_notebook(path: Path, *cells: str, prose: str = "# A chapter", tags: Sequence[str] = ()):
    """Write a notebook with one cell of prose and these cells of code, each with these tags."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_markdown_cell(prose)]
    for source in cells:
        metadata = {"tags": list(tags)} if tags else {}
        notebook.cells.append(nbformat.v4.new_code_cell(source, metadata=metadata))
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)


def write(root: Path, name: str, text: str) -> None:
    """Write a file of the repository."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


def make(root: Path) -> Path:
    """Make the repository: ``01_one`` uses ``tiny.used``, a table, and what it imports late."""
    write(root, "tiny/__init__.py", "")
    write(root, "tiny/used.py", "value = 1\n\ndef late():\n    from tiny import later\n")
    write(root, "tiny/later.py", "")
    write(root, "tiny/unused.py", "value = 2\n")
    write(root, "tiny/table.json", json.dumps({"a": 1}))
    write(root, "constraints.txt", "torch==1\n")
    read = "print(open('../tiny/table.json').read(), tiny.used.value)"
    write_notebook(root / "chapters" / "01_one.ipynb", "import tiny.used", read)
    return root


def run(root: Path, **options: float) -> dict[str, Outcome]:
    """Run the chapters; return what became of each."""
    paths = sorted((root / "chapters").glob("*.ipynb"))
    return {outcome.chapter: outcome for outcome in Runner(root, **options).run(paths)}


def command(root: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start ``python -m txbook`` on the repository, in a group of its own."""
    return subprocess.Popen(
        fresh([sys.executable, "-m", "txbook", "--root", str(root), *arguments]),
        env={**os.environ, "PYTHONPATH": str(ROOT / "_ext")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny repository, in the smallest budget."""
    monkeypatch.setenv("TXLITE_BUDGET", "smoke")
    monkeypatch.delenv("TXLITE_SEED", raising=False)
    return make(tmp_path)
