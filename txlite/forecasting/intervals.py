"""How good a forecast's spread is: quantiles, intervals, and both against what came.

Source
    Gneiting and Raftery (2007), "Strictly proper scoring rules, prediction, and estimation",
    sections 4.2 (CRPS) and 6 (quantiles and intervals).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from txlite.forecasting.forecast import check_levels
from txlite.forecasting.scores import errors_of

__all__ = ["coverage", "crps", "interval_width", "pinball"]


def pinball(
    truth: Float[Tensor, "*S H"], quantiles: Float[Tensor, "*S H Q"], levels: Sequence[float]
) -> Float[Tensor, " Q"]:
    """Return the mean pinball loss of each level: least, on average, for the true quantile.

    Parameters
    ----------
    truth : Tensor, shape (..., H)
        What came.
    quantiles : Tensor, shape (..., H, Q)
        What the truth was to stay below, with probability ``levels``.
    levels : sequence of float
        In (0, 1), rising.

    Returns
    -------
    Tensor, shape (Q,)
        ``τ (y − q)`` where the truth is above the quantile and ``(1 − τ)(q − y)`` where it is
        below, in the unit of the series.

    Raises
    ------
    ValueError
        If the shapes differ, a level is out of range, or a number is not finite.
    """
    told = check_levels(levels)
    if quantiles.shape != (*truth.shape, len(told)):
        raise ValueError(
            f"quantiles should have shape {(*truth.shape, len(told))}, got {tuple(quantiles.shape)}"
        )
    errors = errors_of(truth[..., None].expand_as(quantiles), quantiles)
    tau = torch.tensor(told, dtype=torch.double, device=errors.device)
    return torch.maximum(tau * errors, (tau - 1) * errors).reshape(-1, len(told)).mean(0)


def crps(
    truth: Float[Tensor, "*S H"], quantiles: Float[Tensor, "*S H Q"], levels: Sequence[float]
) -> float:
    """Return the continuous ranked probability score, from quantiles.

    It is twice the pinball loss, integrated over all levels; each level that is there stands for
    those that are nearer to it than to its neighbours. The more levels, the closer.

    Parameters
    ----------
    truth : Tensor, shape (..., H)
        What came.
    quantiles : Tensor, shape (..., H, Q)
        What the truth was to stay below.
    levels : sequence of float
        How often.

    Returns
    -------
    float
        In the unit of the series; for a forecast of one number, its absolute error.

    Raises
    ------
    ValueError
        As :func:`pinball` does.
    """
    losses = pinball(truth, quantiles, levels)
    tau = torch.tensor(tuple(levels), dtype=torch.double, device=losses.device)
    edges = torch.cat([tau.new_zeros(1), (tau[1:] + tau[:-1]) / 2, tau.new_ones(1)])
    return float(2 * (losses * edges.diff()).sum())


def coverage(
    truth: Float[Tensor, "*S H"], low: Float[Tensor, "*S H"], high: Float[Tensor, "*S H"]
) -> float:
    """Return the share of truths that lie in their interval, ends included.

    Parameters
    ----------
    truth, low, high : Tensor, shape (..., H)
        What came, and between what it was to be.

    Raises
    ------
    ValueError
        If the shapes differ, a number is not finite, or an interval ends below its beginning.
    """
    _check_interval(low, high)
    return float(((errors_of(truth, low) >= 0) & (errors_of(truth, high) <= 0)).double().mean())


def interval_width(low: Float[Tensor, "*S H"], high: Float[Tensor, "*S H"]) -> float:
    """Return how wide intervals are on average, in the unit of the series.

    Parameters
    ----------
    low, high : Tensor, shape (..., H)
        Their ends.

    Raises
    ------
    ValueError
        If the shapes differ, a number is not finite, or an interval ends below its beginning.
    """
    _check_interval(low, high)
    return float(errors_of(high, low).mean())


def _check_interval(low: Tensor, high: Tensor) -> None:
    if (errors_of(high, low) < 0).any():
        raise ValueError("high should be at least low everywhere, got intervals that end below")
