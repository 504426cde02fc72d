"""The training explorer in a real browser: pulled by hand, and equal to Python to 1e-6."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from txlite.viz.widgets.training_explorer import TrainingExplorer

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
EXHIBITS = {"start": TrainingExplorer}
TRAITS = ["d_model", "warmup_steps", "step", "epsilon", "vocab_size", "gap"]


def assert_equals_python(page: Page) -> None:
    """What the page shows is what Python computes from the page's own state."""
    state = {name: page.evaluate(f"model.get('{name}')") for name in TRAITS}
    explorer = TrainingExplorer(**state)
    shown = page.evaluate("({...document.querySelector('.tx-widget').dataset})")
    for name, want in {**explorer.rates()._asdict(), **explorer.prediction()._asdict()}.items():
        got = float(shown[name].replace("Infinity", "inf"))
        assert got == pytest.approx(want, rel=1e-6, abs=1e-9), name


def slide(page: Page, name: str, value: str) -> None:
    page.get_by_role("slider", name=name, exact=True).fill(value)


def test_it_starts_with_pythons_numbers(widget_page: OpenPage) -> None:
    page = widget_page(TrainingExplorer())
    assert_equals_python(page)
    expect(page.locator(".te-panel").first).to_contain_text("peak 6.99 · 10⁻⁴")  # the paper's
    expect(page.get_by_role("status")).to_contain_text("not sure enough")
    page.trace.assert_clean()


def test_every_slider_moves_its_numbers(widget_page: OpenPage) -> None:
    page = widget_page(TrainingExplorer())
    moves = {"d_model": "0", "read at step": "12000", "smoothing ε": "0.2",
             "vocabulary V": "4"}  # fmt: skip
    for name, value in moves.items():
        slide(page, name, value)
        assert_equals_python(page)
    assert page.evaluate("model.get('d_model')") == 64
    assert page.evaluate("model.get('vocab_size')") == 37_000
    expect(page.locator(".te-schedule")).to_have_count(1)
    page.trace.assert_clean()


@pytest.mark.parametrize("width", [1280, 360])
def test_the_peak_is_pulled_by_hand(widget_page: OpenPage, width: int) -> None:
    page = widget_page(TrainingExplorer(), width=width)
    handle = page.get_by_role("slider", name="end of the warm-up")
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 10, steps=5)
    page.mouse.up()
    assert page.evaluate("model.get('warmup_steps')") > 6000
    assert_equals_python(page)
    handle.focus()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowLeft")
    assert_equals_python(page)


def offset(page: Page, name: str) -> tuple[float, float]:
    """Return where a handle stands on its plane, in the units of the picture."""
    place = page.get_by_role("slider", name=name).get_attribute("transform") or ""
    x, y = re.findall(r"-?[\d.]+", place)
    return float(x), float(y)


@pytest.mark.parametrize(
    ("name", "curve", "ends"),
    [("end of the warm-up", ".te-schedule", (500, 16_000)), ("gap of", ".te-loss", (-4, 16))],
)
def test_a_handle_never_leaves_its_curve(
    widget_page: OpenPage, name: str, curve: str, ends: tuple[float, float]
) -> None:
    page = widget_page(TrainingExplorer())
    handle = page.get_by_role("slider", name=name)

    def on_curve() -> bool:
        """Whether the handle stands where a new figure with these traits would put it."""
        return bool(
            page.evaluate(
                """([curve, [x, y]]) => {
                    const drawn = document.querySelector(`${curve} .te-paper`);
                    const point = drawn.ownerSVGElement.createSVGPoint();
                    [point.x, point.y] = [x, y];
                    let least = Infinity;
                    for (let at = 0; at <= drawn.getTotalLength(); at += 0.5) {
                        const p = drawn.getPointAtLength(at);
                        least = Math.min(least, Math.hypot(p.x - x, p.y - y));
                    }
                    return least < 1.5;
                }""",
                [curve, offset(page, name)],
            )
        )

    handle.evaluate("node => node.scrollIntoView({ block: 'center' })")
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for up in (-60, 60, -30):
        page.mouse.move(x + 1, y + up, steps=3)
        assert on_curve()
    page.mouse.up()
    for key in ("ArrowUp", "Shift+ArrowUp", "ArrowDown", "PageUp", "Home", "End", "ArrowLeft"):
        page.keyboard.press(key)
        assert on_curve(), key
        if key in ("Home", "End"):
            want = ends[key == "End"]
            assert float(handle.get_attribute("aria-valuenow") or "nan") == want
    assert handle.get_attribute("aria-valuemin") == str(ends[0])
    assert handle.get_attribute("aria-valuemax") == str(ends[1])
    assert_equals_python(page)


def test_the_valley_has_a_bottom_only_with_smoothing(widget_page: OpenPage) -> None:
    page = widget_page(TrainingExplorer(vocab_size=10))
    handle = page.get_by_role("slider", name="gap of the prediction")
    handle.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("model.get('gap')") == pytest.approx(4.5)
    expect(page.get_by_role("status")).to_contain_text("sure enough, the bottom")
    assert_equals_python(page)
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.get_by_role("status")).to_contain_text("too sure")
    assert_equals_python(page)
    slide(page, "smoothing ε", "0")
    expect(page.get_by_role("status")).to_contain_text("without smoothing")
    expect(page.locator(".te-best")).to_be_hidden()
    assert_equals_python(page)
    page.trace.assert_clean()
