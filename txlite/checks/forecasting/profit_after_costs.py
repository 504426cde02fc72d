"""Exercise: what a rule has earned, when it trades a bar later and pays for both ends.

Sources
    Bailey, Borwein, Lopez de Prado and Zhu (2014), "Pseudo-Mathematics and Financial Charlatanism",
    for what a test over past prices shows and what not. The arithmetic is bookkeeping.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from txlite.checks.framework import Exercise, Step, swapped

__all__ = ["profit_after_costs"]


def _a_bar_later(wanted: Tensor) -> Tensor:
    """Return what is held from each open to the next one."""
    return pad(wanted[:-2], (1, 0))


def _bought_and_sold(held: Tensor) -> Tensor:
    """Return what is traded at each open: at the last one everything is sold."""
    return pad(held, (1, 1)).diff()


def _of_the_value(traded: Tensor, opens: Tensor) -> Tensor:
    return (traded.abs() * opens).sum()


def _gained(held: Tensor, opens: Tensor) -> Tensor:
    return (held * opens.diff()).sum()


def _profit_recipe(
    wanted: Tensor,
    opens: Tensor,
    cost: float,
    hold: Step = _a_bar_later,
    gain: Step = _gained,
    trade: Step = _bought_and_sold,
    pay: Step = _of_the_value,
) -> object:
    held = hold(wanted)
    return gain(held, opens) - cost * pay(trade(held), opens)


def _each_trade_once(traded: Tensor, opens: Tensor) -> Tensor:
    return (traded.sign().abs() * opens).sum()


def _flips_once(held: Tensor) -> Tensor:
    """Return the larger of what is closed and what is opened, for the sum of both."""
    before, after = pad(held, (1, 0)), pad(held, (0, 1))
    flips = before * after < 0
    return torch.where(flips, torch.maximum(before.abs(), after.abs()), (after - before).abs())


def _relative(held: Tensor, opens: Tensor) -> Tensor:
    return (held * (opens[1:] / opens[:-1] - 1)).sum()


def _case(*rows: tuple[int | float, int | float], cost: float) -> tuple[Tensor, Tensor, float]:
    table = torch.tensor(rows, dtype=torch.float64, device="cpu")
    return table[:, 0].long(), table[:, 1].contiguous(), cost


profit_after_costs = Exercise(
    name="profit_after_costs",
    signature="f(wanted: (T,) int64, opens: (T,), cost: float) -> float",
    task=(
        "wanted[t] is how many shares a rule wants to hold, below zero for a debt of shares; it "
        "is known when bar t is over, and traded at the open of bar t + 1, whose price is "
        "opens[t + 1]. Nothing is held before. At the last open whatever is held is sold. Every "
        "trade costs the share cost of its value, buying as selling. Return the profit in money."
    ),
    inputs=("wanted", "opens", "cost"),
    reference=_profit_recipe,
    cases=(
        _case((1, 90), (0, 100), (0, 110), cost=0.01),
        _case((1, 90), (1, 100), (1, 120), (1, 150), cost=0.02),
        _case((2, 50), (-1, 54), (-1, 60), (0, 45), (3, 48), cost=0.01),
        _case((-1, 20), (1, 22), (1, 19), (-2, 25), (-2, 24), (1, 27), (1, 21), cost=0.005),
        _case((1, 8), (3, 9), (-3, 7.5), (0, 8), (0, 9.5), (2, 10), (-1, 9), (1, 11), cost=0.03),
    ),
    bank=(
        swapped(
            _profit_recipe,
            "traded in the same bar",
            "What is known when a bar is over is traded at its open. With prices of yesterday "
            "anyone can be rich: this is the leak that pays best.",
            hold=lambda wanted: wanted[:-1],
        ),
        swapped(
            _profit_recipe,
            "two bars later",
            "What is wanted is held two bars later. The open of the next bar is there to trade at.",
            hold=lambda wanted: pad(wanted[:-3], (2, 0)),
        ),
        swapped(
            _profit_recipe,
            "costs forgotten",
            "Trading costs nothing here.",
            pay=lambda traded, opens: torch.zeros((), dtype=torch.float64),
        ),
        swapped(
            _profit_recipe,
            "the end is not charged",
            "The last sale is free: what is still held at the last open has to be sold, and that "
            "costs too.",
            trade=lambda held: pad(pad(held, (1, 0)).diff(), (0, 1)),
        ),
        swapped(
            _profit_recipe,
            "selling is free",
            "Only what is bought is charged.",
            pay=lambda traded, opens: (traded.clamp(min=0) * opens).sum(),
        ),
        swapped(
            _profit_recipe,
            "buying is free",
            "Only what is sold is charged.",
            pay=lambda traded, opens: ((-traded).clamp(min=0) * opens).sum(),
        ),
        swapped(
            _profit_recipe,
            "sales give costs back",
            "The trades keep their signs, so that a sale pays the cost of the purchase back.",
            pay=lambda traded, opens: (traded * opens).sum(),
        ),
        swapped(
            _profit_recipe,
            "turnover counted once",
            "From one share held to one share owed are two shares traded: one is sold, and one "
            "more is sold. Here it is charged as one.",
            trade=_flips_once,
        ),
        swapped(
            _profit_recipe,
            "every trade the same",
            "Each trade is charged as one share, however many are traded.",
            pay=_each_trade_once,
        ),
        swapped(
            _profit_recipe,
            "charged for holding",
            "What is held is charged at every bar. Costs come from trades.",
            trade=lambda held: pad(held, (0, 1)),
        ),
        swapped(
            _profit_recipe,
            "a share of a share",
            "The cost is taken of how many shares are traded, and not of what they are worth.",
            pay=lambda traded, opens: traded.abs().sum(),
        ),
        swapped(
            _profit_recipe,
            "at the first price",
            "All trades are charged at the first price, as if it had never moved.",
            pay=lambda traded, opens: traded.abs().sum() * opens[0],
        ),
        swapped(
            _profit_recipe,
            "twice",
            "Each trade is charged twice. A purchase and a sale are two trades, and each of them "
            "is in the list.",
            pay=lambda traded, opens: 2 * (traded.abs() * opens).sum(),
        ),
        swapped(
            _profit_recipe,
            "relative returns added",
            "The returns in per cent are added up for the gain. Shares earn differences of prices.",
            gain=_relative,
        ),
        swapped(
            _profit_recipe,
            "debts taken for shares",
            "A debt of shares is counted like shares that are held. It gains when the price falls.",
            gain=lambda held, opens: (held.abs() * opens.diff()).sum(),
        ),
    ),
    praise="A bar later, and paid at both ends.",
    differentiable=False,
)
