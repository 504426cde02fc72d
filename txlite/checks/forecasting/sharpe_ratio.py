"""Exercise: the Sharpe ratio of a series of prices, for a year.

Sources
    Sharpe (1994), "The Sharpe Ratio", equations 3 to 6, against a rate of zero. Lo (2002), "The
    Statistics of Sharpe Ratios": a ratio for a period becomes that for q periods by the root of q,
    where the returns do not depend on each other.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, swapped

__all__ = ["sharpe_ratio"]

YEAR = 365 * 24.0


def _simple(prices: Tensor) -> Tensor:
    return prices[1:] / prices[:-1] - 1


def _mean(returns: Tensor) -> Tensor:
    return returns.mean()


def _spread(returns: Tensor, prices: Tensor) -> Tensor:
    return returns.std()


def _from_the_stamps(hours: Tensor) -> Tensor:
    return YEAR * (len(hours) - 1) / (hours[-1] - hours[0])


def _sharpe_recipe(
    prices: Tensor,
    hours: Tensor,
    returns: Step = _simple,
    middle: Step = _mean,
    spread: Step = _spread,
    bars: Step = _from_the_stamps,
    scaled: Step = torch.sqrt,
) -> object:
    found = returns(prices)
    return middle(found) / spread(found, prices) * scaled(torch.as_tensor(bars(hours)).double())


def _whole(prices: Tensor) -> Tensor:
    return prices[1:] / prices[0] - 1


def _case(seed: int, count: int, every: float, first: float = 100.0) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    steps = 0.01 * torch.randn(count, generator=draw, device="cpu").double() + 0.003
    prices = first * torch.cat([torch.ones(1, device="cpu").double(), (1 + steps).cumprod(0)])
    return prices, every * torch.arange(count + 1, device="cpu").double() + 7


sharpe_ratio = Exercise(
    name="sharpe_ratio",
    signature="f(prices: (T + 1,), hours: (T + 1,)) -> float",
    task=(
        "prices are those at the ends of bars, hours when that was. The market never closes, and "
        "a year has 365 days. Return the Sharpe ratio for a year: the mean of the T simple "
        "returns, divided by their standard deviation (with T - 1), times the root of how many "
        "bars a year has; that follows from the stamps."
    ),
    inputs=("prices", "hours"),
    reference=_sharpe_recipe,
    cases=(
        (
            torch.tensor([100.0, 110.0, 99.0, 118.8], dtype=torch.float64, device="cpu"),
            torch.tensor([0.0, 4.0, 8.0, 12.0], dtype=torch.float64, device="cpu"),
        ),
        _case(1, 6, 24.0),
        _case(2, 9, 4.0, 20.0),
        _case(3, 12, 1.0, 3.0),
    ),
    bank=(
        swapped(
            _sharpe_recipe,
            "365 bars",
            "It is multiplied by the root of 365, whatever the bars are. Of bars of four hours "
            "there are 2,190 in a year: take it from the stamps.",
            bars=lambda hours: 365.0,
        ),
        swapped(
            _sharpe_recipe,
            "252 bars",
            "It is multiplied by the root of 252, the days on which a stock exchange is open. "
            "This market never closes, and not every bar is a day.",
            bars=lambda hours: 252.0,
        ),
        swapped(
            _sharpe_recipe,
            "the bars of the sample",
            "It is multiplied by the root of T. A longer sample would have a higher ratio: that "
            "is a t-value, and no Sharpe ratio for a year.",
            bars=lambda hours: float(len(hours) - 1),
        ),
        swapped(
            _sharpe_recipe,
            "times the bars",
            "It is multiplied by how many bars a year has, and not by the root: the mean grows "
            "with their number, the deviation with its root.",
            scaled=lambda bars: bars,
        ),
        swapped(
            _sharpe_recipe,
            "not for a year",
            "This is the ratio of one bar.",
            scaled=torch.ones_like,
        ),
        swapped(
            _sharpe_recipe,
            "one bar more",
            "T + 1 stamps are counted as T + 1 bars. There are T between them.",
            bars=lambda hours: YEAR * len(hours) / (hours[-1] - hours[0]),
        ),
        swapped(
            _sharpe_recipe,
            "the deviation of prices",
            "The mean of the returns is divided by the deviation of the prices, which is in money.",
            spread=lambda returns, prices: prices.std(),
        ),
        swapped(
            _sharpe_recipe,
            "differences of prices",
            "The differences of prices are taken for returns: a step of one is much at ten and "
            "little at a thousand.",
            returns=lambda prices: prices[1:] - prices[:-1],
        ),
        swapped(
            _sharpe_recipe,
            "logarithms",
            "These are logarithms of the ratios of prices. Their mean is lower, by about half of "
            "the variance; asked were simple returns.",
            returns=lambda prices: prices.log().diff(),
        ),
        swapped(
            _sharpe_recipe,
            "returns since the beginning",
            "Every return is counted from the first price on, so that each contains all those "
            "before it.",
            returns=_whole,
        ),
        swapped(
            _sharpe_recipe,
            "by the variance",
            "It is divided by the variance, and not by the standard deviation.",
            spread=lambda returns, prices: returns.var(),
        ),
        swapped(
            _sharpe_recipe,
            "by T",
            "The variance is divided by T. Asked was T - 1.",
            spread=lambda returns, prices: returns.std(correction=0),
        ),
        swapped(
            _sharpe_recipe,
            "losses alone",
            "Only the losses are in the deviation. That is the idea of Sortino's ratio.",
            spread=lambda returns, prices: returns.clamp(max=0).square().mean().sqrt(),
        ),
        swapped(
            _sharpe_recipe,
            "the median",
            "The middle return is taken, and not the mean.",
            middle=torch.median,
        ),
    ),
    praise="For a year, as many bars as the stamps say.",
    differentiable=False,
)
