"""The spectrogram player in a real browser: a word is chosen and played, and Python agrees."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from playwright.sync_api import Page, expect

from txlite.viz.widgets.spectrogram_player import Sound, SpectrogramPlayer

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
RATE = 8000


def sound(name: str, words: list[str], seed: int) -> Sound:
    """A tone that rises a little with each word."""
    draw = torch.Generator().manual_seed(seed)
    count, seconds = len(words), 0.5 * len(words)
    time = torch.arange(int(RATE * seconds)) / RATE
    edges = 0.05 + torch.arange(count + 1) * (seconds - 0.1) / count
    picture = torch.randn(40, int(100 * seconds), generator=draw)
    weights = torch.rand(count, int(50 * seconds), generator=draw) ** 4
    return Sound(
        name, 0.3 * (2 * math.pi * (200 + 60 * time) * time).sin(), RATE, picture, words,
        torch.stack([edges[:-1], edges[1:]], 1), weights / weights.sum(1, keepdim=True),
    )  # fmt: skip


SOUNDS = [
    sound("a sentence", ["He", "might", "even", "have", "been", "made", "amiable", "himself."], 0),
    sound("a hand of cards", ["seven", "of", "clubs"], 1),
]


def player(**traits: Any) -> SpectrogramPlayer:
    return SpectrogramPlayer(SOUNDS, **traits)


EXHIBITS = {
    "first": player,
    "second": lambda: player(sound=1, word=2),
}


def assert_equals_python(page: Page) -> None:
    """What the page shows is what Python computes for the page's own state."""
    state = {name: page.evaluate(f"model.get('{name}')") for name in ("sound", "word")}
    want, board = player(**state).shown(), page.locator(".sp-board")
    share, evenly = (float(board.get_attribute(f"data-{x}")) for x in ("share", "evenly"))
    assert share == pytest.approx(want.share, abs=1e-6)
    assert evenly == pytest.approx(want.evenly, abs=1e-12)
    expect(page.get_by_role("status")).to_contain_text(
        f"“{want.word}”: {want.begin:.2f} to {want.end:.2f} s"
    )
    pressed = page.locator('.sp-word[aria-pressed="true"]')
    assert pressed.all_text_contents() == [want.word]


def test_it_starts_with_pythons_numbers_and_in_silence(widget_page: OpenPage) -> None:
    page = widget_page(player())
    assert_equals_python(page)
    assert page.locator(".sp-board").get_attribute("data-played") is None
    assert page.locator(".sp-word").all_text_contents() == [*SOUNDS[0].words]
    page.trace.assert_clean()


def test_one_sound_alone_needs_no_choice(widget_page: OpenPage) -> None:
    page = widget_page(SpectrogramPlayer(SOUNDS[1:]))
    assert page.get_by_label("Sound", exact=True).count() == 0
    expect(page.get_by_role("status")).to_contain_text("“seven”")
    page.trace.assert_clean()


def test_every_word_of_every_sound_is_pythons(widget_page: OpenPage) -> None:
    page = widget_page(player())
    for number, one in enumerate(SOUNDS):
        page.get_by_label("Sound", exact=True).select_option(str(number))
        assert page.evaluate("model.get('word')") == 0
        for word in one.words:
            page.get_by_role("button", name=word, exact=True).click()
            assert_equals_python(page)


def test_words_are_walked_through_and_chosen_by_the_keyboard(widget_page: OpenPage) -> None:
    page = widget_page(player())
    page.get_by_role("button", name="He", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.evaluate("model.get('word')") == 2
    assert_equals_python(page)


def test_the_picture_is_the_spectrogram_with_low_bands_below(widget_page: OpenPage) -> None:
    page = widget_page(player(sound=1))
    found = page.evaluate("""async () => {
        const style = document.querySelector(".sp-picture").style.getPropertyValue("--sp-mask");
        const image = new Image();
        image.src = style.slice(4, -1);
        await image.decode();
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [image.width, image.height];
        const pen = canvas.getContext("2d");
        pen.drawImage(image, 0, 0);
        const { data } = pen.getImageData(0, 0, image.width, image.height);
        return { width: image.width, alpha: [...data].filter((_, i) => i % 4 === 3) };
    }""")
    want = player().numbers["1.picture"]
    assert found["width"] == want.shape[1]
    assert torch.equal(torch.tensor(found["alpha"]).view(want.shape), want.flip(0).long())


def test_the_word_is_played_then_everything_and_it_can_be_stopped(widget_page: OpenPage) -> None:
    page = widget_page(player(sound=1, word=1))
    board, begin, end = page.locator(".sp-board"), *SOUNDS[1].times[1].tolist()
    page.get_by_role("button", name="play the word").click()
    length = int(board.get_attribute("data-played"))
    assert length == pytest.approx((end - begin) * RATE, abs=9)  # times have milliseconds
    expect(page.get_by_role("button", name="play the word")).to_be_visible(timeout=5000)  # over
    page.get_by_role("button", name="play everything").click()
    assert int(board.get_attribute("data-played")) == len(SOUNDS[1].samples)
    expect(page.locator(".sp-cursor")).to_be_visible()
    page.get_by_role("button", name="stop").click()
    expect(page.locator(".sp-cursor")).to_be_hidden()
    expect(page.get_by_role("button", name="play everything")).to_be_visible()
    page.trace.assert_clean()


def test_another_word_ends_what_is_played(widget_page: OpenPage) -> None:
    page = widget_page(player())
    page.get_by_role("button", name="play everything").click()
    page.get_by_role("button", name="made", exact=True).click()
    expect(page.get_by_role("button", name="play everything")).to_be_visible()
    assert page.locator(".sp-board").get_attribute("data-playing") == ""
    assert_equals_python(page)
