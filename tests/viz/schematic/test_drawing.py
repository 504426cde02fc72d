import re
from xml.etree import ElementTree

import pytest

from txlite.viz.schematic import Arrow, Box, Column, Frame, Row, Schematic

BODY = Column(Box("x", says="the input"), Frame(Row(Box("one"), Box("two")), "both"), Box("y"))
ARROWS = [Arrow("x", "both"), Arrow("both", "y", "sum", says="added")]


def drawing(**changes):
    return Schematic(
        **{"body": BODY, "arrows": ARROWS, "alt": "Two  ways\nside by side."} | changes
    )


def test_the_picture_holds_every_part_and_every_arrow():
    root = ElementTree.fromstring(drawing().svg())
    ns = "{http://www.w3.org/2000/svg}"
    assert root.get("aria-label") == "Two ways side by side."
    assert root.get("role") == "img"
    parts = [node.get("data-part") for node in root.iter() if node.get("data-part")]
    assert parts == ["x", "both", "one", "two", "y"]
    arrows = root.findall(f"{ns}path[@class='tx-arrow']")
    assert len(arrows) == 2
    heads = {node.get("id") for node in root.iter(f"{ns}marker")}
    assert {f"url(#{head})" for head in heads} == {node.get("marker-end") for node in arrows}


def test_arrows_lie_between_frames_and_parts():
    order = re.findall(r'class="tx-arrow"|rx="10"|data-part', drawing().svg())
    assert order[0] == 'rx="10"'
    assert order[1:3] == ['class="tx-arrow"'] * 2
    assert set(order[3:]) == {"data-part"}


def test_a_page_and_a_phone_have_ids_of_their_own():
    wide = Schematic(
        Row(*(Box("a long name", name=str(i)) for i in range(5)), folds=True),
        [Arrow("0", "1")],
        "Five.",
    )
    html = wide._repr_html_()
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids)) == 2
    assert "tx-wide" in html
    assert "tx-narrow" in html


def test_one_picture_is_enough_where_it_fits_a_phone():
    assert drawing()._repr_html_().count("<svg") == 1


def test_a_picture_is_the_figure_without_its_words():
    whole, picture = drawing()._repr_html_(), drawing().picture()
    begin, words, _ = whole.partition("<details")
    assert words
    assert picture == f"{begin}</figure>"


def test_a_part_says_which_chapters_explain_it():
    frame = Frame(Box("one"), "both", href="#there", chapters=("02_b", "03_c"))
    root = ElementTree.fromstring(drawing(body=frame, arrows=[]).svg())
    said = {n.get("data-part"): n.get("data-chapters") for n in root.iter() if n.get("data-part")}
    assert said == {"both": "02_b 03_c", "one": None}


def test_the_words_say_what_the_picture_shows():
    assert drawing().words() == ["x: the input", "x → both", "both → y (sum): added"]
    html = drawing(arrows=[Arrow("x", "y", "a < b", side="left")])._repr_html_()
    assert "<li>x → y (a &lt; b)</li>" in html
    assert repr(drawing()) == "Two ways side by side."


def test_lighting_changes_what_is_lit_and_nothing_else():
    plain = drawing()
    lit = plain.lighting("x", "both→y")
    assert lit.lit == ("x", "both→y")
    assert lit.svg() != plain.svg()
    assert plain.lighting().svg() == plain.svg()
    assert lit.layout()[0].places == plain.layout()[0].places


def test_links_make_a_group_of_the_picture():
    body = Column(Box("x", href="a.html"), Box("y"))
    assert 'role="group"' in Schematic(body, [], "A link.").svg()


def test_the_same_drawing_is_the_same_text():
    assert drawing()._repr_html_() == drawing()._repr_html_()


def test_everything_lies_inside_the_picture():
    canvas, ways = drawing(arrows=[Arrow("x", "y", side="left", far=30)]).layout()
    root = ElementTree.fromstring(drawing(arrows=[Arrow("x", "y", side="left", far=30)]).svg())
    x, y, width, height = map(float, root.get("viewBox").split())
    points = [p for way in ways for p in way]
    points += [c for r in canvas.places.values() for c in ((r.x, r.y), (r.right, r.bottom))]
    assert all(x <= px <= x + width and y <= py <= y + height for px, py in points)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alt": " "}, "alt should say what the drawing shows, got ' '"),
        ({"lit": ["z"]}, "lit should name parts of the drawing, got 'z'"),
        ({"body": Box("x" * 99), "arrows": []}, "at most 672 pixels wide, got 8"),
        ({"arrows": [Arrow("x", "z")]}, "end should name a part of the drawing, got 'z'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        drawing(**changes).svg()


def test_a_phone_is_narrower():
    with pytest.raises(ValueError, match="at most 328 pixels wide"):
        Schematic(Box("x" * 50), [], "Wide.").svg(narrow=True)
