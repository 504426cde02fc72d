import pytest

from txlite.viz.schematic import Arrow, chain
from txlite.viz.schematic.canvas import Canvas, Rect

PLACES = {
    "a": Rect(0, 0, 60, 20),
    "below": Rect(20, 50, 60, 20),
    "right": Rect(90, 0, 40, 20),
    "aslant": Rect(200, 120, 40, 30),
    "small": Rect(10, 100, 20, 20),
    "wide": Rect(-40, 50, 10, 20),
}


def way(start, end, narrow=False, **options):
    canvas = Canvas(narrow=narrow, places=dict(PLACES), solid=[*PLACES.values()])
    return Arrow(start, end, **options).route(canvas)


def test_parts_that_face_each_other_are_joined_by_a_straight_line():
    assert way("a", "below") == [(40, 20), (40, 50)]
    assert way("below", "a") == [(40, 50), (40, 20)]
    assert way("a", "right") == [(60, 10), (90, 10)]
    assert way("right", "a") == [(90, 10), (60, 10)]


def test_a_straight_line_meets_the_middle_of_the_smaller_part():
    assert way("a", "small") == [(20, 20), (20, 100)]
    assert way("small", "a") == [(20, 100), (20, 20)]
    assert way("a", "small", shift=4) == [(24, 20), (24, 100)]


def test_around_a_corner():
    assert way("a", "aslant", bend="first") == [(60, 10), (214, 10), (214, 120)]
    assert way("a", "aslant", bend="last") == [(30, 20), (30, 134), (200, 134)]


def test_a_slanting_line_has_no_corner():
    assert way("a", "aslant", bend="none") == [(30, 20), (220, 120)]


def test_halfway_the_wider_gap_is_crossed():
    assert way("a", "aslant") == [(60, 10), (130, 10), (130, 134), (200, 134)]
    assert way("a", "aslant", narrow=True) == [(30, 20), (30, 70), (214, 70), (214, 120)]


def test_a_way_beside_passes_whatever_lies_between():
    assert way("a", "small", side="left", far=5) == [(0, 10), (-45, 10), (-45, 110), (10, 110)]
    assert way("a", "small", side="right", far=5) == [(60, 10), (135, 10), (135, 110), (30, 110)]


def test_a_way_above_is_one_beside_turned():
    assert way("a", "right", side="above", far=7) == [(30, 0), (30, -7), (110, -7), (110, 0)]
    assert way("a", "right", side="below", far=7) == [(30, 20), (30, 77), (110, 77), (110, 20)]


def test_a_phone_may_have_another_side():
    assert way("a", "small", phone="left", far=5)[1] == (20, 100)
    assert way("a", "small", narrow=True, phone="left", far=5)[1] == (-45, 10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"look": "dotted"}, "look should be one of flow, residual, gate, got 'dotted'"),
        ({"color": "red"}, "color should be one of .*, got 'red'"),
        ({"side": "up"}, "side should be one of .*, got 'up'"),
        ({"phone": "up"}, "phone should be one of .*, got 'up'"),
        ({"bend": "twice"}, "bend should be one of , first, last, none, got 'twice'"),
    ],
)
def test_an_unknown_word_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Arrow("a", "b", **options)


@pytest.mark.parametrize(("start", "end"), [("z", "a"), ("a", "z")])
def test_an_arrow_from_or_to_no_part_is_refused(start, end):
    name = "start" if start == "z" else "end"
    with pytest.raises(ValueError, match=f"{name} should name a part of the drawing, got 'z'"):
        way(start, end)


def test_a_chain_leads_through_parts_in_their_order_and_looks_alike():
    assert chain("a", "below", "small") == [Arrow("a", "below"), Arrow("below", "small")]
    like = Arrow("", "", look="residual", color="teal", tip=False)
    (only,) = chain("a", "right", like=like)
    assert only == Arrow("a", "right", look="residual", color="teal", tip=False)
    assert chain("a") == []
