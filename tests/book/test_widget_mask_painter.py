"""The mask painter in a real browser: its code is run, and its grid and weights equal Python's."""

from collections.abc import Callable

import pytest
import torch
from playwright.sync_api import Page, expect
from torch import Tensor
from torch.testing import assert_close

from txlite.nn import attention_weights, masks
from txlite.viz.widgets.mask_painter import MaskPainter, filled_softmax, scene

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]

WORDS = ["他", "说", "她", "没", "来", "▢", "▢"]
KEEP = torch.tensor([True, True, True, True, True, False, False])
SCORES = torch.randn(7, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
OTHER = torch.randn(5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
FILLS = ["zero", "inf", "1e9", "after"]
PRESETS = {
    "no mask": "padding(keep)",
    "a writer": "causal() & padding(keep)",
    "short memory": "causal() & sliding_window(3) & padding(keep)",
    "packed texts": "causal() & blocks(3) & padding(keep)",
    "only the others": "~sliding_window(1) & padding(keep)",
    "only the future": "~causal() & padding(keep)",
}


def painter() -> MaskPainter:
    scenes = [
        scene("他说她没来", WORDS, SCORES, KEEP),
        scene("an apple", ["I", "eat", "an", "apple", "."], OTHER),
    ]
    return MaskPainter(scenes=scenes)


EXHIBITS = {"start": painter}


def code(page: Page) -> str:
    return page.locator(".mp-code").inner_text()


def mask_of(page: Page, size: int) -> Tensor:
    """Run the code that the page shows, and write its mask out."""
    space = {name: getattr(masks, name) for name in masks.__all__} | {"torch": torch}
    exec(code(page), space)
    mask = space["mask"]
    if mask is None:
        return torch.ones(size, size, dtype=torch.bool)
    return (masks.sliding_window(size) & mask).to_tensor(size, size).reshape(size, size)


def shown(page: Page, size: int, name: str) -> Tensor:
    cells = page.locator(".mp-grid tbody button").evaluate_all(
        f"cells => cells.map((cell) => cell.dataset.{name})"
    )
    return torch.tensor([float(x) for x in cells], dtype=torch.float64).reshape(size, size)


def assert_equals_python(page: Page, scores: Tensor = SCORES, fill: str = "zero") -> None:
    """The grid is what the code says, and the weights are what Python makes of it."""
    size = len(scores)
    allowed = shown(page, size, "allowed").bool()
    assert torch.equal(allowed, mask_of(page, size))
    assert page.evaluate("model.get('allowed')") == allowed.tolist()
    assert page.evaluate("model.get('code')") == code(page)
    weights = shown(page, size, "weight")
    want = filled_softmax(scores, allowed, fill)
    assert_close(weights, want, rtol=0, atol=1e-6, equal_nan=True)
    if fill == "zero":
        nothing = torch.zeros(size, 1, dtype=torch.float64)
        txlites = attention_weights(nothing, nothing, allowed, bias=scores)
        assert_close(weights, txlites, rtol=0, atol=1e-6)


def cell(page: Page, i: int, j: int):
    return page.locator(f'.mp-grid [data-i="{i}"][data-j="{j}"]')


def rule(page: Page, name: str):
    return page.locator(f'[data-rule="{name}"]')


def test_it_starts_with_pythons_numbers(widget_page: OpenPage) -> None:
    page = widget_page(painter())
    assert_equals_python(page)
    expect(page.get_by_role("status")).to_contain_text("No position looks ahead")
    page.trace.assert_clean()


@pytest.mark.parametrize("fill", FILLS)
def test_every_button_under_every_fill(widget_page: OpenPage, fill: str) -> None:
    page = widget_page(painter())
    page.get_by_label("Forbidden scores become").select_option(fill)
    for label, expression in PRESETS.items():
        button = page.get_by_role("button", name=label)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        assert code(page).endswith(f"mask = {expression}")
        assert_equals_python(page, fill=fill)
    page.trace.assert_clean()


def test_rules_switches_sizes_and_brackets(widget_page: OpenPage) -> None:
    page = widget_page(painter())
    rule(page, "sliding_window").get_by_role("slider").fill("2")
    rule(page, "sliding_window").get_by_label("not sliding_window").check()
    rule(page, "blocks").get_by_role("checkbox").first.check()
    rule(page, "blocks").get_by_role("slider").fill("4")
    page.get_by_label("combine").select_option("|")
    assert code(page).endswith("mask = (causal() | ~sliding_window(2) | blocks(4)) & padding(keep)")
    assert_equals_python(page)
    rule(page, "padding").get_by_role("checkbox").uncheck()
    assert code(page) == "mask = causal() | ~sliding_window(2) | blocks(4)"
    assert_equals_python(page)
    for name in ("causal", "sliding_window", "blocks"):
        rule(page, name).get_by_role("checkbox").first.uncheck()
    assert code(page) == "mask = None"
    assert_equals_python(page)


@pytest.mark.parametrize("width", [360, 1280])
def test_the_pointer_paints_what_it_passes(widget_page: OpenPage, width: int) -> None:
    page = widget_page(painter(), width=width)
    for start, end in [((0, 1), (0, 3)), ((4, 0), (4, 2))]:  # open three cells, shut three
        cell(page, *start).evaluate("node => node.scrollIntoView({ block: 'center' })")
        boxes = [cell(page, *at).bounding_box() for at in (start, end)]
        a, b = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes]
        page.mouse.move(*a)
        page.mouse.down()
        page.mouse.move(*b, steps=12)
        page.mouse.up()
    allowed = shown(page, 7, "allowed").int()
    assert allowed[0].tolist() == [1, 1, 1, 1, 0, 0, 0]
    assert allowed[4].tolist() == [0, 0, 0, 1, 1, 0, 0]
    assert "opened[[0, 0, 0], [1, 2, 3]] = True" in code(page)
    assert "mask = ((causal() & padding(keep)) | opened) & ~closed" in code(page)
    expect(page.get_by_role("status")).to_contain_text("3 of them look ahead")
    assert_equals_python(page)
    page.get_by_role("button", name="clear the paint").click()
    assert code(page).endswith("mask = causal() & padding(keep)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_walks_and_flips(widget_page: OpenPage) -> None:
    page = widget_page(painter())
    cell(page, 0, 0).focus()
    for stroke in ["ArrowRight", "ArrowRight", "ArrowDown", "Space"]:
        page.keyboard.press(stroke)
    expect(cell(page, 1, 2)).to_be_focused()
    expect(cell(page, 1, 2)).to_have_attribute("aria-pressed", "true")
    assert_equals_python(page)
    page.keyboard.press("Enter")
    expect(cell(page, 1, 2)).to_have_attribute("aria-pressed", "false")
    assert page.locator('.mp-grid [tabindex="0"]').count() == 1
    for stroke in ["ArrowUp", "ArrowUp", "Enter"]:
        page.keyboard.press(stroke)
    assert "keep = torch.tensor([[True, True, False, True, True, False, False]])" in code(page)
    assert_equals_python(page)


def test_a_word_above_the_grid_becomes_padding_by_a_press(widget_page: OpenPage) -> None:
    page = widget_page(painter())
    cell(page, -1, 0).click()
    assert "[[False, True, True" in code(page)
    expect(page.get_by_role("status")).to_contain_text("Sees nothing: 他")
    assert_equals_python(page)
    page.get_by_label("Forbidden scores become").select_option("1e9")
    expect(page.get_by_role("status")).to_contain_text("Forbidden keys get weight")
    assert_equals_python(page, fill="1e9")
    page.get_by_label("Forbidden scores become").select_option("inf")
    assert shown(page, 7, "weight")[0].isnan().all()
    assert_equals_python(page, fill="inf")


def test_another_text_has_its_own_size_and_scores(widget_page: OpenPage) -> None:
    page = widget_page(painter())
    page.get_by_label("Text").select_option("1")
    assert code(page) == "mask = causal()"
    assert_equals_python(page, OTHER)
    assert rule(page, "blocks").get_by_role("slider").get_attribute("max") == "5"


def test_the_row_and_the_table_twin_say_the_same(widget_page: OpenPage) -> None:
    page = widget_page(painter())
    cell(page, 3, 0).hover()
    detail = page.locator(".mp-detail")
    expect(detail.locator("caption")).to_have_text("The row of 没")
    weights = shown(page, 7, "weight")[3]
    heard = detail.locator(".mp-weight").all_inner_texts()
    assert heard == [f"{w:.2f}" for w in weights.tolist()]
    row = page.locator(".tx-twin tbody tr").nth(3).locator("td").all_text_contents()
    assert row == [f"{w:.3f}" for w in weights.tolist()]


def test_what_was_chosen_and_painted_is_there_again(widget_page: OpenPage) -> None:
    page = widget_page(painter())
    page.get_by_label("Text").select_option("1")
    page.get_by_label("combine").select_option("|")
    page.get_by_label("Forbidden scores become").select_option("1e9")
    page.locator('[data-i="0"][data-j="2"]').click()
    kept = page.evaluate("window.model.get('painting')")
    again = painter()
    again.set_state({"painting": kept})
    other = widget_page(again)
    assert code(other) == code(page)
    assert other.get_by_label("Text").input_value() == "1"
    assert other.get_by_label("Forbidden scores become").input_value() == "1e9"
    other.get_by_role("button", name="clear the paint").click()
    assert code(other) != code(page)
