"""Which positions a mask says to be padding, for parts that are given no mask but must know."""

from torch import Tensor

from txlite.nn.masks._kinds import Padding
from txlite.nn.masks._one_call import OneCall
from txlite.nn.masks._rules import And, Mask

__all__ = ["kept_positions"]


def kept_positions(mask: Mask | Tensor | None, batch: int, length: int) -> Tensor | None:
    """Return which of the newest positions hold tokens, as far as a rule says so.

    Parameters
    ----------
    mask : Mask or Tensor of bool, optional
        What a layer is given. ``padding(keep)`` says it, alone or joined to others by ``&``; a
        table does not tell padding from what is hidden for another reason.
    batch : int
        How many sequences there are.
    length : int
        How many positions are asked about: the last ones.

    Returns
    -------
    Tensor of bool, shape (B, T), or None
        True for a token, False for padding; None if no rule says it.
    """
    if isinstance(mask, OneCall):
        return kept_positions(mask.rule, batch, length)
    if isinstance(mask, Padding):
        return mask.keep[:, mask.keep.shape[1] - length :].expand(batch, -1)
    if not isinstance(mask, And):
        return None
    left, right = (kept_positions(rule, batch, length) for rule in (mask.left, mask.right))
    if left is None or right is None:
        return left if right is None else right
    return left & right
