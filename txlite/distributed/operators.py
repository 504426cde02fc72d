"""The two operators around a part that is cut: one speaks backward, the other forward.

Every process holds a piece of two matrices, and all hold the same input. Forward, the pieces'
outputs are summed (:func:`sum_over`); backward, each piece knows its own share of the input's
gradient, and the shares are summed (:func:`enter_cut`). Megatron-LM calls the two *g* and *f*:
each is the other's gradient.

Source
    Shoeybi et al. (2019), "Megatron-LM", section 3 and figure 3.
"""

from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor

__all__ = ["enter_cut", "sum_over"]


class _EnterCut(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: dist.ProcessGroup | None) -> Tensor:
        ctx.group = group
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _summed(gradients[0], ctx.group), None


class _SumOver(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: dist.ProcessGroup | None) -> Tensor:
        return _summed(x, group)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


def enter_cut(
    x: Float[Tensor, "..."], group: dist.ProcessGroup | None = None
) -> Float[Tensor, "..."]:
    """Hand a tensor that all processes hold to a part that is cut: Megatron-LM's *f*.

    Parameters
    ----------
    x : Tensor
        The same on every process.
    group : ProcessGroup, optional
        The processes. By default all.

    Returns
    -------
    Tensor
        ``x``; the gradient that comes back is summed over the processes.

    References
    ----------
    Shoeybi et al. (2019), section 3.
    """
    out: Tensor = _EnterCut.apply(x, group)  # type: ignore[no-untyped-call]
    return out


def sum_over(
    x: Float[Tensor, "..."], group: dist.ProcessGroup | None = None
) -> Float[Tensor, "..."]:
    """Sum what the pieces of a cut part put out: Megatron-LM's *g*.

    Parameters
    ----------
    x : Tensor
        This process's term.
    group : ProcessGroup, optional
        The processes. By default all.

    Returns
    -------
    Tensor
        The sum, the same on every process; the gradient goes back as it comes.

    References
    ----------
    Shoeybi et al. (2019), section 3.
    """
    out: Tensor = _SumOver.apply(x, group)  # type: ignore[no-untyped-call]
    return out


def _summed(x: Tensor, group: dist.ProcessGroup | None) -> Tensor:
    total = x.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total, group=group)
    return total
