"""The leak lab in a real browser: the page's market and test are Python's, leak by leak."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from playwright.sync_api import Page, expect
from torch.testing import assert_close

from txlite.viz.widgets.leak_lab import Backtest, LeakLab

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
LEAKS = ("scaler", "centred", "same_bar", "survivors")
EACH = """(states) => states.map((state) => {
    tx.push(model, state);
    return { ...document.querySelector(".tx-stage").dataset };
})"""

EXHIBITS = {
    "honest": lambda: LeakLab(seed=5),
    "leaking": lambda: LeakLab(seed=7, centred=True, survivors=True, cost=12, delay=2, tried=9),
}


def assert_equals_python(shown: dict[str, Any], want: Backtest) -> None:
    for name in ("sharpe", "low", "high", "deflated", "rule", "turnover", "poisoned"):
        assert float(shown[name]) == pytest.approx(getattr(want, name), abs=1e-9), name
    for name in ("wealth", "held"):
        got = torch.tensor(json.loads(shown[name]), dtype=torch.float64)
        assert_close(got, getattr(want, name), rtol=1e-9, atol=1e-9)


def states() -> list[dict[str, Any]]:
    """Every leak alone and in pairs, with costs, delays, prices and rules that all vary."""
    found = []
    for n in range(2 ** len(LEAKS)):
        leaks = {name: bool(n >> i & 1) for i, name in enumerate(LEAKS)}
        found.append(leaks | {"seed": n % 4, "cost": 3 * n, "delay": n % 4, "tried": 1 + n % 6})
    return found


def test_every_choice_of_leaks_is_pythons(widget_page: OpenPage) -> None:
    page = widget_page(LeakLab())
    page.evaluate("window.tx = { push: (m, s) => Object.entries(s).forEach((x) => m.set(...x)) }")
    pages = page.evaluate(EACH, states())
    for state, shown in zip(states(), pages, strict=True):
        assert_equals_python(shown, LeakLab(**state).shown())
    page.trace.assert_clean()


def test_a_leak_is_switched_on_by_hand_and_the_ratio_rises(widget_page: OpenPage) -> None:
    page = widget_page(LeakLab(seed=2))
    stage, status = page.locator(".tx-stage"), page.get_by_role("status")
    before = float(stage.get_attribute("data-sharpe") or "nan")
    expect(status).to_contain_text("No leak: Sharpe ratio")
    expect(status).to_contain_text("changes none of")
    page.get_by_role("checkbox", name="a trend from a window around the day").check()
    expect(status).to_contain_text("1 leak: Sharpe ratio")
    expect(status).to_contain_text("the rule has seen it")
    assert float(stage.get_attribute("data-sharpe") or "nan") > before + 2
    page.get_by_role("button", name="start again").click()
    assert float(stage.get_attribute("data-sharpe") or "nan") == before
    page.trace.assert_clean()


def test_the_table_says_how_many_rules_were_tried(widget_page: OpenPage) -> None:
    page = widget_page(LeakLab(seed=1, tried=30))
    page.locator(".tx-twin summary").click()
    row = page.get_by_role("row", name="deflated ratio, 30 rules tried")
    expect(row.get_by_role("cell")).to_have_text(
        f"{LeakLab(seed=1, tried=30).shown().deflated:.3f}"
    )
