"""The sampling filters in a real browser: what is left is what Python leaves, to 1e-6."""

from collections.abc import Callable

import pytest
import torch
from playwright.sync_api import Page, expect

from txlite.viz.widgets.sampling_filters import SamplingFilters

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
TRAITS = ["scene", "temperature", "top_k", "top_p", "min_p"]


def scene(name: str, spread: float) -> dict[str, object]:
    generator = torch.Generator().manual_seed(3)
    logits = (spread * torch.randn(200, generator=generator).double()).round(decimals=4).tolist()
    return {"name": name, "words": [f"word{i}" for i in range(200)], "logits": logits}


def widget(**traits: object) -> SamplingFilters:
    return SamplingFilters(scenes=[scene("sure", 4.0), scene("unsure", 1.0)], **traits)


EXHIBITS = {"start": widget, "cut": lambda: widget(temperature=1.5, top_p=0.9)}


def assert_equals_python(page: Page) -> int:
    """All bars are Python's; return how many words are left."""
    figure = widget(**{name: page.evaluate(f"model.get('{name}')") for name in TRAITS})
    want = figure.filtered()
    logits = torch.tensor(figure.scenes[figure.scene]["logits"]).double()
    before, order = logits.softmax(-1), logits.argsort(descending=True)
    top, rest = order[:14], order[14:]
    for name, p in (("before", before), ("after", want)):
        shown = page.locator(".tx-tokens li").evaluate_all(
            f"ns => ns.map((n) => Number(n.dataset.{name}))"
        )
        assert shown == pytest.approx([*p[top].tolist(), p[rest].sum().item()], abs=1e-6)
    left = int((want > 0).sum())
    expect(page.get_by_role("status")).to_contain_text(f"{left} of 200 words are left")
    return left


def test_it_starts_with_the_models_own_distribution(widget_page: OpenPage) -> None:
    page = widget_page(widget())
    assert assert_equals_python(page) == 200
    page.trace.assert_clean()


def test_every_slider_cuts_as_python_does(widget_page: OpenPage) -> None:
    page = widget_page(widget())
    lefts = {}
    for name in ("sure", "unsure"):
        page.get_by_label("Next word of").select_option(name)
        for label, value in (
            ("Temperature", "0.4"),
            ("Temperature", "2.6"),
            ("Top-k", "7"),
            ("Top-p", "0.83"),
            ("Min-p", "0.13"),
        ):
            page.get_by_role("button", name="switch all off").click()
            page.get_by_label(label, exact=True).fill(value)
            lefts[name, label, value] = assert_equals_python(page)
        page.get_by_label("Top-p", exact=True).fill("0.83")
        page.get_by_label("Top-k", exact=True).fill("9")
        assert_equals_python(page)  # together with min-p
    assert lefts["sure", "Top-p", "0.83"] < lefts["unsure", "Top-p", "0.83"]
    assert lefts["sure", "Top-k", "7"] == lefts["unsure", "Top-k", "7"] == 7
    page.trace.assert_clean()


def test_one_word_is_always_left(widget_page: OpenPage) -> None:
    page = widget_page(widget())
    page.get_by_label("Top-p", exact=True).fill("0")
    assert assert_equals_python(page) == 1
    page.get_by_label("Min-p", exact=True).fill("1")
    assert assert_equals_python(page) == 1


def test_it_starts_where_python_says(widget_page: OpenPage) -> None:
    assert_equals_python(widget_page(widget(temperature=1.5, top_p=0.9)))
