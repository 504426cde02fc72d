"""Every schematic of the book can be read: nothing covers anything, on a page and on a phone."""

import inspect
import itertools
import re

import pytest

from txlite.viz import drawings
from txlite.viz.drawings.strip import PARTS
from txlite.viz.schematic import Arrow, Box, Column, Frame, Row, Schematic, Space
from txlite.viz.schematic.canvas import Rect

NAMES = [name for name in drawings.__all__ if inspect.isfunction(getattr(drawings, name))]
SIZES = {"S": 12, "T": 15, "D": 512, "E": 64, "F": 2048, "V": 37000}
# Further ways to call a function whose drawing depends on an argument.
MORE = {
    "bert": [{"num_layers": 2}, {"num_layers": 1}, {"sizes": SIZES}],
    "block_areas": [
        {"d_model": 4096, "d_ff": 14_336, "num_heads": 32, "num_kv_heads": 8},
        {"d_model": 64, "d_ff": 1024, "num_heads": 8, "num_kv_heads": 1},
        {"d_model": 12, "d_ff": 12, "num_heads": 1},
    ],
    "gpt": [{"num_layers": 3}, {"sizes": SIZES}],
    "forecaster": [{"num_layers": 2}, {"sizes": SIZES}],
    "llama_layer": [{"num_heads": 32, "num_kv_heads": 1, "sizes": SIZES}],
    "masked_lm": [{"share": 0.4, "masked": 0.5, "random": 0.25}],
    "two_towers": [{"pairs": n} for n in (1, 2, 4)],
    "t5": [{"num_layers": n} for n in (1, 2, 3, 4)] + [{"sizes": SIZES}],
    "embedding": [{"rows": "S", "sizes": SIZES}],
    "feed_forward": [{"sizes": SIZES}],
    "head": [
        {"masked": True},
        {"masked": True, "sizes": SIZES},
        {"rows": "S", "sizes": SIZES},
        {"cross": True},
        {"cross": True, "sizes": SIZES},
    ],
    "heads": [{"num_heads": n, "sizes": SIZES} for n in (1, 2, 3, 4)]
    + [{"cross": True, "sizes": SIZES}],
    "layer": [{"decoder": True}, {"norm_first": False}, {"decoder": True, "sizes": SIZES}],
    "model": [{"sizes": SIZES}],
    "norm": [{"sizes": SIZES}],
    "output": [{"sizes": SIZES}],
    "product": [{"width": 2}, {"width": 64}],
    "strip": [{"here": ["heads", "mask"], "passed": ["reach"]}, {"here": ["all"]}],
    "vit": [{"num_layers": 4}, {"sizes": SIZES}],
    "stack": [{"name": "decoder"}, {"name": "decoder", "sizes": SIZES}, {"final_norm": False}],
}
CALLS = [(name, options) for name in NAMES for options in ({}, *MORE.get(name, []))]

each = pytest.mark.parametrize(
    ("name", "options"), CALLS, ids=[f"{n}{i}" for i, (n, _) in enumerate(CALLS)]
)
sized = pytest.mark.parametrize("narrow", [False, True], ids=["page", "phone"])


def overlap(a, b, slack=1.0):
    """Whether two rectangles share more than their edges."""
    across = min(a.right, b.right) - max(a.x, b.x)
    down = min(a.bottom, b.bottom) - max(a.y, b.y)
    return across > slack and down > slack


def crossings(drawing, narrow):
    """Arrows that run through words, or through a part which is neither start nor end."""
    canvas, ways = drawing.layout(narrow=narrow)
    found = []
    for arrow, way in zip(drawing.arrows, ways, strict=True):
        if arrow.bend == "none":  # a slanting line is looked at, not computed
            continue
        own = canvas.places[arrow.start], canvas.places[arrow.end]
        for (x0, y0), (x1, y1) in itertools.pairwise(way):
            piece = Rect(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0))
            fat = Rect(piece.x - 1, piece.y - 1, piece.width + 2, piece.height + 2)
            found += [
                (arrow.start, arrow.end, part)
                for part in canvas.solid
                if overlap(fat, part) and not any(overlap(part, end) for end in own)
            ]
            found += [
                (arrow.start, arrow.end, words)
                for words, place in canvas.letters
                if words not in arrow.words and overlap(fat, place)
            ]
    return found


def covered(drawing, narrow):
    """Words that lie on other words, and parts that lie on other parts."""
    canvas, _ = drawing.layout(narrow=narrow)
    words = [
        (a, b) for (a, x), (b, y) in itertools.combinations(canvas.letters, 2) if overlap(x, y, 2.0)
    ]
    return words + [(x, y) for x, y in itertools.combinations(canvas.solid, 2) if overlap(x, y)]


@each
@sized
def test_no_arrow_runs_through_a_part(name, options, narrow):
    assert crossings(getattr(drawings, name)(**options), narrow) == []


@each
@sized
def test_nothing_lies_on_anything(name, options, narrow):
    assert covered(getattr(drawings, name)(**options), narrow) == []


@each
def test_the_drawing_fits_and_is_told(name, options):
    drawing = getattr(drawings, name)(**options)
    assert drawing._repr_html_()
    assert len(drawing.alt.split()) >= 12
    assert len(drawing.words()) >= 3


@pytest.mark.parametrize("here", [[], ["all"], [*PARTS]])
def test_the_strip_is_at_most_120_pixels_high_and_fits_a_card_on_a_phone(here):
    for narrow, widest in ((False, 672), (True, 292)):
        svg = drawings.strip(here).svg(narrow=narrow)
        width, height = re.search(r'width="(\d+)" height="(\d+)"', svg).groups()
        assert int(height) <= 120
        assert int(width) <= widest


def test_the_strip_tells_here_from_passed_and_from_what_is_to_come():
    drawing = drawings.strip(["mask"], ["head", "model"], links={"layer": "map.html?part=layer"})
    words = drawing.words()
    assert "mask: what a position may attend to; this chapter" in words
    assert "head: one head; explained before" in words
    assert "layer: attention, feed-forward and residual path" in words
    assert drawing.alt.startswith("You are here: mask.")
    svg = drawing.svg()
    box = {
        name: re.search(rf'data-part="{name}".*?<rect[^>]*style="([^"]*)"', svg)[1]
        for name in ("mask", "head", "layer")
    }
    assert "2.6px" in box["mask"]
    assert "dasharray" not in box["head"] + box["mask"]
    assert "dasharray" in box["layer"]
    assert re.search(r'<a data-part="layer"[^>]*href="map.html\?part=layer"', svg)
    with pytest.raises(ValueError, match=r"here should name parts among reach, .*got 'wheel'"):
        drawings.strip(["wheel"])
    with pytest.raises(ValueError, match=r"passed should name parts among .*got 'all'"):
        drawings.strip([], ["all"])


def test_every_function_is_a_drawing():
    assert NAMES
    assert all(isinstance(getattr(drawings, name)(), Schematic) for name in NAMES)


def test_a_crossing_and_a_covered_word_would_be_seen():
    boxes = Column(Box("a"), Box("b"), Box("c"))
    assert crossings(Schematic(boxes, [Arrow("a", "c")], "Through b."), False)
    titled = Frame(Column(Box("a"), Box("b", wide=90)), "a long title")
    over = Schematic(Column(Box("c"), titled), [Arrow("c", "a")], "Over the title.")
    assert crossings(over, False)
    close = Row(Box("a"), Box("b"), gap=-10)
    assert covered(Schematic(close, [], "Too close."), False)
    assert not crossings(Schematic(boxes, [Arrow("a", "c", side="left")], "Around b."), False)
    assert not covered(Schematic(Row(Box("a"), Space(), Box("b")), [], "Apart."), False)
