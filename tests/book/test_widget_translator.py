"""The translator in a real browser: cuts and decodes as Python does, token for token."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from browsing import lay_out, settle
from playwright.sync_api import Page, expect
from torch.testing import assert_close
from translating import (
    LANGUAGES,
    LONGEST,
    VOCAB,
    corpus,
    met,
    page_model,
    random_model,
    shown,
    tokenizers,
)

from txlite.data.corpora import tidy
from txlite.data.tokenizers import BPE
from txlite.generation import generate
from txlite.inspect import record_attention
from txlite.models import Transformer
from txlite.viz.widgets.translator import Translator

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
CHOICES: list[dict[str, Any]] = [
    {"norm_first": True, "activation": "gelu"},
    {"activation": "relu", "source_vocab_size": VOCAB, "num_decoder_layers": 1},
    {"norm_first": True, "norm": "rms", "activation": "swiglu", "tied_output": False},
    {"norm_first": True, "activation": "gelu_tanh", "bias": False, "scale_embedding": False},
    {"norm_first": True, "positions": "rotary", "d_model": 36, "d_ff": 30},
    {"positions": "none", "norm_first": True, "norm": "rms"},
]


def longest() -> Translator:
    """The longest French sentence that the tests have, and all words that are met."""
    examples = [max((p.source for p in corpus("French").test_combination), key=len)]
    model = random_model(6, norm_first=True)
    return Translator([page_model(model, "French", examples, met("French"))], longest=30)


def two() -> Translator:
    models = [random_model(seed, norm_first=True) for seed in (4, 5)]
    pages = [
        page_model(models[0], "French", ["il mange", "elle danse"]),
        page_model(models[1], "Chinese", ["我爱中国"]),
    ]
    return Translator(pages, longest=LONGEST)


EXHIBITS = {"longest": longest, "two": two}


def encoded(source: BPE, sentence: str) -> torch.Tensor:
    return torch.tensor([[*source.encode(tidy(sentence)), source.eos_id]])


def told(model: Transformer, source: BPE, sentence: str) -> list[int]:
    """Return what Python says, without the end."""
    tokens = generate(
        model,
        torch.tensor([[source.bos_id]]),
        source=encoded(source, sentence),
        max_new_tokens=LONGEST,
        eos_id=source.eos_id,
    )
    found: list[int] = tokens[0, 1:].tolist()
    return found[:-1] if found[-1] == source.eos_id else found


@pytest.mark.parametrize("choices", CHOICES)
def test_its_tokens_probabilities_and_looks_are_pythons(
    widget_page: OpenPage, choices: dict[str, Any]
) -> None:
    model = random_model(1, **choices)
    source, _ = tokenizers("French")
    sentences = [pair.source for pair in corpus("French").test_combination[:6]]
    page = widget_page(Translator([page_model(model, "French", sentences)], longest=LONGEST))
    for sentence in sentences:
        page.evaluate("text => model.set('sentence', text)", sentence)
        want = told(model, source, sentence)
        assert shown(page, "source") == source.encode(sentence)
        assert shown(page, "tokens") == want
        target = torch.tensor([[source.bos_id, *want[:-1]]])
        with record_attention(model) as maps, torch.no_grad():
            logits = model(encoded(source, sentence), target)
        sure = logits.softmax(-1)[0].gather(-1, torch.tensor(want)[:, None])[:, 0]
        got = torch.tensor(shown(page, "probabilities"), dtype=torch.float64)
        assert_close(got, sure, rtol=0, atol=1e-6)
        looks = [map_[0].mean(0) for name, map_ in maps.items() if "cross_attention" in name]
        rows = page.locator(".tx-target").evaluate_all(
            "gs => gs.map(g => JSON.parse(g.dataset.weights))"
        )
        drawn = torch.tensor(rows, dtype=torch.float64)
        assert_close(drawn, torch.stack(looks).mean(0), rtol=0, atol=1e-6)
    page.trace.assert_clean()


def test_two_hundred_sentences_of_each_language_have_pythons_tokens(
    widget_page: OpenPage,
) -> None:
    model = random_model(2, norm_first=True, tied_output=False)
    pages = [
        page_model(model, language, [corpus(language).train[0].source]) for language in LANGUAGES
    ]
    page = widget_page(Translator(pages, longest=LONGEST))
    for number, language in enumerate(LANGUAGES):
        source, _ = tokenizers(language)
        sentences = [pair.source for pair in corpus(language).test_combination[:200]]
        got = page.evaluate(
            """async ([language, sentences]) => {
                model.set("language", language);
                const stage = document.querySelector(".tx-stage");
                while (stage.dataset.language !== String(language))  // its model is on its way
                    await new Promise((done) => setTimeout(done, 5));
                return sentences.map((sentence) => {
                    model.set("sentence", sentence);
                    return JSON.parse(stage.dataset.tokens);
                });
            }""",
            [number, sentences],
        )
        assert got == [told(model, source, sentence) for sentence in sentences]
        assert len({tuple(tokens) for tokens in got}) > 100  # the model can tell them apart


def test_what_is_typed_is_translated_as_it_is_typed(widget_page: OpenPage) -> None:
    model = random_model(3, norm_first=True)
    source, target = tokenizers("French")
    page = widget_page(Translator([page_model(model, "French", ["il mange"])], longest=LONGEST))
    box = page.get_by_role("textbox", name="Sentence")
    box.fill("J’aime  l'hôtel.")
    assert shown(page, "source") == source.encode("j'aime l'hôtel")
    want = told(model, source, "j'aime l'hôtel")
    expect(page.locator(".tx-answer")).to_have_text(target.decode(want))
    for typed in [
        "IL Y A UN CHAT.",
        "J’AIME LI NA ET L'HÔTEL DE PARIS",
        "Il voit l'ÉCOLE, un CHAT et PAUL",
        "le point A",
        "Aimes-tu le thé?",
        "Marie mange ? ",
        "Na mange",
    ]:
        box.fill(typed)
        assert shown(page, "source") == source.encode(tidy(typed)), typed
    box.fill("Paul ♥ Luc")
    assert shown(page, "source") == source.encode("Paul ♥ Luc")
    expect(page.locator(".tx-note")).to_contain_text("Not in the vocabulary: “♥”")
    box.fill("  ")
    expect(page.locator(".tx-note")).to_contain_text("Type a sentence")
    assert shown(page, "tokens") == []
    page.trace.assert_clean()


def test_the_model_of_a_language_comes_when_it_is_chosen(
    new_page: OpenPage, tmp_path: Path
) -> None:
    address = lay_out(two(), tmp_path)
    page = new_page("file://")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page.goto(address)
    settle(page)
    first = random_model(4, norm_first=True)
    assert shown(page, "tokens") == told(first, tokenizers("French")[0], "il mange")
    assert len([*tmp_path.glob("*.js")]) == 3
    assert len(asked) == 3  # the page, the figure, a model
    page.get_by_role("combobox", name="Language").select_option(value="1")
    page.locator(".tx-stage[data-language='1']").wait_for()
    assert len({*asked}) == len(asked) == 4
    second = random_model(5, norm_first=True)
    assert shown(page, "tokens") == told(second, tokenizers("Chinese")[0], "我爱中国")
    page.trace.assert_clean()


def test_a_model_that_did_not_come_is_fetched_when_it_is_wanted_again(
    new_page: OpenPage, tmp_path: Path
) -> None:
    address = lay_out(two(), tmp_path)
    page = new_page("file://")
    page.goto(address)
    settle(page)
    asked = page.locator("script[src]").evaluate_all("all => all.map((one) => one.src)")
    come = {address.rpartition("/")[2] for address in asked}  # the figure, the first model
    (second,) = (file for file in tmp_path.glob("*.js") if file.name not in come)
    language = page.get_by_role("combobox", name="Language")
    second.rename(tmp_path / "later")
    language.select_option(value="1")
    expect(page.locator(".tx-status")).to_contain_text("could not be fetched")
    (tmp_path / "later").rename(second)
    language.select_option(value="0")
    language.select_option(value="1")
    page.locator(".tx-stage[data-language='1']").wait_for()
    assert shown(page, "tokens") == told(
        random_model(5, norm_first=True), tokenizers("Chinese")[0], "我爱中国"
    )


def test_examples_languages_and_layers_are_chosen_by_hand(widget_page: OpenPage) -> None:
    page = widget_page(two())
    box = page.get_by_role("textbox", name="Sentence")
    page.get_by_role("button", name="another example").click()
    expect(box).to_have_value("elle danse")
    before = page.locator(".tx-target").first.get_attribute("data-weights")
    page.get_by_role("combobox", name="Attention of").select_option(label="layer 2")
    assert page.locator(".tx-target").first.get_attribute("data-weights") != before
    page.get_by_role("combobox", name="Language").select_option(label="Chinese → English")
    expect(box).to_have_value("我爱中国")
    chinese = random_model(5, norm_first=True)
    assert shown(page, "tokens") == told(chinese, tokenizers("Chinese")[0], "我爱中国")
    page.locator(".tx-target").first.focus()
    expect(page.get_by_role("status")).to_contain_text("looks most at")
    page.trace.assert_clean()
