"""The patch viewer in a real browser: it shows the weights that the model has."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from browsing import lay_out, open_watched, settle
from playwright.sync_api import Browser, Page, expect
from sklearn.datasets import load_digits, load_sample_image
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close
from writing import drawn_anew

from txlite.inspect import record_attention
from txlite.models import ViT, ViTConfig
from txlite.viz.widgets.patch_viewer import PatchViewer

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
SIZES: dict[str, Any] = {"d_model": 24, "num_heads": 3, "d_ff": 32, "num_layers": 4}


@cache
def digits() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return two digits and who attends to whom in them."""
    found = load_digits()
    pictures = torch.tensor(found.images[:2] / 16, dtype=torch.float32)[:, None]
    config = ViTConfig(image_size=8, patch_size=2, num_channels=1, **SIZES)
    named = dict(zip(("a zero", "a one"), pictures, strict=True))
    return named, attended(config, pictures, 1)


@cache
def photograph() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return a temple, and the maps of a model with registers."""
    whole = torch.tensor(load_sample_image("china.jpg")).permute(2, 0, 1)[None] / 255
    picture = functional.interpolate(whole, (96, 144), mode="bilinear", antialias=True)
    config = ViTConfig(image_size=(96, 144), patch_size=12, num_registers=2, **SIZES)
    return {"a temple in a garden": picture[0]}, attended(config, picture, 2)


def attended(config: ViTConfig, pictures: Tensor, seed: int) -> dict[str, Tensor]:
    model = drawn_anew(ViT(config), seed, 0.35)
    with record_attention(model) as maps, torch.no_grad():
        model(pictures.double())
    return dict(maps)


def of_digits(**traits: Any) -> PatchViewer:
    return PatchViewer(*digits(), **traits)


def of_photograph(**traits: Any) -> PatchViewer:
    traits.setdefault("layers", [0, 3])
    return PatchViewer(*photograph(), before=("class token", "register 1", "register 2"), **traits)


EXHIBITS = {
    "digits": lambda: of_digits(token=6, layer=1),
    "photograph": lambda: of_photograph(head=1),
    "bare": lambda: PatchViewer(
        {"nothing": torch.zeros(1, 20, 30)}, {"only": torch.eye(6).expand(1, 1, 6, 6)}, before=()
    ),
}


def weights(page: Page) -> Tensor:
    text = page.locator(".tx-stage").get_attribute("data-weights") or "null"
    return torch.tensor(json.loads(text), dtype=torch.float64)


def setting(page: Page, **traits: Any) -> None:
    page.evaluate("(t) => Object.entries(t).forEach(([n, v]) => model.set(n, v))", traits)


def averaged(maps: Tensor, layer: int, head: int) -> Tensor:
    some = maps if layer < 0 else maps[layer : layer + 1]
    return (some if head < 0 else some[:, head : head + 1]).mean((0, 1))


def test_the_weights_of_every_token_are_the_models(widget_page: OpenPage) -> None:
    """Of 2 × 17 positions: the page's weights are Python's, and nearly the model's own."""
    page = widget_page(of_digits())
    own = torch.stack([*digits()[1].values()], 1)
    made = of_digits()
    for n in range(34):
        picture, token = divmod(n, 17)
        layer, head = [(-1, -1), (3, -1), (-1, 1), (2, 0)][n % 4]
        setting(page, picture=picture, token=token, layer=layer, head=head)
        got = weights(page)
        assert_close(got, averaged(made.attention(picture), layer, head)[token], rtol=0, atol=1e-12)
        want = averaged(own[picture], layer, head)[token]
        assert_close(got, want, rtol=0, atol=float(want.max()) / 200)
        light = page.locator(".pv-patch").evaluate_all("ns => ns.map((n) => n.style.fillOpacity)")
        assert light.index(min(light, key=float)) == int(got[1:].argmax())
    page.trace.assert_clean()


def test_a_patch_is_chosen_by_mouse_and_by_keys(widget_page: OpenPage) -> None:
    page = widget_page(of_photograph())
    board, status = page.locator(".pv-board"), page.get_by_role("status")
    expect(status).to_contain_text("The class token attends most to")
    expect(page.locator(".pv-query")).not_to_be_visible()
    box = board.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 2.5 / 12, box["y"] + box["height"] * 4.5 / 8)
    assert page.evaluate("model.get('token')") == 3 + 4 * 12 + 2
    expect(status).to_contain_text("The patch in row 5, column 3 attends most to")
    where = page.locator(".pv-query").bounding_box()
    assert where is not None
    assert abs(where["x"] + where["width"] / 2 - box["x"] - box["width"] * 2.5 / 12) < 1
    for key, token in [
        ("ArrowRight", (4, 3)), ("ArrowUp", (3, 3)), ("Home", (3, 0)), ("ArrowLeft", (3, 0)),
        ("PageDown", (7, 0)), ("End", (7, 11)), ("ArrowDown", (7, 11)), ("PageUp", (0, 11)),
    ]:  # fmt: skip
        page.keyboard.press(key)
        assert page.evaluate("model.get('token')") == 3 + token[0] * 12 + token[1], key
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 2, box["y"] + 5, steps=5)
    assert page.evaluate("model.get('token')") == 3 + 6
    page.mouse.up()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    assert page.evaluate("model.get('token')") == 3 + 6
    register = page.get_by_role("button", name="register 2")
    register.click()
    expect(register).to_have_attribute("aria-pressed", "true")
    expect(status).to_contain_text("The register 2 attends most to")
    board.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("model.get('token')") == 3 + 4 * 12 + 6
    page.trace.assert_clean()


def test_it_goes_from_layer_to_layer(widget_page: OpenPage) -> None:
    page = widget_page(of_photograph())
    page.clock.install()
    page.get_by_role("button", name="play: layer by layer").click()
    seen = []
    for _ in range(3):
        page.clock.run_for(1400)
        seen.append(page.evaluate("model.get('layer')"))
    assert seen == [0, 1, 1]
    assert page.locator("select").first.locator("option").all_text_contents() == [
        "all layers, averaged", "layer 1", "layer 4",
    ]  # fmt: skip
    page.trace.assert_clean()


def test_pictures_are_as_they_were(widget_page: OpenPage) -> None:
    """A digit to the last number; a photograph as a format for photographs keeps it."""
    page = widget_page(of_digits())
    for maker, close in ((of_digits, 1 / 255), (of_photograph, 0.04)):
        made = maker()
        told = (digits if maker is of_digits else photograph)()[0]
        for kept, picture in zip(made.pictures, told.values(), strict=True):
            assert len(kept["url"]) < 30_100
            found = page.evaluate(
                """async (url) => {
                    const image = new Image();
                    image.src = url;
                    await image.decode();
                    const canvas = new OffscreenCanvas(image.width, image.height);
                    const to = canvas.getContext("2d");
                    to.drawImage(image, 0, 0);
                    const { data, width } = to.getImageData(0, 0, image.width, image.height);
                    return [Array.from(data), width];
                }""",
                kept["url"],
            )
            pixels = torch.tensor(found[0]).view(-1, found[1], 4)[..., :3].permute(2, 0, 1) / 255
            assert pixels.shape[1:] == picture.shape[1:]
            assert float((pixels - picture).abs().mean()) < close
    page.trace.assert_clean()


def test_the_maps_stand_apart(tmp_path: Any, browser: Browser) -> None:
    address = lay_out(of_photograph(), tmp_path)
    files = sorted(path.stat().st_size for path in tmp_path.glob("*.js"))
    assert len(files) == 2
    page = open_watched(browser, "file://")
    try:
        page.goto(address)
        settle(page)
        assert float(weights(page).sum()) == pytest.approx(1, abs=0.01)
        page.trace.assert_clean()
    finally:
        page.context.close()


@pytest.mark.parametrize("width", [360, 800, 1280])
def test_nothing_moves_when_another_patch_is_chosen(widget_page: OpenPage, width: int) -> None:
    page = widget_page(of_photograph(), width=width)
    where = """() => [...document.querySelectorAll(
        ".pv-board, .pv-token, .pv-legend, .tx-status, .tx-tools, .tx-widget")].map((n) => {
            const { x, y, width, height } = n.getBoundingClientRect();
            return [x, y, width, height];
        })"""
    before = page.evaluate(where)
    for state in [{"token": 98}, {"layer": 1}, {"head": 2}, {"token": 40}, {"token": 0}]:
        setting(page, **state)
        assert page.evaluate(where) == before
