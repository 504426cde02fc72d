"""The head viewer in a real browser: moved by hand, and equal to Python to 1e-6."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from playwright.sync_api import Page, expect
from torch.testing import assert_close

from txlite.data.roles import MAX_LEN, QUESTIONS, Sentence, Vocabulary
from txlite.viz.widgets.head_viewer import HeadViewer, ReaderWeights

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
VOCABULARY = Vocabulary()
TRAITS = ["example", "reader", "sentence", "silenced"]
EXAMPLES = [
    Sentence(("我", "吃", "苹果"), 1, (0, None, 2, None, None, None), "zh"),
    Sentence(
        ("the", "old", "dog", "sees", "the", "small", "cat", "in the park"),
        3, (2, 1, 6, 5, None, 7), "en",
    ),
    Sentence(("he", "says", "that", "she", "does", "not", "come"), 6, (3, *[None] * 5), "en"),
]  # fmt: skip


def random_weights(seed: int, d_model: int = 16) -> ReaderWeights:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator) / shape[-1] ** 0.25

    q = len(QUESTIONS) * d_model
    square = (d_model, d_model)
    sizes = [(len(VOCABULARY), d_model), (MAX_LEN, d_model), *[square] * 4, (q, d_model), (q,)]
    return ReaderWeights(*(draw(*size) for size in sizes))


def viewer(**traits: Any) -> HeadViewer:
    readers = [(1, random_weights(1)), (8, random_weights(8))]
    groups = [group for language in ("zh", "en") for group in VOCABULARY.groups(language)]
    return HeadViewer(readers, VOCABULARY.words, QUESTIONS, EXAMPLES, groups, **traits)


EXHIBITS = {
    "wide": lambda: viewer(reader=0, example=1),
    "heads": lambda: viewer(reader=1, example=1),
    "silenced": lambda: viewer(reader=1, example=1, silenced=[2]),
}


def grid(page: Page, kind: str, num_heads: int) -> torch.Tensor:
    script = "cells => cells.map(cell => Number(cell.dataset.value))"
    values = page.locator(f'td[data-kind="{kind}"]').evaluate_all(script)
    return torch.tensor(values, dtype=torch.float64).unflatten(0, (-1, num_heads))


def assert_equals_python(page: Page) -> None:
    """What the page shows is what Python computes from the page's own state."""
    state = {name: page.evaluate(f"model.get('{name}')") for name in TRAITS}
    figure = viewer(**state)
    want, num_heads = figure.read(), figure.heads[state["reader"]]
    close = {"rtol": 0, "atol": 1e-6}
    assert_close(grid(page, "weight", num_heads), want.weights.T, **close)
    assert_close(grid(page, "vote", num_heads), want.votes, **close)
    rows = page.locator("tr[data-question]").all()
    sure = [float(row.get_attribute("data-probability")) for row in rows]
    top = want.probabilities.max(-1)
    assert_close(torch.tensor(sure, dtype=torch.float64), top.values, **close)
    answers = [row.get_attribute("data-answer") for row in rows]
    assert answers == [VOCABULARY.words[number] for number in top.indices]


def test_it_starts_with_pythons_numbers(widget_page: OpenPage) -> None:
    page = widget_page(viewer(reader=1))
    assert_equals_python(page)
    expect(page.get_by_role("status")).to_contain_text("我吃苹果: understood as")
    page.trace.assert_clean()


def test_a_head_is_switched_off_and_on_by_the_keyboard(widget_page: OpenPage) -> None:
    page = widget_page(viewer(reader=1))
    full = grid(page, "vote", 8)
    box = page.get_by_role("checkbox", name="head 3 on")
    box.focus()
    page.keyboard.press("Space")
    assert page.evaluate("model.get('silenced')") == [3]
    expect(box).to_be_focused()
    assert (grid(page, "vote", 8)[:, 3] == 0).all()
    assert_equals_python(page)
    page.keyboard.press("Space")
    assert_close(grid(page, "vote", 8), full, rtol=0, atol=0)


def test_another_sentence_and_the_other_reader(widget_page: OpenPage) -> None:
    page = widget_page(viewer(reader=1, silenced=[0, 5]))
    assert_equals_python(page)
    page.get_by_label("Sentence").select_option(index=1)
    assert page.evaluate("model.get('silenced')") == []
    assert_equals_python(page)
    page.get_by_role("button", name="one wide head").click()
    assert page.get_by_role("checkbox").count() == 1
    assert_equals_python(page)


def test_who_and_whom_change_places(widget_page: OpenPage) -> None:
    page = widget_page(viewer(reader=1))
    button = page.get_by_role("button", name="swap who and whom")
    button.click()
    assert page.evaluate("model.get('sentence')") == ["苹果", "吃", "我"]
    expect(page.get_by_label("word 1", exact=True)).to_have_value("苹果")
    assert_equals_python(page)
    button.click()
    assert page.evaluate("model.get('sentence')") == ["我", "吃", "苹果"]
    page.get_by_label("Sentence").select_option(index=2)  # she comes, and nobody is come to
    expect(button).to_be_disabled()


def test_a_word_is_exchanged_and_everything_undone(widget_page: OpenPage) -> None:
    page = widget_page(viewer(reader=1))
    page.get_by_label("word 3").select_option("猫")
    assert page.evaluate("model.get('sentence')") == ["我", "吃", "猫"]
    assert_equals_python(page)
    page.get_by_role("checkbox", name="head 0 on").uncheck()
    page.get_by_role("button", name="undo all").click()
    assert page.evaluate("[model.get('sentence'), model.get('silenced')]") == [
        ["我", "吃", "苹果"],
        [],
    ]
    assert_equals_python(page)


def test_a_head_in_focus_is_followed_alone(widget_page: OpenPage) -> None:
    page = widget_page(viewer(reader=1))
    page.get_by_role("checkbox", name="head 2 on").focus()
    assert page.locator("td.tx-focused").count() == 3 + len(QUESTIONS)
    top = viewer(reader=1).read().weights[2].argmax()
    word = EXAMPLES[0].words[top]
    expect(page.get_by_role("status")).to_contain_text(f"Head 2 looks most at {word} (")
    page.get_by_label("word 1", exact=True).focus()
    assert page.locator("td.tx-focused").count() == 0
    expect(page.get_by_role("status")).to_contain_text("understood as")
