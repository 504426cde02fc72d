"""Maps of centres: their hills, their loss by hand, and objects that come back out of them."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from txlite.training import Objects, average_precision
from txlite.training.peaks import hills, peak_loss, peaks

pytestmark = pytest.mark.usefixtures("in_float64")

K, I, J = 3, 8, 12  # noqa: E741
NOTHING = Objects(torch.zeros(0, dtype=torch.long), torch.zeros(0, 4, dtype=torch.double))


def one(label: int, *box: float) -> Objects:
    return Objects(torch.tensor([label]), torch.tensor([box], dtype=torch.double))


# A cell is 1/12 wide and 1/8 high: this centre lies in column 3, row 6, at (.6, .4) of the cell.
THERE = one(1, 3.6 / J, 6.4 / I, 2 / J, 3 / I)


# ------------------------------------------------------------------ hills


def test_a_hill_is_one_at_the_centre_and_as_wide_as_the_object() -> None:
    (maps,) = hills([THERE], K, I, J)
    assert maps.shape == (K, I, J)
    assert maps[1, 6, 3] == 1
    assert maps[[0, 2]].abs().max() == 0
    # Standard deviations: a sixth of 2 cells across, of 3 cells down.
    assert maps[1, 6, 4].item() == pytest.approx(math.exp(-(3**2) / 2))
    assert maps[1, 5, 3].item() == pytest.approx(math.exp(-(2**2) / 2))
    assert maps[1, 7, 2].item() == pytest.approx(math.exp(-(3**2 + 2**2) / 2))


def test_where_two_hills_meet_the_higher_one_counts() -> None:
    near = one(1, 4.5 / J, 6.4 / I, 6 / J, 3 / I)
    both = Objects(torch.cat([THERE.labels, near.labels]), torch.cat([THERE.boxes, near.boxes]))
    alone = hills([THERE, near], K, I, J)
    assert_close(hills([both], K, I, J)[0], alone.max(0).values)


def test_a_centre_on_the_border_lies_in_the_last_cell() -> None:
    (maps,) = hills([one(0, 1.0, 1.0, 0.1, 0.1)], K, I, J)
    assert maps[0, I - 1, J - 1] == 1


# ------------------------------------------------------------------ the loss


def maps_of(logits: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    return torch.full((1, K, I, J), logits), torch.zeros(1, 2, I, J), torch.zeros(1, 2, I, J)


def focal(chance: float, height: float) -> float:
    """Return the loss of one point by the formula in the module's first lines."""
    if height == 1:
        return -((1 - chance) ** 2) * math.log(chance)
    return -((1 - height) ** 4) * chance**2 * math.log(1 - chance)


def test_the_loss_of_one_object_by_hand() -> None:
    logits, sizes, offsets = maps_of(-1.0)
    logits[0, 1, 6, 3] = 2.0
    sizes[0, :, 6, 3] = torch.tensor([2.5, 2.0])  # wanted: 2 and 3
    offsets[0, :, 6, 3] = torch.tensor([0.5, 0.8])  # wanted: .6 and .4
    heat = 0.0
    for k in range(K):
        for i in range(I):
            for j in range(J):
                height = math.exp(-((3 * (j - 3)) ** 2 + (2 * (i - 6)) ** 2) / 2) if k == 1 else 0
                chance = 1 / (1 + math.exp(-float(logits[0, k, i, j])))
                heat += focal(chance, height)
    want = heat + (0.1 + 0.4) + 0.1 * (0.5 + 1.0)
    assert peak_loss(logits, sizes, offsets, [THERE]).item() == pytest.approx(want)


def test_only_centres_say_how_large_something_is() -> None:
    logits, sizes, offsets = (x.requires_grad_() for x in maps_of())
    peak_loss(logits, sizes, offsets, [THERE]).backward()
    for grad in (sizes.grad, offsets.grad):
        assert grad is not None
        assert grad.abs().sum(1)[0].nonzero().tolist() == [[6, 3]]
    assert logits.grad is not None
    assert logits.grad[0, 1, 6, 3] < 0
    rest = logits.grad.clone()
    rest[0, 1, 6, 3] = 0
    assert rest.min() >= 0


def test_the_loss_is_divided_by_the_number_of_objects() -> None:
    twice = [torch.cat([x, x]) for x in maps_of()]
    alone = peak_loss(*maps_of(), [THERE])
    assert_close(peak_loss(*twice, [THERE, THERE]), alone)
    nothing = peak_loss(*maps_of(), [NOTHING])
    assert nothing.item() == pytest.approx(K * I * J * 0.25 * math.log(2))


# ------------------------------------------------------------------ peaks


def drawn(targets: list[Objects]) -> tuple[Tensor, Tensor, Tensor]:
    """Return maps that say of each object what is true, at its cell."""
    wanted = hills(targets, K, I, J)
    sizes, offsets = torch.zeros(len(targets), 2, I, J), torch.zeros(len(targets), 2, I, J)
    cells = torch.tensor([J, I])
    for picture, (_, found) in enumerate(targets):
        for box in found:
            column, row = (box[:2] * cells).long().tolist()
            sizes[picture, :, row, column] = box[2:] * cells
            offsets[picture, :, row, column] = box[:2] * cells - torch.tensor([column, row])
    return torch.logit(wanted.clamp(1e-6, 1 - 1e-6)), sizes, offsets


def test_objects_come_back_out_of_their_maps() -> None:
    apart = torch.tensor([[0.15, 0.2, 0.2, 0.3], [0.55, 0.2, 0.3, 0.2], [0.8, 0.8, 0.1, 0.1]])
    targets = [Objects(torch.tensor([0, 0, 2]), apart), NOTHING, THERE]
    found = peaks(*drawn(targets))
    assert average_precision(found, targets).mean == pytest.approx(1.0)
    for one_found, target in zip(found, targets, strict=True):
        sure = one_found.scores > 0.9
        order = one_found.boxes[sure][:, 0].argsort()
        assert_close(one_found.boxes[sure][order], target.boxes)
        assert torch.equal(one_found.labels[sure][order], target.labels)


def test_a_point_with_a_higher_neighbour_is_no_peak() -> None:
    logits, sizes, offsets = maps_of(-9.0)
    logits[0, 0, 4, 4:7] = torch.tensor([1.0, 2.0, 1.5])
    logits[0, 1, 5, 5] = 1.0  # of another class: a peak of its own
    (found,) = peaks(logits, sizes, offsets, most=3)
    assert found.labels[:2].tolist() == [0, 1]
    assert found.scores[:2].tolist() == pytest.approx([1 / (1 + math.exp(-x)) for x in (2, 1)])
    assert found.scores[2] < 0.001


def test_most_is_how_many_are_taken() -> None:
    for most, count in ((4, 4), (10**6, K * I * J)):
        (found,) = peaks(*drawn([THERE]), most=most)
        assert len(found.labels) == len(found.scores) == len(found.boxes) == count


def test_sizes_below_zero_are_zero() -> None:
    logits, sizes, offsets = maps_of()
    (found,) = peaks(logits, sizes - 1, offsets)
    assert found.boxes[:, 2:].abs().max() == 0


# ------------------------------------------------------------------ errors


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    logits, sizes, offsets = maps_of()
    cases: list[tuple[Any, str]] = [
        (lambda: hills([THERE], 1, I, J), r"labels should lie in \[0, num_classes=1\), got 1"),
        (lambda: hills([THERE], K, 0, J), r"rows should be a positive whole number, got 0"),
        (
            lambda: hills([one(0, 0.5, 0.5, 0.0, 0.1)], K, I, J),
            r"boxes should have widths and heights above zero",
        ),
        (
            lambda: peak_loss(logits, sizes[:, :1], offsets, [THERE]),
            r"sizes should have shape \(B=1, E=2, I=8, J=12\)",
        ),
        (
            lambda: hills([], K, I, J),
            r"targets should hold one for each picture, got none",
        ),
        (
            lambda: peak_loss(logits, sizes, offsets, []),
            r"targets should be B=1, one for each picture, got 0",
        ),
        (
            lambda: peaks(logits, sizes, offsets[..., :3]),
            r"offsets should have shape \(B=1, E=2, I=8, J=12\)",
        ),
        (lambda: peaks(logits, sizes, offsets, most=0), r"most should be a positive whole number"),
    ]
    for ask, message in cases:
        with pytest.raises(ValueError, match=message):
            ask()
