"""The cross-attention viewer in a real browser: moved by hand, and equal to Python to 1e-6."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from playwright.sync_api import Page, expect
from torch.testing import assert_close

from txlite.viz.widgets.cross_viewer import CrossViewer, Study, Variant

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
TRAITS = ["sentence", "visible", "step"]
PAIRS = [
    (["我", "吃", "苹果", "</s>", ""], ["I", "eat", "the", "apple", "</s>"]),
    (["今天", "他", "在公园", "来", "</s>"], ["he", "comes", "in the park", "today", "</s>"]),
]


def study(source: list[str], target: list[str], seed: int) -> Study:
    """Numbers at random; what is written depends on how much is visible."""
    draw, variants = torch.Generator().manual_seed(seed), []
    for n in range(2 ** len(source)):
        open_ = torch.tensor([bool(n >> i & 1) for i in range(len(source))])
        count = int(open_.sum())
        said = target if count > 3 else ["the", "cat", "</s>"]
        scores = torch.randn(len(said), len(source), generator=draw).masked_fill(~open_, -1e9)
        weights = scores.softmax(-1) * open_
        top = torch.rand(len(said), 3, generator=draw).sort(descending=True).values
        options = [[word, "cat", "dog"] for word in said]
        variants.append(Variant(said, weights, options, top))
    return Study(source, [bool(word) for word in source], variants)


def viewer(**traits: Any) -> CrossViewer:
    return CrossViewer([study(*pair, seed) for seed, pair in enumerate(PAIRS)], **traits)


EXHIBITS = {
    "first": lambda: viewer(sentence=0),
    "second": lambda: viewer(sentence=1),
    "covered": lambda: viewer(visible=0b01011),
}


def read(page: Page, selector: str) -> torch.Tensor:
    script = "nodes => nodes.map(node => Number(node.dataset.value))"
    return torch.tensor(page.locator(selector).evaluate_all(script), dtype=torch.float64)


def assert_equals_python(page: Page) -> None:
    """What the page shows is what Python has for the page's own state."""
    state = {name: page.evaluate(f"model.get('{name}')") for name in TRAITS}
    want, close = viewer(**state).shown(), {"rtol": 0, "atol": 1e-6}
    assert page.locator(".cv-said").all_text_contents() == [*want.target]
    assert_close(read(page, ".cv-cell").reshape(want.weights.shape), want.weights, **close)
    step = min(state["step"], len(want.target) - 1)
    assert_close(read(page, ".cv-option"), want.probabilities[step], **close)


def test_it_starts_with_pythons_numbers(widget_page: OpenPage) -> None:
    page = widget_page(viewer())
    assert_equals_python(page)
    expect(page.get_by_role("status")).to_contain_text("“I eat the apple” (all words visible)")
    page.trace.assert_clean()


def test_a_word_is_covered_by_the_keyboard_and_shown_again(widget_page: OpenPage) -> None:
    page = widget_page(viewer())
    button = page.get_by_role("button", name="苹果, may be seen")
    button.focus()
    page.keyboard.press("Space")
    assert page.evaluate("model.get('visible')") == 0b01011
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_role("status")).to_contain_text("“the cat” (covered: 苹果)")
    assert page.locator(".cv-written mark").all_text_contents() == ["cat"]
    assert_equals_python(page)
    page.keyboard.press("Space")
    assert page.evaluate("model.get('visible')") == 0b01111
    assert_equals_python(page)


def test_padding_can_be_read_by_mistake(widget_page: OpenPage) -> None:
    page = widget_page(viewer())
    page.get_by_role("button", name="padding, may be seen").click()
    assert page.evaluate("model.get('visible')") == 0b11111
    expect(page.get_by_role("status")).to_contain_text("as if it were a word")
    assert_equals_python(page)
    page.get_by_role("button", name="as it should be").click()
    assert page.evaluate("model.get('visible')") == 0b01111


def test_everything_is_covered(widget_page: OpenPage) -> None:
    page = widget_page(viewer())
    page.get_by_role("button", name="cover everything").click()
    assert page.evaluate("model.get('visible')") == 0
    assert (read(page, ".cv-cell") == 0).all()
    expect(page.get_by_role("button", name="cover everything")).to_be_disabled()
    assert_equals_python(page)


def test_a_step_is_chosen_and_another_sentence(widget_page: OpenPage) -> None:
    page = widget_page(viewer())
    page.get_by_role("button", name="apple", exact=True).click()
    assert page.evaluate("model.get('step')") == 3
    assert_equals_python(page)
    expect(page.get_by_text("Instead of “apple”")).to_be_visible()
    page.get_by_label("Sentence").select_option(index=1)
    assert page.evaluate("[model.get('step'), model.get('visible')]") == [0, 31]
    assert_equals_python(page)
