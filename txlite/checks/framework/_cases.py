"""Inputs for the ladders: small, friendly numbers, drawn from generators of their own."""

import math

import torch
from torch import Tensor

__all__ = ["counting", "halves", "normal"]


def counting(*shape: int) -> Tensor:
    """Count 0, 1, 2, …, so that one sees where every entry went."""
    count = math.prod(shape)
    return torch.arange(count, dtype=torch.float32, device="cpu").reshape(shape)


def halves(seed: int, *shape: int) -> Tensor:
    """Draw from −2, −1.5, …, 2: numbers that a person can compute with."""
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(-4, 5, shape, generator=draw, device="cpu") / 2


def normal(seed: int, *shape: int) -> Tensor:
    """Draw from the standard normal distribution."""
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=draw, device="cpu")
