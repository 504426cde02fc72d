"""The figure of long memory in a real browser: its four models compute what Python computes."""

import json
from collections.abc import Callable

import pytest
import torch
from playwright.sync_api import Page, expect
from torch import Tensor, nn

from txlite.data.recall import sample_recall
from txlite.viz.widgets.long_memory import KINDS, LongMemory, answer, attention_to, place

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]

WIDTH, LENGTH, NAMES, VALUES = 6, 20, 5, 3  # all different


def state(kind: str) -> dict[str, Tensor]:
    """Random weights of one model, under the names of the chapter."""
    cell = {"RNN": nn.RNN, "LSTM": nn.LSTM}
    parts = {
        "name": nn.Embedding(NAMES + 1, WIDTH),
        "value": nn.Embedding(VALUES + 1, WIDTH),
        "answer": nn.Linear(WIDTH, VALUES),
        "memory": nn.ModuleDict(),
    }
    if kind in cell:
        parts["memory"]["cell"] = cell[kind](WIDTH, WIDTH)
    elif kind == "CNN":
        parts["memory"]["layers"] = nn.ModuleList(nn.Linear(2 * WIDTH, WIDTH) for _ in range(3))
    else:
        names = ("query_proj", "key_proj", "value_proj", "output_proj")
        parts["memory"]["attend"] = nn.ModuleDict({n: nn.Linear(WIDTH, WIDTH) for n in names})
        parts["memory"]["mix"] = nn.Linear(WIDTH, WIDTH)
    model = nn.ModuleDict(parts)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.8)
    return model.state_dict()


@pytest.fixture
def models() -> dict[str, dict[str, Tensor]]:
    return drawn()


@pytest.fixture
def widget(models: dict[str, dict[str, Tensor]]) -> LongMemory:
    return figure(models)


def drawn() -> dict[str, dict[str, Tensor]]:
    torch.manual_seed(0)
    return {kind: state(kind) for kind in KINDS}


def figure(models: dict[str, dict[str, Tensor]]) -> LongMemory:
    sizes = {"length": LENGTH, "num_notes": 4, "num_names": NAMES, "num_values": VALUES}
    pages = sample_recall(3, torch.Generator().manual_seed(1), distance=7, **sizes)
    accuracy = {kind: torch.linspace(0.9, 0.3, LENGTH - 1) for kind in KINDS}
    return LongMemory(models, pages.names, pages.values, accuracy, distance=7)


EXHIBITS = {"start": lambda: figure(drawn())}


def page_of(widget: LongMemory, number: int, distance: int) -> tuple[Tensor, Tensor]:
    names, values = (torch.tensor(widget.pages[number][key]) for key in ("names", "values"))
    return place(names, values, distance)


def shown(page: Page, kind: str) -> list[float]:
    return json.loads(page.locator(f"[data-model={kind}]").get_attribute("data-chances"))


def assert_python_agrees(page: Page, models: dict, names: Tensor, values: Tensor) -> None:
    for kind in KINDS:
        wanted = answer(kind, models[kind], names, values)
        assert shown(page, kind) == pytest.approx(wanted.tolist(), abs=1e-9)
        row = page.locator(".tx-twin tbody tr", has=page.get_by_role("rowheader", name=kind))
        assert str(int(wanted.argmax())) == row.locator("td").first.text_content()
    tiles = page.locator(".lm-tile")
    looks = [float(tiles.nth(i).get_attribute("data-weight")) for i in range(LENGTH)]
    wanted = attention_to(models["attention"], names, values)
    assert looks == pytest.approx(wanted.tolist(), abs=1e-9)


def test_the_browser_computes_what_python_computes(
    widget: LongMemory, models: dict, widget_page: OpenPage
) -> None:
    page = widget_page(widget)
    page.locator(".tx-twin summary").click()
    slider = page.get_by_role("slider")
    for distance in (1, 8, 13, LENGTH - 1):
        slider.fill(str(distance))
        assert_python_agrees(page, models, *page_of(widget, 0, distance))
    page.get_by_role("button", name="Another page").click()
    assert_python_agrees(page, models, *page_of(widget, 1, LENGTH - 1))
    page.trace.assert_clean()


def test_what_the_note_says_can_be_changed(
    widget: LongMemory, models: dict, widget_page: OpenPage
) -> None:
    page = widget_page(widget)
    page.locator(".tx-twin summary").click()
    names, values = page_of(widget, 0, 7)
    told = LENGTH - 1 - 7
    other = (int(values[told]) + 1) % VALUES
    page.get_by_role("combobox").select_option(str(other))
    values[told] = other
    assert_python_agrees(page, models, names, values)
    expect(page.get_by_role("status")).to_contain_text(f"= {other} was told 7 positions back")


def test_keys_and_a_finger_move_the_note(widget: LongMemory, widget_page: OpenPage) -> None:
    page = widget_page(widget)
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("model.get('distance')") == 8
    page.locator(".lm-tile").nth(3).click()
    assert page.evaluate("model.get('distance')") == LENGTH - 1 - 3
    expect(page.locator(".lm-tile").nth(3)).to_have_class("lm-tile lm-told")
