"""A backtest: what positions would have earned, after costs, and no sooner than they could be held.

It is arithmetic about the past. It says nothing of the future, and is no advice.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_length, check_number, check_shape

__all__ = ["Backtest", "backtest", "buy_and_hold", "drawdown"]


@dataclass(frozen=True, eq=False)
class Backtest:
    """What a backtest has found.

    Parameters
    ----------
    wealth : Tensor, shape (T,)
        After the trades of each bar, in units of what it began with: the first is 1.
    returns : Tensor, shape (T - 1,)
        From one bar to the next, costs taken off.
    turnover : Tensor, shape (T,)
        What was bought and sold at each bar, as a share of the wealth before.
    costs : Tensor, shape (T,)
        What that cost, in the same share.
    """

    wealth: Float[Tensor, " T"]
    returns: Float[Tensor, " T-1"]
    turnover: Float[Tensor, " T"]
    costs: Float[Tensor, " T"]


def backtest(
    positions: Float[Tensor, "T *A"],
    prices: Float[Tensor, "T *A"],
    *,
    cost: float = 0.0,
    delay: int = 1,
) -> Backtest:
    """Trade as positions say, and count what is left.

    A position is traded at the price of a later bar than the one that it was decided at. One that
    stays the same is held and not traded: its share of the wealth drifts with its price. At the
    last bar everything is sold, and that costs too.

    Parameters
    ----------
    positions : Tensor, shape (T,) or (T, A)
        For each bar, and each thing that can be held, the share of the wealth that is wanted:
        decided with what was known at the end of that bar. Below zero for what is owed.
    prices : Tensor, shape (T,) or (T, A)
        At which is traded.
    cost : float
        What a trade costs, as a share of what is traded: 0.0002 is two basis points.
    delay : int
        How many bars lie between the decision and its trade. 0 trades at the very price that the
        decision has seen.

    Returns
    -------
    Backtest
        If nothing is left at some bar, wealth stays zero from there on.

    Raises
    ------
    ValueError
        If the shapes differ, there are fewer than two bars, a number is not finite, a price is not
        positive, or an argument is out of range.

    Examples
    --------
    >>> prices = torch.tensor([100.0, 110.0])
    >>> round(float(backtest(torch.ones(2), prices, cost=0.01, delay=0).wealth[-1]), 9)
    1.079
    """
    bars = check_shape("prices", prices, "T *A" if prices.ndim < 2 else "T A")["T"]
    if positions.shape != prices.shape:
        raise ValueError(
            f"positions should have prices' shape {tuple(prices.shape)}, "
            f"got {tuple(positions.shape)}"
        )
    if bars < 2:
        raise ValueError(f"prices should have at least two bars, got {bars}")
    if not torch.isfinite(positions).all():
        raise ValueError("positions should be finite, got NaN or infinity")
    if not ((prices > 0) & torch.isfinite(prices)).all():
        raise ValueError(f"prices should be positive and finite, got {float(prices.min())}")
    cost = check_number("cost", cost, "a share in [0, 1)", lambda x: 0 <= x < 1)
    delay = check_length("delay", delay)
    wanted = torch.zeros(bars, prices[0].numel(), dtype=torch.double)
    wanted[delay:] = positions.double().reshape(bars, -1)[: max(0, bars - delay)]
    wanted[-1] = 0  # everything is sold
    return _trade(wanted, prices.double().reshape(bars, -1), cost)


def _trade(wanted: Float[Tensor, "T A"], prices: Float[Tensor, "T A"], cost: float) -> Backtest:
    """Count bar by bar: a part in things, a part in money, and what a change costs."""
    growth = prices[1:] / prices[:-1]
    changes = torch.cat([wanted[:1] != 0, wanted[1:] != wanted[:-1]])
    changes[-1] = True
    any_change = changes.any(1).tolist()
    things, money = torch.zeros_like(wanted[0]), 1.0
    wealth, turnover, costs = [], [], []
    for bar in range(len(wanted)):
        if bar:
            things = things * growth[bar - 1]
        before = float(things.sum()) + money
        traded = paid = 0.0
        if before <= 0:
            things, money, before = torch.zeros_like(things), 0.0, 0.0
        elif any_change[bar]:
            target = torch.where(changes[bar], wanted[bar] * before, things)
            traded = float((target - things).abs().sum())
            paid = cost * traded
            money = before - float(target.sum()) - paid
            things = target
        wealth.append(max(0.0, before - paid))
        turnover.append(traded / before if before else 0.0)
        costs.append(paid / before if before else 0.0)
    held = torch.tensor(wealth, dtype=torch.double)
    held[0] = 1.0  # what the first trade cost is in the first return
    returns = torch.where(held[:-1] > 0, held[1:] / held[:-1].clamp(min=1e-300) - 1, 0.0)
    return Backtest(
        held, returns, torch.tensor(turnover, dtype=torch.double),
        torch.tensor(costs, dtype=torch.double),
    )  # fmt: skip


def buy_and_hold(prices: Float[Tensor, " T"], *, cost: float = 0.0) -> Backtest:
    """Buy at the first bar, and sell at the last: what stands beside every strategy.

    Parameters
    ----------
    prices : Tensor, shape (T,)
        At which is traded.
    cost : float
        As :func:`backtest` has it.

    Raises
    ------
    ValueError
        As :func:`backtest` does.
    """
    return backtest(torch.ones_like(prices), prices, cost=cost, delay=0)


def drawdown(wealth: Float[Tensor, " T"]) -> float:
    """Return the largest share that was lost from a peak.

    Parameters
    ----------
    wealth : Tensor, shape (T,)
        Positive at the first bar.

    Raises
    ------
    ValueError
        If it has another shape, does not begin above zero, or is not finite.
    """
    check_shape("wealth", wealth, "T")
    if not len(wealth) or not wealth[0] > 0 or not torch.isfinite(wealth).all():
        raise ValueError("wealth should be finite and begin above zero")
    return float((1 - wealth / wealth.cummax(0).values).max())
