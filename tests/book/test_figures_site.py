"""The figures of the built chapters: they fit the page, are legible, numbered, near their words."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page
from site_pages import DESK, PHONE, asked, chapters

pytestmark = pytest.mark.site
TWELVE = 11.9  # CSS pixels: a drawing's width is rounded to whole ones
MEASURE = """figures => figures.map(figure => {
  const drawings = [...figure.querySelectorAll(':scope > svg')];
  const svg = drawings.filter(drawing => drawing.getBoundingClientRect().width);
  const box = svg[0].getBoundingClientRect();
  const scale = box.width / svg[0].viewBox.baseVal.width;
  const words = [...svg[0].querySelectorAll('text')].map(text => {
    const span = text.querySelector('tspan');  // mathematics by matplotlib: its spans have the size
    const sized = text.getAttribute('style') || !span ? text : span;
    return parseFloat(getComputedStyle(sized).fontSize) * scale;
  });
  return {shown: svg.length, width: box.width, column: figure.parentElement.clientWidth,
          inner: figure.scrollWidth, room: figure.clientWidth, smallest: Math.min(...words),
          words: words.length};
})"""


def measured(page: Page) -> list[dict[str, Any]]:
    return page.locator("figure.tx-figure").evaluate_all(MEASURE)


@asked(PHONE, chapters())
def test_a_figure_stays_in_its_column_on_a_phone_and_its_words_are_legible(page: Page) -> None:
    found = measured(page)
    assert found
    assert {figure["shown"] for figure in found} == {1}
    assert [f for f in found if f["words"] and f["smallest"] < TWELVE] == []
    scrolls = [f for f in found if f["inner"] > f["room"]]  # test_gates.py says which may
    assert [f for f in found if f["width"] > f["column"] and f not in scrolls] == []


@asked(DESK, chapters())
def test_a_figure_fits_the_column_and_its_words_are_legible(page: Page) -> None:
    found = measured(page)
    assert {figure["shown"] for figure in found} == {1}
    assert [f for f in found if f["words"] and f["smallest"] < TWELVE] == []
    assert [f for f in found if f["inner"] > f["room"]] == []
    assert max(figure["width"] for figure in found) > 328, "a phone's drawing on a wide page"


@asked(DESK, chapters())
def test_captions_are_numbered_through_the_chapter(page: Page) -> None:
    texts = page.locator("figure.tx-numbered > figcaption").all_inner_texts()
    numbers = [re.match(r"Figure (\d+)\.(\d+)\s+\S", text) for text in texts]
    assert all(numbers), texts
    assert [int(number[2]) for number in numbers if number] == list(range(1, len(texts) + 1))
    assert len({number[1] for number in numbers if number}) <= 1


@asked(DESK, chapters())
def test_no_hole_below_a_figure(page: Page) -> None:
    gaps = page.locator(".tx-numbered figure.tx-figure, .cell figure.tx-figure").evaluate_all(
        """figures => figures.map(figure => {
          let box = figure.closest('.tx-numbered') || figure.closest('.cell');
          const caption = box.querySelector(':scope > figcaption');
          const end = (caption || figure).getBoundingClientRect().bottom;
          while (box && !box.nextElementSibling) box = box.parentElement;
          const next = box && box.nextElementSibling;  // a heading keeps a distance of its own
          const heading = next && next.matches('section, h2, h3');
          return next && !heading ? next.getBoundingClientRect().top - end : 0;
        })"""
    )
    assert max(gaps) <= 40, gaps


@asked(DESK, chapters())
def test_no_code_and_no_output_is_cut_off(page: Page) -> None:
    page.evaluate("document.querySelectorAll('.cell details').forEach(d => d.open = true)")
    cut = page.locator(".cell pre").evaluate_all(
        """all => all.filter(box => box.scrollWidth > box.clientWidth + 1)
                    .map(box => box.textContent.slice(0, 80))"""
    )
    page.evaluate("document.querySelectorAll('.cell details').forEach(d => d.open = false)")
    assert cut == []


@asked(PHONE, chapters())
def test_a_table_that_is_wider_than_a_phone_scrolls_in_itself_and_says_so(page: Page) -> None:
    tables = page.locator(".bd-article .tx-table, .bd-article .pst-scrollable-table-container")
    for found in tables.evaluate_all(
        """all => all.map(box => { const style = getComputedStyle(box); return {
          wide: box.scrollWidth > box.clientWidth, scroll: style.overflowX,
          hint: style.backgroundImage.split('gradient').length - 1,
          room: box.getBoundingClientRect().right }; })"""
    ):
        assert found["room"] <= 360
        assert not found["wide"] or (found["scroll"] == "auto" and found["hint"] == 4), found


@asked(DESK, chapters())
def test_installation_and_imports_are_one_line_each(page: Page) -> None:
    first, second = (page.locator(".cell").nth(i).locator("details") for i in (0, 1))
    for details, words in (
        (first, "Install txlite where it is missing"),
        (second, "Show the imports"),
    ):
        assert details.get_attribute("open") is None
        assert words in details.locator("summary").inner_text()
        assert details.bounding_box()["height"] < 60
