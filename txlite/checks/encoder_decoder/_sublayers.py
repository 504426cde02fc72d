"""What a layer is made of here: attention without projections, its norm, and its masks."""

import math

import torch
from torch import Tensor

__all__ = ["attend", "kept", "keys_that", "normed"]


def normed(x: Tensor) -> Tensor:
    """Bring every vector to mean 0 and variance 1."""
    return torch.nn.functional.layer_norm(x, x.shape[-1:])


def attend(
    query: Tensor, key: Tensor, allowed: Tensor, value: Tensor | None = None, blind: float = 0.0
) -> Tensor:
    """Attend from ``query`` to ``key``, which is its own value by default, where allowed.

    A query without any key has weights ``blind``: 0 as torch's attention gives them, NaN as a
    softmax does.
    """
    value = key if value is None else value
    scores = query @ key.mT / math.sqrt(key.shape[-1])
    return scores.masked_fill(~allowed, -math.inf).softmax(-1).nan_to_num(blind) @ value


def keys_that(keep: Tensor) -> Tensor:
    """Allow the real keys, to every query: (B, S) becomes (B, 1, S)."""
    return keep[:, None, :]


def kept(*lengths: int, size: int) -> Tensor:
    """Say which of ``size`` words are real, padding last: (B, size)."""
    return torch.arange(size) < torch.tensor(lengths)[:, None]
