"""A page built with a spread: its numbers show their ranges, its last section tells all."""

import shutil
from pathlib import Path

import nbformat
import pytest
from browsing import ROOT
from bs4 import BeautifulSoup, Tag
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from test_build import CARD, CONFIG, build, package
from txbook import seeds, spread
from txbook.costs import machine
from txbook.spread import Spread

pytestmark = pytest.mark.slow

TOC = """format: jb-book
root: first
parts:
  - caption: I
    chapters:
      - file: chapters/01_one
"""
GLUE = """from IPython.display import display
def glue(name, text, **more):
    about = {"scrapbook": {"name": name, "mime_prefix": "application/papermill.record/"}}
    display({"application/papermill.record/text/plain": text}, raw=True, metadata=about | more)
glue("share", "0.834"); glue("still", "7"); glue("seconds", "2.5", cost=True)"""
PROSE = """It is {glue:text}`share:.1f`, or *{glue:text}`share:.2f`*, of {glue:text}`still`, in
{glue:text}`seconds:.1f` seconds; [see {glue:text}`still`](../first.md)."""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A repository whose one chapter quotes three numbers."""
    for folder in ("_ext", "assets"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for folder in ("txlite", "chapters"):
        (tmp_path / folder).mkdir()
    (tmp_path / "txlite" / "__init__.py").write_text(package(41))
    (tmp_path / "constraints.txt").touch()
    (tmp_path / "_config.yml").write_text(CONFIG)
    (tmp_path / "_toc.yml").write_text(TOC)
    (tmp_path / "first.md").write_text("# First\n\nIt begins in {chapter}`one`.\n")
    cells = [new_markdown_cell(f"# One\n\n{CARD}"), new_code_cell(GLUE), new_markdown_cell(PROSE)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "chapters" / "01_one.ipynb")
    return tmp_path


def keep(book: Path, **values: list[float]) -> None:
    """Write a spread as this machine would have measured it."""
    own = Spread([0, 1, 2], values, "", machine(), "CPU", seeds.versions(), "2026-01-02")
    spread.save(book, "01_one", "cpu", own)


def chapter(book: Path) -> BeautifulSoup:
    html = (book / "_build/html/chapters/01_one.html").read_text(encoding="utf-8")
    return BeautifulSoup(html, "html.parser")


def numbers(page: BeautifulSoup) -> list[tuple[str, str | None]]:
    """Return the numbers of the page and what is said of each."""
    found = [tag for tag in page.select(".tx-number") if isinstance(tag, Tag)]
    return [(tag.get_text(), tag.get("data-range")) for tag in found]


def test_numbers_show_their_ranges_and_lead_to_their_rows(book: Path) -> None:
    keep(book, share=[0.834, 0.71, 0.9], still=[7.0, 7.0, 7.0])
    build(book)
    page = chapter(book)
    assert numbers(page) == [
        ("0.8", "0.7 to 0.9 over 3 seeds"),
        ("0.83", "0.71 to 0.90 over 3 seeds"),
        ("7", "the same with all 3 seeds"),
        ("2.5", None),  # a cost
        ("7", None),  # within a link there is no other link
    ]
    rows = [[cell.get_text() for cell in row.select("td")] for row in page.select(".tx-spread tr")]
    assert rows[1:] == [["share", "0.8", "0.7", "0.8", "0.9"], ["still", "7", "7", "7", "7"]]
    assert [tag.get_text() for tag in page.select(".tx-fixed")] == ["2.5"]
    for link in page.select("a.tx-number"):
        assert page.select_one(f"tr{link['href']}"), link
    told = page.select_one("#seeds").get_text()
    assert "Last run on 20" in told
    assert "seeds 0 to 2 were run on 2026-01-02" in told
    assert "The seeds were not run on a GPU." in told
    first = (book / "_build/html/first.html").read_text(encoding="utf-8")
    assert "chapter 1<" in first
    copy = (book / "_build/html/notebooks/chapters/01_one.ipynb").read_text(encoding="utf-8")
    assert "It is 0.8, or *0.83*, of 7, in 2.5" in copy


def test_a_number_far_outside_its_spread_stops_the_build(book: Path) -> None:
    keep(book, share=[0.31, 0.30, 0.35], still=[7.0, 7.0, 7.0])
    said = build(book, status=1)
    assert "share is 0.834, far outside its spread of 0.3 to 0.35 over 3 seeds" in said


def test_what_was_measured_earlier_is_said(book: Path) -> None:
    keep(book, share=[0.80, 0.71, 0.9])
    build(book)
    page = chapter(book)
    assert all(said is None for _, said in numbers(page))
    assert "earlier version of this page: share, still" in page.select_one("#seeds").get_text()


def test_a_chapter_that_was_never_measured_says_so(book: Path) -> None:
    build(book)
    page = chapter(book)
    assert all(said is None for _, said in numbers(page))
    assert "The seeds were not run on a CPU." in page.select_one("#seeds").get_text()
    assert not page.select(".tx-spread")
