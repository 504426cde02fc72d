"""From quotes to profit in eight stages, and a market without anything to be found.

Each stage maps arrays to arrays whose first axis is the bar, and owes one thing: row t of what it
returns was made with what was known at the end of bar t. So a stage can be looked at by itself
(:mod:`txlite.forecasting.leaks`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from txlite._checks import check_callable, check_generator, check_positive, check_shape
from txlite.forecasting.sharpe import sharpe

__all__ = ["STAGES", "Market", "Pipeline", "Run", "noise_market"]


@dataclass(frozen=True, eq=False)
class Market:
    """What a market shows of several shares.

    Parameters
    ----------
    close : Tensor, shape (T, A)
        The price at the end of each bar. A share that is no longer listed keeps its last.
    quotes : Tensor, shape (T, A)
        The same as a feed has brought them: NaN where it brought none.
    listed : Tensor, shape (T, A)
        Whether a share can be bought.
    reports : Tensor, shape (T, V, A)
        A number that is published about each bar, and restated: entry (t, v, a) is what was said
        about bar t at the end of bar t + v.
    """

    close: Float[Tensor, "T A"]
    quotes: Float[Tensor, "T A"]
    listed: Bool[Tensor, "T A"]
    reports: Float[Tensor, "T V A"]

    def __post_init__(self) -> None:
        sizes = check_shape("close", self.close, "T A")
        for name in ("quotes", "listed"):
            check_shape(name, getattr(self, name), "T A", **sizes)
        check_shape("reports", self.reports, "T V A", **sizes)

    @property
    def returns(self) -> Float[Tensor, "T A"]:
        """What each bar earned: row t is from the end of bar t − 1 to the end of bar t."""
        growth = self.close[1:] / self.close[:-1] - 1
        return torch.cat([torch.zeros_like(growth[:1]), growth])


@dataclass(frozen=True)
class Pipeline:
    """Eight stages, in their order.

    Parameters
    ----------
    universe : callable
        ``(market) -> (T, A)`` of truth values: which shares may be held.
    fill : callable
        ``(quotes) -> (T, A)``: quotes without gaps.
    read : callable
        ``(reports) -> (T, A)``: what is said about each bar, as it was known.
    scale : callable
        ``(filled) -> (T, A)``: prices of a size that a model can use.
    features : callable
        ``(scaled, reports, targets) -> (T, A, F)``: what a model sees. ``targets`` are handed over
        so that a feature may be made of those that are over.
    learn : callable
        ``(features, targets, ahead) -> (T, A)``: what is expected of the next bars. Row t of the
        targets, shape (T, A), is what bars t + 1 to t + ahead earn: known at t + ahead.
    choose : callable
        ``(expected, returns) -> (T, A)``: the positions that are wanted.
    execute : callable
        ``(wanted) -> (T, A)``: row t is what is held during bar t, and earns its return.
    ahead : int
        How many bars a target reaches.
    """

    universe: Callable[[Market], Tensor]
    fill: Callable[[Tensor], Tensor]
    read: Callable[[Tensor], Tensor]
    scale: Callable[[Tensor], Tensor]
    features: Callable[[Tensor, Tensor, Tensor], Tensor]
    learn: Callable[[Tensor, Tensor, int], Tensor]
    choose: Callable[[Tensor, Tensor], Tensor]
    execute: Callable[[Tensor], Tensor]
    ahead: int = 5

    def __post_init__(self) -> None:
        for name in STAGES:
            check_callable(name, getattr(self, name), "as Pipeline's docstring says")
        object.__setattr__(self, "ahead", check_positive("ahead", self.ahead))

    def run(self, market: Market) -> "Run":
        """Run every stage, each on what the ones before it made.

        Parameters
        ----------
        market : Market
            What is traded.

        Raises
        ------
        ValueError
            If a stage returns another shape.
        """
        bars, shares = market.close.shape
        universe = _stage("universe", self.universe(market), (bars, shares))
        filled = _stage("fill", self.fill(market.quotes), (bars, shares))
        reports = _stage("read", self.read(market.reports), (bars, shares))
        scaled = _stage("scale", self.scale(filled), (bars, shares))
        targets = _targets(market.returns, self.ahead)
        features = _stage("features", self.features(scaled, reports, targets), (bars, shares, -1))
        expected = _stage("learn", self.learn(features, targets, self.ahead), (bars, shares))
        wanted = _stage("choose", self.choose(expected, market.returns), (bars, shares))
        weights = wanted * universe
        held = _stage("execute", self.execute(weights), (bars, shares))
        return Run(universe, filled, reports, scaled, targets, features, expected, wanted, weights,
                   held, (held * market.returns).sum(1))  # fmt: skip


STAGES = tuple(f.name for f in fields(Pipeline) if f.name != "ahead")
"""The names of the stages."""


@dataclass(frozen=True, eq=False)
class Run:
    """What every stage made, in order, and what it all earned.

    Parameters
    ----------
    universe, filled, reports, scaled, targets, features, expected, wanted : Tensor
        What the stages made, ``targets`` what there was to learn.
    weights : Tensor
        What is wanted of what may be held.
    held : Tensor
        What was held during each bar.
    profit : Tensor, shape (T,)
        What was held, times what it earned, without costs.
    """

    universe: Tensor
    filled: Tensor
    reports: Tensor
    scaled: Tensor
    targets: Tensor
    features: Tensor
    expected: Tensor
    wanted: Tensor
    weights: Tensor
    held: Tensor
    profit: Float[Tensor, " T"]

    def sharpe(self, per_year: float = 252.0) -> float:
        """Return the Sharpe ratio of the bars at which anything was held; 0 if nothing was.

        Parameters
        ----------
        per_year : float
            How many bars a year has.
        """
        active = self.held.abs().sum(1).nonzero()
        if not len(active):
            return 0.0
        return sharpe(self.profit[int(active[0]) :], per_year=per_year)


def noise_market(
    generator: torch.Generator, *, bars: int = 504, shares: int = 60, versions: int = 6
) -> Market:
    """Return a market in which nothing that is known tells anything of what comes.

    Each bar's return is drawn by itself, with mean zero and a deviation of 2 %. A share that has
    lost a third of its first price is no longer listed. One quote of ten does not arrive. What is
    published about a bar is noise at first; each restatement adds what the share has earned since,
    as those of an index do that is made good afterwards.

    Parameters
    ----------
    generator : torch.Generator
        On the CPU.
    bars, shares : int
        How many of each.
    versions : int
        How often a bar is reported on, the first time included.

    Raises
    ------
    ValueError
        If a number is not positive.
    """
    check_generator("generator", generator)
    bars, shares = check_positive("bars", bars), check_positive("shares", shares)
    versions = check_positive("versions", versions)
    draw = {"generator": generator, "dtype": torch.double}
    growth = 1 + 0.02 * torch.randn(bars, shares, **draw)  # type: ignore[call-overload]
    growth[0] = 1
    close = 100 * growth.cumprod(0)
    fallen = (close < 100 * 2 / 3).cummax(0).values
    close = torch.where(fallen, _last_before(close, fallen), close)
    gaps = torch.rand(bars, shares, **draw) < 0.1  # type: ignore[call-overload]
    gaps[0] = False
    quotes = torch.where(gaps, math.nan, close)
    level = close.log()
    later = torch.cat([level, level[-1:].expand(versions - 1, -1)]).unfold(0, versions, 1)
    said = later.transpose(1, 2) - level[:, None]
    noise = 0.005 * torch.randn(bars, 1, shares, **draw)  # type: ignore[call-overload]
    return Market(close, quotes, ~fallen, said + noise)


def _last_before(close: Float[Tensor, "T A"], fallen: Bool[Tensor, "T A"]) -> Float[Tensor, "T A"]:
    """Return, for each share, the price of the first bar at which it had fallen."""
    first = fallen.int().argmax(0)
    return close.gather(0, first[None]).expand_as(close)


def _targets(returns: Float[Tensor, "T A"], ahead: int) -> Float[Tensor, "T A"]:
    """Return what the bars after each earn; the last rows have fewer of them."""
    total = torch.cat([returns.cumsum(0), returns.sum(0, keepdim=True).expand(ahead, -1)])
    return total[ahead:] - total[:-ahead]


def _stage(name: str, made: Tensor, shape: tuple[int, ...]) -> Tensor:
    wrong = not isinstance(made, Tensor) or made.ndim != len(shape)
    if wrong or any(n not in (-1, m) for n, m in zip(shape, made.shape, strict=True)):
        got = tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__
        raise ValueError(f"{name} should return shape {shape}, got {got}")
    return made
