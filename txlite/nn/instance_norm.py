r"""Reversible normalisation of a window of a series: taken out before a model, put back after it.

A series drifts: what was learned at one level is of no use at another. So every window is brought
to a level and a scale of its own, and what the model says of it is brought back. The statistics
are those of the window alone, and so never know the future.

Shape letters
    B windows    T their values    N values that are forecast    C channels, each a series

Sources
    Kim et al. (2022), "Reversible Instance Normalization for Accurate Time-Series Forecasting
    against Distribution Shift", section 3.1, equations (1) to (3). Zeng et al. (2023), "Are
    Transformers Effective for Time Series Forecasting?", section 4 (the last value). Salinas et al.
    (2020), "DeepAR", section 3.3 (the mean).
"""

from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from txlite._checks import (
    check_bool,
    check_choice,
    check_dtype,
    check_floating,
    check_number,
    check_positive,
    check_shape,
)

__all__ = ["Level", "ReversibleNorm"]

Scaling = Literal["std", "mean", "last", "none"]
Gaps = Literal["level", "zero"]


class Level(NamedTuple):
    """Where a window lies: what is subtracted from it, and what it is divided by.

    Parameters
    ----------
    loc, scale : Tensor, shape (B, 1, C)
        In the units of the series. The scale is positive.
    """

    loc: Float[Tensor, "B 1 C"]
    scale: Float[Tensor, "B 1 C"]


class ReversibleNorm(nn.Module):
    r"""A window's own level and scale, and the way back.

    .. math:: z = \frac{x - \text{loc}}{\text{scale}},\qquad x = z \cdot \text{scale} + \text{loc}

    Parameters
    ----------
    scaling : str
        ``"std"``: loc is the window's mean, scale² its variance (by N) plus ``eps``. ``"mean"``:
        loc 0, the scale is the mean of the absolute values. ``"last"``: loc is the last value,
        scale 1. ``"none"``: 0 and 1.
    eps : float
        Added to the variance; the least scale of ``"mean"``. The default is 1e-5 for ``"std"`` and
        1e-10 for ``"mean"``. The variance has the series' units squared: beside values of a
        thousandth 1e-5 is large, and they hardly grow. With 0 a forecast of a·x + b is a times that
        of x, plus b, exactly.
    num_channels : int, optional
        Of a learned scale and shift that follow, one of each for every channel, and come before
        the way back. The default is none. The scale is kept as its logarithm, so that it stays
        positive and what rises still rises.
    gaps : str
        What stands where nothing is observed: ``"level"``, the window's loc, which is zero once
        normalised; or ``"zero"``, the number zero in the series' own units, as in published models.

    Raises
    ------
    ValueError
        If there is no such scaling or gap, ``eps`` is negative, or ``num_channels`` is not
        positive.

    Notes
    -----
    A window that never changes stays finite and exact: it becomes zeros. To that end the mean is
    taken of the distances to one of its values, whose sum does not round; where a scale would be
    zero it is one. A window of which nothing is observed has loc 0, and its scale does not depend
    on the others of the batch, as it does in some published code.

    References
    ----------
    Kim et al. (2022), equations (1) to (3).

    Examples
    --------
    >>> norm = ReversibleNorm("std", eps=0.0)
    >>> z, level = norm(torch.tensor([[[1.0], [3.0]]]))
    >>> z.flatten(), norm.restore(z, level).flatten()
    (tensor([-1.,  1.]), tensor([1., 3.]))
    """

    def __init__(
        self,
        scaling: Scaling = "std",
        *,
        eps: float | None = None,
        num_channels: int | None = None,
        gaps: Gaps = "level",
    ) -> None:
        super().__init__()
        check_choice("scaling", scaling, get_args(Scaling))
        check_choice("gaps", gaps, get_args(Gaps))
        self.scaling: Scaling = scaling
        self.gaps: Gaps = gaps
        self.eps = check_scale_eps("eps", usual_eps(scaling) if eps is None else eps)
        self.log_weight: nn.Parameter | None = None
        self.bias: nn.Parameter | None = None
        if num_channels is not None:
            num_channels = check_positive("num_channels", num_channels)
            self.log_weight = nn.Parameter(torch.zeros(num_channels))
            self.bias = nn.Parameter(torch.zeros(num_channels))

    def forward(
        self, x: Float[Tensor, "B T C"], observed: Bool[Tensor, "B T C"] | None = None
    ) -> tuple[Float[Tensor, "B T C"], Level]:
        """Normalise windows.

        Parameters
        ----------
        x : Tensor, shape (B, T, C)
            Windows of C series each, in time's order.
        observed : Tensor of bool, shape (B, T, C), optional
            False for a value that is missing. What stands there does not count, NaN included.

        Returns
        -------
        z : Tensor, shape (B, T, C)
            The windows, normalised.
        level : Level
            What :meth:`restore` needs.

        Raises
        ------
        ValueError
            If a shape or dtype does not fit.
        """
        channels = {} if self.bias is None else {"C": len(self.bias)}
        sizes = check_shape("x", x, "B T C", **channels)
        check_floating("x", x)
        if self.bias is not None:
            check_dtype("x", x, "the weights", self.bias)
        if sizes["T"] == 0:
            raise ValueError("x should hold at least one value of each series, got T=0")
        if observed is None:
            observed = torch.ones_like(x, dtype=torch.bool)
        check_bool("observed", observed)
        check_shape("observed", observed, "B T C", **{name: sizes[name] for name in "BTC"})
        known = torch.where(observed, x, torch.zeros_like(x))
        level = self._level(known, observed)
        z = (known - level.loc) / level.scale
        if self.gaps == "level":
            z = torch.where(observed, z, torch.zeros_like(z))
        if self.log_weight is not None and self.bias is not None:
            z = z * self.log_weight.exp() + self.bias
        return z, level

    def _level(self, known: Tensor, observed: Tensor) -> Level:
        """Measure windows where they are observed; elsewhere they hold zeros."""
        zero, one = torch.zeros_like(known[:, :1]), torch.ones_like(known[:, :1])
        if self.scaling == "none":
            return Level(zero, one)
        count = observed.sum(1, keepdim=True)
        if self.scaling == "mean":
            size = known.abs().sum(1, keepdim=True) / count.clamp(min=1)
            size = size.clamp(min=self.eps)
            return Level(zero, torch.where((count > 0) & (size > 0), size, one))
        steps = torch.arange(known.shape[1], device=known.device)[:, None]
        latest = torch.where(observed, steps, -1).amax(1, keepdim=True).clamp(min=0)
        last = known.gather(1, latest)
        if self.scaling == "last":
            return Level(last, one)
        anchor = last.detach()  # the mean does not depend on it, and a constant is met exactly
        apart = torch.where(observed, known - anchor, zero)
        loc = anchor + apart.sum(1, keepdim=True) / count.clamp(min=1)
        squares = torch.where(observed, known - loc, zero).square().sum(1, keepdim=True)
        variance = squares / count.clamp(min=1) + self.eps
        return Level(loc, torch.where(variance > 0, variance, one).sqrt())

    def restore(self, z: Float[Tensor, "B N C *Q"], level: Level) -> Float[Tensor, "B N C *Q"]:
        """Bring back what a model says of normalised windows: forecasts, or their quantiles.

        Parameters
        ----------
        z : Tensor, shape (B, N, C) or (B, N, C, Q)
            In normalised units.
        level : Level
            Of the windows, from :meth:`forward`.

        Returns
        -------
        Tensor, shape (B, N, C) or (B, N, C, Q)
            In the series' units.
        """
        after = (1,) * (z.ndim - 3)
        if self.bias is not None:
            z = z - self.bias.view(-1, *after)
        loc = level.loc.view(*level.loc.shape, *after)
        return z * self.spread(level).view(*level.scale.shape, *after) + loc

    def spread(self, level: Level) -> Float[Tensor, "B 1 C"]:
        """Return what one normalised unit is in the series' units."""
        return level.scale if self.log_weight is None else level.scale / self.log_weight.exp()

    def extra_repr(self) -> str:
        """Return the choices that ``print(module)`` shows."""
        learned = self.bias is not None
        return f"{self.scaling!r}, eps={self.eps}, learned={learned}, gaps={self.gaps!r}"


def usual_eps(scaling: str) -> float:
    """Return what keeps a scale from zero where nothing else is said."""
    return 1e-10 if scaling == "mean" else 1e-5


def check_scale_eps(name: str, eps: float) -> float:
    """Require a number that may be added to a variance; return it as Python's."""
    return check_number(name, eps, "at least zero and finite", lambda e: 0.0 <= e < float("inf"))
