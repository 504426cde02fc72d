"""A chapter and all it holds carry the number in its file's name, also after a gap."""

import subprocess
import sys
from pathlib import Path

import pytest
from browsing import ROOT
from bs4 import BeautifulSoup
from tiny import write

CONF = f"""
import sys
sys.path.insert(0, {str(ROOT / "_ext")!r})
extensions = ["sphinx_multitoc_numbering"]
numfig, math_numfig, math_number_all = True, True, True
def setup(app):
    from txbook import numbering
    numbering.connect(app)
"""
STYLED = """
    from sphinx_external_toc import collectors
    collectors.disable_builtin_toctree_collector(app)
    app.add_env_collector(collectors.TocTreeCollectorWithStyles)
    app.add_config_value("use_multitoc_numbering", True, "env")
"""
INDEX = """Book
====

.. toctree::

   preface

.. toctree::
   :numbered: 1

   chapters/18_vit

.. toctree::
   :numbered: 1

   chapters/21_clip
   plain
"""
CHAPTER = """{title}
=====

.. figure:: picture.svg
   :name: fig-{title}

   What is drawn.

.. math:: a = b
   :label: eq-{title}

See :numref:`fig-{title}` and :eq:`eq-{title}`.
"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'


def build(root: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-qW", str(root), str(root / "out")]
    subprocess.run(command, check=True, timeout=120)


def page(root: Path, name: str) -> BeautifulSoup:
    return BeautifulSoup((root / "out" / name).read_text(encoding="utf-8"), "html.parser")


@pytest.fixture(scope="module", params=["", STYLED], ids=["Sphinx counts", "the contents count"])
def book(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("numbered")
    write(root, "conf.py", CONF + request.param)
    write(root, "index.rst", INDEX)
    write(root, "preface.rst", "Preface\n=======\n")
    write(root, "plain.rst", "Plain\n=====\n")
    for stem in ("18_vit", "21_clip"):
        write(root, f"chapters/{stem}.rst", CHAPTER.format(title=stem[3:].upper().ljust(4, "s")))
    write(root, "chapters/picture.svg", SVG)
    build(root)
    return root


@pytest.mark.parametrize(("stem", "number"), [("18_vit", 18), ("21_clip", 21)])
def test_everything_on_a_page_has_the_number_in_its_name(
    book: Path, stem: str, number: int
) -> None:
    found = page(book, f"chapters/{stem}.html")
    assert found.select_one("h1 .section-number").text.strip() == f"{number}."
    assert found.select_one(".caption-number").text.strip() == f"Fig. {number}.1"
    assert found.select_one(".eqno").text.startswith(f"({number}.1)")
    told = found.select_one("section > p:last-of-type").text
    assert f"Fig. {number}.1" in told
    assert f"({number}.1)" in told


def test_the_contents_say_the_same_and_other_pages_are_counted_on(book: Path) -> None:
    listed = page(book, "index.html").select(".toctree-wrapper li")
    assert [entry.text.split()[0] for entry in listed] == ["Preface", "18.", "21.", "3."]


def test_a_second_build_keeps_the_numbers_and_writes_no_page(book: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in book.glob("out/chapters/*.html")}
    build(book)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_page_that_changes_its_name_changes_its_number(book: Path) -> None:
    (book / "chapters" / "21_clip.rst").rename(book / "chapters" / "22_clip.rst")
    write(book, "index.rst", INDEX.replace("21_clip", "22_clip"))
    build(book)
    heading = page(book, "chapters/22_clip.html").select_one("h1 .section-number")
    assert heading.text.strip() == "22."
