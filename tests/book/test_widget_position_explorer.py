"""The position explorer in a real browser: dragged, pressed, and equal to Python to 1e-6."""

from collections.abc import Callable

import pytest
import torch
from playwright.sync_api import Page, expect
from torch import Tensor
from torch.testing import assert_close

from txlite.viz.widgets.position_explorer import LENGTH, PositionExplorer

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
EXHIBITS = {"start": PositionExplorer}
TRAITS = ["position", "shift", "d_model", "base"]
near = {"rtol": 0, "atol": 1e-6}


def numbers(page: Page, selector: str, name: str) -> Tensor:
    texts = page.locator(selector).evaluate_all(
        f"nodes => nodes.map((node) => node.dataset.{name})"
    )
    return torch.tensor([float(text) for text in texts], dtype=torch.float64)


def assert_equals_python(page: Page) -> None:
    """Matrix, likeness and every clock's second hand."""
    state = {name: page.evaluate(f"model.get('{name}')") for name in TRAITS}
    want = PositionExplorer(**state).calculate()
    table = numbers(page, ".pe-sheet [data-column]", "value").reshape(LENGTH, state["d_model"])
    assert_close(table, want.table, **near)
    assert_close(numbers(page, ".pe-sheet [data-alike]", "alike"), want.similarity, **near)
    hands = [numbers(page, ".pe-clock", axis) for axis in ("x", "y")]
    assert_close(torch.stack(hands, dim=-1).flatten(), want.turned, **near)
    assert_close(want.turned, want.table[state["position"] + state["shift"]], **near)


def test_it_starts_with_pythons_numbers(widget_page: OpenPage) -> None:
    page = widget_page(PositionExplorer())
    assert_equals_python(page)
    expect(page.get_by_role("status")).to_contain_text("Positions 9 and 14: likeness 0.74")
    page.trace.assert_clean()


def test_every_width_and_base(widget_page: OpenPage) -> None:
    page = widget_page(PositionExplorer())
    for width, base in (("4", "10"), ("64", "100000"), ("8", "10000")):
        page.get_by_label("Width D").select_option(width)
        page.get_by_label("Base").select_option(base)
        assert page.locator(".pe-clock").count() == int(width) // 2
        assert_equals_python(page)
    page.trace.assert_clean()


def test_sliders_move_position_and_shift(widget_page: OpenPage) -> None:
    page = widget_page(PositionExplorer())
    page.get_by_role("slider", name="Position p").fill("30")
    page.get_by_role("slider", name="Shift k").fill("16")
    assert page.evaluate("[model.get('position'), model.get('shift')]") == [30, 16]
    assert_equals_python(page)


def test_the_wedge_stays_while_the_position_moves(widget_page: OpenPage) -> None:
    """What the figure is for: the angle between the hands depends on k alone."""

    def between() -> Tensor:
        hands = page.locator(".pe-clock").evaluate_all(
            """clocks => clocks.map((clock) => [...clock.querySelectorAll('.pe-hand')].map((hand) =>
               Math.atan2(hand.getAttribute('x2'), -hand.getAttribute('y2'))))"""
        )
        angles = torch.tensor(hands, dtype=torch.float64)  # second hand, then first
        return (angles[:, 0] - angles[:, 1]).remainder(2 * torch.pi)

    page = widget_page(PositionExplorer(d_model=8))
    before = between()
    page.get_by_role("slider", name="Position p").fill("31")
    assert_close(between(), before, **near)
    page.get_by_role("slider", name="Shift k").fill("6")
    assert (between() - before).abs().max() > 0.1


@pytest.mark.parametrize("width", [360, 1280])
def test_the_pointer_drags_the_place_along(widget_page: OpenPage, width: int) -> None:
    page = widget_page(PositionExplorer(), width=width)
    box = page.locator('.pe-sheet [data-at="20"][data-column="3"]').bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 1)
    page.mouse.down()
    assert page.evaluate("model.get('position')") == 20
    page.mouse.move(box["x"] + 400, box["y"] + 1, steps=5)
    page.mouse.up()
    assert page.evaluate("model.get('position')") == (47 if width == 360 else 63 - 16)
    page.mouse.move(box["x"] - 100, box["y"])
    assert page.evaluate("model.get('position')") == 47  # no button is pressed
    assert_equals_python(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_clock_shows_its_waves(widget_page: OpenPage) -> None:
    page = widget_page(PositionExplorer())
    clock = page.get_by_role("button", name="Pair 4: one turn in 62.8 positions")
    clock.press("Enter")
    expect(clock).to_have_attribute("aria-pressed", "true")
    expect(page.locator('[data-title="waves"]')).to_contain_text("Pair 4: columns 8")
    expect(clock).to_be_focused()
    page.get_by_label("Width D").select_option("4")  # fewer pairs than that
    expect(page.locator('[data-title="waves"]')).to_contain_text("Pair 1: columns 2")
    assert_equals_python(page)


def test_the_table_twin_has_a_row_for_every_hand(widget_page: OpenPage) -> None:
    page = widget_page(PositionExplorer(d_model=4, base=100))
    rows = page.locator(".tx-twin tbody tr").all()
    cells = [[cell.text_content() for cell in row.locator("td").all()] for row in rows]
    assert cells == [["6.3", "2.717", "1.434", "5.000"], ["62.8", "0.900", "1.400", "0.500"]]
