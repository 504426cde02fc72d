"""The layer stepper in a real browser: every step draws, and its numbers are Python's to 1e-6."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from playwright.sync_api import Page, expect
from torch.testing import assert_close

from txlite.inspect import trace_shapes
from txlite.models import Transformer, TransformerConfig
from txlite.viz.widgets.layer_stepper import LayerStepper, Walk

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
WORDS = [f"w{i}" for i in range(29)]
SOURCE, TARGET = ["je", "suis", "étudiant", "end"], ["begin", "I", "am", "a", "student"]
STATE = ["walk", "step", "head", "row"]


def stepper(norm_first: bool = True, **traits: Any) -> LayerStepper:
    torch.manual_seed(7)
    sizes = {"d_model": 16, "num_heads": 4, "d_ff": 24, "num_layers": 6}
    model = Transformer(TransformerConfig(vocab_size=29, norm_first=norm_first, **sizes)).eval()
    walks = []
    for i, source in enumerate((SOURCE, [*SOURCE, "more", "words"])):
        with trace_shapes(model, tensors=True) as trace, torch.no_grad():
            model(torch.randint(29, (1, len(source))), torch.randint(29, (1, 5)))
        walks.append(Walk(f"sentence {i}", trace, source, TARGET))
    return LayerStepper(walks, WORDS, **traits)


def place(figure: LayerStepper, block: str, kind: str) -> int:
    steps = figure.walks[0]["steps"]
    return [(step["block"], step["kind"]) for step in steps].index((block, kind))


EXHIBITS = {
    "gather": lambda: stepper(step=place(stepper(), "encoder.2.attention", "gather")),
    "softmax": lambda: stepper(step=place(stepper(), "output", "softmax")),
    "hidden": lambda: stepper(step=place(stepper(), "decoder.0.feed_forward", "hidden")),
}


def python(page: Page) -> LayerStepper:
    """The figure in the state of the page."""
    return stepper(**{name: page.evaluate(f"model.get('{name}')") for name in STATE})


def assert_weights(page: Page) -> None:
    want = python(page).weights()
    script = "boxes => boxes.map(box => Number(box.dataset.weight))"
    got = page.locator("rect[data-weight]").evaluate_all(script)
    got = torch.tensor(got, dtype=torch.float64).reshape(want.shape)
    assert_close(got, want, rtol=0, atol=1e-6)


def matrix(page: Page, number: int) -> torch.Tensor:
    script = "boxes => boxes.map(box => Number(box.dataset.value))"
    figure = page.locator(".tx-matrix").nth(number)
    return torch.tensor(figure.locator("rect[data-value]").evaluate_all(script))


@pytest.mark.parametrize(
    "block", ["encoder.0.attention", "decoder.3.attention", "decoder.5.cross_attention"]
)
def test_attention_is_computed_in_the_page(widget_page: OpenPage, block: str) -> None:
    page = widget_page(stepper(step=place(stepper(), block, "gather"), head=2))
    assert_weights(page)
    assert float(page.locator(".tx-panel").get_attribute("data-far")) < 1e-6
    page.get_by_role("button", name="3", exact=True).click()
    assert page.evaluate("model.get('head')") == 3
    assert_weights(page)
    page.get_by_label("Sentence", exact=True).select_option(index=1)
    assert_weights(page)
    page.trace.assert_clean()


def test_probabilities_are_computed_in_the_page(widget_page: OpenPage) -> None:
    figure = stepper()
    page = widget_page(stepper(step=len(figure.walks[0]["steps"]) - 1))
    for row in (4, 1):
        page.get_by_role("button", name=TARGET[row], exact=True).click()
        want = python(page).probabilities()[row]
        bars = page.locator(".tx-bar").all()
        assert len(bars) == 8
        top = want.topk(8)
        assert [bar.get_attribute("data-word") for bar in bars] == [WORDS[n] for n in top.indices]
        got = [float(bar.get_attribute("data-value")) for bar in bars]
        assert_close(torch.tensor(got, dtype=torch.float64), top.values, rtol=0, atol=1e-6)


def test_a_sum_is_computed_in_the_page(widget_page: OpenPage) -> None:
    page = widget_page(stepper(step=place(stepper(), "decoder.1.feed_forward", "add")))
    x, branch, total = (matrix(page, i) for i in range(3))
    assert_close(total, x + branch, rtol=0, atol=1e-6)
    want = python(page).tensor("sum").flatten().float()
    assert_close(total, want, rtol=0, atol=1e-6)


@pytest.mark.parametrize("norm_first", [True, False])
def test_every_step_draws(widget_page: OpenPage, norm_first: bool) -> None:
    figure = stepper(norm_first)
    page = widget_page(figure)
    count = len(figure.walks[0]["steps"])
    script = """count => {
        const found = [];
        for (let i = 0; i < count; i += 1) {
            model.set('step', i);
            const lit = document.querySelectorAll('.tx-lit');
            const drawn = document.querySelectorAll('.tx-matrix, .tx-bar').length;
            found.push([lit[0]?.dataset.block, lit.length, drawn > 0]);
        }
        return found;
    }"""
    for (block, lit, drawn), step in zip(
        page.evaluate(script, count), figure.walks[0]["steps"], strict=True
    ):
        assert (block, lit, drawn) == (step["block"], 1, True)
    expect(page.get_by_role("status")).to_contain_text(f"Step {count} of {count}: Output")
    page.trace.assert_clean()


def test_forward_back_and_by_the_diagram(widget_page: OpenPage) -> None:
    page = widget_page(stepper())
    back, following = (page.get_by_role("button", name=name) for name in ("back", "next"))
    expect(back).to_be_disabled()
    following.click()
    following.click()
    back.click()
    assert page.evaluate("model.get('step')") == 1
    page.locator('[data-block="decoder.2.cross_attention"]').click()
    want = place(stepper(), "decoder.2.cross_attention", "norm")
    assert page.evaluate("model.get('step')") == want
    expect(page.locator(".tx-heading")).to_contain_text("Decoder layer 3 of 6")
    page.get_by_label("Step").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("model.get('step')") == want + 1
    expect(page.get_by_role("group", name="Head")).to_be_visible()
