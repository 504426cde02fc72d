"""The fan chart in a real browser: its quantiles, its attention and its scores are Python's."""

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from fanning import DAY, HORIZON, chart, origins, random_forecaster, said, series
from playwright.sync_api import Page, expect
from torch import Tensor
from torch.testing import assert_close

from txlite.inspect import record_attention
from txlite.viz.widgets.fan_chart import FanChart

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
# Every way in which the page's forecaster can be put together.
MODELS: list[dict[str, Any]] = [
    {},
    {"norm_first": True, "batch_norm": False, "positions": "sinusoidal", "activation": "relu"},
    {"pooling": "class", "scaling": "last", "repeat_last": False, "levels": (0.05, 0.4, 0.8)},
    {"pooling": "mean", "scaling": "none", "positions": "none", "norm": "rms", "batch_norm": False},
    {"pooling": "max", "scaling": "mean", "patch_length": 5, "stride": 5, "bias": False},
]
EACH = """(count) => Array.from({ length: count }, (_, origin) => {
    model.set("origin", origin);
    return { ...document.querySelector(".tx-stage").dataset };
})"""

EXHIBITS = {
    "start": lambda: chart(random_forecaster(1)),
    "shown": lambda: chart(random_forecaster(2), origin=20, reveal=True, patch=3, layer=1, head=2),
    "alone": lambda: chart(
        random_forecaster(3, pooling="class"), others={}, stamps=None, reveal=True
    ),
}


def told(page: Page, what: str) -> Any:
    return json.loads(page.locator(".tx-stage").get_attribute(f"data-{what}") or "null")


def same(got: Any, want: Tensor, close: float = 1e-9) -> None:
    assert_close(torch.tensor(got, dtype=torch.float64), want.double(), rtol=close, atol=close)


@pytest.mark.parametrize("choices", MODELS, ids=range(len(MODELS)))
def test_what_is_said_is_pythons(widget_page: OpenPage, choices: dict[str, Any]) -> None:
    """From every origin of the figure, for every kind of model: more than 200 windows."""
    model = random_forecaster(4, **choices)
    figure = chart(model)
    page = widget_page(figure)
    before = 1 if model.config.pooling == "class" else 0
    seen = []
    for at, shown in zip(origins(), page.evaluate(EACH, len(origins())), strict=True):
        with record_attention(model) as maps:
            want = said(model, series(), at)
        same(json.loads(shown["quantiles"]), want)
        attention = torch.cat([*maps.values()]).double().mean((0, 1, 2))[before:]
        same(json.loads(shown["weights"]), attention)
        seen.append(want)
    assert len(seen) * len(MODELS) >= 200
    assert torch.stack(seen).std(0).min() > 1e-3  # the model can tell windows apart
    page.trace.assert_clean()


def test_the_scores_are_pythons_and_shown_when_asked_for(widget_page: OpenPage) -> None:
    figure = chart(random_forecaster(5), origin=13)
    page = widget_page(figure)
    status = page.get_by_role("status")
    expect(status).not_to_contain_text("off by")
    assert page.locator(".fc-came").get_attribute("d") == ""
    page.get_by_label("show what came").check()
    scores = figure.scores()
    same(told(page, "here"), torch.tensor([s.here for s in scores.values()]), 1e-5)
    same(told(page, "means"), torch.tensor([s.mean for s in scores.values()]), 1e-5)
    here, mean = scores["the model"]
    expect(status).to_contain_text(f"off by the model {here:.0f} ({mean:.0f}), yesterday")
    assert page.locator(".fc-came").get_attribute("d") != ""
    quantiles = said(random_forecaster(5), series(), figure.position())
    inside = (figure.future() >= quantiles[0]) & (figure.future() <= quantiles[-1])
    expect(status).to_contain_text(f"{int(inside.sum())} of {HORIZON} values lie in the band")
    page.locator(".tx-twin summary").click()
    row = page.get_by_role("row", name="yesterday").get_by_role("cell")
    got = [float(text) for text in row.all_text_contents()]
    same(got, torch.tensor([*scores["yesterday"]]), 1e-3)
    page.trace.assert_clean()


def test_whose_attention_is_shown_is_chosen(widget_page: OpenPage) -> None:
    model = random_forecaster(6, pooling="class")
    page = widget_page(chart(model, origin=4))
    page.get_by_role("combobox", name="Read by").select_option("2")
    page.get_by_role("combobox", name="Attention of").select_option("1")
    page.get_by_role("combobox", name="and").select_option("0")
    with record_attention(model) as maps:
        said(model, series(), origins()[4])
    want = [*maps.values()][1][0, 0, 3, 1:]  # the class token stands before the patches
    same(told(page, "weights"), want)
    lit = page.locator(".fc-patch").evaluate_all("ns => ns.map((n) => Number(n.style.fillOpacity))")
    same(lit, 0.6 * want / want.max(), 1e-3)
    page.trace.assert_clean()


def test_the_origin_is_moved_by_hand_and_by_keys(widget_page: OpenPage) -> None:
    page = widget_page(chart(random_forecaster(7)))
    handle = page.get_by_role("slider", name="Origin of the forecast")
    box = handle.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 200, box["y"], steps=4)
    page.mouse.up()
    moved = page.evaluate("model.get('origin')")
    assert moved > 3
    expect(page.get_by_role("status")).to_contain_text(f"From day {origins()[moved] // DAY}, ")
    handle.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("model.get('origin')") == moved + 1
    assert handle.get_attribute("aria-valuetext") == page.evaluate(
        "model.get('stamps')[model.get('origin')]"
    )
    page.keyboard.press("End")
    assert page.evaluate("model.get('origin')") == len(origins()) - 1
    page.trace.assert_clean()


def test_the_lines_begin_where_the_window_ends(widget_page: OpenPage) -> None:
    """The last point of the past is the first of the fan, and its end is the last median."""
    figure = chart(random_forecaster(8), origin=9)
    page = widget_page(figure)

    def points(selector: str) -> list[tuple[float, float]]:
        line = page.locator(selector).first.get_attribute("d") or ""
        return [(float(x), float(y)) for x, y in re.findall(r"[ML]([-\d.]+) ([-\d.]+)", line)]

    past, median = points(".fc-past"), points(".fc-median")
    assert past[-1] == median[0]
    assert len(past) == 2 * HORIZON
    assert len(points(".fc-read")) == figure.config["context_length"]
    assert len(median) == HORIZON + 1
    steps = {round(b[0] - a[0], 6) for a, b in itertools.pairwise(past)}
    assert len(steps) == 1


def test_the_series_is_the_real_one_and_the_figure_is_light(widget_page: OpenPage) -> None:
    figure: FanChart = chart(random_forecaster(9))
    page = widget_page(figure)
    assert page.locator(".fc-patch").count() == random_forecaster(9).patches.count(40)
    weight = sum(len(t["data"]) for t in (figure.get_state("numbers")["numbers"],))
    assert weight < 20_000
