r"""Objects as peaks of maps: what a detector without queries learns from, and how it is read.

For each class there is a map with a hill on every object of it, 1 at the cell of its centre and
lower around. The loss of a map's point is the focal loss: at a centre −(1 − p)² log p, elsewhere
−(1 − h)⁴ p² log(1 − p), where h is the height of the hill. So a neighbour of a centre may be
almost as sure as it, and a point that is sure already counts little.

Shape letters
    B pictures    K classes    I, J rows and columns of the maps    N objects

Source
    Zhou, Wang and Krähenbühl (2019), "Objects as Points", section 3, equations (1) to (4). Hills
    are as wide as the object in each direction; theirs are round.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid, max_pool2d

from txlite._checks import check_floating, check_positive, check_shape, check_tokens
from txlite.training.boxes import _check_sizes
from txlite.training.detection import Found
from txlite.training.matching import Target

__all__ = ["hills", "peak_loss", "peaks"]

_STEEP = 1 / 6  # standard deviation of a hill, as a share of the object's side
_SIZE_WEIGHT = 0.1


def hills(
    targets: Sequence[Target], num_classes: int, rows: int, columns: int
) -> Float[Tensor, "B K rows columns"]:
    """Return the maps that objects should have: for each class the highest of its hills.

    Parameters
    ----------
    targets : sequence of Objects
        What is in each of B pictures; a plain pair of labels and boxes will do.
    num_classes : int
        How many classes there are.
    rows, columns : int
        Points of a map.

    Returns
    -------
    Tensor, shape (B, K, rows, columns)
        From 0 to 1, and exactly 1 at the cell in which a centre lies.

    Raises
    ------
    ValueError
        If there is no picture, a number is not positive, a label is no class, or a box has no area.
    """
    count, high = check_positive("num_classes", num_classes), check_positive("rows", rows)
    wide = check_positive("columns", columns)
    picture, labels, boxes = _gathered(targets, count)
    column, row = _cells(boxes, high, wide)
    across, down = _STEEP * wide * boxes[:, 2, None], _STEEP * high * boxes[:, 3, None]
    along = torch.arange(max(wide, high), device=boxes.device)
    x = (along[:wide] - column[:, None]) / across  # (N, J), in standard deviations
    y = (along[:high] - row[:, None]) / down  # (N, I)
    hill = (-(y.square()[:, :, None] + x.square()[:, None]) / 2).exp().flatten(1)
    maps = boxes.new_zeros(len(targets) * count, high * wide)
    where = (picture * count + labels)[:, None].expand_as(hill)
    return maps.scatter_reduce_(0, where, hill, "amax").view(-1, count, high, wide)


def peak_loss(
    logits: Float[Tensor, "B K I J"],
    sizes: Float[Tensor, "B 2 I J"],
    offsets: Float[Tensor, "B 2 I J"],
    targets: Sequence[Target],
) -> Float[Tensor, ""]:
    """Return the loss of maps: of their hills, and at centres of sizes and offsets.

    Parameters
    ----------
    logits : Tensor, shape (B, K, I, J)
        Scores of the classes at every point.
    sizes, offsets : Tensor, shape (B, 2, I, J)
        Width and height in cells; where in its cell the centre lies, x and y.
    targets : sequence of Objects
        What is in each picture.

    Returns
    -------
    Tensor, shape ()
        Focal loss, distance of the offsets, and a tenth of that of the sizes, each summed and
        divided by the number of objects in the batch, or by one.

    Raises
    ------
    ValueError
        If a shape does not fit, a label is no class, or a box has no area.

    References
    ----------
    Zhou et al. (2019), equations (1) to (4).
    """
    shape = _check_maps(logits, sizes, offsets)
    if len(targets) != shape["B"]:
        raise ValueError(
            f"targets should be B={shape['B']}, one for each picture, got {len(targets)}"
        )
    wanted = hills(targets, shape["K"], shape["I"], shape["J"]).to(logits)
    chance = logits.sigmoid()
    centre = (1 - chance).square() * logsigmoid(logits)
    around = (1 - wanted).pow(4) * chance.square() * logsigmoid(-logits)
    heat = -torch.where(wanted == 1, centre, around).sum()
    picture, _, boxes = (x.to(logits.device) for x in _gathered(targets, shape["K"]))
    boxes = boxes.to(logits)
    column, row = _cells(boxes, shape["I"], shape["J"])
    cells = boxes.new_tensor([shape["J"], shape["I"]])
    of_size = sizes[picture, :, row, column] - boxes[:, 2:] * cells
    of_offset = (
        offsets[picture, :, row, column] + torch.stack([column, row], 1) - boxes[:, :2] * cells
    )
    far = of_offset.abs().sum() + _SIZE_WEIGHT * of_size.abs().sum()
    return (heat + far) / max(1, len(boxes))


def peaks(
    logits: Float[Tensor, "B K I J"],
    sizes: Float[Tensor, "B 2 I J"],
    offsets: Float[Tensor, "B 2 I J"],
    *,
    most: int = 10,
) -> list[Found]:
    """Return the highest peaks of maps as found objects.

    A peak is a point that no neighbour, of eight, exceeds on the map of its class.

    Parameters
    ----------
    logits, sizes, offsets : Tensor
        The maps, as in :func:`peak_loss`.
    most : int
        How many peaks of a picture are taken, all classes together.

    Returns
    -------
    list of Found
        One for each picture, the highest score first.

    Raises
    ------
    ValueError
        If a shape does not fit, or ``most`` is not positive.

    References
    ----------
    Zhou et al. (2019), section 3, "From points to bounding boxes".
    """
    shape = _check_maps(logits, sizes, offsets)
    most = check_positive("most", most)
    chance = logits.sigmoid()
    top = chance.where(chance == max_pool2d(chance, 3, stride=1, padding=1), 0.0).flatten(1)
    scores, at = top.topk(min(most, top.shape[1]))  # (B, N)
    points = shape["I"] * shape["J"]
    labels, point = at // points, at % points
    here = point[:, None].expand(-1, 2, -1)
    size = sizes.flatten(2).gather(2, here).mT.clamp(min=0)  # (B, N, 2)
    cell = torch.stack([point % shape["J"], point // shape["J"]], -1)
    middle = offsets.flatten(2).gather(2, here).mT + cell
    boxes = torch.cat([middle, size], -1) / size.new_tensor([shape["J"], shape["I"]] * 2)
    return [Found(*one) for one in zip(labels, scores, boxes, strict=True)]


def _cells(boxes: Tensor, rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """Return the column and the row in which each centre lies."""
    column, row = (boxes[:, :2] * boxes.new_tensor([columns, rows])).long().unbind(1)
    return column.clamp(0, columns - 1), row.clamp(0, rows - 1)


def _gathered(targets: Sequence[Target], num_classes: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return of all objects the picture, the label and the box."""
    if not targets:
        raise ValueError("targets should hold one for each picture, got none")
    for i, (labels, boxes) in enumerate(targets):
        count = check_shape(f"targets[{i}].labels", labels, "N")["N"]
        check_shape(f"targets[{i}].boxes", boxes, "N E", N=count, E=4)
    labels, boxes = (torch.cat([one[i] for one in targets]) for i in (0, 1))
    check_tokens("labels", labels, num_classes, "num_classes")
    check_floating("boxes", boxes)
    _check_sizes("boxes", boxes, positive=True)
    counts = torch.tensor([len(one) for one, _ in targets], device=labels.device)
    picture = torch.arange(len(counts), device=labels.device).repeat_interleave(counts)
    return picture, labels.long(), boxes


def _check_maps(logits: Tensor, sizes: Tensor, offsets: Tensor) -> dict[str, int]:
    shape = check_shape("logits", logits, "B K I J")
    check_floating("logits", logits)
    for name, x in (("sizes", sizes), ("offsets", offsets)):
        check_shape(name, x, "B E I J", E=2, **{axis: shape[axis] for axis in "BIJ"})
    return shape
