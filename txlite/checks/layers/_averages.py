"""The averages of a norm, right and wrong: both norms can take them over other entries."""

from torch import Tensor

from txlite.checks.framework import Step

__all__ = ["AXES", "mean_of", "unbiased"]


def mean_of(x: Tensor) -> Tensor:
    """Average each vector's own entries."""
    return x.mean(-1, keepdim=True)


# Where the average is taken over other entries, mean and mean square both are.
AXES: tuple[tuple[str, str, Step], ...] = (
    (
        "over axis 0",
        "The averages run over axis 0. Each vector is normalised by itself, over its own "
        "entries: the last axis, −1, with keepdim=True.",
        lambda x: x.mean(0),
    ),
    (
        "over the positions",
        "The averages run over axis −2, the positions. Then a token would change with its "
        "neighbours: average over the last axis, the entries of one vector.",
        lambda x: x.mean(-2, keepdim=True),
    ),
    (
        "over everything",
        "One average is taken over the whole tensor. Each vector needs its own: average over "
        "the last axis only.",
        lambda x: x.mean(),
    ),
    (
        "over positions and entries",
        "The averages run over the last two axes, so all positions of a sequence share one. "
        "Each vector is normalised by itself: the last axis alone.",
        lambda x: x.mean((-2, -1), keepdim=True),
    ),
    (
        "keepdim forgotten",
        "The averages have lost their axis, so they line up with the columns and not with the "
        "vectors. Say keepdim=True.",
        lambda x: x.mean(-1),
    ),
)


def unbiased(square: Tensor) -> Tensor:
    """Divide the sum over each vector by one less than its width."""
    return square.sum(-1, keepdim=True) / (square.shape[-1] - 1)
