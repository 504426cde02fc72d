"""What every live figure does for the person before it: play, start again, link, copy, fit a phone.

A new figure is asked all of this by being there, once ``copied.py`` says what it shows.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from browsing import open_watched, widget_html
from copied import SHOWN
from playwright.sync_api import Browser, Page, expect
from test_every_widget import FIGURES, exhibits, plain
from torch.testing import assert_close

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
ADDRESS = "http://figures.test/page.html"
MOST_STOPS = 8
LEAST_TEXT = 12.0  # pixels
LEAST_CONTRAST = 4.5
HEADER = 48  # pixels of a phone's screen that the site's own bar takes
ALL = [(name, state) for name in FIGURES for state in exhibits(name)]
FIRST = [(name, next(iter(exhibits(name)))) for name in FIGURES]
CHOSEN = """() => Object.fromEntries(
    Object.keys(model.get("frame").choices).map((name) => [name, model.get(name)]))"""
# The words of the figure, without times, which differ.
WORDS = """() => document.querySelector(".tx-stage").textContent.replace(/\\s+/g, " ")"""


def script(name: str) -> str:
    """Return what a file beside this one asks of a page, without its title."""
    text = Path(__file__).with_name(f"{name}.js").read_text(encoding="utf-8")
    return text.partition("\n")[2]


def each(places: list[tuple[str, str]]) -> Any:
    """Ask a test of these exhibits."""
    return pytest.mark.parametrize(
        ("name", "state"),
        [
            pytest.param(*p, id="-".join(p), marks=pytest.mark.xdist_group("-".join(p)))
            for p in places
        ],
    )


def at_address(browser: Browser, figure: Any, address: str = ADDRESS, **look: Any) -> Page:
    """Open a figure on a page that has an address, as a reader has it."""
    page = open_watched(browser, "http://figures.test/", **look)
    html = widget_html(figure, "light")
    page.route(
        "http://figures.test/**",
        lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"),
    )
    page.goto(address)
    page.wait_for_selector(".anywidget-lite:not([data-tx-state=loading])", state="attached")
    page.evaluate("window.model = document.querySelector('.anywidget-lite').txModel")
    return page


@pytest.fixture
def opened(browser: Browser) -> Any:
    """Open figures with ``at_address``; their pages are closed after the test."""
    pages: list[Page] = []

    def open_figure(figure: Any, *arguments: Any, **look: Any) -> Page:
        pages.append(at_address(browser, figure, *arguments, **look))
        return pages[-1]

    yield open_figure
    for page in pages:
        page.context.close()


def touch(page: Page) -> None:
    """Move every control of the figure by one step, as a reader does."""
    page.evaluate(
        """() => {
            const tell = (node) => node.dispatchEvent(new Event("input", { bubbles: true }));
            const root = document.querySelector(".tx-widget");
            root.dispatchEvent(new PointerEvent("pointerdown"));
            const shown = (node) => node.isConnected && !node.disabled && node.checkVisibility();
            for (const node of [...root.querySelectorAll("select")].filter(shown)) {
                node.selectedIndex = (node.selectedIndex + 1) % node.options.length;
                tell(node);
            }
            for (const node of [...root.querySelectorAll("input[type=range]")].filter(shown)) {
                const before = node.value;
                node.stepUp();
                if (node.value === before) node.stepDown();
                tell(node);
            }
            const boxes = root.querySelectorAll("input[type=checkbox]");
            for (const node of [...boxes].filter(shown).slice(0, 2)) node.click();
        }"""
    )


@each(ALL)
def test_it_starts_again_from_the_beginning(opened: Any, name: str, state: str) -> None:
    page = opened(exhibits(name)[state]())
    before, words = page.evaluate(CHOSEN), page.evaluate(WORDS)
    touch(page)
    assert page.evaluate(CHOSEN) != before
    page.get_by_role("button", name="start again").click()
    assert page.evaluate(CHOSEN) == before
    assert page.evaluate(WORDS) == words
    page.trace.assert_clean()


@each(FIRST)
def test_its_state_is_an_address_that_leads_back_to_it(opened: Any, name: str, state: str) -> None:
    figure = exhibits(name)[state]()
    page = opened(figure)
    anchor = f"#fig-{name.replace('_', '-')}"
    touch(page)
    page.wait_for_function("location.hash.includes('?')")
    address, want, words = page.url, page.evaluate(CHOSEN), page.evaluate(WORDS)
    assert address.startswith(f"{ADDRESS}{anchor}?")
    page.evaluate("document.querySelector('.tx-widget').scrollIntoView()")
    page.get_by_role("button", name="start again").click()
    page.wait_for_function("location.hash === ''")
    other = opened(figure, address)
    assert other.evaluate(CHOSEN) == want
    assert other.evaluate(WORDS) == words
    other.trace.assert_clean()


@each(FIRST)
def test_an_address_that_nobody_copied_does_no_harm(opened: Any, name: str, state: str) -> None:
    figure = exhibits(name)[state]()
    choices = figure.frame["choices"]
    for wrong in ("1e9", "-7", "null", '"x"', "[]", "{"):
        query = "&".join(f"{choice}={wrong}" for choice in choices)
        address = f"{ADDRESS}#fig-{name.replace('_', '-')}?{query}&nobody=1"
        page = opened(figure, address)
        assert page.locator(".anywidget-lite[data-tx-state=ready]").count() == 1, wrong
        assert page.locator(".tx-status").inner_text().strip(), wrong
        page.trace.assert_clean()
        page.context.close()


@each(ALL)
def test_copied_as_code_it_computes_what_is_shown(opened: Any, name: str, state: str) -> None:
    figure = exhibits(name)[state]()
    page = opened(figure)
    for moved in (False, True):
        if moved:
            touch(page)
        page.get_by_role("button", name="copy as code").click()
        code = page.locator(".tx-code").text_content() or ""
        compile(code, name, "exec")
        found: dict[str, Any] = {"torch": torch}
        exec(code, found)
        if "logits" in found and name == "sampling_filters":
            scene = page.evaluate("model.get('scene')")
            model = torch.tensor(figure.scenes[scene]["logits"], dtype=torch.float64)
            found["logits_order"] = model.argsort(descending=True, stable=True)
        for expression, want in SHOWN[name](page).items():
            same(eval(expression, found), want, f"{expression} after\n{code}")


def same(got: Any, want: Any, where: str) -> None:
    """Compare what code has found with what the page shows: words exactly, numbers to 1e-5 of the
    largest among them, however small that is."""
    if isinstance(want, dict):
        assert set(got) == set(want), where
        for key in want:
            same(got[key], want[key], where)
    elif isinstance(want, str):
        assert got == want, where
    else:
        a, b = (torch.as_tensor(x, dtype=torch.float64) for x in (got, want))
        largest = float(b[b.isfinite()].abs().max()) if b.isfinite().any() else 0.0
        assert_close(
            a,
            b,
            atol=1e-5 * largest + 1e-12,
            rtol=1e-5,
            equal_nan=True,
            msg=lambda m: f"{m}\n{where}",
        )


@each(ALL)
def test_every_ordered_pair_of_options_is_drawn(opened: Any, name: str, state: str) -> None:
    page = opened(exhibits(name)[state]())
    page.evaluate(
        """() => {
            const all = [...document.querySelectorAll(".tx-widget .tx-controls select")];
            for (const select of all) {
                const count = Math.min(select.options.length, 12);
                const choose = (index) => {
                    select.selectedIndex = index;
                    select.dispatchEvent(new Event("input", { bubbles: true }));
                };
                for (let a = 0; a < count; a += 1) for (let b = 0; b < count; b += 1) {
                    choose(a);
                    choose(b);
                }
            }
        }"""
    )
    page.trace.assert_clean()


@each(ALL)
def test_it_has_few_tab_stops_and_the_arrows_reach_the_rest(
    opened: Any, name: str, state: str
) -> None:
    page = opened(exhibits(name)[state]())
    page.evaluate("document.body.tabIndex = -1; document.body.focus()")
    stops = 0
    while stops < 99:
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        stops += 1
    assert stops <= MOST_STOPS
    for index in range(page.locator("[data-rove]").count()):
        walk(page, index)


def walk(page: Page, index: int) -> None:
    """Go through a group of one tab stop by its keys: each of its items is reached."""
    missed = page.evaluate(
        """(index) => {
            const group = document.querySelectorAll("[data-rove]")[index];
            const items = () => [...group.querySelectorAll(group.dataset.rove)]
                .filter((node) => !node.disabled && !node.closest("[hidden]"));
            if (items().length < 2) return 0;
            const reached = new Set();
            let at = items().find((node) => node.tabIndex === 0);
            at.focus();
            const press = (node, key) => node.dispatchEvent(
                new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
            const points = at.matches(".tx-handle");
            const keyOf = (node, forth) => points ? "Enter" : node.type === "range"
                ? (forth ? "ArrowDown" : "ArrowUp") : (forth ? "ArrowRight" : "ArrowLeft");
            for (const forth of [false, true]) {
                for (let n = 0; n <= items().length; n += 1) {
                    reached.add(items().indexOf(document.activeElement));
                    press(document.activeElement, keyOf(document.activeElement, forth));
                }
            }
            return items().filter((_, i) => !reached.has(i)).length;
        }""",
        index,
    )
    assert missed == 0


@each(FIRST)
def test_two_on_one_page_share_no_name(browser: Browser, name: str, state: str) -> None:
    figure = exhibits(name)[state]()
    html = widget_html(figure, "light")
    view = html[html.index('<script type="application/vnd.jupyter.widget-view') :]
    view = view[: view.index("</script>") + 9]
    page = open_watched(browser, "about:")
    try:
        page.set_content(html.replace(view, view + view, 1))
        page.wait_for_function(
            "document.querySelectorAll('.anywidget-lite[data-tx-state=ready]').length === 2"
        )
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
        assert len(ids) == len(set(ids)) > 1
        strangers = page.evaluate(
            """[...document.querySelectorAll(".tx-widget label[for]")].filter((label) =>
                !label.closest(".tx-widget").contains(document.getElementById(label.htmlFor))).length"""
        )
        assert strangers == 0
        nameless = page.evaluate(
            """[...document.querySelectorAll(".tx-widget :is(input, select, button)")]
                .filter((node) => !node.labels?.length && !node.getAttribute("aria-label")
                    && !node.textContent.trim()).length"""
        )
        assert nameless == 0
        page.trace.assert_clean()
    finally:
        page.context.close()


@each(FIRST)
def test_it_plays_to_the_end_and_pauses_where_there_are_steps(
    opened: Any, name: str, state: str
) -> None:
    page = opened(exhibits(name)[state]())
    play = page.locator(".tx-play")
    if play.count() == 0:
        assert name not in (
            "living_map",
            "layer_stepper",
            "beam_tree",
            "layer_viewer",
            "cross_viewer",
        )
        return
    page.get_by_role("button", name="start again").click()
    page.clock.install()
    drawn = page.evaluate(WORDS)
    play.click()  # where it is at the end, it begins anew
    page.clock.run_for(2000)
    assert play.get_attribute("aria-label", timeout=10_000)
    page.clock.run_for(2000)
    page.locator(".tx-title").dispatch_event("pointerdown")
    expect(page.locator(".tx-widget[data-playing]")).to_have_count(0)
    chosen, still = page.evaluate(CHOSEN), page.evaluate(WORDS)
    page.clock.run_for(5000)
    assert page.evaluate(CHOSEN) == chosen  # paused
    assert still != drawn or chosen != page.evaluate("model.get('frame').beginning")
    play.click()
    page.clock.run_for(600_000)
    expect(play).to_have_text("▶ play")
    page.trace.assert_clean()


@each(ALL)
def test_a_phone_shows_control_number_and_effect_together(
    opened: Any, name: str, state: str
) -> None:
    page = opened(exhibits(name)[state](), width=360)
    page.set_viewport_size({"width": 360, "height": 780})
    together = page.evaluate(
        script("together"),
        HEADER,
    )
    assert together <= 1  # pixels that are out of sight


@each(ALL)
def test_its_texts_can_be_read_on_a_phone(opened: Any, name: str, state: str) -> None:
    page = opened(exhibits(name)[state](), width=360)
    page.wait_for_timeout(100)
    small = page.evaluate(
        script("legible"),
        LEAST_TEXT,
    )
    assert small == []


@each(FIRST)
def test_its_handles_are_large_enough_for_a_finger(opened: Any, name: str, state: str) -> None:
    page = opened(exhibits(name)[state](), width=360)
    assert (
        page.evaluate(
            """() => [...document.querySelectorAll(".tx-handle")].map((node) => {
            node.scrollIntoView({ block: "center" });
            const { x, y, width, height } = node.querySelector(".tx-dot").getBoundingClientRect();
            const [cx, cy] = [x + width / 2, y + height / 2];
            const hits = [[21, 0], [-21, 0], [0, 21], [0, -21]].map(([dx, dy]) =>
                document.elementFromPoint(cx + dx, cy + dy)?.closest(".tx-handle") !== null);
            return hits.filter(Boolean).length;
        }).filter((hits) => hits < 3).length"""
        )
        == 0
    )
    for slider in page.locator(".tx-widget input[type=range]:visible").all():
        box = slider.bounding_box()
        assert box["height"] >= 43.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@each(ALL)
def test_its_texts_stand_out(widget_page: OpenPage, name: str, state: str, scheme: str) -> None:
    page = widget_page(exhibits(name)[state](), scheme=scheme)
    assert page.evaluate(script("contrast"), LEAST_CONTRAST) == []


def test_code_states_and_addresses_are_asked_of_every_figure() -> None:
    assert set(SHOWN) == set(FIGURES)
    for name, state in FIRST:
        figure = exhibits(name)[state]()
        assert figure.frame["choices"], name
        assert figure.frame["beginning"] == {n: getattr(figure, n) for n in figure.frame["choices"]}
        json.dumps(figure.frame, allow_nan=False)
        assert plain(figure.frame["beginning"]).keys() == figure.frame["choices"].keys()
        assert type(figure).latest() is figure
