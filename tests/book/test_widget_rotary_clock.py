"""The rotary clock in a real browser: moved by hand, and equal to Python to 1e-6."""

import json
from collections.abc import Callable

import pytest
import torch
from playwright.sync_api import Page, expect
from torch.testing import assert_close

from txlite.viz.widgets.rotary_clock import LAST, RotaryClock, clock_scene

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
EXHIBITS = {"start": RotaryClock}
TRAITS = ["scenes", "scene", "i", "j", "backwards"]


def numbers(values: list[str]) -> torch.Tensor:
    return torch.tensor([json.loads(v) for v in values], dtype=torch.float64)


def shown(page: Page, selector: str, name: str) -> torch.Tensor:
    return numbers([x.get_attribute(f"data-{name}") for x in page.locator(selector).all()])


def score(page: Page) -> float:
    return shown(page, '[data-name="score"]', "value").item()


def assert_equals_python(page: Page) -> None:
    """What the page shows is what Python computes from the page's own state."""
    state = {name: page.evaluate(f"model.get('{name}')") for name in TRAITS}
    want = RotaryClock(**state).calculate()
    close = {"rtol": 0, "atol": 1e-6}
    assert_close(shown(page, ".tx-dial", "query"), want.query, **close)
    assert_close(shown(page, ".tx-dial", "key"), want.key, **close)
    assert_close(shown(page, '[data-name="product"]', "value"), want.products, **close)
    assert_close(shown(page, ".tx-curve", "values")[0], want.curve, **close)
    assert score(page) == pytest.approx(want.score, abs=1e-6)


def positions(page: Page) -> list[int]:
    return page.evaluate("[model.get('i'), model.get('j')]")


def test_it_starts_with_pythons_numbers(widget_page: OpenPage) -> None:
    page = widget_page(RotaryClock())
    assert_equals_python(page)
    status = page.get_by_role("status")
    expect(status).to_contain_text("The key stands 3 positions before the query")
    page.trace.assert_clean()


@pytest.mark.parametrize("scene", [0, 1, 2])
def test_shifting_both_turns_every_hand_and_leaves_the_score(
    widget_page: OpenPage, scene: int
) -> None:
    page = widget_page(RotaryClock(scene=scene))
    before = score(page), shown(page, ".tx-dial", "gap"), shown(page, ".tx-curve", "values")
    hands = shown(page, ".tx-dial", "query")
    for by in ("+10", "+10", "+1", "−1", "+10"):
        page.get_by_role("button", name=f"shift both by {by}", exact=True).click()
    assert positions(page) == [42, 39]
    assert score(page) == pytest.approx(before[0], abs=1e-9)
    gaps = shown(page, ".tx-dial", "gap")
    assert_close(gaps.cos(), before[1].cos(), rtol=0, atol=1e-9)
    assert_close(shown(page, ".tx-curve", "values"), before[2], rtol=0, atol=1e-9)
    assert not torch.allclose(shown(page, ".tx-dial", "query"), hands, atol=0.01)
    assert_equals_python(page)


def test_both_stop_together_at_the_ends(widget_page: OpenPage) -> None:
    page = widget_page(RotaryClock(i=55, j=50))
    page.get_by_role("button", name="shift both by +10").click()
    assert positions(page) == [LAST, LAST - 5]
    for _ in range(7):
        page.get_by_role("button", name="shift both by −10").click()
    assert positions(page) == [5, 0]


def test_arrow_keys_move_one_word(widget_page: OpenPage) -> None:
    page = widget_page(RotaryClock(scene=2))
    before = score(page)
    key = page.get_by_role("slider", name="position of the key")
    key.focus()
    for stroke in ("ArrowRight", "ArrowRight", "Shift+ArrowRight"):
        page.keyboard.press(stroke)
    assert positions(page) == [12, 21]
    expect(key).to_have_attribute("aria-valuetext", "position 21")
    expect(key).to_be_focused()
    assert score(page) != pytest.approx(before, abs=1e-3)
    expect(page.get_by_role("status")).to_contain_text("9 positions after the query")
    assert_equals_python(page)


@pytest.mark.parametrize("width", [360, 1280])
def test_the_pointer_drags_the_query_and_the_distance(widget_page: OpenPage, width: int) -> None:
    page = widget_page(RotaryClock(), width=width)
    for name, by in (("position of the query", 60), ("distance on the curve", -25)):
        before = positions(page)
        handle = page.get_by_role("slider", name=name)
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + by, y + 3, steps=4)
        page.mouse.up()
        assert positions(page) != before
        assert_equals_python(page)
    assert positions(page)[0] > 12


def test_backwards_the_score_does_not_stay(widget_page: OpenPage) -> None:
    page = widget_page(RotaryClock(scene=2))
    page.get_by_label("turn the key backwards").check()
    assert_equals_python(page)
    before = score(page)
    page.get_by_role("button", name="shift both by +1", exact=True).click()
    assert score(page) != pytest.approx(before, abs=1e-3)
    expect(page.get_by_role("status")).to_contain_text("the score does not stay")
    assert_equals_python(page)
    page.get_by_role("button", name="Start again").click()
    expect(page.get_by_label("turn the key backwards")).not_to_be_checked()
    assert positions(page) == [12, 9]


def test_other_vectors_get_dials_of_their_own(widget_page: OpenPage) -> None:
    wide = clock_scene(
        "wide", torch.linspace(-1, 1, 16), torch.linspace(2, -1, 16), 10_000.0, trained=31
    )
    page = widget_page(RotaryClock(scenes=[*RotaryClock().scenes, wide]))
    page.get_by_label("Query and key").select_option(label="wide")
    expect(page.locator(".tx-dial")).to_have_count(8)
    expect(page.locator(".tx-trained")).to_have_count(1)
    assert_equals_python(page)
    page.get_by_label("Query and key").select_option(label="a head that looks three positions back")
    expect(page.locator(".tx-dial")).to_have_count(4)
    expect(page.locator(".tx-trained")).to_have_count(0)
    assert score(page) == pytest.approx(2**0.5, abs=1e-3)  # it does
    assert_equals_python(page)
    page.trace.assert_clean()
