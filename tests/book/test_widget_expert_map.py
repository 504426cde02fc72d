"""The map of experts in a real browser: the page sends each byte where Python sends it."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from pydoc_data.topics import topics
from typing import Any

import pytest
import torch
from playwright.sync_api import Page, expect
from torch.nn.functional import cross_entropy
from torch.testing import assert_close
from writing import drawn_anew

from txlite.inspect import expert_load, record_routing
from txlite.models import GPTWithExperts, GPTWithExpertsConfig
from txlite.nn import expert_capacity
from txlite.viz.widgets.expert_map import ExpertMap

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
SIZES: dict[str, Any] = {
    "vocab_size": 256, "d_model": 24, "num_heads": 3, "d_ff": 20, "num_layers": 4, "max_len": 70,
    "num_experts": 5,
}  # fmt: skip
TEXTS = ["def f(x):\n    return x + 1", "LATIN SMALL LETTER E WITH ACUTE", "élève naïf ♥"]
MODELS: list[dict[str, Any]] = [
    {},
    {"num_experts": 8, "norm": "rms", "activation": "swiglu", "bias": False, "router_bias": True},
    {"positions": "rotary", "sparse_step": 1, "num_layers": 2, "num_experts": 2},
    {"norm_first": False, "tied_output": False, "sparse_step": 3, "num_experts": 3},
]


def random_model(seed: int, **choices: Any) -> GPTWithExperts:
    return drawn_anew(GPTWithExperts(GPTWithExpertsConfig(**(SIZES | choices))), seed, 0.5)


def figure(model: GPTWithExperts, **traits: Any) -> ExpertMap:
    traits.setdefault("examples", TEXTS)
    return ExpertMap(asdict(model.config), model.state_dict(), **traits)


EXHIBITS = {
    "start": lambda: figure(random_model(1), capacity_factor=1.25),
    "eight": lambda: figure(
        random_model(2, num_experts=8), text=TEXTS[1], layer=3, byte=7, capacity_factor=0.5
    ),
    "all": lambda: figure(random_model(3, num_layers=2), examples=[TEXTS[2]]),
}


def shown(page: Page, what: str) -> Any:
    return json.loads(page.locator(".tx-stage").get_attribute(f"data-{what}") or "null")


def setting(page: Page, **traits: Any) -> None:
    page.evaluate("(t) => Object.entries(t).forEach(([n, v]) => model.set(n, v))", traits)


def texts() -> list[str]:
    """Two hundred pieces of prose about Python, of all lengths up to what is read, and odd ones."""
    prose = "\n".join(topics.values())
    pieces = [prose[n * 997 : n * 997 + 1 + (n * 37) % 75] for n in range(200)]
    return [*pieces, *TEXTS, "a", "\n", "😀", "\t\x00\x7f", "ß" * 40, "aaaaaaaaaaaaaaaaaaaa"]


@pytest.mark.parametrize("part", range(len(MODELS)))
@pytest.mark.kills(
    "page: an expert takes the others' place",
    "viz/widgets/common/experts.js",
    "taken[i].length < capacity",
    "t < capacity",
)
@pytest.mark.kills(
    "page: the gate is left out", "viz/widgets/common/experts.js", " * probabilities[t][i]", ""
)
@pytest.mark.kills(
    "page: capacity is rounded down", "viz/widgets/common/experts.js", "above + below - 1", "above"
)
def test_experts_and_probabilities_are_pythons(widget_page: OpenPage, part: int) -> None:
    model = random_model(4, **MODELS[part])
    made = figure(model)
    page, count = widget_page(made), model.config.num_experts
    models: dict[float, GPTWithExperts] = {}
    for step in range(1, 4 * count + 1):
        factor = step / 4
        config = replace(model.config, capacity_factor=factor)
        models[factor] = GPTWithExperts(config).double().eval()
        models[factor].load_state_dict(model.state_dict())
    dropped, seen = 0, set()
    for number, text in enumerate(texts()[part :: len(MODELS)]):
        factor = [*models][number % len(models)]
        layer = made.layers[number % len(made.layers)]
        tokens = made.encode(text)
        byte = number % len(tokens)
        setting(page, text=text, capacity_factor=factor, layer=layer, byte=byte)
        assert shown(page, "tokens") == tokens
        with record_routing(models[factor]) as routings, torch.no_grad():
            logits = models[factor](torch.tensor([tokens]))[0]
        routing = routings[f"decoder.layers.{layer}.feed_forward"]
        load = expert_load(routing)
        assert shown(page, "experts") == routing.experts[0, :, 0].tolist()
        assert shown(page, "placed") == routing.placed[0, :, 0].tolist()
        assert shown(page, "rows") == load.rows.tolist()
        assert shown(page, "dropped") == load.dropped
        shares = torch.tensor(shown(page, "shares"), dtype=torch.float64)
        assert_close(shares, load.shares, rtol=0, atol=1e-12)
        got = torch.tensor(shown(page, "probabilities"), dtype=torch.float64)
        assert_close(got, routing.probabilities[0, byte], rtol=0, atol=1e-9)
        if len(tokens) > 1:
            bits = cross_entropy(logits[:-1], torch.tensor(tokens[1:])) / math.log(2.0)
            assert_close(shown(page, "bits"), bits.item(), rtol=1e-9, atol=1e-9)
        dropped += load.dropped
        seen |= set(shown(page, "experts"))
    assert dropped > 50
    assert len(seen) > 1  # the router can tell them apart
    page.trace.assert_clean()


def test_the_capacity_is_that_of_python(widget_page: OpenPage) -> None:
    page = widget_page(figure(random_model(5)))
    room = "Each has room for {} of {}"
    for factor in (0.25, 1.0, 1.25, 2.75, 5.0):
        for text in ("abc", "x" * 64, "Latin small letter"):
            setting(page, text=text, capacity_factor=factor)
            want = min(expert_capacity(len(text), 5, factor), len(text))
            expect(page.get_by_role("status")).to_contain_text(room.format(want, len(text)))
    page.trace.assert_clean()


def test_the_slider_drops_bytes_and_takes_them_back(widget_page: OpenPage) -> None:
    page = widget_page(figure(random_model(6), text=TEXTS[1]))
    struck = page.locator(".em-dropped")
    slider = page.get_by_role("slider", name="Capacity factor")
    expect(slider).to_have_attribute("aria-valuetext", "all")
    assert struck.count() == 0 == shown(page, "dropped")
    expect(page.get_by_role("status")).to_contain_text("none dropped")
    whole = shown(page, "bits")
    slider.focus()
    page.keyboard.press("Home")
    assert page.evaluate("model.get('capacity_factor')") == 0.25
    assert struck.count() == shown(page, "dropped") > 5
    assert shown(page, "bits") != whole
    spoken = re.compile(r": expert \d, \d+\s%, dropped$")
    expect(struck.first).to_have_attribute("aria-label", spoken)
    page.keyboard.press("End")
    assert struck.count() == 0
    assert shown(page, "bits") == whole
    page.trace.assert_clean()


def test_a_byte_is_looked_at_by_mouse_and_by_keys(widget_page: OpenPage) -> None:
    page = widget_page(figure(random_model(7)))
    bytes_ = page.locator(".em-byte")
    assert bytes_.count() == len(TEXTS[0].encode())
    first = shown(page, "probabilities")
    bytes_.nth(4).hover()
    assert shown(page, "byte") == 4
    assert shown(page, "probabilities") != first
    page.locator(".tx-title").hover()
    assert shown(page, "byte") == 0
    bytes_.nth(2).click()
    assert page.evaluate("model.get('byte')") == 2
    page.keyboard.press("ArrowRight")
    assert shown(page, "byte") == 3  # the focus has moved
    page.keyboard.press("Enter")
    assert page.evaluate("model.get('byte')") == 3
    expect(bytes_.nth(3)).to_have_attribute("aria-pressed", "true")
    expect(bytes_.nth(3)).to_be_focused()
    page.get_by_role("button", name="another text").click()
    assert bytes_.count() == len(TEXTS[1])
    assert page.evaluate("model.get('byte')") == 0
    page.get_by_role("combobox", name="Experts of").select_option(label="layer 4")
    assert page.evaluate("model.get('layer')") == 3
    expect(page.locator(".em-head").last).to_contain_text("in layer 2: expert")
    page.trace.assert_clean()


def test_what_is_typed_is_read_byte_by_byte(widget_page: OpenPage) -> None:
    made = figure(random_model(8))
    page = widget_page(made)
    box, note = page.get_by_role("textbox", name="Text"), page.locator(".tx-doubt")
    for typed in ("naïve ♥", "a↵b", "  ", "日本語", "x" * 70):
        box.fill(typed)
        text = typed.replace("↵", "\n")
        assert page.evaluate("model.get('text')") == text
        assert shown(page, "tokens") == made.encode(text) == [*text.encode()][:70]
        assert page.locator(".em-byte").count() == len(made.encode(text))
    expect(note).to_be_empty()
    box.fill("é" * 40)
    expect(note).to_contain_text("The last 10 of 80 bytes are not read")
    box.fill("")
    expect(page.get_by_role("status")).to_contain_text("Type a text")
    page.get_by_role("button", name="copy as code").click()
    expect(page.locator(".tx-code")).to_contain_text("There is no byte yet")
    box.fill("é")
    expect(page.locator(".em-sign").first).to_have_text("C3")
    page.trace.assert_clean()
