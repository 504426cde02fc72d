"""Letters as pictures: centred, within bounds, the same sign in every face."""

import pytest
import torch

from txlite.data.glyphs import FACES, distinct, drawable, glyphs


@pytest.mark.parametrize("face", FACES)
def test_every_face_draws_ink_between_paper_and_black(face):
    pictures = glyphs(["A", "ß", "Ж", "Ա"], face, size=19)
    assert pictures.shape == (4, 19, 19)
    assert pictures.min() == 0
    assert 0.9 < pictures.max() <= 1
    assert (pictures.sum((1, 2)) > 10).all()


def test_the_ink_is_centred():
    pictures = glyphs(list("AiЖ,"), size=33)
    for picture in pictures:
        for ink in (picture.any(0), picture.any(1)):
            places = ink.nonzero().flatten()
            before, after = int(places[0]), len(ink) - 1 - int(places[-1])
            assert 0 <= after - before <= 1


def test_ink_that_is_too_large_is_cut_on_both_sides():
    em_dash = glyphs(["\N{EM DASH}"], size=6)[0]
    wide = glyphs(["Ǽ"], "DejaVuSerif-BoldItalic", size=6)[0]
    assert em_dash.shape == wide.shape == (6, 6)
    assert wide.any(0).all()


def test_faces_differ_and_letters_differ_more():
    plain, bold = glyphs(list("AB")), glyphs(list("AB"), "DejaVuSans-Bold")
    assert not torch.equal(plain, bold)
    same = (plain - bold).square().sum((1, 2))
    other = (plain - bold.flip(0)).square().sum((1, 2))
    assert (same < other).all()


def test_drawing_twice_gives_the_same_picture_whatever_came_between():
    alone = glyphs(["Q"])
    assert torch.equal(glyphs(["W", "Q"])[1:], alone)


def test_twins_are_dropped_and_order_is_kept():
    assert distinct(list("ЖAАΑB")) == ["Ж", "A", "B"]
    assert distinct([]) == []


def test_drawable_asks_every_face():
    georgian = "Ⴀ"  # in DejaVu Sans, and not in its fixed-width face
    assert drawable([georgian, "A"], ["DejaVuSans"]) == [georgian, "A"]
    assert drawable([georgian, "A"], ["DejaVuSans", "DejaVuSansMono"]) == ["A"]


@pytest.mark.plain
def test_errors_name_what_came():
    with pytest.raises(ValueError, match=r"face should be one of DejaVuSans, .*, got 'Comic'"):
        glyphs(["A"], "Comic")
    with pytest.raises(ValueError, match=r"face should be one of .*, got 'Comic'"):
        drawable(["A"], ["Comic"])
    with pytest.raises(ValueError, match=r"characters should be drawable in DejaVuSans, got '我'"):
        glyphs(["我"])
    with pytest.raises(ValueError, match=r"characters should be drawable in DejaVuSans, got 'AB'"):
        glyphs(["AB"])
    with pytest.raises(ValueError, match=r"characters should leave some ink, got ' '"):
        glyphs([" "])
    with pytest.raises(ValueError, match=r"size should be a positive whole number, got 0"):
        glyphs(["A"], size=0)
