"""Numbers of chapters come from the contents: links say them, and nobody types them."""

import re
from pathlib import Path

import pytest
from browsing import ROOT
from site_pages import pages, read
from txbook.chapter_role import stems
from txbook.chapters import number, text
from txbook.site.moved import MOVED, leads_to
from txbook.tables import listed

TYPED = re.compile(r"\bchapters? \d+", re.IGNORECASE)
LINK = re.compile(
    r'<a [^>]*href="([^"]*?)(?:#[^"]*)?"[^>]*>(?:<[^>]+>)?chapter (\d+)<', re.IGNORECASE
)
SOURCES = [
    *sorted((ROOT / "chapters").glob("*.ipynb")),
    *sorted((ROOT / "book").rglob("*.md")),
    *sorted((ROOT / "txlite").rglob("*.py")),
    ROOT / "README.md",
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nobody_types_the_number_of_a_chapter(path: Path) -> None:
    words = text(path) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
    assert not TYPED.findall(words)


def test_chapters_are_named_by_their_files() -> None:
    found = stems(ROOT)
    assert found["masks"] == "03_masks"
    assert len(found) == len(listed(ROOT)), "two chapters have one name"


def test_numbers_rise_as_in_the_contents() -> None:
    numbers = [number(stem) for _, stem in listed(ROOT)]
    assert numbers == sorted(set(numbers), key=lambda n: n or 0)


@pytest.mark.site
@read()
def test_a_link_says_the_number_of_the_chapter_that_it_leads_to(site: Path, path: str) -> None:
    html = (site / path).read_text(encoding="utf-8")
    for address, said in LINK.findall(html):
        name = Path(address).name or Path(path).name
        assert name.startswith(f"{int(said):02}_")


@pytest.mark.site
def test_some_links_say_numbers(site: Path) -> None:
    found = [LINK.findall((site / path).read_text(encoding="utf-8")) for path in pages()]
    assert sum(map(len, found)) > 100


@pytest.mark.site
@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_an_old_address_leads_to_the_page(site: Path, old: str, new: str) -> None:
    html = (site / f"{old}.html").read_text(encoding="utf-8")
    (target,) = set(re.findall(r'<a href="([^"]+)"', html))
    assert ((site / old).parent / target).resolve() == (site / f"{new}.html").resolve()
    assert (site / f"{new}.html").exists()
    assert f'content="0; url={target}"' in html
    assert re.search(rf'rel="canonical" href="https?://[^"]+/{new}\.html"', html)
    assert "noindex" in html


def test_what_a_page_is_called_is_text_and_no_markup() -> None:
    page = leads_to("a.html", title="Q & <A>", words="Go", canonical="https://x/a", language="en")
    assert "<title>Q &amp; &lt;A&gt;</title>" in page
