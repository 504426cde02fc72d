"""The emoji search in a real browser: what it finds is what Python finds, both ways."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from looking import (
    MEAN,
    QUERIES,
    SIZE,
    STD,
    collection,
    encoded,
    random_reader,
    random_tower,
    search,
    some_emoji,
)
from playwright.sync_api import Page, expect
from torch import Tensor
from torch.nn.functional import normalize
from torch.testing import assert_close

from txlite.data.emoji import LANGUAGES, draw_emoji, emoji_list

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
CLOSE = {"rtol": 0, "atol": 1e-9}
READERS: list[dict[str, Any]] = [
    {"kind": "decoder"},
    {"kind": "encoder", "activation": "gelu", "norm_first": False},
    {"kind": "encoder", "activation": "relu", "norm_eps": 1e-3},
]
TILES = """() => [...document.querySelectorAll(".es-tile")].map(({ dataset }) =>
    [Number(dataset.picture), Number(dataset.score)])"""
WORDS = """() => [...document.querySelectorAll(".es-words")].map((list) =>
    [...list.children].map(({ dataset }) => [Number(dataset.thing), Number(dataset.score)]))"""
EACH = """([trait, values]) => values.map((value) => {{
    model.set(trait, value);
    return ({read})();
}})"""
STROKES = "2408040c0c0c0c0804080.5101020203030"


def drawing(**traits: Any) -> Any:
    large = (draw_emoji(some_emoji(), size=48) * 255).round().to(torch.uint8)
    made = collection(random_reader(2), random_tower(2), shown=large)
    return search(random_reader(2), random_tower(2), collection=made, **traits)


EXHIBITS = {
    "start": lambda: search(random_reader(1, "encoder"), random_tower(1)),
    "drawing": lambda: drawing(picked=-1, drawing=STROKES, query="chat"),
    "nothing": lambda: drawing(picked=-1, query=" "),
    "held out": lambda: drawing(picked=9),
}


def best(vectors: Tensor, vector: Tensor, count: int) -> tuple[list[int], Tensor]:
    """Return the numbers of the nearest vectors as the figure carries them, and the cosines."""
    found = (vectors.half().double() @ vector).sort(descending=True, stable=True)
    return found.indices[:count].tolist(), found.values[:count]


def same(told: list[list[float]], want: tuple[list[int], Tensor]) -> None:
    assert [int(number) for number, _ in told] == want[0]
    got = torch.tensor([score for _, score in told], dtype=torch.float64)
    assert_close(got, want[1], **CLOSE)


@pytest.mark.parametrize("choices", READERS)
def test_pictures_rank_as_in_python(widget_page: OpenPage, choices: dict[str, Any]) -> None:
    reader, tower = random_reader(3, **choices), random_tower(3)
    made = collection(reader, tower)
    page = widget_page(search(reader, tower, collection=made))
    names = [one.name(code) for one in emoji_list()[::27] for code in LANGUAGES]
    assert len(names) > 200
    told = page.evaluate(EACH.format(read=TILES), ["query", names])
    seen = set()
    for name, tiles in zip(names, told, strict=True):
        with torch.no_grad():
            want = best(made.vectors, reader(encoded(name)), 16)
        same(tiles, want)
        seen.add(tuple(want[0]))
    assert len(seen) > 100  # the model can tell them apart
    page.trace.assert_clean()


def test_words_rank_as_in_python(widget_page: OpenPage) -> None:
    reader, tower = random_reader(4), random_tower(4)
    made = collection(reader, tower, 210)
    page = widget_page(search(reader, tower, collection=made))
    told = page.evaluate(EACH.format(read=WORDS), ["picked", [*range(210)]])
    assert len(told) == 210
    for vector, lists in zip(made.vectors, told, strict=True):
        for code, words in zip(LANGUAGES, lists, strict=True):
            same(words, best(made.name_vectors[code], vector, 5))
    assert len({str(lists) for lists in told}) > 150
    page.trace.assert_clean()


def test_a_drawing_is_read_in_its_colours(widget_page: OpenPage) -> None:
    reader, tower = random_reader(5), random_tower(5)
    made = collection(reader, tower)
    page = widget_page(search(reader, tower, collection=made, picked=-1))
    expect(page.locator(".es-lists")).to_have_text("Draw something.")
    sheet = page.get_by_role("application")
    page.get_by_role("button", name="red").click()
    box = sheet.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    assert page.evaluate("model.get('drawing')").startswith("2")
    pixels = page.evaluate(
        """() => [...document.querySelector(".es-read canvas").getContext("2d")
            .getImageData(0, 0, 16, 16).data]"""
    )
    shown = torch.tensor(pixels, dtype=torch.float64).reshape(SIZE, SIZE, 4)[..., :3]
    middle, corner = shown[SIZE // 2, SIZE // 2], shown[0, 0]
    assert corner.tolist() == [255, 255, 255]
    assert middle[0] > 230
    assert middle[1] < middle[0] - 50  # OpenMoji's red
    # What the eye is shown is rounded to bytes, and what the model reads is not: nearly the same.
    mean, std = (torch.tensor(value, dtype=torch.float64)[:, None, None] for value in (MEAN, STD))
    with torch.no_grad():
        vector = normalize(tower(((shown.movedim(-1, 0) / 255 - mean) / std)[None]), dim=-1)[0]
    for code, words in zip(LANGUAGES, page.evaluate(WORDS), strict=True):
        cosines = made.name_vectors[code].half().double() @ vector
        for thing, score in words:
            assert abs(cosines[int(thing)].item() - score) < 0.01
    before = page.evaluate(WORDS)
    page.get_by_role("button", name="clear").click()
    expect(page.locator(".es-lists")).to_have_text("Draw something.")
    page.get_by_role("combobox", name="Picture").select_option("7")
    assert page.evaluate("model.get('picked')") == 7
    assert page.evaluate(WORDS) != before
    expect(sheet).to_be_hidden()
    page.trace.assert_clean()


def test_a_picture_is_chosen_by_hand_and_by_keys(widget_page: OpenPage) -> None:
    reader, tower = random_reader(6), random_tower(6)
    page = widget_page(search(reader, tower))
    first = page.evaluate(WORDS)
    tiles = page.locator(".es-tile")
    tiles.nth(2).click()
    picked = int(tiles.nth(2).get_attribute("data-picture") or -1)
    assert page.evaluate("model.get('picked')") == picked
    expect(tiles.nth(2)).to_have_attribute("aria-pressed", "true")
    expect(tiles.nth(2)).to_be_focused()
    assert page.evaluate(WORDS) != first
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(tiles.nth(3)).to_be_focused()
    assert page.evaluate("model.get('picked')") == int(
        tiles.nth(3).get_attribute("data-picture") or -1
    )
    page.get_by_role("button", name="draw one").click()
    assert page.evaluate("model.get('picked')") == -1
    page.get_by_role("button", name="start again").click()
    assert page.evaluate(WORDS) == first
    page.trace.assert_clean()


def test_what_is_held_out_is_marked_and_a_pictures_own_words_are_too(
    widget_page: OpenPage,
) -> None:
    reader, tower = random_reader(7), random_tower(7)
    made = collection(reader, tower)
    held_out = made.marks.index("held out")
    # The vectors are of this picture alone, so that all of its words are the first.
    vectors = {
        code: torch.where(torch.arange(70)[:, None] == held_out, made.vectors[held_out], -table)
        for code, table in made.name_vectors.items()
    }
    figure = search(reader, tower, collection=made._replace(name_vectors=vectors), picked=held_out)
    page = widget_page(figure)
    expect(page.locator(".es-read")).to_contain_text("held out")
    assert page.locator(".es-own").count() == len(LANGUAGES)
    for code in LANGUAGES:
        own = page.locator(f".es-own .es-name[lang={code}]")
        expect(own).to_have_text(made.names[code][held_out])
    marked = page.locator(".es-tile.es-marked")
    for tile in marked.all():
        number = int(tile.get_attribute("data-picture") or -1)
        expect(tile.locator(".es-mark")).to_have_text(made.marks[number])
        assert made.marks[number] in (tile.get_attribute("aria-label") or "")
    plain = page.locator(".es-tile:not(.es-marked)").first
    assert made.marks[int(plain.get_attribute("data-picture") or -1)] == ""


def test_what_is_typed_is_cut_as_python_cuts_it(widget_page: OpenPage) -> None:
    figure = search(random_reader(8), random_tower(8))
    page = widget_page(figure)
    box, note = page.get_by_role("textbox", name="Words"), page.locator(".tx-doubt")

    def tokens() -> Any:
        return json.loads(page.locator(".tx-stage").get_attribute("data-tokens") or "null")

    for typed in ("  Red HEART ", "cafe\u0301", "☃ neige", "红心", "x" * 40, "\U0001d54f 😀"):
        box.fill(typed)
        assert tokens() == figure.encode(typed)
    box.fill("☃ neige")
    expect(note).to_contain_text("Not in the vocabulary: “☃”. The model reads “<?>” there.")
    box.fill("x" * 40)
    expect(note).to_contain_text("no position for the last 18 tokens")
    box.fill(" ")
    expect(page.locator(".es-head").first).to_have_text("Type a word")
    assert page.locator(".es-tile").count() == 0
    page.get_by_role("button", name="other words").click()
    assert page.evaluate("model.get('query')") == QUERIES[0]
    assert page.locator(".es-tile").count() == 16
    page.trace.assert_clean()
