"""The figure of the layer in a real browser: its gradients are torch's."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from txlite.viz.widgets.gradient_depth import GradientDepth, flow

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
EXHIBITS = {"deep": lambda: GradientDepth(depth=48, residual=True)}


def assert_python_agrees(page: Page) -> None:
    names = ("depth", "residual", "norm", "scale", "seed")
    chosen = page.evaluate("(names) => names.map((name) => model.get(name))", list(names))
    depth, *rest = chosen
    wanted = flow(depth, **dict(zip(names[1:], rest, strict=True)))
    for name, values in wanted._asdict().items():
        shown = json.loads(page.locator(".tx-widget").get_attribute(f"data-{name}"))
        values = values if name == "step" else values.tolist()
        assert shown == pytest.approx(values, rel=1e-7), (chosen, name)


def test_the_browser_computes_what_python_computes(widget_page: OpenPage) -> None:
    page = widget_page(GradientDepth())
    for norm in ("none", "pre", "post"):
        page.get_by_role("combobox").select_option(norm)
        for residual in (True, False):
            page.get_by_role("checkbox").set_checked(residual)
            for depth, scale in ((1, 0), (17, -1.5), (48, 1)):
                page.get_by_role("slider", name="Layers").fill(str(depth))
                page.get_by_role("slider", name="Size of the weights").fill(str(scale))
                assert_python_agrees(page)
    page.get_by_role("button", name="Other weights").click()
    assert page.evaluate("model.get('seed')") == 8
    assert_python_agrees(page)
    page.trace.assert_clean()


def test_presets_say_what_happens(widget_page: OpenPage) -> None:
    page = widget_page(GradientDepth(depth=40))
    status, preset = page.get_by_role("status"), page.get_by_role("button")
    expect(status).to_contain_text("vanished on the way")
    preset.filter(has_text="Residual only").click()
    expect(status).to_contain_text("exploded")
    preset.filter(has_text="Post-norm").click()
    expect(status).to_contain_text("One step moves it far")
    preset.filter(has_text="Pre-norm").click()
    expect(status).to_contain_text("Signal and step are moderate")
    expect(preset.filter(has_text="Pre-norm")).to_have_attribute("aria-pressed", "true")
    assert page.locator(".gd-ghost").count() == 3  # what was there before
    assert_python_agrees(page)


def test_keys_change_the_depth_and_the_table_follows(widget_page: OpenPage) -> None:
    page = widget_page(GradientDepth(depth=5, residual=True, norm="pre"))
    page.get_by_role("slider", name="Layers").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("model.get('depth')") == 6
    page.locator(".tx-twin summary").click()
    assert page.locator(".tx-twin tbody tr").count() == 7
    assert page.locator(".gd-ghost").count() == 0
