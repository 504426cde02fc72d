"""The leak lab: noise for prices, one rule, and switches for mistakes that make it rich.

The page draws the prices and tests the rule anew with every switch; it says what the Sharpe ratio
is, with its interval, what it is worth after so many rules were tried, and what a poisoned future
changes. Nothing in it is advice: the prices are noise, and no rule can earn on them.
"""

import math
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import torch
import traitlets
from jaxtyping import Float
from torch import Tensor

from txlite.viz.widgets._noise_market import (
    FIRST,
    RULES,
    SHARES,
    Leaks,
    Market,
    holdings,
    market,
)
from txlite.viz.widgets.base import Widget

__all__ = ["Backtest", "LeakLab"]

_YEAR = 252
_POISONED, _OTHER_SEED = (150, 300, 450, 600), 1000
_EULER = 0.5772156649015329


class Backtest(NamedTuple):
    """What a test of the rule says."""

    sharpe: float
    """For a year, of the best rule that was tried, after costs."""
    low: float
    """Lower end of its 95 per cent interval (Lo, 2002, for returns without memory)."""
    high: float
    """Upper end."""
    deflated: float
    """How sure it is, that many rules having been tried, that the ratio is above what the best of
    as many without any skill would have (Bailey and López de Prado, 2014)."""
    rule: int
    """Which rule was the best: its position in the list."""
    turnover: float
    """Which part of the money is traded in a year, buying and selling."""
    wealth: Float[Tensor, " T"]
    """What one unit of money becomes, day by day."""
    held: Float[Tensor, " T"]
    """What it becomes where every listed share is held all the time."""
    poisoned: float
    """Which part of the holdings is another one when what lies in the future is replaced."""


class LeakLab(Widget):
    """Switch a leak on, and see the Sharpe ratio of noise rise.

    Parameters
    ----------
    **traits : object
        Where the figure starts: the ``seed`` of the prices; the leaks ``scaler``, ``centred``,
        ``same_bar`` and ``survivors``; ``cost`` of a trade in basis points of its value; ``delay``,
        how many days lie between a decision and its trade; how many rules were ``tried``.

    Notes
    -----
    Every share that is held has the same part of the money each day, whatever the others do. What
    it takes to bring it back to that is not charged; what is bought and sold is.

    Examples
    --------
    >>> honest, leaking = LeakLab(seed=3), LeakLab(seed=3, centred=True)
    >>> honest.shown().poisoned
    0.0
    >>> leaking.shown().sharpe > 3
    True
    """

    title = traitlets.Unicode("Noise, a rule, and a leak").tag(sync=True)
    seed = traitlets.Int(0, min=0, max=99).tag(sync=True, choice=True)
    scaler = traitlets.Bool(False).tag(sync=True, choice=True)
    centred = traitlets.Bool(False).tag(sync=True, choice=True)
    same_bar = traitlets.Bool(False).tag(sync=True, choice=True)
    survivors = traitlets.Bool(False).tag(sync=True, choice=True)
    cost = traitlets.Int(0, min=0, max=50).tag(sync=True, choice=True)
    delay = traitlets.Int(1, min=0, max=4).tag(sync=True, choice=True)
    tried = traitlets.Int(1, min=1, max=len(RULES)).tag(sync=True, choice=True)
    parts: ClassVar[tuple[str, ...]] = ("market",)
    uses: ClassVar[tuple[str, ...]] = ("controls", "layers", "pictures", "sampling")

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)

    def shown(self) -> Backtest:
        """Return what the page shows, computed in Python.

        Returns
        -------
        Backtest
            Of the chosen prices, leaks, costs and delay.
        """
        leaks = Leaks(self.scaler, self.centred, self.same_bar, self.survivors)
        found = _drawn(self.seed)
        nets = [self._net(found, rule, leaks) for rule in range(self.tried)]
        ratios = torch.stack([net.mean() / net.std() for net in nets])
        best = int(ratios.argmax())
        net, ratio = nets[best], float(ratios[best])
        error = math.sqrt((1 + ratio**2 / 2) / len(net))
        year = math.sqrt(_YEAR)
        held = holdings(found, best, leaks, self.delay)
        changed = [
            (held != holdings(other, best, leaks, self.delay))[FIRST : day + 1]
            for day, other in _poisoned(self.seed)
        ]
        alone = found.listed.roll(1, 0)[FIRST:].double()
        return Backtest(
            sharpe=ratio * year,
            low=(ratio - 1.96 * error) * year,
            high=(ratio + 1.96 * error) * year,
            deflated=deflated(net, ratios),
            rule=best,
            turnover=float(self._traded(found, held, leaks).sum()) * _YEAR / len(net),
            wealth=(1 + net).cumprod(0),
            held=(1 + (found.returns[FIRST:] * alone).mean(1)).cumprod(0),
            poisoned=float(torch.cat(changed).double().mean()),
        )

    def _net(self, found: Market, rule: int, leaks: Leaks) -> Float[Tensor, " T"]:
        """Return a rule's returns after costs, from the first day that counts on."""
        held = holdings(found, rule, leaks, self.delay)
        gained = (held * found.returns)[FIRST:].sum(1) / _size(found, leaks)
        return gained - self.cost / 10_000 * self._traded(found, held, leaks)

    def _traded(self, found: Market, held: Tensor, leaks: Leaks) -> Float[Tensor, " T"]:
        """Return which part of the money is traded each day; at the end everything is sold."""
        counted = held[FIRST:].double()
        moved = counted.diff(dim=0, prepend=torch.zeros(1, SHARES, dtype=torch.float64)).abs()
        moved[-1] += counted[-1]
        return moved.sum(1) / _size(found, leaks)


@lru_cache(maxsize=4)
def _drawn(seed: int) -> Market:
    return market(seed)


@lru_cache(maxsize=4)
def _poisoned(seed: int) -> list[tuple[int, Market]]:
    """Return markets that are the same up to a day, and others from there on."""
    return [(day, market(seed, (day, seed + _OTHER_SEED))) for day in _POISONED]


def _size(found: Market, leaks: Leaks) -> int:
    return int(found.listed[-1].sum()) if leaks.survivors else SHARES


def deflated(net: Float[Tensor, " T"], ratios: Float[Tensor, " N"]) -> float:
    """Return how sure it is that the best of so many rules beats luck.

    Parameters
    ----------
    net : Tensor, shape (T,)
        The best rule's returns.
    ratios : Tensor, shape (N,)
        The Sharpe ratios of all rules that were tried, for a day.

    Returns
    -------
    float
        The deflated Sharpe ratio, a probability (Bailey and López de Prado, 2014, equation 2);
        where one rule was tried it is the probabilistic one, against zero.
    """
    count, ratio = len(ratios), ratios.max()
    luck = torch.zeros((), dtype=torch.float64)
    if count > 1:
        ends = torch.tensor([1 - 1 / count, 1 - 1 / (count * math.e)], dtype=torch.float64)
        first, second = torch.special.ndtri(ends)
        luck = ratios.std() * ((1 - _EULER) * first + _EULER * second)
    apart = net - net.mean()
    spread = apart.square().mean().sqrt()
    skew, tails = (apart**3).mean() / spread**3, (apart**4).mean() / spread**4
    width = (1 - skew * ratio + (tails - 1) / 4 * ratio**2).sqrt()
    return float(torch.special.ndtr((ratio - luck) * math.sqrt(len(net) - 1) / width))
