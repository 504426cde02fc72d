"""Where a chapter stands in the machine: cards, strips, and what the map is told."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from txbook import card, parts

from txlite.viz.drawings.strip import PARTS
from txlite.viz.widgets import living_map

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """A book of four chapters."""
    (tmp_path / "chapters").mkdir()
    lines = {
        "01_a": ":part: reach, model",
        "02_b": ":part: head",
        "03_c": ":part: all",
        "04_d": ":part: mask",
    }
    for stem, line in lines.items():
        notebook = nbformat.v4.new_notebook()
        card = f"# Title {stem}\n\n```{{chapter-card}}\n:build: x\n{line}\n```\n"
        notebook.cells = [nbformat.v4.new_markdown_cell(card)]
        nbformat.write(notebook, tmp_path / "chapters" / f"{stem}.ipynb")
    files = "".join(f"\n      - file: chapters/{stem}" for stem in lines)
    toc = f"format: jb-book\nroot: a\nparts:\n  - caption: I\n    chapters:{files}\n"
    (tmp_path / "_toc.yml").write_text(toc)
    return tmp_path


def test_a_strip_knows_what_is_here_and_what_has_passed(few: Path) -> None:
    assert parts.place(few, "chapters/01_a") == (("reach", "model"), ())
    assert parts.place(few, "chapters/02_b") == (("head",), ("reach", "model"))
    assert parts.place(few, "chapters/03_c") == (("all",), ("reach", "model", "head"))
    assert parts.place(few, "chapters/04_d") == (("mask",), ("reach", "model", "head"))


def test_a_card_without_a_part_is_an_error(few: Path) -> None:
    file = few / "chapters" / "02_b.ipynb"
    file.write_text(file.read_text().replace(":part: head", ":parts: head"))
    parts.explained.cache_clear()
    with pytest.raises(ValueError, match="the card of 02_b needs a line :part:"):
        parts.explained(few)


def test_the_map_is_told_number_title_and_address_of_each_chapter(few: Path) -> None:
    text = parts.script(few, lambda docname: f"../{docname}.html")
    told = json.loads(re.fullmatch(r"<script[^>]*>(.*)</script>", text)[1])
    assert told["head"] == [
        {"number": 2, "title": "Title 02_b", "href": "../chapters/02_b.html"},
    ]
    assert told.keys() == {"reach", "model", "head", "all", "mask"}


def test_every_chapter_of_the_book_stands_at_a_part_that_is_drawn() -> None:
    found = parts.explained(ROOT)
    assert len(found) >= 15
    for chapter in found:
        assert chapter.parts, chapter.stem
        assert set(chapter.parts) <= {*PARTS, "all"}, chapter.stem
    told = set(parts.chapters(ROOT))
    assert set(PARTS) <= told, "a part that no chapter explains"


def test_the_strip_of_a_card_leads_to_the_map_and_names_the_chapters_to_mark(few: Path) -> None:
    text = card.strip(few, "chapters/02_b", "head")
    assert text.startswith('<nav class="tx-here" aria-label=')
    assert 'aria-label="You are here: head.' in text
    address = "../book/welcome.html#fig-living-map?part=encoder.0.attention"
    links = {m[1]: m[0] for m in re.finditer(r'<a data-part="(\w+)"[^>]*>', text)}
    assert f' href="{address}"' in links["heads"]
    assert "data-chapters" not in links["heads"], "no chapter explains it here"
    assert ' data-chapters="01_a"' in links["reach"]
    assert "<details" not in text
    known = set(living_map._parts({"encoder": 6, "decoder": 6}, True))
    assert {part.opens for part in PARTS.values()} <= known


@pytest.mark.parametrize("line", ["wheel", "head, wheel", " , "])
def test_a_card_that_names_no_part_is_an_error(few: Path, line: str) -> None:
    with pytest.raises(ValueError, match="should name"):
        card.strip(few, "chapters/02_b", line)
