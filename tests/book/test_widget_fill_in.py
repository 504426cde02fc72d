"""The figure of hidden words in a real browser: it fills in what Python fills in."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
import torch
from playwright.sync_api import Page, expect
from torch.testing import assert_close
from writing import drawn_anew

from txlite.data.unicode_names import unicode_names
from txlite.inspect import record_attention
from txlite.models import BERTConfig, BERTForMaskedLM
from txlite.viz.widgets.fill_in import MARKS, FillIn

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
NAMES = [one.name for one in unicode_names().valid]
COUNTS = Counter(word for name in NAMES for word in name.replace("-", " ").split())
WORDS = [word for word, _ in COUNTS.most_common(400)]
TOKENS = ["[PAD]", *MARKS, *WORDS]
SIZES = {"d_model": 24, "num_heads": 3, "d_ff": 40, "num_layers": 2, "max_len": 12}
SENTENCES = ["LATIN SMALL LETTER E WITH ACUTE", "greek [MASK] letter alpha"]
MODELS: list[dict[str, Any]] = [
    {},
    {"norm_first": True, "activation": "gelu_tanh", "norm_eps": 1e-5},
    {"positions": "rotary", "num_heads": 2, "activation": "relu"},
    {"embedding_dim": 10, "share_layers": True, "bias": False},
    {"positions": "sinusoidal", "norm": "rms", "norm_eps": None},
]


def random_bert(seed: int, **choices: Any) -> BERTForMaskedLM:
    config = BERTConfig(vocab_size=len(TOKENS), **(SIZES | choices))
    return drawn_anew(BERTForMaskedLM(config), seed, 0.8)


def figure(model: BERTForMaskedLM, **traits: Any) -> FillIn:
    traits.setdefault("examples", SENTENCES)
    return FillIn(asdict(model.config), model.state_dict(), TOKENS, **traits)


EXHIBITS = {
    "hidden": lambda: figure(random_bert(1), hidden=[1, 3], word=3, layer=1, head=0),
    "start": lambda: figure(random_bert(1)),
    "typed": lambda: figure(random_bert(2), examples=[SENTENCES[1]]),
}


def shown(page: Page, what: str) -> Any:
    return json.loads(page.locator(".tx-stage").get_attribute(f"data-{what}") or "null")


def setting(page: Page, **traits: Any) -> None:
    page.evaluate("(t) => Object.entries(t).forEach(([n, v]) => model.set(n, v))", traits)


@pytest.mark.parametrize("choices", MODELS)
def test_fillings_and_attention_are_pythons(widget_page: OpenPage, choices: dict[str, Any]) -> None:
    model = random_bert(3, **choices)
    made = figure(model)
    page = widget_page(made)
    seen = set()
    for number, name in enumerate(NAMES[::97]):
        count = len(name.replace("-", " ").split())
        hidden = [number % count] if number % 2 else sorted({0, count - 1})
        place, (layer, head) = hidden[-1], [(-1, -1), (0, -1), (1, 1)][number % 3]
        setting(page, sentence=name, hidden=hidden, word=place, layer=layer, head=head)
        tokens = made.encode(name, hidden)
        assert shown(page, "tokens") == tokens
        assert tokens.count(made.marks["[MASK]"]) == len(hidden)
        with record_attention(model) as maps, torch.no_grad():
            sure = model(torch.tensor([tokens]))[0].softmax(-1)
        for column, at in enumerate(hidden):
            bars = page.locator(".fi-column").nth(column).locator("li[data-token]")
            told = bars.evaluate_all("ns => ns.map((n) => [n.dataset.token, n.dataset.after])")
            best = sure[at + 1].topk(5)
            assert [int(token) for token, _ in told[:5]] == best.indices.tolist()
            got = torch.tensor([float(p) for _, p in told], dtype=torch.float64)
            assert_close(got[:5], best.values, rtol=0, atol=1e-6)
            assert_close(got.sum().item(), 1.0, rtol=0, atol=1e-9)
            seen.add(tuple(token for token, _ in told[:5]))
        own = torch.cat([*maps.values()]).double()
        own = own if layer < 0 else own[layer : layer + 1]
        own = own if head < 0 else own[:, head : head + 1]
        got = torch.tensor(shown(page, "weights"), dtype=torch.float64)
        assert_close(got, own.mean((0, 1))[place + 1], rtol=0, atol=1e-6)
    assert len(seen) > 3  # the model can tell them apart
    page.trace.assert_clean()


def test_words_are_hidden_by_hand(widget_page: OpenPage) -> None:
    model = random_bert(4)
    made = figure(model)
    page = widget_page(made)
    expect(page.get_by_role("status")).to_contain_text("Press a word")
    words = page.locator(".fi-word")
    words.nth(1).click()
    assert shown(page, "tokens") == made.encode(SENTENCES[0], [1])
    expect(words.nth(1)).to_have_text("[MASK]")
    words.nth(1).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    assert page.evaluate("model.get('hidden')") == [1, 3]
    expect(words.nth(3)).to_be_focused()
    expect(words.nth(3)).to_have_attribute("aria-pressed", "true")
    assert shown(page, "place") == 3
    before = shown(page, "weights")
    page.get_by_role("button", name="word 2").click()
    assert shown(page, "place") == 1
    assert shown(page, "weights") != before
    words.nth(3).hover()
    assert shown(page, "weights") == before
    words.nth(3).click()
    assert page.evaluate("model.get('hidden')") == [1]
    page.get_by_role("button", name="another sentence").click()
    assert shown(page, "tokens") == made.encode(SENTENCES[1], [1])
    expect(words.nth(1)).to_be_disabled()
    page.trace.assert_clean()


def test_what_is_typed_is_cut_as_python_cuts_it(widget_page: OpenPage) -> None:
    made = figure(random_bert(5), hidden=[0])
    page = widget_page(made)
    box, note = page.get_by_role("textbox", name="Sentence"), page.locator(".tx-doubt")
    for typed in (
        "Greek-Small  letter\tALPHA",
        " latin ♥ letter",
        "[MASK]",
        "a-",
        "With WITH with",
    ):
        box.fill(typed)
        assert shown(page, "tokens") == made.encode(typed, [0])
    box.fill("LATIN ♥")
    expect(note).to_contain_text("Not in the vocabulary: “♥”")
    box.fill(" ".join(["LETTER"] * 13))
    expect(note).to_contain_text("no position for the last 3 words")
    assert shown(page, "tokens") == made.encode(" ".join(["LETTER"] * 13), [0])
    box.fill("")
    expect(page.get_by_role("status")).to_contain_text("Type a sentence")
    assert shown(page, "tokens") == made.encode("", [0])
    page.get_by_role("button", name="copy as code").click()
    page.trace.assert_clean()
