"""The scene detector in a real browser: it pastes and finds what Python pastes and finds."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from finding import CLASSES, QUERIES, detector, found, random_detr, scene
from playwright.sync_api import Page, expect
from torch import Tensor
from torch.testing import assert_close

from txlite.inspect import record_attention

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
MODELS: list[dict[str, Any]] = [
    {},
    {"num_decoder_layers": 2, "activation": "gelu"},
]
EACH = """(states) => states.map((state) => {
    for (const [name, value] of Object.entries(state)) model.set(name, value);
    return { ...document.querySelector(".tx-stage").dataset };
})"""

EXHIBITS = {
    "start": lambda: detector(random_detr(1), threshold=0.2),
    "moved": lambda: detector(
        random_detr(2), scene=2, moved=[[0.5, 0.1, 0.4]], query=3, layer=0, head=1, threshold=0.9
    ),
    "one scene": lambda: detector(random_detr(3), [scene(3, 4)], names=["four digits"]),
}


def told(page: Page, what: str) -> Any:
    return json.loads(page.locator(".tx-stage").get_attribute(f"data-{what}") or "null")


def same(got: Any, want: Tensor, close: float = 1e-9) -> None:
    assert_close(torch.tensor(got, dtype=torch.float64), want.double(), rtol=0, atol=close)


@pytest.mark.parametrize("choices", MODELS)
def test_what_is_found_is_pythons(widget_page: OpenPage, choices: dict[str, Any]) -> None:
    """On more than 200 pictures: three scenes whose things are moved about and made larger."""
    model = random_detr(4, **choices)
    figure = detector(model)
    page = widget_page(figure)
    generator = torch.Generator().manual_seed(4)
    states: list[dict[str, Any]] = []
    for n in range(210 if not choices else 30):
        count = len(figure.scenes[f"{n % 3}.labels"])
        moved = torch.rand(count, 3, generator=generator) * torch.tensor([0.8, 0.8, 0.5])
        moved[:, 2] += 0.1
        states.append({"scene": n % 3, "moved": moved.tolist(), "query": n % QUERIES})
    pages = page.evaluate(EACH, states)
    seen = []
    for state, shown in zip(states, pages, strict=True):
        for name, value in state.items():
            setattr(figure, name, value)
        with record_attention(model) as maps:
            probabilities, boxes = found(model, figure.picture())
        same(json.loads(shown["probabilities"]), probabilities)
        same(json.loads(shown["boxes"]), boxes)
        cross = [
            maps[f"decoder.layers.{i}.cross_attention"] for i in range(len(model.decoder.layers))
        ]
        want = torch.cat(cross).double().mean((0, 1))[state["query"]]
        same(json.loads(shown["weights"]), want, 1e-6)
        seen.append(boxes)
    assert torch.stack(seen).std(0).max() > 0.01  # the model can tell them apart
    page.trace.assert_clean()


def test_whose_attention_is_shown_is_chosen(widget_page: OpenPage) -> None:
    model = random_detr(5, num_decoder_layers=2)
    figure = detector(model)
    page = widget_page(figure)
    page.get_by_role("combobox", name="Attention of").select_option("1")
    page.get_by_role("combobox", name="and").select_option("2")
    page.locator('.sd-query[data-query="4"]').click()
    with record_attention(model) as maps:
        found(model, figure.picture())
    same(told(page, "weights"), maps["decoder.layers.1.cross_attention"][0, 2, 4], 1e-6)
    lit = page.locator(".sd-lit rect").evaluate_all(
        "ns => ns.map((n) => Number(n.style.getPropertyValue('--share')))"
    )
    weights = torch.tensor(told(page, "weights"))
    same(lit, weights / weights.max(), 1e-6)
    expect(page.locator('.sd-query[data-query="4"]')).to_have_attribute("aria-pressed", "true")
    page.trace.assert_clean()


def test_a_thing_is_moved_by_hand(widget_page: OpenPage) -> None:
    figure = detector(random_detr(6))
    page = widget_page(figure)
    before = told(page, "boxes")
    thing = page.locator('.sd-thing[data-thing="1"]')
    box, whole = thing.locator("rect").bounding_box(), page.locator(".sd-sheet").bounding_box()
    assert box
    assert whole
    x, y, side = figure.squares()[1].tolist()
    assert_close(box["x"] - whole["x"], x * whole["width"], rtol=0, atol=1.0)
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 40, middle[1] - 10, steps=4)
    page.mouse.up()
    page.wait_for_function("model.get('moved').length === 3")
    page.wait_for_timeout(100)
    moved = page.evaluate("model.get('moved')")
    want = [x + 40 / whole["width"], y - 10 / whole["height"], side]
    same(moved[1], torch.tensor(want), 2e-3)
    same(moved[0], figure.squares()[0], 1e-6)
    assert page.evaluate("model.get('thing')") == 1
    assert told(page, "boxes") != before
    figure.moved = moved
    same(told(page, "boxes"), found(random_detr(6), figure.picture())[1])
    page.get_by_role("button", name="start again").click()
    assert told(page, "boxes") == before
    page.trace.assert_clean()


def test_a_thing_is_moved_by_keys_and_stays_in_the_picture(widget_page: OpenPage) -> None:
    figure = detector(random_detr(7), scene=1)
    page = widget_page(figure)
    thing = page.locator('.sd-thing[data-thing="3"]')
    thing.focus()
    assert page.evaluate("model.get('thing')") == 3
    x, y, side = figure.squares()[3].tolist()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    same(page.evaluate("model.get('moved')")[3], torch.tensor([x + 1 / 24, y - 1 / 24, side]), 1e-6)
    page.keyboard.press("Shift+ArrowLeft")
    same(page.evaluate("model.get('moved')")[3][0], torch.tensor(x - 3 / 24), 1e-6)
    expect(thing).to_be_focused()
    page.keyboard.press("Enter")  # the last one: the first comes next
    expect(page.locator('.sd-thing[data-thing="0"]')).to_be_focused()
    page.keyboard.press("Shift+Enter")
    expect(thing).to_be_focused()
    assert "across" in (thing.get_attribute("aria-valuetext") or "")
    for _ in range(12):
        page.keyboard.press("Shift+ArrowDown")
    same(page.evaluate("model.get('moved')")[3][1], torch.tensor(1 - side / 2), 1e-6)
    size = page.get_by_role("slider", name="Size")
    same(size.input_value() and float(size.input_value()), torch.tensor(round(side, 2)), 0.0051)
    size.focus()
    page.keyboard.press("End")
    left, top, wide = page.evaluate("model.get('moved')")[3]
    same([wide, top + wide / 2], torch.tensor([0.6, 1.0]), 1e-6)
    assert left < x
    page.trace.assert_clean()


def test_boxes_are_drawn_from_a_probability_on(widget_page: OpenPage) -> None:
    model = random_detr(8)
    figure = detector(model)
    page = widget_page(figure)
    probabilities, boxes = found(model, figure.picture())
    objects = probabilities[:, :-1].max(-1)
    for threshold in (0.0, objects.values.median().item(), 1.0):
        page.evaluate("(t) => model.set('threshold', t)", threshold)
        many = int((objects.values >= threshold).sum())
        chosen = told(page, "query")
        assert chosen == int(objects.values.argmax())
        drawn = many + int(objects.values[chosen] < threshold)
        assert page.locator(".sd-boxes rect").count() == drawn
        assert page.locator(".sd-labels span").count() == drawn
    last = page.locator(".sd-boxes rect").last
    expect(last).to_have_class("sd-chosen")
    label = page.locator(".sd-labels span").last
    want = f"{CLASSES[int(objects.indices[chosen])]} {100 * objects.values[chosen]:.0f}\u00a0%"
    expect(label).to_have_text(want)
    corner = [float(last.get_attribute(name) or 0) / 480 for name in ("x", "y", "width", "height")]
    x, y, wide, high = boxes[chosen].tolist()
    want_corner = torch.tensor([x - wide / 2, y - high / 2, wide, high], dtype=torch.float64)
    same(corner, want_corner)


def test_what_each_query_says_is_listed(widget_page: OpenPage) -> None:
    model = random_detr(9)
    figure = detector(model)
    page = widget_page(figure)
    probabilities, _ = found(model, figure.picture())
    names = [*CLASSES, "no object"]
    rows = page.locator(".sd-query")
    assert rows.count() == QUERIES
    for q, (label, sure) in enumerate(zip(*probabilities.max(-1)[::-1], strict=True)):
        want = f"query {q + 1}: {names[int(label)]}, {100 * sure:.0f}\u00a0%"
        expect(rows.nth(q)).to_have_attribute("aria-label", want)


def test_how_many_things_are_found_follows_the_boxes(widget_page: OpenPage) -> None:
    """Things are put under the boxes that the model draws, and named as it names them."""
    model = random_detr(10)
    first = scene(0)
    probabilities, boxes = found(model, detector(model, [first]).picture())
    best = probabilities[:, :-1].max(-1)
    page = widget_page(detector(model, [first], threshold=0.0))
    told_first = page.get_by_role("status").text_content() or ""
    query = int(best.values.argmax())
    x, y, wide, high = boxes[query].tolist()
    squares = first.squares.clone()
    labels = first.labels.clone()
    labels[0] = best.indices[query]
    # The ink's edges are what is compared: the square itself stays, and so does the picture.
    left, top, side = squares[0].tolist()
    edges = first.edges.clone()
    corners = torch.tensor(
        [x - wide / 2 - left, y - high / 2 - top, x + wide / 2 - left, y + high / 2 - top]
    )
    edges[0] = corners / side
    given = first._replace(labels=labels, edges=edges)
    page = widget_page(detector(model, [given], threshold=0.0))
    now = page.get_by_role("status").text_content() or ""
    count = [int(text.split("Found: ")[1].split()[0]) for text in (told_first, now)]
    assert count[1] >= 1
    assert count[1] >= count[0]


def test_an_address_that_fits_no_scene_shows_the_beginning(widget_page: OpenPage) -> None:
    figure = detector(random_detr(11))
    page = widget_page(figure)
    before = told(page, "boxes")
    for odd in (
        [[0.1, 0.1, 0.3]],
        [[0, 0, 0.2]] * 2 + [[0, 0]],
        [["a", 0, 1]] * 3,
        [[0, 0, 0]] * 3,
    ):
        page.evaluate("(moved) => model.set('moved', moved)", odd)
        assert told(page, "boxes") == before
    page.evaluate("model.set('scene', 99); model.set('thing', 9); model.set('query', 99)")
    assert told(page, "query") == QUERIES - 1
    page.trace.assert_clean()
