"""The power cut in a real browser: the training that was chosen, and where its losses part."""

from collections.abc import Callable

import pytest
import torch
from playwright.sync_api import Page, expect

from txlite.viz.widgets.power_cut import PARTS, PowerCut, name_of

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
LABELS = {
    "weights": "weights",
    "optimizer": "optimiser",
    "data": "position in the data",
    "chance": "random state",
}
STEPS, CUTS = 40, [10, 20, 30]


def widget(**traits: object) -> PowerCut:
    """A figure of made-up curves: with a part missing, each loss differs by a random amount."""
    generator = torch.Generator().manual_seed(5)
    whole = (3 * torch.rand(STEPS, generator=generator).double()).round(decimals=6)
    resumed = {}
    for cut in CUTS:
        for bits in range(16):
            kept = [part for i, part in enumerate(PARTS) if bits >> i & 1]
            apart = torch.rand(STEPS - cut, generator=generator).double() * (bits != 15)
            resumed[name_of(cut, kept)] = (whole[cut:] + apart).tolist()
    return PowerCut(whole=whole.tolist(), cuts=CUTS, resumed=resumed, **traits)


EXHIBITS = {"start": widget, "without": lambda: widget(cut=1, optimizer=False, data=False)}


def assert_equals_python(page: Page) -> str:
    """What the page says is Python's; return the status."""
    names = ("cut", *PARTS)
    figure = widget(**{name: page.evaluate(f"model.get('{name}')") for name in names})
    want = figure.parting()
    data = page.evaluate("({ ...document.querySelector('.tx-widget').dataset })")
    assert int(data["first"]) == want.first
    assert [float(data["largest"]), float(data["last"])] == pytest.approx(want[1:], abs=1e-12)
    step = CUTS[figure.cut]
    status = page.get_by_role("status")
    expect(status).to_contain_text(f"Cut after step {step}")
    return status.inner_text()


def test_with_every_part_it_is_the_same_training(widget_page: OpenPage) -> None:
    page = widget_page(widget())
    assert "the 30 losses that follow are the same, bit for bit" in assert_equals_python(page)
    page.get_by_label("Cut after step").fill("2")
    assert "the 10 losses that follow are the same" in assert_equals_python(page)
    page.trace.assert_clean()


@pytest.mark.parametrize("part", PARTS)
def test_each_part_can_be_taken_away_and_put_back(widget_page: OpenPage, part: str) -> None:
    page = widget_page(widget(cut=1))
    box = page.get_by_label(LABELS[part], exact=True)
    box.uncheck()
    said = assert_equals_python(page)
    assert f"without {LABELS[part]}: the losses part at step 21" in said
    box.check()
    assert "with every part" in assert_equals_python(page)
    page.trace.assert_clean()


def test_the_curve_is_that_of_the_training(widget_page: OpenPage) -> None:
    page = widget_page(widget())
    before = page.locator(".pc-resumed").get_attribute("d")
    page.get_by_label("weights", exact=True).uncheck()
    after = page.locator(".pc-resumed").get_attribute("d")
    assert before != after
    assert after.count("L") == STEPS - CUTS[0]
    page.get_by_text("Numbers as a table").click()
    assert page.locator(".tx-twin tbody tr").count() == STEPS - CUTS[0]


def test_it_starts_where_python_says(widget_page: OpenPage) -> None:
    page = widget_page(widget(cut=1, optimizer=False, data=False))
    assert "without optimiser and position in the data" in assert_equals_python(page)
