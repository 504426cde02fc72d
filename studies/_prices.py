"""What the study of prices shares: an index, what is forecast of it, and the rules that trade it.

The index has been bought by nobody here, costs are assumed, and money earns nothing: it is
arithmetic about the past, and no advice.
"""

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from studies._forecasting import LONG, SHORT, Plan
from txlite.data.real_series import Bars, share_index
from txlite.forecasting.volatility import parkinson

INDEX = "sp500"
TEST, VALID = 1510, 754  # sessions: 2013 to 2018, and the three years before
YEAR = 252  # origins that one fit serves
WEEK = 5
COST = 0.0002
BLOCK = 21  # sessions that are drawn together
WINDOWS = (5, 10, 15, 20, 30, 40, 60, 80, 100, 120, 150, 200, 250)
PLANS = {
    f"{context} {steps}": Plan(context=context, steps=steps)
    for context in (64, 128)
    for steps in (SHORT, LONG)
}
LENGTHS = ((1, 5, 22), (1, 5, 22, 66), (5, 22), (1, 22))
DECAYS = (0.8, 0.9, 0.94, 0.97)


@cache
def bars() -> Bars:
    """Return the prices of each session."""
    return share_index(INDEX)


@cache
def log_volatility() -> Float[Tensor, " T"]:
    """Return the logarithm of each session's volatility, from its range."""
    return parkinson(bars().high, bars().low).log() / 2


@cache
def returns() -> Float[Tensor, " T"]:
    """Return the log return of each session, in percent; that of the first is zero."""
    moved = 100 * bars().close.log().diff()
    return torch.cat([torch.zeros(1, dtype=torch.double), moved])


def first_of_test() -> int:
    """Return the first session that is tested."""
    return len(bars()) - TEST


@dataclass(frozen=True)
class Rule:
    """Hold the index where it closes above its mean over some sessions, else hold money."""

    window: int
    against: bool = False  # where it closes below

    def __call__(self, prices: Float[Tensor, " T"]) -> Float[Tensor, " T"]:
        """Return what is wanted at the end of each session; nothing while the mean is not known."""
        wanted = torch.zeros_like(prices)
        if len(prices) >= self.window:
            means = prices.unfold(0, self.window, 1).mean(1)
            above = prices[self.window - 1 :] > means
            wanted[self.window - 1 :] = (above != self.against).to(prices.dtype)
        return wanted


def rules() -> list[Rule]:
    """Return every rule that is tried."""
    return [Rule(window, against) for window in WINDOWS for against in (False, True)]


def quick_returns(wanted: Float[Tensor, "R T"], prices: Float[Tensor, " T"]) -> Tensor:
    """Return what rules earn that hold all or nothing: a backtest of each, in a few lines.

    What is wanted at the end of a session is held from the end of the next one on. The last row
    sells everything.
    """
    held = torch.cat([torch.zeros_like(wanted[:, :1]), wanted[:, :-1]], 1)
    held[:, -1] = 0
    moved = torch.cat([held[:, :1], held.diff(dim=1)], 1).abs()
    growth = 1 + held[:, :-1] * (prices[1:] / prices[:-1] - 1)
    paid = 1 - COST * moved
    paid[:, 1] = paid[:, 1] * paid[:, 0]  # the first trade is in the first return
    return growth * paid[:, 1:] - 1
