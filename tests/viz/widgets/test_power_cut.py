"""The power cut's Python side: which training is shown, and where it parts from the whole one."""

import pytest
import traitlets

from txlite.viz.widgets.power_cut import PARTS, Parting, PowerCut, name_of

WHOLE = [3.0, 2.5, 2.0, 1.5, 1.0]
CUTS = [2, 3]


def trainings() -> dict[str, list[float]]:
    """Losses that differ by 1/8 for each part that is missing, from the second step on."""
    found = {}
    for cut in CUTS:
        for bits in range(16):
            kept = [part for i, part in enumerate(PARTS) if bits >> i & 1]
            extra = (4 - len(kept)) / 8
            first, *rest = WHOLE[cut:]
            found[name_of(cut, kept)] = [first, *(loss + extra for loss in rest)]
    return found


def figure(**traits: object) -> PowerCut:
    return PowerCut(whole=WHOLE, cuts=CUTS, resumed=trainings(), **traits)


def test_the_name_of_a_training_says_the_cut_and_the_parts() -> None:
    assert name_of(20, PARTS) == "20 1111"
    assert name_of(7, []) == "7 0000"
    assert name_of(7, ["chance", "optimizer"]) == "7 0101"
    with pytest.raises(ValueError, match=r"kept should hold parts of .* got \['step'\]"):
        name_of(7, ["step", "data"])


def test_with_every_part_the_losses_are_the_same() -> None:
    assert figure().parting() == Parting(0, 0.0, 0.0)
    assert figure(cut=1).parting() == Parting(0, 0.0, 0.0)


def test_where_the_losses_part_and_by_how_much() -> None:
    assert figure(optimizer=False).parting() == Parting(4, 0.125, 0.125)
    assert figure(cut=1, optimizer=False, weights=False).parting() == Parting(5, 0.25, 0.25)
    losses = trainings() | {"2 1101": [2.25, 1.0, 0.75]}
    odd = PowerCut(whole=WHOLE, cuts=CUTS, resumed=losses, data=False)
    assert odd.parting() == Parting(3, 0.5, -0.25)


def test_a_training_that_is_missing_or_short_is_refused() -> None:
    losses = trainings()
    del losses["3 1011"]
    with pytest.raises(traitlets.TraitError, match="should hold 2 losses of '3 1011', got 0"):
        PowerCut(whole=WHOLE, cuts=CUTS, resumed=losses)
    with pytest.raises(traitlets.TraitError, match="should hold 3 losses of '2 0000', got 1"):
        PowerCut(whole=WHOLE, cuts=CUTS, resumed=trainings() | {"2 0000": [1.0]})
    with pytest.raises(traitlets.TraitError):
        figure(cut=-1)
