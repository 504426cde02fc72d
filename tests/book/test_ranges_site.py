"""On the built site: each number that a seed can move says its range, and leads to its row."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import ROOT
from bs4 import BeautifulSoup
from playwright.sync_api import Page
from site_pages import chapters, read

pytestmark = pytest.mark.site
OpenPage = Callable[..., Page]
SEEDS = 5
CHAPTERS = [path.stem for path in sorted((ROOT / "chapters").glob("[0-9]*.ipynb"))]


@pytest.mark.parametrize("stem", CHAPTERS)
def test_every_chapter_was_run_under_five_seeds(stem: str) -> None:
    file = ROOT / "book" / "spread" / f"{stem}.json"
    kept = json.loads(file.read_text(encoding="utf-8"))
    assert len(kept["cpu"]["seeds"]) >= SEEDS
    assert kept["cpu"]["seeds"][0] == 0


@read(chapters())
def test_every_number_says_its_range(site: Path, path: str) -> None:
    page = BeautifulSoup((site / path).read_text(encoding="utf-8"), "html.parser")
    bare = [
        tag.get_text()
        for tag in page.select("span.tx-number:not(.tx-fixed)")
        if not tag.find_parents(["a", "h1", "h2", "h3"])
    ]
    assert not bare, "make seeds measures them; what is a time or memory is glued with cost=True"
    for link in page.select("a.tx-number"):
        assert page.select_one(f"tr{link['href']}"), link["href"]
    assert page.select_one("#seeds p").get_text().startswith("Last run on ")


def test_the_range_is_shown_where_the_focus_is(site_page: OpenPage) -> None:
    page = site_page(chapters()[0], width=1280)
    link = page.locator("a.tx-number").first
    shown = "e => getComputedStyle(e, '::after').content"
    assert link.evaluate(shown) == "none"
    link.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert link.evaluate("e => e === document.activeElement")
    assert link.evaluate(shown) == f'"{link.get_attribute("data-range")}"'
    page.keyboard.press("Enter")
    row = page.locator(f"tr{link.get_attribute('href')}")
    assert row.evaluate("e => e.matches(':target')")
