"""The built book in a real browser: silent on the network, whole, legible, usable on a phone."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from browsing import ROOT
from playwright.sync_api import Page, expect
from site_pages import DESK, PHONE, asked, chapters, pages, read
from txbook.figures import described, good_alt

pytestmark = pytest.mark.site
OpenPage = Callable[..., Page]


def test_there_is_a_site(site: Path) -> None:
    assert {"book/welcome.html", "book/glossary.html", "search.html"} <= set(pages())
    assert len(chapters()) == len(list((ROOT / "chapters").glob("[0-9]*.ipynb")))


@asked(DESK)
def test_a_page_asks_no_other_machine_and_is_whole(page: Page) -> None:
    page.trace.assert_clean()
    assert page.locator(".tx-widget-error").count() == 0


@asked(DESK)
def test_formulas_are_typeset(page: Page) -> None:
    empty = page.locator(".bd-article .math:not(:has(math))")
    assert empty.count() == 0
    assert page.locator(".bd-article .math code").count() == 0, "TeX that could not be drawn"


@asked(DESK)
def test_a_page_has_no_serious_barrier_in_light(page: Page) -> None:
    assert barriers(page, "light") == []


@asked(DESK)
def test_a_page_has_no_serious_barrier_in_dark(page: Page) -> None:
    assert barriers(page, "dark") == []


@asked(PHONE)
def test_a_page_has_no_serious_barrier_in_dark_on_a_phone(page: Page) -> None:
    assert barriers(page, "dark") == []


@asked(PHONE)
def test_a_page_works_from_the_disk(page: Page) -> None:
    page.trace.assert_clean()
    assert page.locator(".tx-widget-error").count() == 0


@asked(PHONE)
def test_a_page_fits_a_phone(page: Page) -> None:
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360, f"the page is {width} pixels wide; too wide: {too_wide(page)}"


@asked(PHONE)
def test_what_scrolls_on_a_phone_can_be_scrolled_by_keyboard(page: Page) -> None:
    assert barriers(page, "light", rules=["scrollable-region-focusable"]) == []


def test_the_entrance_leads_to_the_book(site_page: OpenPage) -> None:
    page = site_page("book/welcome.html")
    page.goto(urljoin(page.url, "../index.html"))
    page.wait_for_url("**/book/welcome.html")
    expect(page.locator(".bd-article h1")).to_contain_text("Transformers from nothing")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_formulas_are_drawn_with_fonts_of_this_site(site_page: OpenPage, scheme: str) -> None:
    page = site_page("book/notation.html", scheme=scheme)
    page.evaluate("document.fonts.ready.then(() => null)")
    assert page.evaluate(
        "[...document.fonts].some(f => f.family.includes('TX Math') && f.status === 'loaded')"
    )
    formula = page.locator("article math").first
    ink, paper = (luminance(page, css) for css in ("color", "background-color"))
    assert abs(ink - paper) > 0.4
    expect(formula).to_be_visible()


@read()
def test_internal_links_lead_somewhere(site: Path, path: str) -> None:
    html = (site / path).read_text(encoding="utf-8")
    for link in re.findall(r'<a\b[^>]*?\bhref="([^"]*)"', html):
        parts = urlsplit(link.replace("&amp;", "&"))
        if parts.scheme or parts.netloc:
            continue
        target, anchor = urldefrag(urljoin(path, link) if parts.path else path + link)
        file = site / unquote(target.partition("?")[0])
        assert file.exists(), f"{path} links to {link}, which does not exist"
        if anchor and anchor != "#" and file.suffix == ".html":
            there = has_id(file, unquote(anchor)) or is_live(file, anchor)
            assert there, f"{path} links to {link}: no such place"


@read([path for path in pages() if path != "py-modindex.html"])  # it has icons
def test_every_picture_is_described(site: Path, path: str) -> None:
    html = (site / path).read_text(encoding="utf-8")
    article = html.partition("<article")[2].partition("</article>")[0]
    assert [text for text in described(article) if not good_alt(text)] == []


def test_search_says_when_it_finds_nothing(site_page: OpenPage) -> None:
    page = site_page("search.html?q=zyxwvut")
    expect(page.locator("#tx-search-count")).to_contain_text("Nothing was found for “zyxwvut”")
    page.trace.assert_clean()


@asked(DESK, chapters())
def test_a_chapter_opens_with_its_measured_card(page: Page) -> None:
    card = page.locator(".tx-card").first
    expect(card).to_contain_text(re.compile(r"run (\d+ min )?\d+(\.\d)? s"))
    expect(card).to_contain_text(re.compile(r"held [\d,]+ MiB at its peak"))
    expect(card).to_contain_text(re.compile(r"torch \d+\.\d+"))
    for name, address in {
        "Colab": "https://colab.research.google.com/github/",
        "Binder": "https://mybinder.org/v2/gh/",
    }.items():
        link = card.get_by_role("link", name=name)
        assert str(link.get_attribute("href")).startswith(address)
    download = card.get_by_role("link", name="Download")
    assert page.request.get(urljoin(page.url, str(download.get_attribute("href")))).ok


@asked(DESK, chapters())
def test_a_chapter_says_where_in_the_machine_it_stands(page: Page) -> None:
    strip = page.locator(".tx-card .tx-here svg:visible")
    expect(strip).to_have_count(1)
    assert strip.bounding_box()["height"] <= 120
    assert str(strip.get_attribute("aria-label")).startswith("You are here: ")
    links = strip.locator("a[href]")
    assert links.count() >= 12
    for link in links.all():
        address = str(link.get_attribute("href"))
        assert "welcome.html#fig-living-map?part=" in address
        assert page.request.get(urljoin(page.url, address.partition("#")[0])).ok


@asked(PHONE, chapters()[:3])
def test_on_a_phone_the_strip_is_no_higher(page: Page) -> None:
    strip = page.locator(".tx-card .tx-here svg:visible")
    expect(strip).to_have_count(1)
    assert strip.bounding_box()["height"] <= 120


def test_a_part_of_the_strip_leads_to_the_map_opened_there(site_page: OpenPage) -> None:
    page = site_page("book/welcome.html#fig-living-map?part=decoder.0.attention.head")
    crumbs = page.locator("#fig-living-map .tx-crumb")
    expect(crumbs.last).to_have_text("head 1")
    expect(page.locator("#fig-living-map")).to_be_in_viewport()
    expect(page.locator("#fig-living-map .tx-about")).to_contain_text("Explained in chapter")
    link = page.locator("#fig-living-map .tx-about a").first
    assert page.request.get(urljoin(page.url, str(link.get_attribute("href")))).ok
    page.trace.assert_clean()


def test_a_part_is_marked_once_its_chapters_were_read(site_page: OpenPage) -> None:
    page = site_page(chapters()[2])
    marked = page.locator(".tx-here svg:visible a.tx-read")
    expect(marked).to_have_count(0)
    stem = page.locator(".tx-here svg:visible a[data-part=head]").get_attribute("data-chapters")
    page.evaluate("stem => localStorage.setItem('txlite-read', JSON.stringify([stem]))", stem)
    page.reload()
    expect(marked).to_have_count(1)


@asked(DESK, ["book/costs.html"])
def test_the_cost_page_lists_every_chapter(page: Page) -> None:
    costs = page.locator("table.tx-costs:not(.tx-weights)")
    expect(costs.locator("tbody tr")).to_have_count(len(chapters()))
    assert "not measured" not in costs.inner_text()
    weights = page.locator("table.tx-weights tbody tr")
    expect(weights).to_have_count(len(chapters()) + 1)  # the welcome page has a figure too
    expect(weights.filter(has_text="welcome")).to_contain_text("ms (")


@asked(DESK, chapters())
def test_a_live_figure_is_ready_on_the_page(page: Page) -> None:
    assert page.locator(".anywidget-lite[data-tx-state=ready]").count() >= 1


def test_the_theme_can_be_switched(site_page: OpenPage) -> None:
    page = site_page("book/welcome.html")
    seen = set()
    for _ in range(3):
        page.locator("button.theme-switch-button").first.click()
        seen.add(page.locator("html").get_attribute("data-theme"))
    assert seen == {"light", "dark"}


# Axe looks at the ground behind each word, and a chapter has ten thousand words of three hundred
# kinds. Contrast is asked of one element of each kind, with all that stands around it taken away.
CONTRAST = """async (options) => {
  const ways = new Map([[document.body, "body"]]);
  const all = [...document.body.querySelectorAll("*")];
  const kinds = new Set();
  const kept = new Set();
  for (const node of all) {
    const name = `${node.localName}.${[...node.classList].join(".")}`;
    const way = `${ways.get(node.parentElement)} > ${name}`;
    ways.set(node, way);
    const speaks = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    const field = ["input", "select", "textarea"].includes(node.localName);
    if (!(speaks || field) || !node.checkVisibility()) continue;
    const { color, backgroundColor, fontSize, fontWeight, opacity } = getComputedStyle(node);
    const kind = [way, color, backgroundColor, fontSize, fontWeight, opacity].join("|");
    if (kinds.has(kind)) continue;
    kinds.add(kind);
    for (let at = node; at && !kept.has(at); at = at.parentElement) kept.add(at);
  }
  const away = all.filter((node) => !kept.has(node) && kept.has(node.parentElement));
  const marks = away.map(() => document.createComment(""));
  away.forEach((node, i) => node.replaceWith(marks[i]));
  try {
    const runOnly = ["color-contrast", "link-in-text-block"];
    return await axe.run(document, { ...options, runOnly });
  } finally {
    marks.forEach((mark, i) => mark.replaceWith(away[i]));
  }
}"""
# Half of a chapter's elements are words of code, which no other rule is about.
OTHERS = """async (options) => {
  const words = [...document.querySelectorAll(".highlight span:not(:has(*))")];
  const texts = words.map((word) => document.createTextNode(word.textContent));
  words.forEach((word, i) => word.replaceWith(texts[i]));
  try {
    return await axe.run(document, options);
  } finally {
    texts.forEach((text, i) => text.replaceWith(words[i]));
  }
}"""
LINES = """({ violations }) => violations
  .filter(({ impact }) => ["serious", "critical"].includes(impact))
  .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
    `${id}: ${target.join(" ")}: ${failureSummary.slice(0, 300)}`))"""


def barriers(page: Page, theme: str, rules: list[str] | None = None) -> list[str]:
    """Return what axe-core finds serious or critical, one line for each kind and place.

    Rules that do not look at colours are asked for in the light theme only.
    """
    page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=AXE_FILE_PATH)
    # Without preload: axe asks anew for what a style sheet imports, at the page's own address.
    options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
    if rules:
        options["runOnly"] = rules
        return asked_axe(page, "(options) => axe.run(document, options)", options)
    found = asked_axe(page, CONTRAST, options)
    if theme == "light":
        options["rules"] = {"color-contrast": {"enabled": False}}
        found += asked_axe(page, OTHERS, options)
    return found


def asked_axe(page: Page, run: str, options: dict[str, Any]) -> list[str]:
    """Return the lines of one run of axe."""
    return page.evaluate(f"async (options) => ({LINES})(await ({run})(options))", options)


def too_wide(page: Page) -> list[str]:
    """Return the elements that reach beyond the right edge of the window."""
    return page.evaluate(
        """[...document.querySelectorAll("body *")]
             .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
             .map(e => e.tagName + "." + e.className).slice(0, 8)"""
    )


def has_id(file: Path, name: str) -> bool:
    """Tell whether a page has an element of this id."""
    html = file.read_text(encoding="utf-8")
    return f'id="{name}"' in html or f'name="{name}"' in html


def is_live(file: Path, anchor: str) -> bool:
    """Tell whether an anchor is the address of a live figure, which is drawn when asked for."""
    name = anchor.partition("?")[0].removeprefix("fig-")
    return anchor.startswith("fig-") and f'data-tx-figure="{name}"' in file.read_text("utf-8")


def luminance(page: Page, css: str) -> float:
    """Return how bright a colour of the page's body is, from 0 to 1."""
    colour = page.evaluate(f"getComputedStyle(document.body).getPropertyValue('{css}')")
    return sum(float(x) for x in re.findall(r"[\d.]+", colour)[:3]) / (3 * 255)
