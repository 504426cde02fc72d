"""What every live figure must pass, whatever it shows: asked of all figures, in every look.

A figure is found by its JavaScript. ``test_widget_<figure>.py`` holds its own arithmetic, and
``EXHIBITS``: a name and a function for each state of the figure that is looked at here. A figure
without them fails. All questions about an exhibit in one size are asked of one page.
"""

import importlib
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from browsing import ROOT, mount, open_watched
from playwright.sync_api import Browser, Page

from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.tensors import Tensors

pytestmark = pytest.mark.browser
FOLDER = ROOT / "txlite" / "viz" / "widgets"
FIGURES = sorted(path.stem for path in FOLDER.glob("*.py") if path.with_suffix(".js").exists())
SIZES, SCHEMES = {"desk": 1280, "phone": 360}, ("light", "dark")
Exhibit = tuple[str, str]
TABBED = """() => {
    const { activeElement: at } = document;
    at.dataset.reached = Number(at.dataset.reached ?? 0) + 1;
    return at === document.body ? null : at.outerHTML.slice(0, 120);
}"""
TABBABLE = """() => [...document.querySelectorAll(".tx-widget *")].filter((node) =>
    node.tabIndex >= 0 && !node.disabled && node.checkVisibility({ visibilityProperty: true })
    && node.matches("a[href], button, input, select, textarea, summary, [tabindex]"))
    .filter((node) => !Number(node.dataset.reached)).map((node) => node.outerHTML.slice(0, 120))"""
STATE = """(names) => Object.fromEntries(names.map((name) => {
    const value = model.get(name);
    if (!(value?.data instanceof DataView)) return [name, value];
    const { buffer, byteOffset, byteLength } = value.data;
    return [name, { ...value, data: Array.from(new Uint8Array(buffer, byteOffset, byteLength)) }];
}))"""
INK = """() => {
    const [r, g, b] = getComputedStyle(document.querySelector(".tx-widget")).color
        .match(/[\\d.]+/g).map(Number);
    return r + g + b > 382;
}"""
FIRST_CONTROL = '.tx-widget :is(input[type="range"], input[type="checkbox"], select):enabled'


def exhibits(name: str) -> dict[str, Callable[[], Widget]]:
    """Return the states in which a figure is looked at."""
    found: dict[str, Callable[[], Widget]] = importlib.import_module(f"test_widget_{name}").EXHIBITS
    return found


@cache
def made(exhibit: Exhibit) -> Widget:
    """Return a figure in one of its states, which no test changes."""
    name, state = exhibit
    return exhibits(name)[state]()


def every(sizes: tuple[str, ...] = (*SIZES,), schemes: tuple[str, ...] = SCHEMES) -> Any:
    """Ask a test of all exhibits in these looks."""
    return pytest.mark.parametrize(
        "page",
        [
            pytest.param(
                ((name, state), size, scheme),
                id=f"{name}-{state}-{size}-{scheme}",
                marks=pytest.mark.xdist_group(f"{name}-{state}-{size}"),
            )
            for name in FIGURES
            for state in exhibits(name)
            for size in sizes
            for scheme in schemes
        ],
        indirect=True,
    )


@pytest.fixture(scope="module")
def opened(browser: Browser) -> Iterator[Callable[[Exhibit, str], Page]]:
    """Open an exhibit, or find it open: the last one stays open."""
    held: dict[tuple[Exhibit, str], Page] = {}

    def leave() -> None:
        for page in held.values():
            page.context.close()
        held.clear()

    def find(exhibit: Exhibit, size: str) -> Page:
        if (exhibit, size) not in held:
            leave()
            page = open_watched(browser, "about:", width=SIZES[size])
            held[exhibit, size] = mount(page, made(exhibit), "light")
        return held[exhibit, size]

    yield find
    leave()


@pytest.fixture
def page(request: pytest.FixtureRequest, opened: Callable[[Exhibit, str], Page]) -> Page:
    """The page of an exhibit in a scheme, with ``page.exhibit`` and ``page.scheme``."""
    exhibit, size, scheme = request.param
    found = opened(exhibit, size)
    found.emulate_media(color_scheme=scheme)
    found.evaluate("(scheme) => { document.documentElement.dataset.theme = scheme; }", scheme)
    found.exhibit, found.scheme = exhibit, scheme
    return found


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_has_exhibits(name: str) -> None:
    assert exhibits(name)
    assert all(isinstance(made((name, state)), Widget) for state in exhibits(name))


@every()
def test_it_draws_asks_no_other_machine_and_complains_of_nothing(page: Page) -> None:
    assert page.locator(".anywidget-lite[data-tx-state=ready] .tx-widget").count() == 1
    assert page.locator(".tx-widget .tx-title").inner_text() == made(page.exhibit).title
    page.trace.assert_clean()


@every()
def test_it_fits_the_page(page: Page) -> None:
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('.tx-widget').scrollWidth") <= width


@every()
def test_it_has_no_serious_barrier(page: Page) -> None:
    assert serious(page) == []


@every()
def test_its_ink_is_light_where_the_page_is_dark(page: Page) -> None:
    assert page.evaluate(INK) == (page.scheme == "dark")


@every(schemes=("light",))
def test_its_state_comes_back_as_it_went(page: Page) -> None:
    figure = made(page.exhibit)
    names = shared(figure)
    want = figure.get_state(names)
    state = page.evaluate(STATE, names)
    for name, trait in figure.traits().items():
        if isinstance(trait, Tensors):
            state[name]["data"] = bytes(state[name]["data"])
            assert state[name]["data"] == want[name]["data"]
    copy = exhibits(page.exhibit[0])[page.exhibit[1]]()
    copy.set_state(state)
    assert plain(copy.get_state(names)) == plain(state)
    given = [name for name in names if not figure.trait_metadata(name, "output")]
    assert plain({n: state[n] for n in given}) == plain({n: want[n] for n in given})


@every(schemes=("light",))
def test_all_of_it_is_reached_by_keyboard(page: Page) -> None:
    page.evaluate("document.body.tabIndex = -1; document.body.focus()")
    for _ in range(1000):
        page.keyboard.press("Tab")
        if page.evaluate(TABBED) is None:
            break
    else:
        pytest.fail("the keyboard never leaves the figure")
    assert page.evaluate(TABBABLE) == []


@every(schemes=("dark",))
def test_its_folded_parts_have_no_serious_barrier(page: Page) -> None:
    for summary in page.locator(".tx-widget summary:visible").all():
        summary.click()
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


@every(sizes=("desk",), schemes=("light",))
def test_a_state_that_was_reached_by_hand_is_drawn_again(page: Page, browser: Browser) -> None:
    """The first control is moved; a new figure with the traits of then shows the same."""
    control = page.locator(FIRST_CONTROL).first
    if control.get_attribute("type") == "checkbox":
        control.click()
    else:
        before = control.input_value()
        control.focus()
        for key in ("ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp"):
            page.keyboard.press(key)
            if control.input_value() != before:
                break
    page.trace.assert_clean()
    figure = exhibits(page.exhibit[0])[page.exhibit[1]]()
    names = [n for n in shared(figure) if not isinstance(figure.traits()[n], Tensors)]
    state = page.evaluate(STATE, names)
    assert plain(state) != plain(figure.get_state(names))
    figure.set_state(state)
    other = open_watched(browser, "about:", width=SIZES["desk"])
    try:
        assert drawn(mount(other, figure, "light")) == drawn(page)
    finally:
        other.context.close()


def shared(figure: Widget) -> list[str]:
    """Return the names of the figure's own traits that the page has."""
    mine = set(figure.traits(sync=True)) - set(Widget.class_traits(sync=True)) | {"title"}
    return sorted(mine)


def plain(state: Any) -> Any:
    """Return a state in which 3.0 and 3, tuples and lists, are the same."""
    if isinstance(state, dict):
        return {str(key): plain(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [plain(value) for value in state]
    return state


def drawn(page: Page) -> str:
    """Return the words of a figure's stage: all that is written in it, but for times."""
    return re.sub(r"\s+", " ", page.locator(".tx-stage").first.text_content() or "")


def serious(page: Page) -> list[str]:
    """Return what axe-core finds serious or critical, one line for each place."""
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=AXE_FILE_PATH)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{v['id']}: {node['html'][:120]}: {node['failureSummary'][:200]}"
        for v in found["violations"]
        if v["impact"] in {"serious", "critical"}
        for node in v["nodes"]
    ]
