"""Two mistakes with the scores that only many heads make possible."""

import math

from torch import Tensor

__all__ = ["OVER_HEADS", "ROOT_D_MODEL", "by_root_d_model"]

OVER_HEADS: tuple[str, str] = (
    "softmax over the heads",
    "The softmax runs over the heads, axis 1, so the heads compete for each key. Within every "
    "head each query divides its attention among the keys, axis −1.",
)

ROOT_D_MODEL: tuple[str, str] = (
    "divides by √d_model",
    "The scores are divided by √d_model. Each head's dot product has only E = D/H terms, so it "
    "is √E, the width of one head.",
)


def by_root_d_model(scores: Tensor, query: Tensor, key: Tensor) -> Tensor:
    """Divide by the root of the width of all heads together."""
    return scores / math.sqrt(query.shape[1] * query.shape[3])
