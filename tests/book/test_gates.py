"""What every page of the site keeps: it fits, it is legible, it is light, and it can be found.

Each page is opened once for each size, and all questions are asked of it.
"""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser, Page
from site_pages import DESK, PHONE, TABLET, Look, asked, chapters, pages, read
from txbook import live
from txbook.weigh import packed

pytestmark = pytest.mark.site
OpenPage = Callable[..., Page]

BYTES = 600_000  # of HTML, scripts, styles and fonts, each as gzip leaves it
REQUESTS = 20
SMALLEST, INDEX = 12, 8  # pixels of a letter, and of an index or an exponent in a figure

# Until what has changed is laid out, and the page has looked at it.
SOON = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))"

# Kinds of things that may not be wider than what holds them.
WIDE = {
    "page": "html",
    "code": "pre",
    "table": ".pst-scrollable-table-container, .cell_output > .output:has(table)",
    "formula": "div.math, p .math, li .math, dd .math",
    "figure": ".tx-figure",
}


def address(page: Page) -> str:
    """Return a page's address below the site."""
    path = unquote(urlsplit(page.url).path)
    return next(known for known in pages() if path.endswith(f"/{known}"))


def wide(page: Page, selector: str) -> list[str]:
    """Return what is wider than its place, with how much of it does not fit."""
    return page.evaluate(
        """selector => [...document.querySelectorAll(selector)]
             .filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)
             .filter(e => !e.closest(".anywidget-lite, details:not([open])"))
           .map(e => `${e.scrollWidth - e.clientWidth}px: ${e.textContent.trim().slice(0, 40)}`)""",
        selector,
    )


def fits(page: Page, look: Look, kind: str) -> None:
    """Hold one kind of thing on a page against its place."""
    assert wide(page, WIDE[kind]) == []


@pytest.mark.parametrize("kind", WIDE)
@asked(DESK)
def test_nothing_is_cut_off_on_a_wide_screen(page: Page, kind: str) -> None:
    fits(page, DESK, kind)


@pytest.mark.parametrize("kind", WIDE)
@asked(TABLET)
def test_nothing_is_cut_off_on_a_tablet(page: Page, kind: str) -> None:
    fits(page, TABLET, kind)


@pytest.mark.parametrize("kind", WIDE)
@asked(PHONE)
def test_nothing_is_cut_off_on_a_phone(page: Page, kind: str) -> None:
    fits(page, PHONE, kind)


@asked(DESK, chapters())
def test_a_formula_stands_in_the_middle(page: Page) -> None:
    beside = page.evaluate(
        """() => [...document.querySelectorAll("div.math:has(math)")]
             .filter((e) => e.checkVisibility()).map((e) => {
               const parts = [...e.querySelectorAll("math")].map((m) => m.getBoundingClientRect());
               const left = Math.min(...parts.map((p) => p.left));
               const right = Math.max(...parts.map((p) => p.right));
               const column = e.getBoundingClientRect();
               return Math.abs(left + right - column.left - column.right) / 2; })"""
    )
    assert [offset for offset in beside if offset > 60] == []  # half of the number's width


CODE = """() => [...document.querySelectorAll("div.highlight")]
  .filter((box) => box.checkVisibility())
  .map((box) => {
    const { containIntrinsicHeight: told, contentVisibility: when } = getComputedStyle(box);
    return [when, parseFloat(told.replace("auto ", "")), box.getBoundingClientRect().height];
  })"""


@asked(DESK, chapters())
def test_code_is_laid_out_when_it_is_seen_and_nothing_moves_then(page: Page) -> None:
    found = page.evaluate(CODE)
    assert {when for when, _, _ in found} == {"auto"}
    right = [abs(told - real) <= 2 for _, told, real in found]
    assert sum(right) >= 0.9 * len(right)  # a line that goes on below is not foreseen
    assert 0.9 <= sum(told for _, told, _ in found) / sum(real for _, _, real in found) <= 1.02


@asked(PHONE, chapters())
def test_the_height_of_code_is_foreseen_on_a_phone(page: Page) -> None:
    found = page.evaluate(CODE)
    assert 0.85 <= sum(told for _, told, _ in found) / sum(real for _, _, real in found) <= 1.15


@asked(PHONE)
def test_what_scrolls_is_in_the_order_of_tabs_and_nothing_else(page: Page) -> None:
    page.evaluate("""() => { for (const box of document.querySelectorAll("div.highlight"))
                               box.style.contentVisibility = "visible"; }""")
    page.evaluate(SOON)
    wrong = page.evaluate(
        """() => [...document.querySelectorAll(
             "main :is(pre, .cell_output > .output, .pst-scrollable-table-container, div.math)")]
           .filter((box) => !box.closest(".anywidget-lite") && box.checkVisibility())
           .filter((box) => {
             const wide = box.scrollWidth > box.clientWidth + 1;
             const moves = wide && getComputedStyle(box).overflowX !== "visible";
             return moves ? box.tabIndex !== 0 : box.hasAttribute("tabindex")
               && box.scrollHeight <= box.clientHeight + 1;
           })
           .map((box) => box.outerHTML.slice(0, 120))"""
    )
    assert wrong == []


def test_a_formula_is_judged_again_when_its_font_arrives(site_page: OpenPage) -> None:
    page = site_page("chapters/01_long_memory.html", width=360)
    formula = page.locator("div.math:not([tabindex])").first
    name = formula.get_attribute("id")
    # As a stand-in does: the signs are wider, and the box keeps its size.
    page.add_style_tag(content=f"#{name} .tx-formula mi {{ padding-right: 6rem }}")
    page.evaluate(SOON)
    box = page.locator(f"#{name}")
    assert box.evaluate("(box) => box.scrollWidth > box.clientWidth + 1")
    assert box.get_attribute("tabindex") is None  # nothing has told the page
    page.evaluate(
        """() => { const face = new FontFace("Late", "url(../_static/tx-math.woff)");
                   document.fonts.add(face); return face.load().then(() => {}); }"""
    )
    page.evaluate(SOON)
    assert box.get_attribute("tabindex") == "0"


SMALL = """([smallest, index]) => {
  const found = new Set();
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    // Indices of formulas are smaller by nature; live figures have gates of their own.
    if (!text || element.closest("math, .anywidget-lite, sup, noscript, .onlyprint")) continue;
    if (element.closest("script, style")) continue;
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const svg = element.closest("svg");
    const matrix = svg && element.getScreenCTM?.();
    const scale = matrix ? Math.hypot(matrix.a, matrix.b) : 1;
    const letter = (e) => parseFloat(getComputedStyle(e).fontSize) * scale;
    const whole = element.closest("text");  // an index is a tspan, smaller than its text's first
    const first = whole?.querySelector("tspan");
    const isIndex = first && element !== first && element.matches("tspan")
      && letter(first) > letter(element);
    const size = letter(element);
    const least = isIndex ? index : smallest;
    if (size < least - 0.05) found.add(`${size.toFixed(1)}px: ${text.slice(0, 40)}`);
  }
  return [...found].slice(0, 8);
}"""


@asked(DESK)
def test_letters_are_large_enough_on_a_wide_screen(page: Page) -> None:
    assert page.evaluate(SMALL, [SMALLEST, INDEX]) == []


@asked(PHONE)
def test_letters_are_large_enough_on_a_phone(page: Page) -> None:
    assert page.evaluate(SMALL, [SMALLEST, INDEX]) == []


@asked(DESK)
def test_every_id_is_unique_and_every_control_has_a_name(page: Page) -> None:
    twice = page.evaluate(
        """() => { const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
             return ids.filter((id, i) => ids.indexOf(id) !== i); }"""
    )
    assert twice == []
    nameless = page.evaluate(
        """() => [...document.querySelectorAll(
                     "main :is(button, input, select, textarea, summary)")]
             .filter((e) => e.checkVisibility() && e.type !== "hidden")
             .filter((e) => !(e.getAttribute("aria-label") || e.getAttribute("aria-labelledby")
                || e.title || e.textContent.trim() || e.labels?.length))
             .map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


@asked(DESK)
def test_a_page_is_light_before_a_figure_is_touched(page: Page, site: Path) -> None:
    urls = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    paths = {urlsplit(url).path.lstrip("/") for url in [page.url, *urls] if url.startswith("http")}
    files = [site / unquote(path) for path in paths if "/live/" not in path]
    weights = {file.name: packed(file) for file in files if file.is_file()}
    assert sum(weights.values()) <= BYTES, weights
    assert len(files) <= REQUESTS, sorted(weights)


@read()
def test_no_script_and_one_style_sheet_stand_before_a_page(site: Path, path: str) -> None:
    html = (site / path).read_text(encoding="utf-8")
    scripts = re.findall(r"<script\b([^>]*\bsrc=[^>]*)>", html)
    assert [given for given in scripts if not re.search(r"\b(async|defer)\b", given)] == []
    head = html.partition("<body")[0]
    assert len(re.findall(r'<link\b[^>]*rel="stylesheet"', head)) == (path != "404.html")
    assert len(head) < 16_000, "what a figure needs does not stand in the head"


MARKED = """async () => {
  const wrong = [];
  const next = () => new Promise((done) => requestAnimationFrame(done));
  const frame = () => next().then(next);
  const links = [...document.querySelectorAll('#tx-page-toc a[href^="#"]')];
  const last = document.documentElement.scrollHeight - innerHeight;
  for (const link of links) {
    const section = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    const heading = section.querySelector(":is(h1, h2, h3, h4)") ?? section;
    const wanted = scrollY + heading.getBoundingClientRect().top - 0.2 * innerHeight;
    if (wanted < 0 || wanted > last) continue; // the window cannot stand there
    scrollTo({ top: wanted, behavior: "instant" });
    await frame();
    const marked = document.querySelector('#tx-page-toc a[aria-current="true"]');
    if (marked !== link) wrong.push(`${link.textContent.trim()}: ${marked?.textContent.trim()}`);
  }
  scrollTo({ top: 0, behavior: "instant" });
  await frame();
  return { wrong, asked: links.length };
}"""


@asked(DESK, chapters())
def test_the_contents_mark_the_section_that_is_read(page: Page) -> None:
    found = page.evaluate(MARKED)
    assert found["asked"] >= 5
    assert found["wrong"] == []


@asked(DESK, chapters())
def test_a_solution_says_that_it_can_be_shown(page: Page) -> None:
    solutions = page.locator("details.tx-solution")
    assert solutions.count() >= 3
    names = solutions.locator("> summary").all_inner_texts()
    assert {name.strip() for name in names} == {"Show the solution"}
    assert page.locator(".admonition-title", has_text="Solution to").count() == 0
    assert page.locator("details.tx-solution details").count() == 0


@asked(DESK, chapters())
def test_a_card_says_where_the_chapter_stands_and_how_long_it_takes(page: Page) -> None:
    number = int(Path(address(page)).name[:2])
    text = page.locator(".tx-card").first.inner_text()
    assert re.search(rf"Part [IVX]+ · .+ · chapter {number} of {len(chapters())}\n", text)
    assert re.search(r"Read ≈ (\d+ min|\d h( [¼½¾])?) · exercises \d+ min · run \d", text)


@pytest.mark.parametrize("path", chapters())
def test_a_page_can_be_read_without_scripts(browser: Browser, site_url: str, path: str) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 780})
    page = context.new_page()
    page.goto(site_url + path)
    text = page.locator("article").inner_text()
    assert len(text) > 5_000
    assert not re.search(r"\\(?:frac|sqrt|text|operatorname|begin)\b|\\\(|\\\[", text)
    assert page.locator("article math").first.bounding_box()["width"] > 4
    assert page.locator(".anywidget-lite").count() == 0
    assert "needs JavaScript" in text
    context.close()


@pytest.mark.parametrize(
    ("path", "heavy"), [(chapters()[1:2], 0), (["chapters/15_translation.html"], 2)]
)
def test_a_figure_that_is_far_away_waits(
    browser: Browser, site: Path, site_url: str, path: Sequence[str], heavy: int
) -> None:
    context = browser.new_context(service_workers="block", viewport={"width": 1280, "height": 800})
    page = context.new_page()
    asked_for: list[Path] = []
    page.on("request", lambda request: asked_for.append(site / urlsplit(request.url).path[1:]))
    page.goto(site_url + path[0], wait_until="networkidle")
    figure = page.locator(".anywidget-lite").first
    assert figure.get_attribute("data-tx-state") == "waiting"
    early = [file for file in asked_for if file.parent.name == "live"]
    assert all(packed(file) <= live.LIGHT for file in early)
    figure.scroll_into_view_if_needed()
    page.wait_for_selector(".anywidget-lite[data-tx-state=ready]")
    late = [file for file in asked_for if file.parent.name == "live" and file not in early]
    assert len(late) == heavy  # the translator's state, and one of the two models that there are
    assert all(packed(file) > live.LIGHT for file in late)
    context.close()


@read([path for path in pages() if path.startswith(("book/", "chapters/"))])
def test_a_page_can_be_shared(site: Path, path: str) -> None:
    html = (site / path).read_text(encoding="utf-8").partition("</head>")[0]

    def content(kind: str, name: str) -> list[str]:
        return re.findall(rf'<meta {kind}="{name}" content="([^"]*)"', html)

    (about,) = content("name", "description")
    assert 20 <= len(about) <= 260
    assert content("property", "og:description") == [about]
    assert len(content("name", "viewport")) == 1
    (link,) = re.findall(r'<link rel="canonical" href="([^"]*)"', html)
    (picture,) = content("property", "og:image")
    base = link.removesuffix(path)
    assert link == base + path
    assert base.startswith("https://")
    file = site / picture.removeprefix(base)
    assert file.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(file.read_bytes()[16:20], "big") == 1200


def test_descriptions_tell_the_pages_apart(site: Path) -> None:
    pattern = re.compile(r'<meta name="description" content="([^"]*)"')
    found = [pattern.search((site / path).read_text(encoding="utf-8"))[1] for path in chapters()]
    assert len(set(found)) == len(found)


def test_the_site_has_a_map_and_a_page_for_what_is_not_there(site: Path) -> None:
    sitemap = (site / "sitemap.xml").read_text(encoding="utf-8")
    robots = (site / "robots.txt").read_text(encoding="utf-8")
    (base,) = set(re.findall(r"Sitemap: (\S+)sitemap\.xml", robots))
    listed = {url.removeprefix(base) for url in re.findall(r"<loc>([^<]+)</loc>", sitemap)}
    written = {path for path in pages() if path.startswith(("book/", "chapters/"))}
    assert listed == written
    lost = (site / "404.html").read_text(encoding="utf-8")
    for link in re.findall(r'href="([^"]+)"', lost):
        assert link.startswith(base), "a page at any depth has to lead home"
        assert (site / link.removeprefix(base)).exists()


def test_the_manifest_leads_to_the_book(site: Path) -> None:
    manifest = json.loads((site / "manifest.webmanifest").read_text(encoding="utf-8"))
    assert (site / manifest["start_url"]).exists()
    assert all((site / icon["src"]).exists() for icon in manifest["icons"])


LESSONS = {
    "softmax": "02",
    "mask": "03",
    "causal": "03",
    "BLEU": "15",
    "beam": "14",
    "warm-up": "12",
    "warmup": "12",
    "RoPE": "06",
    "注意力": "02",
    "「注意力」": "02",
    "掩码": "03",
    "位置编码": "05",
    "束搜索": "14",
}


@pytest.mark.parametrize(("word", "chapter"), LESSONS.items())
def test_the_search_finds_the_lesson_first(
    site_page: OpenPage, site: Path, word: str, chapter: str
) -> None:
    page = site_page("search.html")
    page.locator("#tx-search-field").fill(word)
    page.wait_for_selector(f"#search-results[data-tx-shown='{word}'] li")
    first = page.locator("#search-results a").first.get_attribute("href")
    assert str(first).startswith(f"chapters/{chapter}_")
    urls = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    found = [site / unquote(urlsplit(url).path.lstrip("/")) for url in urls if "/search/" in url]
    assert sum(map(packed, found)) < 400_000
    page.trace.assert_clean()
