"""What a real kernel sends, and what the book's build makes of it."""

import copy

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.slow

CELLS = [
    "import torch\nfrom txlite.viz import figure, glue, plot_attention, show, table",
    "fig, ax = figure(3, 3)\nwords = list('我爱中国')\n"
    "plot_attention(ax, torch.eye(4), words, words)\nshow(fig, alt='Each word attends to itself.')",
    "glue('words', len(words))\nglue('language', '中文')",
    "table([[1, 0.5]], caption='Loss', columns=['step', 'loss'])",
]


@pytest.fixture(scope="module")
def outputs():
    """Outputs of each cell of a notebook, executed as the book and a reader execute it."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
    NotebookClient(book, timeout=300, kernel_name="python3").execute()
    return [cell.outputs for cell in book.cells]


def test_nothing_is_written_to_stderr_or_stdout(outputs):
    assert [o for cell in outputs for o in cell if o.output_type == "stream"] == []


def test_a_figure_is_shown_once_as_svg_with_real_text_and_its_words(outputs):
    [shown] = outputs[1]
    assert shown.data["text/plain"] == "Each word attends to itself."
    assert ">我</text>" in shown.data["text/html"]
    assert not {"image/png", "image/svg+xml"} & set(shown.data)


def test_a_number_is_found_by_the_book_and_invisible_to_jupyter(outputs):
    from myst_nb.ext.glue import extract_glue_data_cell

    assert all(list(o.data) == ["application/papermill.record/text/plain"] for o in outputs[2])
    cell = nbformat.v4.new_code_cell(outputs=copy.deepcopy(outputs[2]))
    found = extract_glue_data_cell(cell)
    assert [(name, data["data"]) for name, data in found] == [
        ("words", {"text/plain": "4"}),
        ("language", {"text/plain": "中文"}),
    ]
    assert cell.outputs == []  # nothing stays on the page where it was glued


def test_a_table_has_both_faces(outputs):
    [shown] = outputs[3]
    assert shown.data["text/plain"] == "Loss\n\nstep   loss\n----  -----\n   1  0.500"
    assert "<caption>Loss</caption>" in shown.data["text/html"]
