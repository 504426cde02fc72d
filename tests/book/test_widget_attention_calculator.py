"""The attention calculator in a real browser: moved by hand, and equal to Python to 1e-6."""

import json
from collections.abc import Callable

import pytest
import torch
from playwright.sync_api import Page, expect
from torch.testing import assert_close

from txlite.viz.widgets.attention_calculator import AttentionCalculator

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
EXHIBITS = {"start": AttentionCalculator}
TRAITS = ["asks", "asked", "query", "key", "value", "d_k", "scaled", "chosen"]


def shown(page: Page, name: str) -> list[float]:
    cells = page.locator(f'[data-name="{name}"]').all()
    return [json.loads(cell.get_attribute("data-value")) for cell in cells]


def assert_equals_python(page: Page) -> None:
    """What the page shows is what Python computes from the page's own state."""
    state = {name: page.evaluate(f"model.get('{name}')") for name in TRAITS}
    want = AttentionCalculator(**state).calculate()
    rows = page.locator(".tx-map tbody tr").all()
    cells = [[c.get_attribute("data-value") for c in row.locator("td").all()] for row in rows]
    close = {"rtol": 0, "atol": 1e-6}
    table = torch.tensor([[float(x) for x in row] for row in cells], dtype=torch.float64)
    assert_close(table, want.weights, **close)
    i = state["chosen"]
    for name, row in [("product", want.products), ("score", want.scores), ("weight", want.weights)]:
        assert_close(torch.tensor(shown(page, name), dtype=torch.float64), row[i], **close)
    assert_close(
        torch.tensor(shown(page, "output")[0], dtype=torch.float64), want.output[i], **close
    )


def test_it_starts_with_pythons_numbers(widget_page: OpenPage) -> None:
    page = widget_page(AttentionCalculator())
    assert_equals_python(page)
    expect(page.get_by_role("status")).to_contain_text("“I” attends to Je 77 %")
    page.trace.assert_clean()


def test_keys_on_the_keyboard_move_a_key(widget_page: OpenPage) -> None:
    page = widget_page(AttentionCalculator())
    before = shown(page, "weight")
    handle = page.get_by_role("slider", name="key of suis")
    handle.focus()
    for stroke in ["ArrowRight", "Shift+ArrowRight", "ArrowDown"]:
        page.keyboard.press(stroke)
    assert page.evaluate("model.get('key')[1]") == [1.1, 1.9]
    assert shown(page, "weight") != before
    expect(handle).to_be_focused()
    assert_equals_python(page)


@pytest.mark.parametrize("width", [360, 1280])
def test_the_pointer_drags_a_query_and_chooses_it(widget_page: OpenPage, width: int) -> None:
    page = widget_page(AttentionCalculator(), width=width)
    box = page.get_by_role("slider", name="query of am").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y + 45, steps=4)
    page.mouse.up()
    moved = page.evaluate("model.get('query')[1]")
    assert moved[0] > 0.4
    assert moved[1] < 0.3
    assert page.evaluate("model.get('chosen')") == 1
    assert_equals_python(page)


def test_a_value_changes_the_output_and_no_weight(widget_page: OpenPage) -> None:
    page = widget_page(AttentionCalculator())
    weights, output = shown(page, "weight"), shown(page, "output")
    page.get_by_role("slider", name="value of Je").focus()
    page.keyboard.press("Shift+ArrowUp")
    assert shown(page, "weight") == weights
    assert shown(page, "output") != output
    assert_equals_python(page)


def test_width_and_scale(widget_page: OpenPage) -> None:
    page = widget_page(AttentionCalculator())
    page.get_by_role("slider", name="d_k").fill("4")
    assert page.evaluate("model.get('d_k')") == 512
    assert_equals_python(page)
    calm = max(shown(page, "weight"))
    page.get_by_label("divide by √d_k").uncheck()
    assert_equals_python(page)
    assert max(shown(page, "weight")) > max(0.99, calm)
    page.get_by_role("button", name="Start again").click()
    expect(page.get_by_label("divide by √d_k")).to_be_checked()
    assert page.evaluate("model.get('d_k')") == 2
    assert_equals_python(page)


def test_other_words_in_any_script(widget_page: OpenPage) -> None:
    page = widget_page(AttentionCalculator(chosen=3))
    asks = page.get_by_label("Who asks")
    asks.fill("我爱中国人民吗呢")
    assert page.evaluate("model.get('asks')") == list("我爱中国人民")  # at most six
    expect(asks).to_be_focused()
    asks.fill("我 爱")
    assert page.evaluate("[model.get('asks'), model.get('chosen')]") == [["我", "爱"], 1]
    page.get_by_label("Who is asked").fill("   ")  # nothing: the words stay
    assert page.evaluate("model.get('asked')") == ["Je", "suis", "étudiant"]
    assert_equals_python(page)
    page.trace.assert_clean()


def test_the_examples_say_what_their_names_promise(widget_page: OpenPage) -> None:
    page = widget_page(AttentionCalculator())
    examples = page.get_by_label("Example")
    examples.select_option(label="我 爱 中国, asking itself")
    subject, verb, thing = shown(page, "weight")  # 爱 attends to who loves and who is loved
    assert subject == thing > 0.45 > 0.1 > verb
    expect(page.get_by_label("Who asks")).to_have_value("我 爱 中国")
    assert_equals_python(page)
    examples.select_option(label="Wide, and not divided")
    assert max(shown(page, "weight")) > 0.99
    assert_equals_python(page)
    page.get_by_label("divide by √d_k").check()
    assert max(shown(page, "weight")) < 0.9
    page.get_by_role("button", name="start again").click()
    expect(page.get_by_label("divide by √d_k")).to_be_checked()
    expect(page.get_by_label("Who asks")).to_have_value("I am a student")
    assert page.evaluate("[model.get('d_k'), model.get('scaled')]") == [2, True]
    assert_equals_python(page)


def test_a_word_of_the_map_shows_its_arithmetic(widget_page: OpenPage) -> None:
    page = widget_page(AttentionCalculator())
    word = page.get_by_role("button", name="student")
    word.press("Enter")
    expect(word).to_be_focused()
    expect(word).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".tx-working caption")).to_contain_text("student asks")
    assert_equals_python(page)


def test_another_example_is_drawn_only_when_all_of_it_is_there(widget_page: OpenPage) -> None:
    page = widget_page(AttentionCalculator())
    examples = page.get_by_label("Example")
    for label in examples.locator("option").all_text_contents():
        examples.select_option(label=label)
        assert_equals_python(page)
    page.trace.assert_clean()


def test_what_cannot_be_used_as_it_was_typed_is_said(widget_page: OpenPage) -> None:
    page = widget_page(AttentionCalculator())
    box, warning = page.get_by_label("Who asks"), page.locator(".tx-warning")
    expect(warning).to_be_hidden()
    box.fill(" ".join(f"w{n}" for n in range(40)))
    expect(warning).to_contain_text("the first 6 of 40 words are used")
    assert page.evaluate("model.get('asks').length") == 6
    box.fill("")
    expect(warning).to_contain_text("type a word; the figure still shows “w0 w1 w2 w3 w4 w5”")
    assert page.evaluate("model.get('asks').length") == 6
    box.fill("שלום עולם")
    expect(warning).to_be_hidden()
    expect(page.get_by_role("status")).to_contain_text("\u2068שלום\u2069")
    page.get_by_role("button", name="start again").click()
    expect(box).to_have_value("I am a student")
    page.trace.assert_clean()
