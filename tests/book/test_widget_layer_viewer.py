"""The layer viewer in a real browser: moved by hand, and equal to Python to 1e-6."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from playwright.sync_api import Page, expect
from torch.testing import assert_close

from txlite.viz.widgets.layer_viewer import LayerViewer, Reading

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
TRAITS = ["text", "word", "layer", "residual"]
STORIES = [
    "小红 在 学校 。 小猫 跟着 小红 。 小明 在 家 。 他 说 她 没 来 。",
    "小明 在 家 。 王芳 在 海边 。 她 说 他 没 来 。",
]
PLACES = ["家", "学校", "海边"]


def viewer(**traits: Any) -> LayerViewer:
    draw, readings = torch.Generator().manual_seed(8), []
    for story in STORIES:
        words = story.split()
        maps = (2 * torch.randn(4, len(words), len(words), generator=draw)).softmax(-1)
        told = torch.randn(5, len(words), 3, generator=draw).softmax(-1)
        readings.append(Reading(words, f"A story of {len(words)} words.", maps, told))
    return LayerViewer(readings, PLACES, **traits)


EXHIBITS = {"pronoun": lambda: viewer(word=14)}


def read(page: Page, selector: str, value: str) -> torch.Tensor:
    script = f"nodes => nodes.map(node => Number(node.dataset.{value}))"
    return torch.tensor(page.locator(selector).evaluate_all(script), dtype=torch.float64)


def assert_equals_python(page: Page) -> None:
    """What the page shows is what Python computes from the page's own state."""
    state = {name: page.evaluate(f"model.get('{name}')") for name in TRAITS}
    want, close = viewer(**state).gather(), {"rtol": 0, "atol": 1e-6}
    assert_close(read(page, ".lv-dot", "value").reshape(want.shares.shape), want.shares, **close)
    assert_close(read(page, ".lv-word", "share"), want.shares[0], **close)
    assert_close(read(page, ".lv-answer", "value"), want.answers, **close)


def test_it_starts_with_pythons_numbers(widget_page: OpenPage) -> None:
    page = widget_page(viewer(word=14))
    assert_equals_python(page)
    expect(page.get_by_role("status")).to_contain_text("她, after layer 4")
    page.trace.assert_clean()


def test_a_word_is_chosen_by_the_keyboard(widget_page: OpenPage) -> None:
    page = widget_page(viewer())
    button = page.get_by_role("button").filter(has_text="小猫")
    button.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("model.get('word')") == 4
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button).to_be_focused()
    assert_equals_python(page)


def test_the_layer_moves_and_the_straight_way_is_left_out(widget_page: OpenPage) -> None:
    page = widget_page(viewer(word=12))
    slider = page.get_by_label("after layer")
    slider.focus()
    for layer in (3, 2, 1, 0):
        page.keyboard.press("ArrowLeft")
        assert page.evaluate("model.get('layer')") == layer
        assert_equals_python(page)
    expect(page.get_by_role("status")).to_contain_text("it is still only itself")
    page.keyboard.press("End")
    page.get_by_label("half goes straight on").uncheck()
    assert page.evaluate("model.get('residual')") is False
    assert_equals_python(page)


def test_another_story_begins_with_its_last_pronoun(widget_page: OpenPage) -> None:
    page = widget_page(viewer(word=12))
    page.get_by_label("Story").select_option(index=1)
    assert page.evaluate("model.get('word')") == 10
    assert page.locator(".lv-word").count() == 14
    expect(page.get_by_text("A story of 14 words.")).to_be_visible()
    assert_equals_python(page)
