"""The translator before a reader: unmet words, doubts, the words it knows, a phone."""

import re
from collections.abc import Callable

import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from test_widget_translator import longest
from translating import LANGUAGES, LONGEST, corpus, met, page_model, random_model, shown

from txlite.data.corpora import tidy, words_of
from txlite.viz.widgets.translator import Translator

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
SMALLEST = """() => {
    const texts = [...document.querySelectorAll(".tx-alignment :is(text, tspan)")];
    const size = (text) => parseFloat(getComputedStyle(text).fontSize);
    return Math.min(...texts.map((text) => size(text) * text.ownerSVGElement.getScreenCTM().a));
}"""


def test_it_tidies_and_cuts_into_words_as_python_does(widget_page: OpenPage) -> None:
    model = random_model(7, norm_first=True)
    known = page_model(model, "French", ["il mange"], met("Chinese"))
    page = widget_page(Translator([known], longest=1))
    french, chinese = ([p.source for p in corpus(name).train[:100]] for name in LANGUAGES)
    typed = [
        *(f"« {sentence.capitalize()}… »" for sentence in french),
        *(" ".join(f"「{sentence}！」") for sentence in chinese),
        *[
            "“Il DORT, ‹là›”,",
            '"Tu dors ?!" ...',
            "Oui ! Le 1er mai 2026.",
            "!?",
            "a_b ½ E\u0301 T 恤",
        ],
    ]
    for sentence in typed:
        page.evaluate("text => model.set('sentence', text)", sentence)
        assert shown(page, "sentence") == tidy(sentence), sentence
        assert shown(page, "words") == words_of(tidy(sentence)), sentence
    page.trace.assert_clean()


def test_words_that_were_never_met_are_named(widget_page: OpenPage) -> None:
    model = random_model(8, norm_first=True)
    pages = [page_model(model, name, ["Anna"], met(name)) for name in LANGUAGES]
    page = widget_page(Translator(pages, longest=3))
    box, note = page.get_by_role("textbox", name="Sentence"), page.locator(".tx-note")
    for number, typed, never in [
        (0, "La souris mange le gâteau et l'hôtel", ["souris", "gâteau", "et", "hôtel"]),
        (0, "Qu'a-t-il mangé le 17 mars 2025 ?", []),
        (0, "Paul ♥ Luc, ♥", ["♥", ","]),
        (0, "une ♥souris", ["souris", "♥"]),
        (1, "老鼠吃苹果", ["鼠"]),
        (1, "我2027年12月3日吃苹果", []),
    ]:
        page.evaluate("n => model.set('language', n)", number)
        assert box.get_attribute("lang") == ["fr", "zh"][number]
        box.fill(typed)
        if never:
            named = ", ".join(f"“{word}”" for word in never)
            expect(note).to_contain_text(f"Never met: {named}. What follows is a guess.")
        else:
            expect(note).not_to_contain_text("Never met")
    assert note.get_attribute("aria-live") == "polite"
    assert page.evaluate("""document.querySelector(".tx-note").compareDocumentPosition(
        document.querySelector(".tx-answer")) & Node.DOCUMENT_POSITION_FOLLOWING""")
    page.trace.assert_clean()


def test_the_words_it_knows_are_listed_where_they_are_given(widget_page: OpenPage) -> None:
    model = random_model(9, norm_first=True)
    words = ["zut", "étude", "-il", "etre", "Eva", "l'", "île", "à"]
    pages = [page_model(model, "French", ["il"], some) for some in (words, ())]
    page = widget_page(Translator(pages, longest=1))
    summary, listed = page.get_by_text("The words it knows"), page.locator(".tx-words")
    expect(listed).not_to_be_visible()
    summary.click()
    expect(listed).to_be_visible()
    expect(listed).to_have_text("à, etre, étude, Eva, -il, île, l', zut")
    expect(listed).to_have_attribute("lang", "fr")
    page.evaluate("model.set('language', 1)")
    expect(summary).not_to_be_visible()
    page.trace.assert_clean()


def test_what_it_is_not_sure_of_is_marked(widget_page: OpenPage) -> None:
    model = random_model(10, norm_first=True, tied_output=False)
    sharp = random_model(10, norm_first=True, tied_output=False)
    with torch.no_grad():
        model.output.weight.mul_(4)
        sharp.output.weight.mul_(1024)
    sentences = [pair.source for pair in corpus("French").train[:20]]
    pages = [page_model(some, "French", sentences) for some in (model, sharp)]
    page = widget_page(Translator(pages, longest=LONGEST))
    legend, kinds = page.locator(".tx-legend"), set()
    for sentence in sentences:
        page.evaluate("text => model.set('sentence', text)", sentence)
        low = [probability < 0.6 for probability in shown(page, "probabilities")]
        kinds.update(low)
        marked = page.locator(".tx-target").evaluate_all(
            """gs => gs.map(g => getComputedStyle(g.querySelector(".tx-word")).textDecoration)"""
        )
        assert [("dashed" in style) for style in marked] == low
        assert legend.is_visible() == any(low)
    assert kinds == {True, False}
    expect(legend).to_contain_text("less than 60 % sure")
    page.evaluate("model.set('language', 1)")
    assert min(shown(page, "probabilities")) >= 0.6
    expect(legend).not_to_be_visible()
    page.trace.assert_clean()


def test_one_piece_is_not_pieces(widget_page: OpenPage) -> None:
    pages = [page_model(random_model(11), "French", ["il mange"])]
    for most, said in [(1, "1 piece in"), (2, "2 pieces in")]:
        page = widget_page(Translator(pages, longest=most))
        assert len(shown(page, "tokens")) == most
        expect(page.get_by_role("status")).to_contain_text(said)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_can_be_read_by_everybody(widget_page: OpenPage, scheme: str) -> None:
    page = widget_page(longest(), width=360, scheme=scheme)
    page.get_by_text("The words it knows").click()
    assert page.evaluate(SMALLEST) >= 10
    page.set_viewport_size({"width": 900, "height": 900})
    expect(page.locator(".tx-alignment")).to_have_attribute("viewBox", re.compile("^0 0 440 "))
    page.set_viewport_size({"width": 360, "height": 900})
    expect(page.locator(".tx-alignment")).not_to_have_attribute("viewBox", re.compile("^0 0 440 "))
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in {"serious", "critical"}] == []


def test_a_word_that_was_never_met_gets_one_that_may_be_meant(widget_page: OpenPage) -> None:
    words = ["Marie", "marié", "étudiant", "mange", "mangé", "pomme", "je", "suis", "une"]
    pages = [page_model(random_model(12), "French", ["je suis"], words)]
    page = widget_page(Translator(pages, longest=3))
    box, note = page.get_by_role("textbox", name="Sentence"), page.locator(".tx-note")
    for typed, meant in [
        ("je suis marie", ["marié", "Marie"]),  # accents come before capitals
        ("je suis etudiant", ["étudiant"]),
        ("je suis etudaint", ["étudiant"]),  # two letters have changed places
        ("une pome", ["pomme"]),
        ("je suis xylophone", []),
        ("ja suis", []),  # a short word is near to too many
    ]:
        box.fill(typed)
        found = note.get_by_role("button").all_inner_texts()
        assert found == [f"“{word}”" for word in meant], typed
        expect(note).to_contain_text("Never met")
    box.fill("je suis etudiant")
    note.get_by_role("button", name="étudiant").click()
    expect(box).to_have_value("je suis étudiant")
    expect(box).to_be_focused()
    expect(note).not_to_contain_text("Never met")
    page.trace.assert_clean()


def test_how_much_is_read_of_a_long_text_is_said(widget_page: OpenPage) -> None:
    pages = [page_model(random_model(13), "French", ["je suis"])]
    page = widget_page(Translator(pages, longest=2))
    box, note = page.get_by_role("textbox", name="Sentence"), page.locator(".tx-note")
    box.fill("é" * 200)
    expect(note).not_to_contain_text("characters are read")
    box.fill("é" * 201)
    expect(note).to_contain_text("Only the first 200 of 201 characters are read.")
    expect(box).to_have_value("é" * 201)
    assert shown(page, "sentence") == "é" * 200


def test_it_doubts_where_little_of_the_sentence_was_read(widget_page: OpenPage) -> None:
    model = random_model(14, norm_first=True, tied_output=False)
    sentences = [pair.source for pair in corpus("French").train[:20]]
    page = widget_page(Translator([page_model(model, "French", sentences)], longest=LONGEST))
    note, kinds = page.locator(".tx-note"), set()
    for sentence in sentences:
        for most in (1, LONGEST):
            page.evaluate(
                "([n, text]) => model.set({ longest: n, sentence: text })", [most, sentence]
            )
            page.evaluate("model.emit('change:sentence')")
            weights = page.locator(".tx-target").evaluate_all(
                "nodes => nodes.map(node => JSON.parse(node.dataset.weights))"
            )
            looked = torch.tensor(weights, dtype=torch.float64).sum(0)[:-1]
            assert shown(page, "read") == pytest.approx(looked.mean().item(), abs=1e-6)
            doubted = "hardly read" in note.inner_text()
            assert doubted == (looked.mean().item() < 0.4)
            kinds.add(doubted)
    assert kinds == {True, False}
