"""The tables of chapters in README.md and on the welcome page say what the chapters say."""

from pathlib import Path

import browsing  # noqa: F401 (puts _ext on the path)
import pytest
from browsing import ROOT
from txbook import tables
from txbook.tables import Chapter

TWO = [
    Chapter("01_a", "I · One", "A", "Why?", "[the first] of two"),
    Chapter("02_b", "I · One", "B", "How?", "[another]"),
]


def test_the_tables_in_git_are_those_of_the_chapters() -> None:
    for path, page in tables.written(ROOT).items():
        assert path.read_text(encoding="utf-8") == page, "run: make tables"


def test_every_chapter_in_git_is_listed() -> None:
    files = [path.stem for path in sorted((ROOT / "chapters").glob("[0-9]*.ipynb"))]
    assert [chapter.stem for chapter in tables.read(ROOT)] == files
    numbers = [chapter.number for chapter in tables.read(ROOT)]
    assert numbers == sorted(set(numbers))  # one that is not written yet leaves a gap
    assert numbers[:16] == list(range(1, 17))


def test_a_row_for_each_chapter() -> None:
    *_, first, second = tables.questions(TWO).splitlines()
    assert first == "| [1 A](chapters/01_a.ipynb) | Why? |"
    assert second == "| [2 B](chapters/02_b.ipynb) | How? |"


def test_a_sentence_for_each_part() -> None:
    a, b = "{doc}`The first </chapters/01_a>` of two", "{doc}`another </chapters/02_b>`"
    assert tables.roads(TWO).splitlines()[-1] == f"| I · One | {a}, and {b} |"
    third = Chapter("03_c", "I · One", "C", "?", "[one more]")
    assert f"{a}, {b}, and {{doc}}`one more" in tables.roads([*TWO, third])
    alone = Chapter("03_c", "II · Two", "C", "?", "what [ends] it")
    assert tables.roads([*TWO, alone]).splitlines()[-1].startswith("| II · Two | What {doc}`ends")


def test_a_road_without_a_link_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the :road: of 01_a needs \[brackets\]"):
        tables.roads([Chapter("01_a", "I", "A", "?", "no link")])


@pytest.mark.parametrize("name", ["question", "road"])
def test_a_card_without_its_lines_is_refused(name: str) -> None:
    card = "# A\n\n```{chapter-card}\n:build: this\n```\n\n:question: outside\n:road: outside\n"
    with pytest.raises(ValueError, match=rf"the card of 01_a needs a line :{name}:"):
        tables.option(card, name, "01_a")


def test_a_page_without_its_marks_is_refused(tmp_path: Path) -> None:
    readme = tables.TABLES[0]
    with pytest.raises(ValueError, match=r"README.md needs the lines"):
        readme.filled("# no marks\n", TWO)
    page = f"before\n{readme.begin}\nold\n{readme.end}\nafter\n"
    new = readme.filled(page, TWO)
    assert readme.filled(new, TWO) == new
    assert "old" not in new
    assert new.startswith("before\n")
    assert new.endswith("\nafter\n")
