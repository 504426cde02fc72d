"""What can be wrong with any mask: its truth values, its numbers, its axes."""

import math

import torch
from torch import Tensor

__all__ = ["ADDEND", "AXES", "INVERTED", "NUMBERS", "TRANSPOSED", "addend", "flipped", "numbers"]


def flipped(mask: Tensor) -> Tensor:
    """Take what is forbidden for what is allowed."""
    return ~mask


def numbers(mask: Tensor) -> Tensor:
    """Write 1 for True and 0 for False."""
    return mask.float()


def addend(mask: Tensor) -> Tensor:
    """Make what is added to scores: 0 where allowed, −∞ elsewhere."""
    return torch.zeros(mask.shape).masked_fill(~mask, -math.inf)


INVERTED = (
    "inverted",
    "The mask is inverted: it is True where a query must not look. In this book, as in "
    "scaled_dot_product_attention, True means “may attend”.",
)

NUMBERS = (
    "numbers",
    "The mask holds numbers, not True and False. A 1 does not say whether it allows or forbids, "
    "so masks are bool here; compare with < or ≤, or call .bool().",
)

ADDEND = (
    "made for adding",
    "This is the mask that is added to the scores, with 0 and −∞. Wanted is the table that it is "
    "made from: which query may attend to which key, a bool tensor.",
)

TRANSPOSED = "rows and columns swapped"

AXES = (
    "extra axes",
    "The mask is right but has extra axes of size one. They can be added where they are needed; "
    "broadcasting adds those in front by itself.",
)
