"""The writer in a real browser: it writes as Python does, token for token."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from browsing import lay_out, settle
from playwright.sync_api import Page, expect
from torch.testing import assert_close
from writing import LONGEST, MAX_LEN, PROMPT, paragraphs, prose, random_gpt, random_llama, writer

from txlite.generation import generate
from txlite.inspect import record_attention
from txlite.models import GPT, Llama

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
SHORT = {"rtol": 0, "atol": 1e-6}


def llama() -> Llama:
    return random_llama(2, num_heads=4, num_kv_heads=2, rope_theta=300.0)


EXHIBITS = {
    "start": lambda: writer(random_gpt(1), seed=3),
    "written": lambda: writer(
        random_gpt(1), written=12, temperature=1.3, top_k=9, top_p=0.9, token=4, layer=1, head=2
    ),
    "llama": lambda: writer(llama(), "def", written=LONGEST, layer=0),
}
MODELS: list[Callable[[], GPT | Llama]] = [
    lambda: random_gpt(1),
    lambda: random_gpt(4, norm_first=False, activation="gelu", tied_output=False),
    lambda: random_gpt(5, positions="sinusoidal", bias=False, norm="rms", activation="swiglu"),
    llama,
]


def shown(page: Page, what: str) -> Any:
    return json.loads(page.locator(".tx-stage").get_attribute(f"data-{what}") or "null")


def setting(page: Page, **traits: Any) -> None:
    page.evaluate("(t) => Object.entries(t).forEach(([n, v]) => model.set(n, v))", traits)


def told(model: GPT | Llama, prompt: str, count: int, seed: int = 0, **settings: Any) -> list[int]:
    """Return what Python writes, the prompt before it."""
    chance = torch.Generator().manual_seed(seed)
    tokens = torch.tensor([prose().encode(prompt)])
    found = generate(model, tokens, max_new_tokens=count, generator=chance, **settings)
    return found[0].tolist()


@pytest.mark.parametrize("made", MODELS)
def test_greedy_and_drawn_tokens_are_pythons(
    widget_page: OpenPage, made: Callable[[], GPT | Llama]
) -> None:
    model = made()
    page = widget_page(writer(model))
    choices: list[dict[str, Any]] = [
        {"temperature": 0.0},
        {"temperature": 1.0},
        {"temperature": 0.4, "top_k": 7},
        {"temperature": 1.7, "top_p": 0.6},
        {"temperature": 1.2, "top_k": 30, "top_p": 0.85},
    ]
    texts = set()
    for number, choice in enumerate(choices):
        for prompt in (PROMPT, paragraphs()[5 + number][:24]):
            traits = {"top_k": 0, "top_p": 1.0} | choice | {"seed": 7 * number, "prompt": prompt}
            setting(page, **traits, written=LONGEST)
            want = told(model, prompt, LONGEST, 7 * number, **choice)
            assert shown(page, "tokens") == want
            assert page.locator(".tx-stage").get_attribute("data-text") == prose().decode(want)
            texts.add(tuple(want))
    assert len(texts) == 2 * len(choices)
    page.trace.assert_clean()


def test_many_seeds_draw_pythons_tokens(widget_page: OpenPage) -> None:
    model = random_gpt(6)
    page = widget_page(writer(model, temperature=1.1, written=5))
    for seed in range(0, 100, 9):
        setting(page, seed=seed)
        assert shown(page, "tokens") == told(model, PROMPT, 5, seed, temperature=1.1)


@pytest.mark.parametrize("made", MODELS)
def test_attention_and_expectations_are_pythons_at_every_token(
    widget_page: OpenPage, made: Callable[[], GPT | Llama]
) -> None:
    model = made()
    page = widget_page(writer(model, written=6, temperature=0.7, top_k=5))
    tokens = torch.tensor([shown(page, "tokens")])
    with record_attention(model) as maps, torch.no_grad():
        logits = model(tokens)[0]
    attention = torch.cat([*maps.values()]).double()
    for at in range(tokens.shape[1]):
        for layer, head in ((-1, -1), (0, 0), (1, -1), (-1, 2)):
            setting(page, token=at, layer=layer, head=head)
            own = attention if layer < 0 else attention[layer : layer + 1]
            own = own if head < 0 else own[:, head : head + 1]
            want = own.mean((0, 1))[at, : at + 1]
            assert_close(torch.tensor(shown(page, "weights")).double(), want, **SHORT)
        bars = page.locator(".tx-tokens li:not([data-token=''])")
        ids = [int(n) for n in bars.evaluate_all("ns => ns.map((n) => n.dataset.token)")]
        got = bars.evaluate_all("ns => ns.map((n) => [n.dataset.before, n.dataset.after])")
        expected = logits[at].softmax(-1)
        left = (logits[at] / 0.7).where(logits[at] >= logits[at].topk(5).values[-1], -torch.inf)
        want = torch.stack([expected[ids], left.softmax(-1)[ids]], -1)
        assert_close(torch.tensor([[float(x) for x in row] for row in got]).double(), want, **SHORT)
        if at + 1 < tokens.shape[1]:
            assert int(tokens[0, at + 1]) in ids


def test_it_is_written_by_hand(widget_page: OpenPage) -> None:
    model = random_gpt(7)
    page = widget_page(writer(model, temperature=0.0))
    page.get_by_role("textbox", name="Beginning").fill("An object is the ")
    begun = prose().encode("An object is the ")
    assert shown(page, "tokens") == begun
    for count in (1, 2, 3):
        page.get_by_role("button", name="one token").click()
        assert shown(page, "tokens") == told(model, "An object is the ", count)
    page.get_by_role("slider", name="Temperature").fill("1.5")
    page.get_by_role("slider", name="Seed").fill("8")
    want = told(model, "An object is the ", 3, 8, temperature=1.5)
    assert shown(page, "tokens") == want
    texts = page.locator(".wr-token")
    expect(texts).to_have_count(len(want))
    texts.nth(2).focus()
    assert page.evaluate("model.get('token')") == 2
    expect(page.get_by_role("status")).to_contain_text("attends most to")
    page.keyboard.press("ArrowRight")
    expect(texts.nth(3)).to_be_focused()
    expect(texts.nth(3)).to_have_attribute("aria-pressed", "true")
    assert page.locator(".wr-token[data-weight]").count() == 4  # no token looks ahead
    texts.nth(1).hover()
    assert page.locator(".wr-token[data-weight]").count() == 2
    page.get_by_role("combobox", name="Attention of").select_option(label="layer 2")
    assert page.evaluate("model.get('layer')") == 1
    page.get_by_role("button", name="erase").click()
    assert shown(page, "tokens") == begun
    page.trace.assert_clean()


def test_a_text_ends_where_the_model_ends_it(widget_page: OpenPage) -> None:
    model = random_gpt(1)
    free = told(model, PROMPT, LONGEST, 0, temperature=1.0)
    begun = len(prose().encode(PROMPT))
    end = free[begun + 4]
    assert end not in free[begun : begun + 4]
    page = widget_page(writer(model, temperature=1.0, eos_id=end, written=LONGEST))
    assert shown(page, "tokens") == free[: begun + 5]
    expect(page.locator(".tx-doubt")).to_contain_text("ended its text")
    expect(page.get_by_role("button", name="one token")).to_be_disabled()


def test_a_prompt_without_room_unknown_signs_and_none_at_all(widget_page: OpenPage) -> None:
    model = random_gpt(8)
    page = widget_page(writer(model, temperature=0.0, written=3))
    box, note = page.get_by_role("textbox", name="Beginning"), page.locator(".tx-doubt")
    long = " ".join(paragraphs()[7][:200].split())
    ids = prose().encode(long)
    box.fill(long)
    room = MAX_LEN - LONGEST
    expect(note).to_contain_text(f"no position for the first {len(ids) - room} tokens")
    assert shown(page, "tokens") == ids[-room:]
    setting(page, written=LONGEST)
    kept = generate(model, torch.tensor([ids[-room:]]), max_new_tokens=LONGEST)
    assert shown(page, "tokens") == kept[0].tolist()
    box.fill("We ♥ it")
    expect(note).to_contain_text("Not in the vocabulary: “♥”")
    assert shown(page, "tokens") == prose().encode("We ♥ it")
    box.fill("")
    expect(page.get_by_role("status")).to_contain_text("Type a beginning")
    assert shown(page, "tokens") == []
    page.get_by_role("button", name="copy as code").click()
    page.trace.assert_clean()


def test_a_mark_stands_before_every_prompt(widget_page: OpenPage) -> None:
    model = random_gpt(9)
    page = widget_page(writer(model, "", bos_id=1, temperature=0.0, written=4))
    want = generate(model, torch.tensor([[1]]), max_new_tokens=4)
    assert shown(page, "tokens") == want[0].tolist()


def test_keys_choose_a_token_while_the_mouse_rests_on_another(widget_page: OpenPage) -> None:
    page = widget_page(writer(random_gpt(1), temperature=0.0, written=6))
    tokens = page.locator(".wr-token")
    tokens.nth(1).hover()
    assert shown(page, "at") == 1
    tokens.nth(1).click()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    assert shown(page, "at") == 3
    assert tokens.nth(3).get_attribute("aria-pressed") == "true"
    page.mouse.move(0, 0)
    assert shown(page, "at") == 3


def test_the_space_before_a_text_has_a_sign(widget_page: OpenPage) -> None:
    page = widget_page(writer(random_gpt(1), " two", temperature=0.0))
    pieces = page.locator(".wr-token").all_inner_texts()
    assert "∅" not in pieces
    assert all(piece.strip() for piece in pieces)


def test_its_weights_lie_in_a_file_of_their_own(
    new_page: Callable[..., Page], tmp_path: Path
) -> None:
    address = lay_out(writer(random_gpt(1), temperature=0.0, written=3), tmp_path)
    weights, _ = sorted(tmp_path.glob("*.js"), key=lambda file: "Beginning" in file.read_text())
    page = new_page("file://")
    page.goto(address)
    settle(page)
    expect(page.locator(".anywidget-lite[data-tx-state=ready]")).to_have_count(1)
    assert shown(page, "tokens") == told(random_gpt(1), PROMPT, 3)
    page.trace.assert_clean()
    weights.rename(tmp_path / "later")
    page.reload()
    settle(page)
    expect(page.get_by_role("alert")).to_contain_text("could not be loaded")
    (tmp_path / "later").rename(weights)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".anywidget-lite[data-tx-state=ready]")).to_have_count(1)
    assert shown(page, "tokens") == told(random_gpt(1), PROMPT, 3)
