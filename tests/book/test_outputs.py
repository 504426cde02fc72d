"""``make outputs`` leaves in a notebook what nbval compares, and nothing else."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from txbook.outputs import refresh_all, strip

COMPARED = {"tags": ["nbval-check-output"]}


@pytest.fixture(autouse=True)
def _smallest_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TXLITE_BUDGET", "smoke")


def notebook_of(*cells: nbformat.NotebookNode) -> nbformat.NotebookNode:
    return new_notebook(cells=list(cells))


def test_only_compared_cells_keep_their_text(tmp_path: Path) -> None:
    path = tmp_path / "some.ipynb"
    picture = "from IPython.display import HTML; HTML('<b>bold</b>')"
    cells = [
        new_markdown_cell("# Title"),
        new_code_cell("print('compared')", metadata=dict(COMPARED)),
        new_code_cell("print('not compared')"),
        new_code_cell(picture, metadata=dict(COMPARED)),
    ]
    nbformat.write(notebook_of(*cells), path)
    assert refresh_all(tmp_path, [str(path)]) == 0
    _, compared, loose, rich = nbformat.read(path, as_version=4).cells
    assert compared.outputs[0].text == "compared\n"
    assert compared.execution_count == 1
    assert loose.outputs == []
    assert loose.execution_count is None
    assert set(rich.outputs[0].data) == {"text/plain"}


def test_a_stream_in_pieces_is_joined() -> None:
    cell = new_code_cell("…", metadata=dict(COMPARED), execution_count=1)
    cell.outputs = [
        nbformat.v4.new_output("stream", name="stdout", text="one "),
        nbformat.v4.new_output("stream", name="stdout", text="two"),
    ]
    (output,) = strip(notebook_of(cell)).cells[0].outputs
    assert output.text == "one two"


def test_a_failing_cell_leaves_the_file_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "broken.ipynb"
    nbformat.write(notebook_of(new_code_cell("1 / 0")), path)
    before = path.read_bytes()
    assert refresh_all(tmp_path, [str(path)]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_what_was_executed_is_not_executed_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "some.ipynb"
    nbformat.write(notebook_of(new_code_cell("print(1)", metadata=dict(COMPARED))), path)
    refresh_all(tmp_path, [str(path)])
    written = path.read_bytes()
    refresh_all(tmp_path, [str(path)])
    assert "1 stored, 0 to run" in capsys.readouterr().out
    assert path.read_bytes() == written
