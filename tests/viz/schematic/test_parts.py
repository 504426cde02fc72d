import pytest

from tests.viz.schematic.placing import drawn
from txlite.viz.schematic import Box, Column, Frame, Grid, Row, Space, Sum, Tokens
from txlite.viz.schematic.canvas import Canvas, text_width


def test_a_box_holds_its_lines():
    box = Box("two\nlines of words", "(B, T, D)")
    width, height = box.size(False)
    assert width >= text_width("lines of words", 13.0) + 18
    assert height == pytest.approx(1.3 * (13 + 13 + 12) + 12)
    assert box.called == "two lines of words"
    assert Box("x", wide=200.0).size(False)[0] == 200.0
    canvas = drawn(box)
    assert [words for words, _ in canvas.letters] == ["two", "lines of words", "(B, T, D)"]
    for _, letters in canvas.letters:
        assert letters.around(canvas.solid[0]) == canvas.solid[0]


def test_a_grid_has_a_cell_for_each_value_and_crosses_the_empty_ones():
    grid = Grid([[1, 0, 0], [0.5, 1, 0]], "mask", rows=["a", "b"], columns=["x", "y", "z"], cell=20)
    canvas = drawn(grid)
    place = canvas.places["mask"]
    assert (place.width, place.height) == (60, 58)
    assert canvas.solid == [(place.x, place.y + 18, 60, 40)]
    (group,) = [node for node in canvas.front if node.get("data-part") == "mask"]
    assert len(group.findall("rect")) == 6
    assert len(group.findall("path")) == 0
    assert [word for word, _ in canvas.letters] == ["a", "b", "x", "y", "z"]
    crossed = drawn(Grid([[1, 0, 0], [0.5, 1, 0]], "mask", crossed=True))
    assert sum(len(node.findall("path")) for node in crossed.front) == 3


def test_a_lit_part_looks_different():
    from xml.etree import ElementTree

    def picture(*lit):
        canvas = Canvas(lit=frozenset(lit))
        Column(Box("a"), Box("b"), Sum("c")).draw(canvas, 0, 0)
        return {n.get("data-part"): ElementTree.tostring(n) for n in canvas.front}

    plain, lit = picture(), picture("b", "c")
    assert plain["a"] == lit["a"]
    assert plain["b"] != lit["b"]
    assert plain["c"] != lit["c"]


def test_a_link_is_a_link():
    (node,) = drawn(Box("mask", href="#masks")).front
    assert (node.tag, node.get("href"), node.get("data-part")) == ("a", "#masks", "mask")


def test_wide_letters_are_measured_wider():
    assert text_width("我爱中国", 10.0) == 40.0
    assert text_width("iii", 10.0) < text_width("aaa", 10.0) < text_width("mmm", 10.0)
    assert text_width("e\u0301", 10.0) == text_width("e", 10.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Box("x", color="red"), "color should be one of .*, got 'red'"),
        (lambda: Box("x", look="round"), "look should be one of .*, got 'round'"),
        (lambda: Frame(Space(), "x", color="red"), "color should be one of"),
        (lambda: Sum("x", color="red"), "color should be one of"),
        (lambda: Tokens([], "x"), "tokens should hold at least one token, got none"),
        (lambda: Grid([[1], [1, 2]], "x"), r"rows of one length, got lengths \[1, 2\]"),
        (lambda: Grid([[1, 2]], "x", rows=["a", "b"]), "rows should name 1, got 2"),
        (lambda: Grid([[1, 2]], "x", columns=["a"]), "columns should name 2, got 1"),
        (lambda: Row(align="top"), "align should be start, middle or end, got 'top'"),
        (lambda: drawn(Row(Box("x"), Box("x"))), "name should be unique in a drawing, got 'x'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
