"""The digit pad in a real browser: it answers what Python answers, to pictures and to drawings."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from browsing import lay_out, open_watched, settle
from drawing import DIGITS, written
from playwright.sync_api import Browser, Page, expect
from sklearn.datasets import load_digits
from test_widget_pad import averaged, inked
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close
from writing import drawn_anew

from txlite.inspect import record_attention
from txlite.models import ViTConfig, ViTForImageClassification
from txlite.viz.widgets.digit_pad import DigitPad, digit_of

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
SIZES = {"image_size": 8, "patch_size": 2, "num_channels": 1, "num_labels": 10}
SMALL = {"d_model": 12, "num_heads": 3, "d_ff": 16, "num_layers": 2}
LEARNED = {"d_model": 32, "num_heads": 4, "d_ff": 64, "num_layers": 3}
LARGE = {"d_model": 96, "num_heads": 6, "d_ff": 384, "num_layers": 4}  # above the chapter's
COUNT = 220
MEBIBYTES = 4


@cache
def held_out() -> tuple[Tensor, Tensor]:
    """Return pictures from 0 to 1 that no model here has learned from, and labels."""
    found = load_digits()
    pictures = torch.tensor(found.images[-COUNT:] / 16, dtype=torch.float32)[:, None]
    return pictures, torch.tensor(found.target[-COUNT:])


@cache
def learned() -> ViTForImageClassification:
    """Return a model that has learned from the other digits for a few seconds."""
    found = load_digits()
    pictures = torch.tensor(found.images[:-COUNT] / 16, dtype=torch.float32)[:, None]
    labels = torch.tensor(found.target[:-COUNT])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = ViTForImageClassification(ViTConfig(**(SIZES | LEARNED)))
        optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
        for _ in range(180):
            batch = torch.randint(len(labels), (64,))
            loss = functional.cross_entropy(model(pictures[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.half().double().eval()


def random_vit(seed: int, size: float = 0.3, **choices: Any) -> ViTForImageClassification:
    config = ViTConfig(**(SIZES | SMALL | choices))
    return drawn_anew(ViTForImageClassification(config), seed, size)


def figure(model: ViTForImageClassification, count: int = 5, **traits: Any) -> DigitPad:
    pictures, labels = held_out()
    return DigitPad(model, pictures[:count], labels[:count], **traits)


EXHIBITS = {
    "picture": lambda: figure(random_vit(1), picture=2),
    "drawn": lambda: figure(random_vit(2), drawing=written(DIGITS["5"]), layer=1, head=0),
    "nothing": lambda: figure(random_vit(1), picture=-1),
}


def shown(page: Page, what: str) -> Any:
    return json.loads(page.locator(".tx-stage").get_attribute(f"data-{what}") or "null")


def bars(page: Page) -> Tensor:
    found = page.locator(".dp-bars li").evaluate_all("ns => ns.map((n) => Number(n.dataset.after))")
    return torch.tensor(found, dtype=torch.float64)


def setting(page: Page, **traits: Any) -> None:
    page.evaluate("(t) => Object.entries(t).forEach(([n, v]) => model.set(n, v))", traits)


def answers(model: ViTForImageClassification, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Return the probabilities, and the class token's attention (B, layers, H, T)."""
    with record_attention(model) as maps, torch.no_grad():
        probabilities = model(pictures.double()).softmax(-1)
    return probabilities, torch.stack([*maps.values()], 1)[..., 0, :]


def test_its_answers_to_220_test_digits_are_pythons(widget_page: OpenPage) -> None:
    model = learned()
    pictures, labels = held_out()
    page = widget_page(figure(model, COUNT))
    want, attention = answers(model, pictures)
    found = []
    for n in range(COUNT):
        setting(page, picture=n)
        found.append(bars(page))
        assert shown(page, "counts") == (pictures[n] * 16).flatten().tolist()
        if n % 20 == 0:
            got = torch.tensor(shown(page, "weights"), dtype=torch.float64)
            assert_close(got, attention[n].mean((0, 1)), rtol=0, atol=1e-9)
    assert_close(torch.stack(found), want, rtol=0, atol=1e-8)
    assert (want.argmax(-1) == labels).double().mean() > 0.7  # a few seconds
    page.trace.assert_clean()


def test_what_a_hand_draws_is_mostly_read_as_that_digit(widget_page: OpenPage) -> None:
    """A control: drawn thin, as they are on the sheet, fewer are."""
    page = widget_page(figure(learned()))
    right, thin = [], []
    for name, lines in DIGITS.items():
        drawing = written(lines)
        setting(page, picture=-1, drawing=drawing)
        right.append(str(bars(page).argmax().item()) == name)
        as_it_is = averaged(inked(drawing, 128) > 0, 8)[None, None]
        thin.append(str(answers(learned(), as_it_is)[0].argmax().item()) == name)
    assert sum(right) >= 7
    assert sum(right) > sum(thin)


def test_the_model_is_light_and_stands_apart(tmp_path: Any, browser: Browser) -> None:
    model = random_vit(3, **LARGE)
    address = lay_out(figure(model, COUNT), tmp_path)
    files = sorted(path.stat().st_size for path in tmp_path.glob("*.js"))
    assert len(files) == 2
    assert files[0] < 100_000  # the figure itself
    assert files[1] < MEBIBYTES * 2**20
    page = open_watched(browser, "file://")
    try:
        page.goto(address)
        settle(page)
        assert bars(page).sum() == pytest.approx(1)
        page.trace.assert_clean()
    finally:
        page.context.close()


@pytest.mark.parametrize("full", [1.0, 16.0])
def test_drawings_are_read_as_python_reads_them(widget_page: OpenPage, full: float) -> None:
    model = random_vit(4)
    pictures, labels = held_out()
    made = DigitPad(model, pictures[:2] * full, labels[:2], full=full)
    page = widget_page(made)
    odd = ["07f7f", "0ffff.00000", "000ffff00", "0007fff7f", "x.0102", "0404040404141", ""]
    hands = [written(lines) for lines in DIGITS.values()]
    for n, drawing in enumerate([*hands, written(DIGITS["4"], 0.2, (0.3, -0.3)), *odd]):
        layer, head = [(-1, -1), (0, -1), (1, 2)][n % 3]
        setting(page, picture=-1, drawing=drawing, layer=layer, head=head)
        counts = made.reads(drawing)
        assert shown(page, "counts") == counts.flatten().tolist() or not counts.any()
        if not counts.any():
            expect(page.get_by_role("status")).to_have_text("Draw a digit.")
            continue
        want, attention = answers(model, counts[None, None] * (full / 16))
        assert_close(bars(page), want[0], rtol=0, atol=1e-8)
        got = torch.tensor(shown(page, "weights"), dtype=torch.float64)
        own = attention[0] if layer < 0 else attention[0, layer : layer + 1]
        own = own if head < 0 else own[:, head : head + 1]
        assert_close(got, own.mean((0, 1)), rtol=0, atol=1e-9)
    page.trace.assert_clean()


def test_a_digit_is_drawn_by_mouse_and_replaces_the_picture(widget_page: OpenPage) -> None:
    model = random_vit(5)
    page = widget_page(figure(model))
    pictures, labels = held_out()
    status = page.get_by_role("status")
    button = page.get_by_role("button", name="next test picture")
    expect(status).to_contain_text(f"Test picture 1 of 5, a {labels[0]}")
    right = page.locator(".tx-taken .tx-name")
    for n in (1, 2, 3, 4, 0, 1):
        button.click()
        best = answers(model, pictures[n : n + 1])[0].argmax().item()
        told = "right" if best == labels[n] else "wrong"
        expect(status).to_contain_text(f"a {labels[n]}: most probably {best} (")
        expect(status).to_contain_text(f"), {told}.")
        expect(right).to_have_text(str(labels[n].item()))
    box = page.locator(".tx-sheet").bounding_box()
    assert box is not None
    for at, press in [((0.4, 0.3), "down"), ((0.7, 0.3), None), ((0.5, 0.8), "up")]:
        page.mouse.move(box["x"] + at[0] * box["width"], box["y"] + at[1] * box["height"])
        if press:
            getattr(page.mouse, press)()
    assert page.evaluate("model.get('picture')") == -1
    drawing = page.evaluate("model.get('drawing')")
    assert shown(page, "counts") == digit_of(drawing).flatten().tolist()
    expect(right).to_have_count(0)
    expect(status).to_contain_text("Most probably")
    page.get_by_role("button", name="undo").click()
    expect(status).to_have_text("Draw a digit.")
    assert bars(page).sum() == 0
    button.click()
    expect(status).to_contain_text("Test picture 1 of 5")
    page.trace.assert_clean()


def test_a_digit_is_drawn_by_keyboard(widget_page: OpenPage) -> None:
    page = widget_page(figure(random_vit(5), picture=-1))
    page.keyboard.press("Tab")
    for key in ("Home", "ArrowRight", "Shift+End", "Shift+PageDown"):
        page.keyboard.press(key)
    assert page.evaluate("model.get('drawing')") == "01888f888.0f888f8f8".replace(".0f888", "")
    assert bars(page).sum() == pytest.approx(1)
    page.trace.assert_clean()


def test_nothing_moves_while_it_is_drawn(widget_page: OpenPage) -> None:
    """Every part stays where it is, whatever is drawn."""
    for width in (360, 1280):
        page = widget_page(figure(random_vit(6)), width=width)
        where = """() => [...document.querySelectorAll(
            ".tx-sheet, .dp-board, .dp-bars li, .tx-status, .tx-tools, .tx-widget")].map((n) => {
                const { x, y, width, height } = n.getBoundingClientRect();
                return [x, y, width, height];
            })"""
        before = page.evaluate(where)
        for state in [{"picture": 4}, {"picture": -1}, {"drawing": written(DIGITS["8"])}]:
            setting(page, **state)
            assert page.evaluate(where) == before
