import pytest

from txlite.viz.schematic import Box, Column, Either, Frame, Grid, Row, Space, Sum, Tokens
from txlite.viz.schematic.canvas import Canvas, Rect, text_width


def drawn(part, narrow=False):
    canvas = Canvas(narrow=narrow)
    part.draw(canvas, 100.0, 10.0)
    return canvas


def block(name, width, height):
    """A part of a known size."""

    class Known(Space):
        def draw(self, canvas, x, y):
            canvas.name(name, Rect(x, y, self.width, self.height))

    return Known(width, height)


def test_a_row_goes_to_the_right_and_centres_what_is_lower():
    row = Row(block("a", 30.0, 10.0), block("b", 20.0, 40.0), gap=5.0)
    assert row.size(False) == (55.0, 40.0)
    assert drawn(row).places == {"a": (100, 25, 30, 10), "b": (135, 10, 20, 40)}


def test_a_column_goes_down_and_another_one_up():
    parts = block("a", 30.0, 10.0), block("b", 20.0, 40.0)
    assert Column(*parts, gap=5.0).size(False) == (30.0, 55.0)
    assert drawn(Column(*parts, gap=5.0)).places == {"a": (100, 10, 30, 10), "b": (105, 25, 20, 40)}
    up = drawn(Column(*parts, gap=5.0, up=True)).places
    assert up == {"b": (105, 10, 20, 40), "a": (100, 55, 30, 10)}


@pytest.mark.parametrize(("align", "at"), [("start", 100), ("middle", 105), ("end", 110)])
def test_parts_of_a_column_stand_at_a_side(align, at):
    column = Column(block("a", 30.0, 10.0), block("b", 20.0, 40.0), align=align)
    assert drawn(column).places["b"].x == at


def test_a_row_that_folds_is_a_column_on_a_phone():
    row = Row(block("a", 30.0, 10.0), block("b", 20.0, 40.0), gap=5.0, folds=True)
    assert row.size(True) == (30.0, 55.0)
    assert drawn(row, narrow=True).places["b"] == (105, 25, 20, 40)
    assert drawn(row).places["b"] == (135, 10, 20, 40)


def test_either_shows_one_of_two():
    either = Either(block("page", 30.0, 10.0), block("phone", 20.0, 40.0))
    assert (either.size(False), either.size(True)) == ((30.0, 10.0), (20.0, 40.0))
    assert list(drawn(either).places) == ["page"]
    assert list(drawn(either, narrow=True).places) == ["phone"]


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


def test_a_frame_surrounds_what_it_holds():
    canvas = drawn(Frame(block("inner", 90.0, 10.0), "layer", note="× 6", pad=12.0))
    frame, inner = canvas.places["layer"], canvas.places["inner"]
    assert frame.around(inner) == frame
    assert inner.cx == pytest.approx(frame.cx)
    assert frame.bottom - inner.bottom == 12.0


def test_tokens_are_found_one_by_one_and_together():
    places = drawn(Tokens(["je", "suis", "étudiant"], "source", even=True)).places
    assert list(places) == ["source", "source[0]", "source[1]", "source[2]"]
    assert len({places[f"source[{i}]"].width for i in range(3)}) == 1
    assert places["source[1]"].x == places["source[0]"].right + 5
    down = drawn(Tokens(["je", "suis"], "source", down=True)).places
    assert down["source[1]"].y == down["source[0]"].bottom + 5


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
