"""Finding where a pipeline looks into the future: change what is not known yet, and compare.

What no stage may know at bar t is replaced by something else. If a row up to t comes out different,
in any bit, that stage has used it. Each stage is looked at alone, on what the stages before it have
made, so the first thing that is wrong does not hide the next, and each is named.

It finds what flows through a stage's arguments. What a stage has kept from elsewhere, a constant
that was tuned by looking, a list of shares that was written down today, it cannot see.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Shaped
from torch import Tensor

from txlite._checks import check_whole
from txlite.forecasting.pipeline import Market, Pipeline

__all__ = ["Leak", "find_leaks"]


class Leak(NamedTuple):
    """One stage that uses what is not known yet."""

    stage: str
    """Which stage of the pipeline."""
    name: str
    """What it does, as those call it who have been caught by it."""
    bar: int
    """The first bar whose row has changed."""
    why: str
    """What was changed, and what changed with it."""


def find_leaks(
    pipeline: Pipeline, market: Market, *, cuts: Sequence[int] | None = None
) -> list[Leak]:
    """Return every leak that a pipeline has, at most one for each stage.

    Parameters
    ----------
    pipeline : Pipeline
        What is looked at. Only its stages are called; their code is not read.
    market : Market
        To run it on: long enough that every stage has something to do.
    cuts : sequence of int, optional
        The bars after which things are changed. By default seven, spread over the market.

    Returns
    -------
    list of Leak
        In the order of the stages; empty for an honest pipeline.

    Raises
    ------
    ValueError
        If a cut lies outside the market, or a stage does not return the same for the same.
    """
    bars = len(market.close)
    cuts = [bars * n // 8 for n in range(1, 8)] if cuts is None else cuts
    inside = [check_whole("cuts", c, f"in [1, {bars - 2}]", lambda c: 0 < c < bars - 1)
              for c in cuts]  # fmt: skip
    run = pipeline.run(market)
    if not torch.equal(run.held, pipeline.run(market).held):
        raise ValueError("pipeline should return the same for the same market, got two results")
    ahead = pipeline.ahead
    generator = torch.Generator().manual_seed(0)

    def fresh(x: Tensor) -> Tensor:
        """Return other numbers of the same size: whatever was there before is gone."""
        if x.dtype == torch.bool:
            return ~x
        noise = 0.5 + torch.rand(x.shape, generator=generator, dtype=torch.double)
        if (x < 0).any():  # of either sign: so that no sum keeps its own
            noise = noise * torch.randn(x.shape, generator=generator, dtype=torch.double)
        there = x[~x.isnan()]
        return noise * (3 * there.abs().sum() / max(1, len(there)) + 1)

    def after(x: Tensor, bar: int) -> Tensor:
        """Return x with everything after a bar replaced."""
        return torch.cat([x[: bar + 1], fresh(x[bar + 1 :])])

    def later_reports(bar: int) -> Tensor:
        said = torch.arange(bars)[:, None] + torch.arange(market.reports.shape[1])
        return torch.where((said > bar)[..., None], fresh(market.reports), market.reports)

    def open_targets(bar: int) -> Tensor:
        """Return the targets, with those replaced that have begun and are not over."""
        rows = torch.arange(bars)[:, None]
        begun = (rows <= bar) & (rows + ahead > bar)
        return torch.where(begun, fresh(run.targets), run.targets)

    def market_after(bar: int) -> Market:
        return replace(market, close=after(market.close, bar), listed=after(market.listed, bar),
                       quotes=after(market.quotes, bar), reports=later_reports(bar))  # fmt: skip

    def features(scaled: Tensor, reports: Tensor, targets: Tensor) -> Tensor:
        return pipeline.features(scaled, reports, targets)

    def probe(
        stage: str, name: str, why: str, clean: Tensor, changed: Callable[[int], Tensor]
    ) -> Leak | None:
        for bar in [*inside, *inside]:  # twice: by chance a sign may stay what it was
            row = _first_change(clean, changed(bar), bar)
            if row is not None:
                return Leak(stage, name, row, f"{why} after bar {bar}; row {row} is another")
        return None

    def windowed() -> str:
        """Say whether the features that see the future see the past as well."""
        bar = inside[len(inside) // 2]
        seen = features(after(run.scaled, bar), run.reports, run.targets)[bar] != run.features[bar]
        earlier = torch.cat([fresh(run.scaled[:bar]), run.scaled[bar:]])
        past = features(earlier, run.reports, run.targets)[bar] != run.features[bar]
        both = (seen.any(0) & past.any(0)).any()
        return "centred window" if both else "value of the future"

    found = [
        probe("universe", "survivorship", "prices and listings were changed", run.universe,
              lambda bar: pipeline.universe(market_after(bar))),
        probe("fill", "interpolated gaps", "quotes were changed", run.filled,
              lambda bar: pipeline.fill(after(market.quotes, bar))),
        probe("read", "restated values", "what was published was changed", run.reports,
              lambda bar: pipeline.read(later_reports(bar))),
        probe("scale", "scaler fitted on everything", "prices were changed", run.scaled,
              lambda bar: pipeline.scale(after(run.filled, bar))),
        probe("features", "target among the features", "targets that are not over were changed",
              run.features,
              lambda bar: features(run.scaled, run.reports, after(run.targets, bar - ahead)))
        or probe("features", windowed(), "scaled prices and reports were changed", run.features,
                 lambda bar: features(after(run.scaled, bar), after(run.reports, bar),
                                      run.targets)),
        probe("learn", "model fitted on everything", "features and targets were changed",
              run.expected,
              lambda bar: pipeline.learn(after(run.features, bar), after(run.targets, bar), ahead))
        or probe("learn", "overlapping targets", "targets that are not over were changed",
                 run.expected, lambda bar: pipeline.learn(run.features, open_targets(bar), ahead)),
        probe("choose", "chosen on the test", "expectations and returns were changed", run.wanted,
              lambda bar: pipeline.choose(after(run.expected, bar), after(market.returns, bar))),
        probe("execute", "same-bar execution", "what was wanted at a bar, and later, was changed",
              run.held, lambda bar: pipeline.execute(after(run.weights, bar - 1))),
    ]  # fmt: skip
    return [leak for leak in found if leak is not None]


def _first_change(clean: Shaped[Tensor, "T *F"], other: Tensor, bar: int) -> int | None:
    """Return the first row up to a bar that differs; NaN is like NaN."""
    if other.shape != clean.shape:
        return 0
    mine, theirs = clean[: bar + 1].double(), other[: bar + 1].double()
    same = (mine == theirs) | (mine.isnan() & theirs.isnan())
    rows = (~same.reshape(len(mine), -1).all(1)).nonzero()
    return int(rows[0]) if len(rows) else None
