"""Prices that are noise, and a rule that trades on them: honestly, or with a leak.

Every share's return is a draw of its own, of mean zero and without memory, so that no rule earns
anything but by chance; a rule that does has seen what it could not have known. The page computes
the same, from the same random numbers.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["BARS", "FIRST", "RULES", "SHARES", "Leaks", "Market", "holdings", "market"]

BARS, SHARES, FIRST = 756, 30, 60
"""Three years of days, how many shares, and the first day that counts."""
DEVIATION, DELISTED = 0.015, 0.75
"""Of a day's return; and at which part of its first price a share is taken off the list."""
_WINDOWS, _WEIGHTS = (5, 10, 20, 40, 3, 7, 15, 30, 4, 25), (1.0, 0.5, 2.0)
RULES = tuple((window, weight) for weight in _WEIGHTS for window in _WINDOWS)
"""The rules that can be tried: over how many days a trend is told, and what a high price weighs."""
_LONGEST = max(_WINDOWS)


class Leaks(NamedTuple):
    """Which mistakes are made."""

    scaler: bool = False
    """Mean and deviation of a share's price are those of all days, also those to come."""
    centred: bool = False
    """The trend is that of a window with the day in its middle."""
    same_bar: bool = False
    """What is decided at a day's end earns that day's return, whatever the delay."""
    survivors: bool = False
    """Only shares that are still there at the end are in the test."""


class Market(NamedTuple):
    """What happens: returns, prices, and which shares are listed."""

    returns: Float[Tensor, "T M"]
    """Simple returns of the days."""
    prices: Float[Tensor, "T M"]
    """Logarithms of the prices at the days' ends; every share begins at a price of 1."""
    listed: Bool[Tensor, "T M"]
    """Whether a share is still traded after the day."""


def market(seed: int, poisoned: tuple[int, int] | None = None) -> Market:
    """Draw a market.

    Parameters
    ----------
    seed : int
        Of the random numbers.
    poisoned : tuple of int, optional
        A day and another seed: from that day on the returns are the other seed's.

    Returns
    -------
    Market
        Days by shares, in float64.
    """
    noise = _normal(seed)
    if poisoned is not None:
        day, other = poisoned
        noise = torch.cat([noise[:day], _normal(other)[day:]])
    returns = DEVIATION * noise
    price = torch.ones(SHARES, dtype=torch.float64)
    alive = torch.ones(SHARES, dtype=torch.bool)
    prices, listed = torch.empty_like(returns), torch.empty_like(returns, dtype=torch.bool)
    for t in range(BARS):
        returns[t] = returns[t] * alive  # who was taken off the list is paid out, and rests
        price = price * (1 + returns[t])
        alive = alive & (price >= DELISTED)
        prices[t], listed[t] = price.log(), alive
    return Market(returns, prices, listed)


def _normal(seed: int) -> Float[Tensor, "T M"]:
    """Return standard normal numbers, two of two uniform ones (Box and Muller, 1958)."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.rand(BARS * SHARES, generator=generator, dtype=torch.float64).view(-1, 2)
    radius = (-2 * (1 - drawn[:, 0]).log()).sqrt()
    turn = 2 * math.pi * drawn[:, 1]
    return torch.stack([radius * turn.cos(), radius * turn.sin()], 1).view(BARS, SHARES)


def holdings(found: Market, rule: int, leaks: Leaks, delay: int) -> Bool[Tensor, "T M"]:
    """Return which shares a rule holds on each day.

    It holds a share whose trend is higher than its price is dear: the trend is the rise over the
    rule's window, in units of what chance would do; dear is how many deviations the price stands
    above its mean.

    Parameters
    ----------
    found : Market
        The market.
    rule : int
        Which of :data:`RULES`.
    leaks : Leaks
        The mistakes that are made.
    delay : int
        How many days lie between a decision, at the end of a day, and its trade. 0 trades at the
        very price that the decision has seen, and so earns the next day's return.

    Returns
    -------
    Tensor of bool, shape (T, M)
        For each day and share.
    """
    window, weight = RULES[rule]
    p, days = found.prices, torch.arange(BARS)
    after = window - window // 2 if leaks.centred else 0
    last, first = (days + after).clamp(max=BARS - 1), (days + after - window).clamp(min=0)
    trend = (p[last] - p[first]) / (DEVIATION * math.sqrt(window))
    if leaks.scaler:
        mean, square = p.mean(0), p.square().mean(0)
    else:
        known = (days + 1)[:, None]
        mean, square = p.cumsum(0) / known, p.square().cumsum(0) / known
    spread = (square - mean.square()).clamp(min=1e-12).sqrt()
    wanted = (trend > weight * (p - mean) / spread) & found.listed & (days >= _LONGEST)[:, None]
    if leaks.survivors:
        wanted = wanted & found.listed[-1]
    shift = 0 if leaks.same_bar else delay + 1
    return torch.cat([torch.zeros_like(wanted[:shift]), wanted[: BARS - shift]])
