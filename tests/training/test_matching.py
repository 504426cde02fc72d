"""The loss of a set: what matching and overlap must be, and Hugging Face's loss."""

import itertools
import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.training.test_boxes import boxes
from txlite.training import Objects, best_classes, generalised_iou, match, set_loss, suppress

B, Q, K = 3, 6, 4  # three classes and no object
CLOSE: dict[str, float] = {"rtol": 1e-9, "atol": 1e-10}
pytestmark = pytest.mark.usefixtures("in_float64")


def drawn(*counts: int) -> tuple[Tensor, Tensor, list[Objects]]:
    targets = [Objects(torch.randint(K - 1, (n,)), boxes(n)) for n in counts]
    return 2 * torch.randn(len(counts), Q, K), boxes(len(counts), Q), targets


# ------------------------------------------------------------------ matching


def cost(logits: Tensor, found: Tensor, target: Objects) -> Tensor:
    """What each pair costs, by loops."""
    table = torch.zeros(Q, len(target.labels))
    for q in range(Q):
        for n, (label, there) in enumerate(zip(*target, strict=True)):
            chance = logits[q].exp()[label] / logits[q].exp().sum()
            apart = (found[q] - there).abs().sum()
            common = generalised_iou(found[q : q + 1], there[None])[0, 0]
            table[q, n] = -chance + 5 * apart - 2 * common
    return table


@pytest.mark.parametrize("count", [1, 2, 4, 6, 7])
def test_no_other_matching_is_cheaper(count: int) -> None:
    logits, found, targets = drawn(count)
    ((queries, objects),) = match(logits, found, targets)
    assert len(queries) == len(objects) == min(Q, count)
    assert queries.tolist() == sorted(set(queries.tolist()))
    assert len(set(objects.tolist())) == len(objects)
    table = cost(logits[0], found[0], targets[0])
    table = table if count <= Q else table.T
    best = min(
        sum(table[q, n].item() for n, q in enumerate(chosen))
        for chosen in itertools.permutations(range(len(table)), table.shape[1])
    )
    got = (table if count <= Q else table.T)[queries, objects].sum().item()
    assert got == pytest.approx(best)


def test_the_order_of_objects_does_not_matter() -> None:
    logits, found, targets = drawn(4, 5, 3)
    loss = set_loss(logits, found, targets)
    pairs = match(logits, found, targets)
    shuffled, orders = [], []
    for labels, there in targets:
        orders.append(torch.randperm(len(labels)))
        shuffled.append(Objects(labels[orders[-1]], there[orders[-1]]))
    for (q, n), (p, m), order in zip(pairs, match(logits, found, shuffled), orders, strict=True):
        assert torch.equal(q, p)
        assert torch.equal(n, order[m])
    for got, want in zip(set_loss(logits, found, shuffled), loss, strict=True):
        assert_close(got, want)


def test_the_order_of_predictions_does_not_matter() -> None:
    logits, found, targets = drawn(4, 0, 3)
    order = torch.randperm(Q)
    for got, want in zip(
        set_loss(logits[:, order], found[:, order], targets),
        set_loss(logits, found, targets),
        strict=True,
    ):
        assert_close(got, want)


def test_each_cost_decides_alone() -> None:
    logits = torch.tensor([[[0.0, 3.0, 0.0], [3.0, 0.0, 0.0], [0.0, 0.0, 9.0]]])
    found = torch.tensor([[[0.9, 0.9, 0.1, 0.1], [0.2, 0.2, 0.1, 0.1], [0.5, 0.5, 0.2, 0.2]]])
    there = [Objects(torch.tensor([1]), torch.tensor([[0.5, 0.5, 0.2, 0.2]]))]
    nothing = {"class_cost": 0.0, "box_cost": 0.0, "iou_cost": 0.0}
    for name, query in (("class_cost", 0), ("box_cost", 2), ("iou_cost", 2)):
        ((queries, _),) = match(logits, found, there, **{**nothing, name: 1.0})
        assert queries.tolist() == [query]


def test_matching_takes_nothing_away() -> None:
    """Two predictions say the same: one learns the object, the other "no object"; both stand."""
    there = Objects(torch.tensor([0]), boxes(1))
    logits = torch.tensor([[[3.0, 0.0, 0.0], [3.5, 0.0, 0.0]]], requires_grad=True)
    found = there.boxes.expand(1, 2, 4)
    ((queries, _),) = match(logits, found, [there])
    assert queries.tolist() == [1]
    (grad,) = torch.autograd.grad(set_loss(logits, found, [there]).total, logits)
    other, matched = grad[0]
    assert matched[0] < 0 < matched[2]  # a step downhill makes the class surer
    assert other[2] < 0 < other[0]  # and here "no object"
    (said,) = best_classes(logits.detach(), found)
    assert said.labels.tolist() == [0, 0]
    assert len(suppress(said).labels) == 1


def test_no_pictures_have_no_matching_and_no_loss() -> None:
    """A mean over nothing is no number: it is refused, where a list of nothing is empty."""
    logits, found = torch.zeros(0, Q, K), torch.zeros(0, Q, 4)
    assert match(logits, found, []) == []
    with pytest.raises(ValueError, match="targets should hold one picture at least, got none"):
        set_loss(logits, found, [])


# ------------------------------------------------------------------ the loss


def test_pictures_without_objects_only_learn_that() -> None:
    """Three classes and no object, all alike: log 4, and finite gradients (detr 335)."""
    logits = torch.zeros(2, 5, 4, requires_grad=True)
    found = boxes(2, 5).requires_grad_()
    empty = Objects(torch.zeros(0, dtype=torch.long), torch.zeros(0, 4))
    loss = set_loss(logits, found, [empty, empty])
    assert loss.classes.item() == pytest.approx(math.log(4))
    assert (loss.boxes.item(), loss.iou.item()) == (0.0, 0.0)
    loss.total.backward()
    for leaf in (logits, found):
        assert leaf.grad is not None
        assert leaf.grad.isfinite().all()


def test_nothing_weighs_a_tenth() -> None:
    """One object with p = ½ and four predictions of log 4: (log 2 + .4 log 4) / 1.4 = .8912."""
    logits = torch.zeros(1, 5, 4)
    logits[0, 2, 1] = math.log(3)  # 3 of 6
    found = boxes(1, 5)
    there = Objects(torch.tensor([1]), found[0, 2:3])
    loss = set_loss(logits, found, [there])
    assert loss.classes.item() == pytest.approx((math.log(2) + 0.4 * math.log(4)) / 1.4)
    assert loss.classes.item() == pytest.approx(0.8912, abs=1e-4)
    assert loss.boxes.item() == 0
    assert loss.iou.item() == pytest.approx(0, abs=1e-12)


def test_layers_below_have_a_matching_of_their_own_and_all_are_added() -> None:
    logits, found, targets = drawn(3, 2, 4)
    earlier = [drawn(3, 2, 4)[:2] for _ in range(2)]
    stacked = [torch.stack(x) for x in zip(*earlier, strict=True)]
    got = set_loss(logits, found, targets, earlier_logits=stacked[0], earlier_boxes=stacked[1])
    alone = [set_loss(x, b, targets) for x, b in [(logits, found), *earlier]]
    assert_close(got.total, sum(loss.total for loss in alone))
    assert_close(got.classes, alone[0].classes)


def as_theirs(targets: list[Objects]) -> list[dict[str, Tensor]]:
    return [{"class_labels": t.labels, "boxes": t.boxes} for t in targets]


@pytest.mark.parametrize("counts", [(3, 1, 6), (0, 2, 0), (8, 1, 2), (0, 0, 0)])
def test_equals_the_published_matcher(counts: tuple[int, ...]) -> None:
    from transformers.loss.loss_for_object_detection import HungarianMatcher

    weights = {"class_cost": 1.5, "bbox_cost": 3.0, "giou_cost": 2.5}
    ours = {"class_cost": 1.5, "box_cost": 3.0, "iou_cost": 2.5}
    for _ in range(5):
        logits, found, targets = drawn(*counts)
        theirs = HungarianMatcher(**weights)(
            {"logits": logits, "pred_boxes": found}, as_theirs(targets)
        )
        for (q, n), (p, m) in zip(match(logits, found, targets, **ours), theirs, strict=True):
            assert torch.equal(q, p)
            assert torch.equal(n, m)


@pytest.mark.parametrize("auxiliary", [False, True])
@pytest.mark.parametrize("counts", [(3, 1, 6), (0, 2, 0), (8, 1, 2), (0, 0, 0)])
def test_equals_the_published_loss(counts: tuple[int, ...], auxiliary: bool) -> None:
    """Forward, and the gradient of scores and boxes of every layer."""
    from transformers import DetrConfig, ResNetConfig
    from transformers.loss.loss_for_object_detection import ForObjectDetectionLoss

    config = DetrConfig(
        num_labels=K - 1, decoder_layers=3, auxiliary_loss=auxiliary, use_timm_backbone=False,
        backbone_config=ResNetConfig(), bbox_loss_coefficient=4, giou_loss_coefficient=3,
        eos_coefficient=0.2,
    )  # fmt: skip
    _, _, targets = drawn(*counts)
    scores = [2 * torch.randn(3, B, Q, K)] * 2
    places = [boxes(3, B, Q)] * 2
    mine, other = ([x.clone().requires_grad_() for x in pair] for pair in zip(scores, places))  # noqa: B905
    below = {"earlier_logits": mine[0][:-1], "earlier_boxes": mine[1][:-1]}
    got = set_loss(
        mine[0][-1], mine[1][-1], targets, box_weight=4.0, iou_weight=3.0, nothing_weight=0.2,
        **(below if auxiliary else {}),
    )  # fmt: skip
    want, parts, _ = ForObjectDetectionLoss(
        other[0][-1], as_theirs(targets), "cpu", other[1][-1], config, other[0], other[1]
    )
    assert_close(got.total, want.reshape(()), **CLOSE)
    for part, name in ((got.classes, "ce"), (got.boxes, "bbox"), (got.iou, "giou")):
        assert_close(part, parts[f"loss_{name}"].reshape(()), **CLOSE)
    got.total.backward()
    want.sum().backward()
    for x, y in zip(mine, other, strict=True):
        assert x.grad is not None
        assert_close(x.grad, y.grad, **CLOSE)


# ------------------------------------------------------------------ what is refused


GOOD: dict[str, Any] = {
    "logits": torch.zeros(1, 3, 4), "boxes": torch.full((1, 3, 4), 0.5),
    "targets": [(torch.tensor([1]), torch.full((1, 4), 0.5))],
}  # fmt: skip


@pytest.mark.plain
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"logits": torch.zeros(3, 4)}, "logits should have shape (B, Q, K), got (3, 4)"),
        ({"logits": torch.zeros(1, 3, 1)}, "logits should have a last axis K of at least 2"),
        ({"boxes": torch.zeros(1, 3, 5)}, "boxes should have shape (B=1, Q=3, E=4)"),
        ({"boxes": torch.zeros(1, 3, 4).double()}, "boxes should have the dtype of the logits"),
        ({"targets": []}, "targets should be B=1, one for each picture, got 0"),
        (
            {"targets": [(torch.tensor([3]), torch.full((1, 4), 0.5))]},
            "targets[0].labels should lie in [0, K - 1=3), got 3",
        ),
        (
            {"targets": [(torch.tensor([1.0]), torch.full((1, 4), 0.5))]},
            "targets[0].labels should hold int32 or int64 numbers, got float32",
        ),
        (
            {"targets": [(torch.tensor([1, 2]), torch.full((1, 4), 0.5))]},
            "targets[0].boxes should have shape (N=2, E=4), got (1, 4)",
        ),
        (
            {"targets": [(torch.tensor([1]), torch.tensor([[0.5, 0.5, 0.0, 0.5]]))]},
            "targets[0].boxes should have widths and heights above zero, got the box [0.5, 0.5,",
        ),
        (
            {"targets": [(torch.tensor([1]), torch.tensor([[0.5, 0.5, -0.5, 0.5]]))]},
            "targets[0].boxes should have widths and heights above zero",
        ),
        (
            {"boxes": torch.full((1, 3, 4), -0.5)},
            "boxes should have widths and heights of at least zero, got the box [-0.5",
        ),
        (
            {"logits": torch.full((1, 3, 4), math.nan)},
            "logits and boxes should be finite, got NaN or infinity",
        ),
        ({"box_cost": -1.0}, "box_cost should be a number of at least 0, got -1.0"),
        ({"nothing_weight": 0.0}, "nothing_weight should be a positive number, got 0.0"),
        ({"iou_weight": math.inf}, "iou_weight should be a number of at least 0, got inf"),
        (
            {"earlier_logits": torch.zeros(2, 1, 3, 4)},
            "earlier_logits and earlier_boxes should come together, got one of them",
        ),
        (
            {"earlier_logits": torch.zeros(2, 1, 3, 4), "earlier_boxes": torch.zeros(1, 1, 3, 4)},
            "earlier_boxes should have shape (L=2, B=1, Q=3, E=4), got (1, 1, 3, 4)",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        set_loss(**{**GOOD, **change})


def test_without_scipy_it_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match=r"pip install 'txlite\[training\]'"):
        match(*drawn(1))
