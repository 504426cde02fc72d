"""Heads cut and merged, as it is right."""

from torch import Tensor

__all__ = ["right_merge", "right_split"]


def right_split(x: Tensor, num_heads: int) -> Tensor:
    """Cut the last axis into heads: (B, T, D) becomes (B, H, T, E)."""
    return x.reshape(*x.shape[:2], num_heads, -1).transpose(1, 2)


def right_merge(z: Tensor) -> Tensor:
    """Put the heads side by side: (B, H, T, E) becomes (B, T, D)."""
    return z.transpose(1, 2).flatten(2)
