r"""The loss of a set: each object finds the one prediction that shall answer for it.

Predictions have no order, and neither have objects. So the cheapest one-to-one matching of both is
found first, and the loss is taken along it: matched predictions learn the class and the box of
their object, all others that there is nothing. Two predictions of one object cannot both be right,
and nobody has to throw doubles away afterwards.

Boxes are those of :mod:`txlite.training.boxes`.

Shape letters
    B pictures    Q predictions    K classes and "no object", which is the last    N objects

Sources
    Carion et al. (2020), "End-to-End Object Detection with Transformers", section 3.1 and appendix
    A.2.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from txlite._checks import (
    check_dtype,
    check_floating,
    check_number,
    check_rate,
    check_shape,
    check_tokens,
    dtype_name,
)
from txlite.training.boxes import _check_sizes, _iou

__all__ = ["Objects", "SetLoss", "match", "set_loss"]

Matching = list[tuple[Tensor, Tensor]]


class Objects(NamedTuple):
    """What is in a picture: N objects, in any order."""

    labels: Int[Tensor, " N"]
    """Their classes, from 0 to K − 2."""
    boxes: Float[Tensor, "N 4"]
    """Their boxes."""


Target = Objects | tuple[Tensor, Tensor]


class SetLoss(NamedTuple):
    """The loss of a batch and what it consists of, of the last layer and without weights."""

    total: Float[Tensor, ""]
    """What is to be made small, with all layers and weights."""
    classes: Float[Tensor, ""]
    """Weighted mean of the cross-entropies of all predictions."""
    boxes: Float[Tensor, ""]
    """Sum of the distances of matched boxes' four numbers, by the number of objects."""
    iou: Float[Tensor, ""]
    """Sum of 1 − generalised IoU of matched boxes, by the number of objects."""


def match(
    logits: Float[Tensor, "B Q K"],
    boxes: Float[Tensor, "B Q 4"],
    targets: Sequence[Target],
    *,
    class_cost: float = 1.0,
    box_cost: float = 5.0,
    iou_cost: float = 2.0,
) -> Matching:
    r"""Find the cheapest one-to-one matching of predictions and objects, picture by picture.

    .. math:: -\lambda_c\,p_q(\text{class}) + \lambda_b\,\lVert b_q - b \rVert_1
              - \lambda_u\,\operatorname{GIoU}(b_q, b)

    is what a pair costs: the probability, not its logarithm, as in the loss.

    Parameters
    ----------
    logits : Tensor, shape (B, Q, K)
        Scores of the classes, the last that there is no object.
    boxes : Tensor, shape (B, Q, 4)
        The predicted boxes.
    targets : sequence of Objects
        What is in each of the B pictures; a plain pair of labels and boxes will do.
    class_cost, box_cost, iou_cost : float
        The three weights, none below zero.

    Returns
    -------
    list of (Tensor, Tensor)
        For each picture the matched predictions in rising order, and the object of each. There are
        min(Q, N) of them.

    Raises
    ------
    ValueError
        If a shape does not fit, a label is no class, an object's box has no area, or a cost is not
        finite.
    ImportError
        If scipy is missing.

    References
    ----------
    Carion et al. (2020), equation (1) and section 3.1.

    Examples
    --------
    >>> boxes = torch.tensor([[[0.2, 0.2, 0.1, 0.1], [0.8, 0.8, 0.1, 0.1]]])
    >>> there = Objects(torch.tensor([0]), torch.tensor([[0.7, 0.8, 0.1, 0.1]]))
    >>> match(torch.zeros(1, 2, 3), boxes, [there])
    [(tensor([1]), tensor([0]))]
    """
    costs = _check_costs(class_cost, box_cost, iou_cost)
    _check_predictions(logits, boxes)
    return _match(logits, boxes, _checked(targets, logits, boxes), costs)


def set_loss(
    logits: Float[Tensor, "B Q K"],
    boxes: Float[Tensor, "B Q 4"],
    targets: Sequence[Target],
    *,
    earlier_logits: Float[Tensor, "L B Q K"] | None = None,
    earlier_boxes: Float[Tensor, "L B Q 4"] | None = None,
    class_cost: float = 1.0,
    box_cost: float = 5.0,
    iou_cost: float = 2.0,
    box_weight: float = 5.0,
    iou_weight: float = 2.0,
    nothing_weight: float = 0.1,
) -> SetLoss:
    """Return the loss of predictions, each held to the object that it is matched with.

    Parameters
    ----------
    logits : Tensor, shape (B, Q, K)
        Scores of the classes, the last that there is no object.
    boxes : Tensor, shape (B, Q, 4)
        The predicted boxes.
    targets : sequence of Objects
        What is in each of the B pictures.
    earlier_logits, earlier_boxes : Tensor, shape (L, B, Q, K) and (L, B, Q, 4), optional
        Predictions of the layers below: each has a matching and a loss of its own, and all are
        added.
    class_cost, box_cost, iou_cost : float
        What a pair costs in :func:`match`.
    box_weight, iou_weight : float
        Weights of the boxes' two losses; that of the classes is 1.
    nothing_weight : float
        Weight of a prediction without an object in the mean over predictions: most have none.

    Returns
    -------
    SetLoss
        The total and its parts.

    Raises
    ------
    ValueError
        If a shape does not fit, a label is no class, an object's box has no area, or a cost is not
        finite.
    ImportError
        If scipy is missing.

    Notes
    -----
    The losses of boxes are divided by the number of objects in the batch, or by one if there are
    none. Several processes that shall count together divide by the mean over them.

    References
    ----------
    Carion et al. (2020), equation (2), section 3.1 and appendix A.2.
    """
    box, iou = _check_weight("box_weight", box_weight), _check_weight("iou_weight", iou_weight)
    nothing = check_rate("nothing_weight", nothing_weight)
    costs = _check_costs(class_cost, box_cost, iou_cost)
    if (earlier_logits is None) != (earlier_boxes is None):
        raise ValueError("earlier_logits and earlier_boxes should come together, got one of them")
    layers = [(logits, boxes)]
    if earlier_logits is not None and earlier_boxes is not None:
        sizes = dict(zip("BQ", logits.shape, strict=False))
        check_shape("earlier_logits", earlier_logits, "L B Q K", K=logits.shape[-1], **sizes)
        check_shape("earlier_boxes", earlier_boxes, "L B Q E", E=4, L=len(earlier_logits), **sizes)
        layers += list(zip(earlier_logits, earlier_boxes, strict=True))
    for x, b in layers:
        _check_predictions(x, b)
    kept = _checked(targets, logits, boxes)
    if not kept:
        raise ValueError("targets should hold one picture at least, got none")
    losses = [_of_layer(x, b, kept, costs, nothing) for x, b in layers]
    total = torch.stack([a + box * b + iou * c for a, b, c in losses]).sum()
    return SetLoss(total, *losses[0])


def _match(
    logits: Tensor, boxes: Tensor, kept: Sequence[Objects], costs: tuple[float, float, float]
) -> Matching:
    """Match what has been checked; ``costs`` are those of classes, of boxes and of their IoU."""
    if not kept:
        return []
    of_class, of_box, of_iou = costs
    assign = _assignment()
    _check_sizes("boxes", boxes, positive=False)
    counts = [len(objects) for _, objects in kept]
    rows = torch.arange(len(kept)).repeat_interleave(torch.tensor(counts)).to(boxes.device)
    with torch.no_grad():  # for the objects of all pictures at once, each with its picture's Q
        labels, objects = (torch.cat(part) for part in zip(*kept, strict=True))
        ours, chances = boxes[rows], logits.softmax(-1)[rows, :, labels]  # (N, Q, 4), (N, Q)
        cost = of_box * (ours - objects[:, None]).abs().sum(-1) - of_class * chances
        whole = (cost - of_iou * _iou(ours, objects[:, None])).T.double().cpu()
    if not bool(whole.isfinite().all()):
        raise ValueError("logits and boxes should be finite, got NaN or infinity")
    parts = torch.split(whole, counts, dim=1)
    found = [map(torch.from_numpy, assign(part.numpy())) for part in parts]
    return [(rows.to(boxes.device), columns.to(boxes.device)) for rows, columns in found]


def _of_layer(
    logits: Tensor,
    boxes: Tensor,
    kept: Sequence[Objects],
    costs: tuple[float, float, float],
    nothing: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the three losses of one layer's predictions."""
    pairs = _match(logits, boxes, kept, costs)
    none = logits.shape[-1] - 1
    wanted = torch.full(logits.shape[:2], none, device=logits.device)
    for row, ((queries, objects), (labels, _)) in enumerate(zip(pairs, kept, strict=True)):
        wanted[row, queries] = labels[objects]
    weights = torch.ones(none + 1, dtype=logits.dtype, device=logits.device)
    weights[none] = nothing
    classes = cross_entropy(logits.flatten(0, 1), wanted.flatten(), weights)
    ours = torch.cat([box[queries] for box, (queries, _) in zip(boxes, pairs, strict=True)])
    theirs = torch.cat([o[objects] for (_, o), (_, objects) in zip(kept, pairs, strict=True)])
    count = max(1, sum(len(labels) for labels, _ in kept))
    apart = (ours - theirs).abs().sum() / count
    return classes, apart, (1 - _iou(ours, theirs)).sum() / count


# ------------------------------------------------------------------ checks


def _assignment() -> Any:
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        told = "match needs scipy: pip install 'txlite[training]'"
        raise ImportError(f"{told} ({error})") from error
    return linear_sum_assignment


def _check_costs(of_class: Any, of_box: Any, of_iou: Any) -> tuple[float, float, float]:
    given = {"class_cost": of_class, "box_cost": of_box, "iou_cost": of_iou}
    of_class, of_box, of_iou = (_check_weight(name, cost) for name, cost in given.items())
    return of_class, of_box, of_iou


def _check_weight(name: str, weight: Any) -> float:
    return check_number(name, weight, "a number of at least 0", lambda x: 0 <= x < float("inf"))


def _check_predictions(logits: Tensor, boxes: Tensor) -> None:
    sizes = check_shape("logits", logits, "B Q K")
    check_floating("logits", logits)
    if sizes["K"] < 2:
        raise ValueError(f"logits should have a last axis K of at least 2, got K={sizes['K']}")
    check_shape("boxes", boxes, "B Q E", B=sizes["B"], Q=sizes["Q"], E=4)
    check_dtype("boxes", boxes, "the logits", logits)


def _checked(targets: Sequence[Target], logits: Tensor, boxes: Tensor) -> list[Objects]:
    """Return the objects of each picture, where the predictions are."""
    rows, _, scores = logits.shape
    if len(targets) != rows:
        raise ValueError(f"targets should be B={rows}, one for each picture, got {len(targets)}")
    kept = []
    for row, (labels, objects) in enumerate(targets):
        name = f"targets[{row}]"
        count = check_shape(f"{name}.labels", labels, "N")["N"]
        check_shape(f"{name}.boxes", objects, "N E", N=count, E=4)
        check_floating(f"{name}.boxes", objects)
        if labels.dtype not in (torch.int32, torch.int64):
            raise ValueError(
                f"{name}.labels should hold int32 or int64 numbers, got {dtype_name(labels)}"
            )
        check_tokens(f"{name}.labels", labels, scores - 1, "K - 1")
        _check_sizes(f"{name}.boxes", objects, positive=True)
        kept.append(Objects(labels.long().to(logits.device), objects.to(boxes)))
    return kept
