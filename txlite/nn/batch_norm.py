r"""Batch normalisation of a sequence: each entry of the vectors by its mean over a whole batch.

Layer normalisation looks along a vector; this one looks across all vectors of a batch, and keeps a
running average of what it has seen for the time after training.

Source
    Ioffe and Szegedy (2015), "Batch Normalization", algorithms 1 and 2.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from txlite._checks import (
    check_dtype,
    check_floating,
    check_number,
    check_positive,
    check_rate,
    check_shape,
)
from txlite.nn._edge import checked_once

__all__ = ["BatchNorm"]


class BatchNorm(nn.Module):
    r"""Bring each of D entries to mean zero and variance one, over batch and positions together.

    .. math:: y = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \odot w + b

    In training μ and σ² are those of the batch, so that an example's result depends on its
    neighbours and, with them, on every position: never put it where a position must not see later
    ones. In evaluation they are the running ones, which stand still.

    Parameters
    ----------
    d_model : int
        Width of the vectors.
    eps : float
        Added to the variance.
    momentum : float
        Share of the newest batch in the running mean and variance, in (0, 1].

    Attributes
    ----------
    weight, bias : Parameter
        The learned scale and shift.
    mean, variance : Parameter
        The running statistics: stored as any weight is, without a gradient. The variance is the
        unbiased one, by N − 1.

    Raises
    ------
    ValueError
        If the width or ``eps`` is not positive, or ``momentum`` is not in (0, 1].

    References
    ----------
    Ioffe and Szegedy (2015), algorithms 1 and 2.

    Examples
    --------
    >>> norm = BatchNorm(2)
    >>> norm(torch.tensor([[[1.0, 9.0], [3.0, 5.0]]])).round(decimals=2)
    tensor([[[-1.,  1.],
             [ 1., -1.]]], grad_fn=<RoundBackward1>)
    """

    weight: nn.Parameter
    bias: nn.Parameter
    mean: nn.Parameter
    variance: nn.Parameter

    def __init__(self, d_model: int, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.d_model = d_model = check_positive("d_model", d_model)
        self.eps = check_rate("eps", eps)
        self.momentum = check_number("momentum", momentum, "in (0, 1]", lambda x: 0.0 < x <= 1.0)
        for name in ("weight", "bias", "mean", "variance"):
            learned = name in ("weight", "bias")
            vector = nn.Parameter(torch.empty(d_model), requires_grad=learned)
            self.register_parameter(name, vector)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Begin anew: scale one, shift zero, nothing seen yet."""
        for ones, zeros in ((self.weight, self.bias), (self.variance, self.mean)):
            nn.init.ones_(ones)
            nn.init.zeros_(zeros)

    @checked_once
    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """Return the normalised vectors; in training, move the running statistics too.

        Raises
        ------
        ValueError
            If the last axis of ``x`` is not the norm's width, its dtype is not the weights', or
            there is a single vector to learn from.
        """
        rows = x.reshape(-1, self.d_model)
        kept = self.mean.detach(), self.variance.detach()
        learned = self.weight, self.bias
        out: Tensor = nn.functional.batch_norm(
            rows, *kept, *learned, self.training, self.momentum, self.eps
        )
        return out.view(x.shape)

    def _check(self, x: Tensor) -> None:
        check_shape("x", x, "*B D", D=self.d_model)
        check_floating("x", x)
        check_dtype("x", x, "the weights", self.weight)
        if self.training and x.numel() <= self.d_model:
            raise ValueError(
                f"x should hold at least two vectors in training, got shape {tuple(x.shape)}"
            )

    def extra_repr(self) -> str:
        """Return the sizes that ``print(module)`` shows."""
        return f"{self.d_model}, eps={self.eps}, momentum={self.momentum}"
