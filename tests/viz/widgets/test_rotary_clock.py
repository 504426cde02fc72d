"""The clock's Python side: its reference is rotary attention, and its traits refuse nonsense."""

import pytest
import torch
import traitlets
from torch.testing import assert_close

from txlite.nn import attention_weights
from txlite.nn.positions import Rotary
from txlite.viz.widgets.rotary_clock import LAST, RotaryClock, clock_scene


def turned(clock, name, place):
    scene = clock.scenes[clock.scene]
    x = torch.tensor(scene[name], dtype=torch.float64).reshape(1, -1)
    return Rotary(x.shape[-1], base=scene["base"])(torch.tensor([place])).apply(x)


@pytest.mark.parametrize("scene", [0, 1, 2])
@pytest.mark.parametrize(("i", "j"), [(12, 9), (0, LAST), (30, 30), (59, 1)])
def test_the_reference_is_txlites_rotary(scene, i, j):
    clock = RotaryClock(scene=scene, i=i, j=j)
    reading = clock.calculate()
    query, key = turned(clock, "query", i), turned(clock, "key", j)
    assert_close(reading.query.reshape(1, -1), query)
    assert_close(reading.key.reshape(1, -1), key)
    assert reading.score == pytest.approx((query @ key.T).item() / query.shape[-1] ** 0.5)
    assert reading.score == pytest.approx(reading.curve[LAST + j - i].item())
    assert_close(reading.products, (reading.query * reading.key).sum(-1))
    keys = torch.cat([turned(clock, "key", place) for place in range(LAST + 1)])
    seen = reading.curve[LAST - i : 2 * LAST + 1 - i]
    assert_close(seen.softmax(-1)[None], attention_weights(query, keys))


def test_shifting_both_leaves_the_score_and_shifting_one_does_not():
    clock = RotaryClock(scene=2, i=12, j=7)
    before = clock.calculate()
    clock.i, clock.j = 49, 44
    after = clock.calculate()
    assert_close(after.curve, before.curve)
    assert_close(after.products, before.products)
    assert not torch.allclose(after.query, before.query)
    clock.j = 45
    assert clock.calculate().score != pytest.approx(before.score, abs=1e-3)


def test_backwards_the_theorem_breaks():
    scores = [
        RotaryClock(scene=2, i=12 + n, j=7 + n, backwards=True).calculate().score for n in range(9)
    ]
    assert max(scores) - min(scores) > 0.5


def test_a_head_may_look_three_positions_back():
    curve = RotaryClock(scene=1, i=20).calculate().curve
    assert int(curve.argmax()) - LAST == -3
    assert int(RotaryClock(scene=0).calculate().curve.argmax()) == LAST  # alike: at itself


def test_a_scene_keeps_the_vectors():
    scene = clock_scene("one", torch.tensor([1.0, 2.0]), torch.tensor([3.0, -4.0]), base=10.0)
    hands = {"query": [[1.0, 2.0]], "key": [[3.0, -4.0]]}
    assert scene == {"name": "one", **hands, "base": 10.0, "trained": 0}
    assert repr(RotaryClock(scenes=[scene])) == "RotaryClock: The rotary clock"


@pytest.mark.plain
def test_nonsense_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^query and key should hold 1 to 8 pairs each, got sha"):
        clock_scene("odd", torch.ones(3), torch.ones(3))
    with pytest.raises(traitlets.TraitError, match=r"^i should lie in \[0, 60\], got 61"):
        RotaryClock(i=61)
    with pytest.raises(traitlets.TraitError, match=r"^scene should be one of 3, got 3"):
        RotaryClock(scene=3)
