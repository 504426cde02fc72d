import pytest

from tests.viz.schematic.placing import block, drawn
from txlite.viz.schematic import Column, Either, Frame, Row, Tokens


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
