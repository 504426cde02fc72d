"""The beam tree's Python side: it searches what it was given, within what was recorded."""

import pytest
import traitlets

from txlite.viz.widgets.beam_tree import BeamTree

HALF, FIFTH = -0.693147, -1.609438
SCENE = {
    "name": "a trap",
    "continuations": {
        "": [[3, -0.510826], [4, -0.916291]],
        "3": [[2, FIFTH], [5, -1.7]],
        "4": [[2, -0.105361], [5, -2.302585]],
        "3,5": [[2, HALF], [4, HALF]],
        "4,5": [[2, HALF], [4, HALF]],
    },
}


def tree(**traits):
    return BeamTree(scenes=[SCENE], words={"2": "∎"}, eos=2, max_len=3, most=2, **traits)


def test_two_beams_see_what_one_misses():
    _, one = tree(num_beams=1, length_penalty=0.0).search()
    _, two = tree(num_beams=2, length_penalty=0.0).search()
    assert (one[0].path, two[0].path) == ((3, 2), (4, 2))
    assert two[0].score == pytest.approx(-0.916291 - 0.105361)


def test_the_penalty_divides_by_a_power_of_the_length():
    _, ended = tree(length_penalty=2.0).search()
    assert all(e.score == pytest.approx(e.log_prob / len(e.path) ** 2) for e in ended)


@pytest.mark.parametrize("wrong", [{"num_beams": 3}, {"num_beams": 0}, {"step": -1}])
def test_what_was_not_recorded_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        tree(**wrong)


def test_a_scene_is_needed():
    with pytest.raises(traitlets.TraitError):
        BeamTree(scenes=[])
