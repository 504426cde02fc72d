"""Every chapter as it lies in git: its parts, its cells, and nothing that belongs to a build."""

import ast
import json
import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import nbformat
import pytest
from browsing import ROOT
from txbook.figures import good_alt

NOTEBOOKS = sorted((ROOT / "chapters").glob("[0-9]*.ipynb"))
LONGEST_CELL = 25  # lines
COLUMN = 76  # characters: what the page's column holds
CAPTION = re.compile(r"```\{caption\} (fig-[\w-]+)\n(.+?)\n```", re.DOTALL)
# Figures that are to be drawn anew, with captions: no others go without.
WITHOUT_CAPTIONS: set[str] = set()
KEPT_OUTPUTS = {"text/plain"}
every_chapter = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
DEAD_ON_A_PAGE = {
    "interact",
    "interactive",
    "interactive_output",
    "Output",
}  # and they stall nbclient
HEADINGS = ("does it do anything?", "exercises", "what you built")


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code(notebook: nbformat.NotebookNode) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook: nbformat.NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def tags(cell: Any) -> set[str]:
    return set(cell.metadata.get("tags", []))


def python(cell: Any) -> ast.Module:
    """Parse a cell; the lines that only IPython understands count as empty."""
    source = re.sub(r"^(\s*)[%!].*$", r"\1pass", cell.source, flags=re.MULTILINE)
    return ast.parse(source)


def test_there_are_chapters() -> None:
    assert NOTEBOOKS


@every_chapter
def test_notebook_is_valid_and_its_cells_keep_their_ids(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    ids = [cell.id for cell in notebook.cells]
    assert len(ids) == len(set(ids))
    assert json.loads(path.read_text(encoding="utf-8"))["nbformat_minor"] >= 5


def width(line: str) -> int:
    """Return the columns that a line takes; a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


@every_chapter
def test_cells_are_short(path: Path) -> None:
    cells = code(read(path))[2:]  # what is installed and imported is folded
    long = [c.source.splitlines()[0] for c in cells if c.source.count("\n") >= LONGEST_CELL]
    assert not long, f"cells of more than {LONGEST_CELL} lines begin with {long}"


@every_chapter
def test_no_line_of_code_is_wider_than_the_page(path: Path) -> None:
    wide = [
        line for c in code(read(path)) for line in c.source.splitlines() if width(line) > COLUMN
    ]
    assert wide == []


@every_chapter
def test_no_line_that_is_printed_is_wider_than_the_page(path: Path) -> None:
    outputs = [output for cell in code(read(path)) for output in cell.outputs]
    texts = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs]
    assert any(texts)
    assert [line for text in texts for line in text.splitlines() if width(line) > COLUMN] == []


def test_the_linter_holds_the_width_of_cells() -> None:
    def faults(columns: int) -> str:
        line = "x = " + "1" * (columns - 4) + "\n# " + "a" * (columns - 2) + "\n"
        command = [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--stdin-filename",
            "chapters/99_x.py",
            "-",
        ]
        done = subprocess.run(command, input=line, cwd=ROOT, capture_output=True, text=True)
        return done.stdout

    assert "E501" not in faults(COLUMN)
    assert "E501" in faults(COLUMN + 1)
    assert "W505" in faults(COLUMN + 1)


@every_chapter
def test_the_setup_is_folded_into_a_line_each(path: Path) -> None:
    install, imports, first, *_ = code(read(path))
    for cell, what in ((install, "Install"), (imports, "imports")):
        assert "hide-input" in tags(cell)
        assert what in cell.metadata["mystnb"]["code_prompt_show"]
    assert "import txlite" in imports.source
    top = ast.parse(first.source).body
    assert not all(isinstance(node, ast.Import | ast.ImportFrom) for node in top)


@every_chapter
def test_every_figure_has_a_caption_of_its_own(path: Path) -> None:
    cells = read(path).cells
    pairs = zip(cells, [*cells[1:], None], strict=True)
    drawn = ("viz.show(", "drawings.")
    after = [
        b for a, b in pairs if a.cell_type == "code" and any(call in a.source for call in drawn)
    ]
    captions = [CAPTION.match(cell.source) if cell else None for cell in after]
    every = CAPTION.findall(prose(read(path)))
    if path.stem in WITHOUT_CAPTIONS:
        captions = [caption for caption in captions if caption]
    assert all(captions), "a figure's caption begins the cell after it"
    assert len(every) == len(captions), "a caption stands where no figure is"
    assert len({label for label, _ in every}) == len(every)


@every_chapter
def test_a_chapter_has_a_schematic(path: Path) -> None:
    called = [cell.source.rpartition("\n")[2] for cell in code(read(path))]
    assert [line for line in called if line.startswith("drawings.")]


@every_chapter
def test_git_holds_text_outputs_of_compared_cells_and_nothing_else(path: Path) -> None:
    notebook = read(path)
    assert "widgets" not in notebook.metadata
    compared = 0
    for cell in code(notebook):
        if "nbval-check-output" in tags(cell):
            compared += 1
            assert cell.execution_count, f"never compared, it has no count: {cell.source[:80]}"
            assert cell.outputs, f"compared with nothing: {cell.source[:80]}"
            assert "viz.glue(" not in cell.source, (
                "what is glued would be compared: in a cell apart"
            )
        else:
            assert cell.execution_count is None, cell.source[:80]
            assert not cell.outputs, cell.source[:80]
        for output in cell.outputs:
            assert set(output.get("data", {})) <= KEPT_OUTPUTS, cell.source[:80]
    assert compared, "no cell is tagged nbval-check-output: nothing is compared"


@every_chapter
def test_the_first_cell_installs_txlite_only_where_it_is_missing(path: Path) -> None:
    first = code(read(path))[0].source
    assert "google.colab" in first or "find_spec" in first
    assert "pip" in first
    assert "txlite" in first
    assert re.search(r"^if |^try:", first, re.MULTILINE), "the installation is not guarded"


@every_chapter
def test_nothing_that_is_dead_on_a_page(path: Path) -> None:
    for cell in code(read(path)):
        for node in ast.walk(python(cell)):
            name = getattr(node, "id", getattr(node, "attr", None))
            assert name not in DEAD_ON_A_PAGE, f"{name} in: {cell.source[:80]}"


@every_chapter
def test_no_url_is_fetched(path: Path) -> None:
    for cell in code(read(path))[1:]:
        assert not re.search(
            r"urllib|requests\.|urlopen|wget|curl |load_state_dict_from_url", cell.source
        )


@every_chapter
def test_the_seven_parts_are_there(path: Path) -> None:
    text = prose(read(path))
    headings = [h.lower() for h in re.findall(r"^##+ +(.*?)\s*$", text, re.MULTILINE)]
    assert text.lstrip().startswith("# "), "a chapter begins with its title"
    assert "{chapter-card}" in text
    for heading in HEADINGS:
        assert any(heading in found for found in headings), f"no section “{heading}”"
    assert "{py:" in text.lower().partition("what you built")[2], "no link to what was built"
    assert re.search(r"\{cite(:\w+)?\}`", text), "no reference to the literature"
    assert re.search(r"\bpaper\b", text.lower()), "says nothing of the paper"


@every_chapter
def test_what_is_built_is_checked(path: Path) -> None:
    text = "\n".join(cell.source for cell in code(read(path)))
    assert "assert_close" in text
    assert re.search(r"from txlite\.\w+ import|import txlite", text)


@every_chapter
def test_three_to_ten_exercises_each_with_a_solution(path: Path) -> None:
    notebook = read(path)
    text = prose(notebook)
    labels = re.findall(r"\{exercise(?:-start)?\}[^\n]*\n:label:\s*(\S+)", text)
    assert 3 <= len(labels) <= 10, labels
    for label in labels:
        assert re.search(rf"\{{solution(?:-start)?\}}\s+{re.escape(label)}\b", text), label
    assert "checks." in "\n".join(cell.source for cell in notebook.cells)


@every_chapter
def test_numbers_in_the_prose_come_from_cells(path: Path) -> None:
    # That each name exists is for the build to say: a glue that is missing is a warning there.
    notebook = read(path)
    assert re.search(r"\{glue:\w+\}`", prose(notebook)), "no number of the text comes from a cell"
    assert any("glue(" in cell.source for cell in code(notebook))


def said(alt: ast.expr, cell: Any) -> str:
    """Return the words of an alt text, given itself or by a name that the cell assigns."""
    if isinstance(alt, ast.Name):
        found = [
            node.value
            for node in python(cell).body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == alt.id
        ]
        assert len(found) == 1, f"{alt.id} should be assigned once"
        alt = found[0]
    parts = alt.values if isinstance(alt, ast.JoinedStr) else [alt]
    return "".join(part.value for part in parts if isinstance(part, ast.Constant))


@every_chapter
def test_every_figure_says_what_it_shows(path: Path) -> None:
    for cell in code(read(path)):
        for node in ast.walk(python(cell)):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "show":
                alt = next((k.value for k in node.keywords if k.arg == "alt"), None)
                assert alt is not None, f"show() without alt: {cell.source[:80]}"
                assert good_alt(said(alt, cell)), cell.source[:80]


@every_chapter
def test_every_picture_is_displayed_through_show(path: Path) -> None:
    for cell in code(read(path)):
        assert not re.search(r"plt\.show|savefig|display\(fig", cell.source), cell.source[:80]


@every_chapter
def test_a_live_figure_is_there(path: Path) -> None:
    assert "txlite.viz.widgets" in "\n".join(cell.source for cell in code(read(path)))


@every_chapter
def test_the_file_is_small(path: Path) -> None:
    assert path.stat().st_size < 200_000


@every_chapter
def test_every_role_is_closed_on_its_line(path: Path) -> None:
    for line in prose(read(path)).splitlines():
        for role in re.findall(r"\{(?:py:\w+|source|test|cite[:\w]*|doc|term|glue:\w+)\}(.)", line):
            assert role == "`", line


def test_no_two_figures_of_the_book_share_a_label() -> None:
    sources = [cell.source for path in NOTEBOOKS for cell in read(path).cells]
    labels = [label for source in sources for label, _ in CAPTION.findall(source)]
    assert len(labels) == len(set(labels)), sorted(x for x in set(labels) if labels.count(x) > 1)
