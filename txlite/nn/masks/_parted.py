"""A mask in two parts: what it says of padding, and what it says of positions."""

from torch import Tensor

from txlite.nn.masks._kinds import Padding
from txlite.nn.masks._one_call import OneCall
from txlite.nn.masks._rules import And, Mask

__all__ = ["parted"]


def parted(mask: Mask | Tensor | None, wanted_by: str) -> tuple[Tensor | None, Mask | None]:
    """Return which keys are real, and the rule of positions alone; None where nothing is said.

    Parameters
    ----------
    mask : Mask or Tensor of bool, optional
        Rules, joined by ``&``.
    wanted_by : str
        Who cannot use anything else, for the message.

    Raises
    ------
    ValueError
        If a rule holds a tensor other than a padding's ``keep``.
    """
    if isinstance(mask, OneCall):
        return parted(mask.rule, wanted_by)
    if mask is None:
        return None, None
    if isinstance(mask, Padding):
        return mask.keep, None
    if isinstance(mask, Mask) and mask.device is None:  # it holds no tensor
        return None, mask
    if isinstance(mask, And):
        (keep, rule), (other, second) = (parted(r, wanted_by) for r in (mask.left, mask.right))
        keep = other if keep is None else keep if other is None else keep & other
        rule = second if rule is None else rule if second is None else rule & second
        return keep, rule
    raise ValueError(
        f"mask should be made of padding and of rules without tensors, joined by &, for "
        f"{wanted_by}, got {mask if isinstance(mask, Mask) else type(mask).__name__}"
    )
