r"""Losses of forecasts: what is charged for a value that came, when this was said of it.

A point is charged the square of its error, a quantile the pinball loss, whose least mean lies at
the quantile, and a distribution its negative log-likelihood.

Shape letters
    B windows    N values that were forecast    C channels    Q levels

Sources
    Koenker and Bassett (1978), "Regression Quantiles", section 3 (the pinball loss). Salinas et al.
    (2020), "DeepAR", section 3.1 (likelihoods).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from txlite._checks import check_bool, check_dtype, check_floating, check_number, check_shape

__all__ = [
    "ForecastLoss",
    "Windows",
    "forecast_losses",
    "normal_losses",
    "pinball_losses",
    "student_t_losses",
]

Values = Float[Tensor, "*B"]


def pinball_losses(
    quantiles: Float[Tensor, "*B Q"], values: Values, levels: Sequence[float]
) -> Float[Tensor, "*B Q"]:
    r"""Charge q for each unit that a value lies above its q-quantile, and 1 − q for one below.

    .. math:: \ell_q(y, \hat y) = \max\bigl(q\,(y - \hat y),\ (q - 1)\,(y - \hat y)\bigr)

    Parameters
    ----------
    quantiles : Tensor, shape (..., Q)
        What was said.
    values : Tensor, shape (...)
        What came.
    levels : sequence of float
        The Q levels, each in (0, 1).

    Returns
    -------
    Tensor, shape (..., Q)
        In the units of the values. At level ½ it is half the absolute error; some define it as
        twice this.

    Raises
    ------
    ValueError
        If shapes or dtypes disagree, or a level lies outside (0, 1).

    References
    ----------
    Koenker and Bassett (1978), section 3.

    Examples
    --------
    >>> pinball_losses(torch.tensor([[2.0, 2.0]]), torch.tensor([12.0]), [0.1, 0.9])
    tensor([[1., 9.]])
    """
    found = [
        check_number("each of levels", q, "in (0, 1)", lambda q: 0.0 < q < 1.0) for q in levels
    ]
    if quantiles.shape != (*values.shape, len(found)):
        raise ValueError(
            f"quantiles should have the values' axes and one of {len(found)} levels, "
            f"{(*values.shape, len(found))}, got {tuple(quantiles.shape)}"
        )
    check_floating("quantiles", quantiles)
    check_dtype("values", values, "quantiles", quantiles)
    above = values[..., None] - quantiles
    q = torch.tensor(found, dtype=quantiles.dtype, device=quantiles.device)
    return torch.maximum(q * above, (q - 1) * above)


def normal_losses(loc: Values, scale: Values, values: Values) -> Values:
    r"""Negative log-likelihood under a normal distribution.

    .. math:: \tfrac12 z^2 + \log \sigma + \tfrac12 \log 2\pi,\qquad z = (y - \mu)/\sigma

    Parameters
    ----------
    loc, scale : Tensor, shape (...)
        Mean and standard deviation.
    values : Tensor, shape (...)
        What came.

    Returns
    -------
    Tensor, shape (...)
        In nats, of a density: it may be negative, and changes with the units of the values.

    Raises
    ------
    ValueError
        If shapes or dtypes disagree.
    """
    _check_alike(loc=loc, scale=scale, values=values)
    z = (values - loc) / scale
    return 0.5 * z.square() + scale.log() + 0.5 * math.log(2 * math.pi)


def student_t_losses(df: Values, loc: Values, scale: Values, values: Values) -> Values:
    r"""Negative log-likelihood under a Student t distribution.

    .. math:: \frac{\nu + 1}{2} \log\Bigl(1 + \frac{z^2}{\nu}\Bigr) + \log \sigma
              + \tfrac12 \log(\pi\nu) + \log\Gamma\bigl(\tfrac{\nu}{2}\bigr)
              - \log\Gamma\bigl(\tfrac{\nu + 1}{2}\bigr)

    Parameters
    ----------
    df, loc, scale : Tensor, shape (...)
        Degrees of freedom, middle and scale.
    values : Tensor, shape (...)
        What came.

    Returns
    -------
    Tensor, shape (...)
        In nats, of a density. An outlier costs its logarithm, where a normal distribution asks for
        its square.

    Raises
    ------
    ValueError
        If shapes or dtypes disagree.
    """
    _check_alike(df=df, loc=loc, scale=scale, values=values)
    z = (values - loc) / scale
    peak = 0.5 * (math.pi * df).log() + torch.lgamma(df / 2) - torch.lgamma((df + 1) / 2)
    return (df + 1) / 2 * torch.log1p(z.square() / df) + scale.log() + peak


def forecast_losses(forecast: Any, values: Float[Tensor, "B N C"]) -> Float[Tensor, "B N C"]:
    """Charge a forecast for what came, by what it says.

    Parameters
    ----------
    forecast : Forecast
        With ``df``, ``loc`` and ``scale``: :func:`student_t_losses`; with ``loc`` and ``scale``:
        :func:`normal_losses`; with ``values`` and ``levels``: the mean of :func:`pinball_losses`
        over its levels; with a ``point`` alone: the squared error.
    values : Tensor, shape (B, N, C)
        What came.

    Returns
    -------
    Tensor, shape (B, N, C)
        A loss for each value.

    Raises
    ------
    ValueError
        If it is none of these, or shapes or dtypes disagree.
    """
    if hasattr(forecast, "df"):
        return student_t_losses(forecast.df, forecast.loc, forecast.scale, values)
    if hasattr(forecast, "scale"):
        return normal_losses(forecast.loc, forecast.scale, values)
    if hasattr(forecast, "levels"):
        return pinball_losses(forecast.values, values, forecast.levels).mean(-1)
    if not hasattr(forecast, "point"):
        raise ValueError(f"forecast should say a point or a spread, got {type(forecast).__name__}")
    _check_alike(point=forecast.point, values=values)
    squares: Tensor = (values - forecast.point).square()
    return squares


@runtime_checkable
class Windows(Protocol):
    """A batch of windows with what came after each, and which values are observed."""

    @property
    def past(self) -> Float[Tensor, "B T C"]:
        """The windows, in time's order."""
        ...

    @property
    def past_observed(self) -> Bool[Tensor, "B T C"] | None:
        """False for a value that is missing; None where none is."""
        ...

    @property
    def future(self) -> Float[Tensor, "B N C"]:
        """What came."""
        ...

    @property
    def future_observed(self) -> Bool[Tensor, "B N C"] | None:
        """False for a value that is missing; None where none is."""
        ...


@dataclass(frozen=True, kw_only=True)
class ForecastLoss:
    """The loss of a model that forecasts: what :func:`forecast_losses` charges, summed.

    Parameters
    ----------
    relative : bool
        Whether a loss is taken in units of its window: errors are divided by the standard deviation
        of what is observed of the window, so that a loud series does not drown a quiet one. A
        likelihood is of a density: there it changes nothing but a constant, and is left out.
    """

    relative: bool = False

    def __call__(
        self, model: nn.Module, batch: Windows
    ) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
        """Run the model on a batch.

        Parameters
        ----------
        model : Module
            Called as ``model(past, observed)`` for a forecast.
        batch : Windows
            What it sees, and what came.

        Returns
        -------
        total : Tensor, shape ()
            The sum of the losses of the values that are observed.
        count : Tensor of int, shape ()
            How many there are.
        """
        forecast = model(batch.past, batch.past_observed)
        future, observed = batch.future, batch.future_observed
        if observed is None:
            observed = torch.ones_like(future, dtype=torch.bool)
        check_bool("future_observed", observed)
        check_shape(
            "future_observed", observed, "B N C", **dict(zip("BNC", future.shape, strict=False))
        )
        # What stands at a gap must not matter, NaN included: there the point is right.
        point = forecast.point.detach()
        losses = forecast_losses(forecast, torch.where(observed, future, point))
        if self.relative and not hasattr(forecast, "scale"):
            size = _size(batch.past, batch.past_observed)
            losses = losses / (size if hasattr(forecast, "levels") else size.square())
        return (losses * observed).sum(), observed.sum()


def _size(past: Tensor, observed: Tensor | None) -> Tensor:
    """Return the standard deviation of each window, one where it does not vary."""
    if observed is None:
        observed = torch.ones_like(past, dtype=torch.bool)
    count = observed.sum(1, keepdim=True).clamp(min=1)
    known = torch.where(observed, past, torch.zeros_like(past))
    loc = known.sum(1, keepdim=True) / count
    variance = torch.where(observed, past - loc, torch.zeros_like(past)).square().sum(1, True)
    return torch.where(variance > 0, variance / count, torch.ones_like(variance)).sqrt()


def _check_alike(**tensors: Tensor) -> None:
    """Require floating-point tensors of one shape and dtype."""
    (name, first), *others = tensors.items()
    check_floating(name, first)
    for other, tensor in others:
        if tensor.shape != first.shape:
            raise ValueError(
                f"{other} should have the shape of {name}, {tuple(first.shape)}, "
                f"got {tuple(tensor.shape)}"
            )
        check_dtype(other, tensor, name, first)
