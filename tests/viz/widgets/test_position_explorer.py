"""The explorer's Python side equals txlite.nn, keeps its promises, and refuses nonsense."""

import pytest
import torch
import traitlets
from torch.testing import assert_close

from txlite.nn.positions import sinusoidal
from txlite.viz.widgets.position_explorer import BASES, LENGTH, WIDTHS, PositionExplorer

exact = {"rtol": 0, "atol": 1e-12}


@pytest.mark.parametrize("d_model", WIDTHS)
@pytest.mark.parametrize("base", BASES)
def test_its_table_is_the_packages(d_model, base):
    explored = PositionExplorer(d_model=d_model, base=base).calculate()
    want = sinusoidal(torch.arange(LENGTH), d_model, base, dtype=torch.float64)
    assert_close(explored.table, want, **exact)


@pytest.mark.parametrize(("position", "shift"), [(0, 0), (9, 5), (47, 16)])
def test_the_turned_vector_is_the_one_further_on(position, shift):
    explored = PositionExplorer(position=position, shift=shift).calculate()
    assert_close(explored.turned, explored.table[position + shift], **exact)


def test_likeness_is_one_with_itself_and_depends_on_the_distance():
    near, far = (PositionExplorer(position=p).calculate().similarity for p in (3, 30))
    assert near.argmax() == 3
    assert near[3].item() == pytest.approx(1.0)
    assert_close(near[3:30], far[30:57], **exact)


def test_its_name_is_the_same_in_every_run():
    assert repr(PositionExplorer()) == "PositionExplorer: A clock with many hands"


@pytest.mark.plain
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"d_model": 5}, "d_model should be one of"),
        ({"base": 2}, "base should be one of"),
        ({"position": 48}, "position"),
        ({"shift": 17}, "shift"),
        ({"pair": -1}, "pair"),
    ],
)
def test_nonsense_is_refused_by_name(wrong, message):
    with pytest.raises(traitlets.TraitError, match=message):
        PositionExplorer(**wrong)
