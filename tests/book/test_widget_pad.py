"""The sheet that figures draw on, in a real browser: what a hand draws, and the numbers of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from torch import Tensor
from torch.testing import assert_close

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
MODULE = """
import traitlets
from txlite.viz.widgets.base import Widget

class Sheet(Widget):
    title = traitlets.Unicode("A sheet").tag(sync=True)
    drawing = traitlets.Unicode().tag(sync=True, choice=True)
    inks = traitlets.List(traitlets.Dict()).tag(sync=True)
    uses = ("pad",)
"""
SCRIPT = """
const render = ({ model, el }) => {
  window.tx = tx;
  const { stage, status, watch } = tx.frame(el, model);
  window.told = [];
  const inks = model.get("inks");
  const pad = tx.pad({
    label: "Sheet", inks: inks.length ? inks : null, paper: inks.length ? "#ffffff" : null,
    oninput: (drawing) => { window.told.push(drawing); tx.push(model, { drawing }); },
  });
  window.pad = pad;
  stage.append(pad.root);
  return watch(() => {
    pad.value = model.get("drawing");
    status(`${tx.strokes(pad.value).length} strokes`);
  });
};
export default { render };
"""
INKS = [
    {"name": "red", "color": "#ff0000"},
    {"name": "sea", "color": "#008066"},
    {"name": "paper", "color": "#ffffff"},
]
PEN = 22


@pytest.fixture(scope="module")
def sheet(make_figure: Callable[..., Any]) -> Any:
    return make_figure("Sheet", MODULE, SCRIPT)


def strokes(text: str) -> list[tuple[int, list[tuple[int, int]]]]:
    """Read a drawing: its strokes, each an ink and points."""
    found = []
    for part in text.split(".") if text else []:
        numbers = [int(part[i : i + 2], 16) for i in range(1, len(part), 2)]
        found.append((int(part[0], 16), list(zip(numbers[::2], numbers[1::2], strict=True))))
    return found


def inked(text: str, side: int, pen: float = PEN) -> Tensor:
    """Return which ink is at each pixel of a sheet of ``side`` pixels: 0 is none."""
    zoom = side / 256
    y, x = torch.meshgrid(*[torch.arange(side, dtype=torch.float64) + 0.5] * 2, indexing="ij")
    found = torch.zeros(side, side, dtype=torch.long)
    for ink, points in strokes(text):
        ends = [torch.tensor([(v + 0.5) * zoom for v in p], dtype=torch.float64) for p in points]
        for a, b in zip([ends[0], *ends], ends, strict=False):
            way = b - a
            t = ((x - a[0]) * way[0] + (y - a[1]) * way[1]) / (way @ way).clamp(min=1e-30)
            t = t.clamp(0, 1)
            off = (x - a[0] - t * way[0]) ** 2 + (y - a[1] - t * way[1]) ** 2
            found[off <= (pen * zoom / 2) ** 2] = ink + 1
    return found


def averaged(pixels: Tensor, n: int) -> Tensor:
    """Return the mean over each of n × n squares."""
    fine = len(pixels) // n
    return pixels.double().unflatten(0, (n, fine)).unflatten(2, (n, fine)).mean((1, 3))


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Return where a share of the sheet's side is on the page."""
    box = page.locator(".tx-sheet").bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def drag(page: Page, *points: tuple[float, float]) -> None:
    page.mouse.move(*at(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*at(page, *point), steps=4)
    page.mouse.up()


DRAWING = "04080a0c0.1f010a8c8.0ffff.220206060"


@pytest.mark.parametrize("n", [8, 24, 32])
def test_the_numbers_of_a_drawing_are_the_means_over_its_squares(
    widget_page: OpenPage, sheet: Any, n: int
) -> None:
    page = widget_page(sheet(drawing=DRAWING))
    fine = inked(DRAWING, n * -(-128 // n))
    shares = torch.tensor(
        page.evaluate("([d, n]) => Array.from(tx.inkShares(d, n))", [DRAWING, n]),
        dtype=torch.float64,
    )
    assert_close(shares.view(n, n), averaged(fine > 0, n), rtol=0, atol=1e-12)
    given = [DRAWING, n, {"inks": INKS, "paper": "#ffffff"}]
    found = page.evaluate("([d, n, more]) => Array.from(tx.inkColours(d, n, more))", given)
    colours = torch.tensor(found, dtype=torch.float64).view(n, n, 3)
    shades = torch.tensor([[1, 1, 1], [1, 0, 0], [0, 128 / 255, 0.4], [1, 1, 1]]).double()
    want = torch.stack([averaged(shades[fine][..., c], n) for c in range(3)], dim=-1)
    assert_close(colours, want, rtol=0, atol=1e-6)
    assert shares.sum() > 0
    page.trace.assert_clean()


def test_what_a_pointer_draws_is_a_stroke_from_press_to_release(
    widget_page: OpenPage, sheet: Any
) -> None:
    page = widget_page(sheet())
    drag(page, (0.25, 0.25), (0.75, 0.25), (0.75, 0.75))
    drag(page, (0.5, 0.9))  # a dot
    (one, dot) = strokes(page.evaluate("model.get('drawing')"))
    assert (one[1][0], one[1][-1]) == ((64, 64), (192, 192))
    assert (192, 64) in one[1]
    assert dot == (0, [(128, 230)])
    assert page.evaluate("told.at(-1)") == page.evaluate("model.get('drawing')")
    assert page.locator(".tx-strokes path").count() == 2
    page.get_by_role("button", name="undo").click()
    assert strokes(page.evaluate("model.get('drawing')")) == [one]
    page.mouse.move(*at(page, 0.1, 0.1))  # no button is down
    page.mouse.move(*at(page, 0.2, 0.2))
    assert strokes(page.evaluate("model.get('drawing')")) == [one]
    page.get_by_role("button", name="clear").click()
    assert page.evaluate("model.get('drawing')") == ""
    expect(page.locator(".tx-sheet")).to_be_focused()  # the button is off now
    page.trace.assert_clean()


def test_a_finger_draws_and_the_page_stays_where_it_is(browser: Any, sheet: Any) -> None:
    from browsing import Trace, mount

    context = browser.new_context(has_touch=True, viewport={"width": 360, "height": 500})
    page = context.new_page()
    page.trace = Trace()
    page.trace.watch(page, "about:")
    try:
        mount(page, sheet(), "light")
        page.evaluate("document.body.style.paddingBottom = '2000px'")
        before = page.evaluate("scrollY")
        client = context.new_cdp_session(page)
        for kind, points in [
            ("touchStart", [(0.3, 0.8)]),
            ("touchMove", [(0.3, 0.5)]),
            ("touchMove", [(0.3, 0.2)]),
            ("touchEnd", []),
        ]:
            told = [dict(zip("xy", at(page, *p), strict=True)) for p in points]
            client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": told})
        page.wait_for_function("model.get('drawing') !== ''")
        (line,) = strokes(page.evaluate("model.get('drawing')"))
        assert line[1][0][1] > 200
        assert line[1][-1][1] < 60
        assert page.evaluate("scrollY") == before
        page.trace.assert_clean()
    finally:
        context.close()


def test_all_of_it_is_done_by_keyboard(widget_page: OpenPage, sheet: Any) -> None:
    page = widget_page(sheet())
    pad = page.locator(".tx-sheet")
    page.keyboard.press("Tab")
    expect(pad).to_be_focused()
    assert page.locator(".tx-cursor").evaluate("(n) => getComputedStyle(n).display") == "block"
    page.keyboard.press("Home")
    page.keyboard.press("PageUp")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+End")
    middle = lambda n: 16 * n + 8  # noqa: E731
    dot, line = strokes(page.evaluate("model.get('drawing')"))
    assert dot == (0, [(8, 8)])
    corners = [(1, 1), (2, 1), (2, 2), (15, 2)]
    assert line == (0, [(middle(x), middle(y)) for x, y in corners])
    expect(page.locator(".tx-unseen")).to_have_text("row 3, column 16, painted")
    page.keyboard.press("Backspace")
    assert strokes(page.evaluate("model.get('drawing')")) == [dot]
    expect(page.locator(".tx-unseen")).to_have_text("row 3, column 16")
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    assert page.evaluate("model.get('drawing')") == ""
    expect(pad).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")  # the edge
    page.keyboard.press("Space")
    assert strokes(page.evaluate("model.get('drawing')")) == [(0, [(248, middle(2))])]
    page.trace.assert_clean()


def test_colours_are_chosen_and_the_papers_own_erases(widget_page: OpenPage, sheet: Any) -> None:
    page = widget_page(sheet(inks=INKS))
    drag(page, (0.1, 0.5), (0.9, 0.5))
    page.get_by_role("button", name="sea").click()
    drag(page, (0.5, 0.1), (0.5, 0.4))
    page.get_by_role("button", name="paper").press("Enter")
    drag(page, (0.1, 0.5), (0.9, 0.5))
    found = strokes(page.evaluate("model.get('drawing')"))
    assert [ink for ink, _ in found] == [0, 1, 2]
    pressed = page.locator(".tx-swatch").evaluate_all("ns => ns.map((n) => n.ariaPressed)")
    assert pressed == ["false", "false", "true"]
    given = [page.evaluate("pad.value"), 4, {"inks": INKS, "paper": "#ffffff"}]
    colours = page.evaluate("([d, n, more]) => Array.from(tx.inkColours(d, n, more))", given)
    redness = [colours[i] - colours[i + 1] for i in range(0, len(colours), 3)]
    assert min(redness) < -0.05  # the sea is left
    assert max(redness) <= 1e-9  # and no red
    page.trace.assert_clean()


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("x", 0), ("0123", 0), ("04080.zz.9", 1), ("....", 0), ("0ffff.1e9", 1), ("null", 0)],
)
def test_what_cannot_be_read_draws_nothing_and_breaks_nothing(
    widget_page: OpenPage, sheet: Any, text: str, count: int
) -> None:
    page = widget_page(sheet(drawing=text))
    assert page.locator(".tx-strokes path").count() == count
    assert page.evaluate("(t) => tx.drawing(tx.strokes(t))", DRAWING) == DRAWING
    assert json.loads(page.evaluate("JSON.stringify(Array.from(tx.inkShares('', 4)))")) == [0] * 16
    page.trace.assert_clean()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_sheet_has_no_barrier(widget_page: OpenPage, sheet: Any, scheme: str) -> None:
    page = widget_page(sheet(drawing=DRAWING, inks=INKS), scheme=scheme, width=360)
    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in {"serious", "critical"}] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
