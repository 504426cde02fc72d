"""The figure of one vector in the layer, in a real browser: its numbers are Python's."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from txlite.viz.widgets.layer_walk import LayerWalk

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
VECTOR = [1.0, -0.5, 0.25, 2.0]
UP = [[0.5, -1.0, 0.75], [1.0, 0.25, -0.5], [-0.25, 1.5, 1.0], [0.5, -0.75, 0.25]]
DOWN = [[1.0, 0.5, -0.5, 0.25], [-1.0, 0.75, 0.5, 1.5], [0.25, -0.5, 1.0, -1.0]]


def made(**traits: object) -> LayerWalk:
    return LayerWalk(VECTOR, UP, DOWN, **traits)


EXHIBITS = {"pre": made, "post": lambda: made(norm="post", scale=4.0, shift=1.0)}


def assert_python_agrees(page: Page) -> None:
    names = ("norm", "residual", "scale", "shift")
    chosen = page.evaluate("(names) => names.map((name) => model.get(name))", list(names))
    figure = made(**dict(zip(names, chosen, strict=True)))
    for name, values in figure.walked()._asdict().items():
        shown = json.loads(page.locator(".tx-widget").get_attribute(f"data-{name}"))
        assert shown == pytest.approx(values.tolist(), rel=1e-9, abs=1e-12), (chosen, name)


def test_the_browser_computes_what_python_computes(widget_page: OpenPage) -> None:
    page = widget_page(made())
    for norm in ("none", "pre", "post"):
        page.get_by_role("combobox").select_option(norm)
        for residual in (True, False):
            page.get_by_role("checkbox").set_checked(residual)
            for scale, shift in ((0, 0), (-3, 1.5), (3, -3)):
                page.get_by_role("slider", name="x times").fill(str(scale))
                page.get_by_role("slider", name="x plus").fill(str(shift))
                assert_python_agrees(page)
    page.trace.assert_clean()


def test_in_pre_norm_the_status_tells_that_the_branch_stays(widget_page: OpenPage) -> None:
    page = widget_page(made())
    status = page.get_by_role("status")
    text = status.inner_text().partition("the branch ")[2].partition(" ")[0]
    page.get_by_role("slider", name="x times").fill("3")
    expect(status).to_contain_text(f"the branch {text} ")
    page.get_by_role("combobox").select_option("post")
    expect(status).not_to_contain_text(f"the branch {text} ")
