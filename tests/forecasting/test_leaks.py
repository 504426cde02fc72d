"""Leaks: each makes a profit of noise, each is caught and named, and nobody else is."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from txlite.forecasting import HONEST, PLANTED, Market, Pipeline, find_leaks, noise_market

STAGE = {
    "survivorship": "universe", "interpolated gaps": "fill", "restated values": "read",
    "scaler fitted on everything": "scale", "centred window": "features",
    "value of the future": "features", "target among the features": "features",
    "overlapping targets": "learn", "model fitted on everything": "learn",
    "chosen on the test": "choose", "same-bar execution": "execute",
}  # fmt: skip


def market(seed: int, **sizes: int) -> Market:
    return noise_market(torch.Generator().manual_seed(seed), **sizes)


def median_sharpe(pipeline: Pipeline) -> float:
    found = sorted(pipeline.run(market(seed)).sharpe() for seed in range(5))
    assert found[0] > 1 or pipeline is HONEST
    return found[2]


def test_there_are_enough() -> None:
    assert set(PLANTED) == set(STAGE)
    assert len(PLANTED) >= 8


@pytest.mark.parametrize("name", PLANTED)
def test_a_leak_makes_a_profit_of_noise(name: str) -> None:
    assert median_sharpe(PLANTED[name]) > 2.5


def test_an_honest_pipeline_makes_none() -> None:
    found = torch.tensor([HONEST.run(market(seed)).sharpe() for seed in range(16)])
    # two years and a half less the start: a standard error of 0.8 for each, 0.2 for the mean
    assert abs(float(found.mean())) < 0.6
    assert float(found.abs().max()) < 3


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.parametrize("seed", range(4))
def test_a_leak_is_caught_and_named(name: str, seed: int) -> None:
    found = find_leaks(PLANTED[name], market(seed, bars=300, shares=8))
    assert [(leak.stage, leak.name) for leak in found] == [(STAGE[name], name)]


# ------------------------------------------------------------------ the same sins in other words


def everything(x: Tensor) -> Tensor:
    return (x - x.amin(0)) / (x.amax(0) - x.amin(0))


def demeaned_backwards(x: Tensor) -> Tensor:
    return x - x.flip(0).cumsum(0).flip(0) / torch.arange(len(x), 0, -1)[:, None]


def filled_backwards(quotes: Tensor) -> Tensor:
    filled = quotes.clone()
    for row in range(len(filled) - 2, -1, -1):
        filled[row] = torch.where(filled[row].isnan(), filled[row + 1], filled[row])
    return filled.nan_to_num(100.0)


def winners(market: Market) -> Tensor:
    return (market.close[-1] > market.close[0]).expand_as(market.close)


def newest(reports: Tensor) -> Tensor:
    return reports[:, 1:3].mean(1)


def smoothed(scaled: Tensor, reports: Tensor, targets: Tensor) -> Tensor:
    frequencies = torch.fft.rfft(scaled, dim=0)
    frequencies[20:] = 0
    return torch.fft.irfft(frequencies, n=len(scaled), dim=0)[..., None]


def sign_of_target(scaled: Tensor, reports: Tensor, targets: Tensor) -> Tensor:
    return torch.stack([scaled, (targets > 0).double()], -1)


def tomorrow(scaled: Tensor, reports: Tensor, targets: Tensor) -> Tensor:
    return torch.cat([scaled[1:], scaled[-1:]])[..., None]


def one_fit(features: Tensor, targets: Tensor, ahead: int) -> Tensor:
    weights = features.flatten(0, 1).T @ targets.flatten()
    return features @ weights


def not_purged(features: Tensor, targets: Tensor, ahead: int) -> Tensor:
    told = torch.zeros_like(targets)
    for bar in range(20, len(targets)):
        rows = slice(0, bar)  # up to yesterday: their targets reach beyond today
        told[bar] = features[bar] @ (features[rows].flatten(0, 1).T @ targets[rows].flatten())
    return told


def best_direction(expected: Tensor, returns: Tensor) -> Tensor:
    earned = (expected[:-1] * returns[1:]).sum()
    return expected * earned.sign()


def half_a_bar(wanted: Tensor) -> Tensor:
    return (wanted + torch.cat([wanted[:1] * 0, wanted[:-1]])) / 2


OTHERS: list[tuple[str, Callable[..., Any], str]] = [
    ("scale", everything, "scaler fitted on everything"),
    ("scale", demeaned_backwards, "scaler fitted on everything"),
    ("fill", filled_backwards, "interpolated gaps"),
    ("universe", winners, "survivorship"),
    ("read", newest, "restated values"),
    ("features", smoothed, "centred window"),
    ("features", sign_of_target, "target among the features"),
    ("features", tomorrow, "value of the future"),
    ("learn", one_fit, "model fitted on everything"),
    ("learn", not_purged, "overlapping targets"),
    ("choose", best_direction, "chosen on the test"),
    ("execute", half_a_bar, "same-bar execution"),
]


@pytest.mark.parametrize(("stage", "sin", "name"), OTHERS)
def test_the_same_sin_in_other_words(stage: str, sin: Callable[..., Any], name: str) -> None:
    found = find_leaks(replace(HONEST, **{stage: sin}), market(0, bars=300, shares=8))
    assert [(leak.stage, leak.name) for leak in found] == [(stage, name)]
    assert "changed" in found[0].why


def test_two_leaks_are_both_named() -> None:
    both = replace(HONEST, scale=everything, execute=half_a_bar)
    found = find_leaks(both, market(1, bars=300, shares=8))
    assert [leak.stage for leak in found] == ["scale", "execute"]


# ------------------------------------------------------------------ nobody else


def past_targets(scaled: Tensor, reports: Tensor, targets: Tensor) -> Tensor:
    over = torch.cat([torch.zeros_like(targets[:5]), targets[:-5]])  # over for five bars
    return torch.stack([scaled, over, reports], -1)


def purged(features: Tensor, targets: Tensor, ahead: int) -> Tensor:
    told = torch.zeros_like(targets)
    for bar in range(20, len(targets)):
        rows = slice(0, bar - ahead + 1)
        told[bar] = features[bar] @ (features[rows].flatten(0, 1).T @ targets[rows].flatten())
    return told


def best_so_far(expected: Tensor, returns: Tensor) -> Tensor:
    earned = torch.cat([torch.zeros(1).double(), (expected[:-1] * returns[1:]).sum(1)]).cumsum(0)
    return expected * earned.sign()[:, None]


def two_bars(wanted: Tensor) -> Tensor:
    return torch.cat([torch.zeros_like(wanted[:2]), wanted[:-2]])


def top_half(market: Market) -> Tensor:
    return market.listed & (market.close >= market.close.median(1, keepdim=True).values)


def latest_known(reports: Tensor) -> Tensor:
    """What is known at bar t of bar t − 2, restated twice."""
    return torch.cat([reports[:2, 0], reports[:-2, 2]])


CLEAN = [
    HONEST,
    replace(HONEST, features=past_targets),
    replace(HONEST, learn=purged),
    replace(HONEST, choose=best_so_far),
    replace(HONEST, execute=two_bars),
    replace(HONEST, universe=top_half),
    replace(HONEST, read=latest_known),
]


@pytest.mark.parametrize("number", range(len(CLEAN)))
def test_no_false_alarm(number: int) -> None:
    for seed in range(12):
        assert find_leaks(CLEAN[number], market(seed, bars=200, shares=5)) == []


# ------------------------------------------------------------------ the market


def test_the_market_is_noise() -> None:
    it = market(3, bars=2000, shares=20)
    returns = it.returns[1:]
    live = it.listed[:-1]
    assert float(returns[live].mean()) == pytest.approx(0, abs=4e-4)
    assert float(returns[live].std()) == pytest.approx(0.02, rel=0.05)
    pairs = live[1:]
    lagged = torch.corrcoef(torch.stack([returns[1:][pairs], returns[:-1][pairs]]))[0, 1]
    assert abs(float(lagged)) < 0.03
    gone = ~it.listed
    assert gone.any()
    assert float(returns[gone[:-1]].abs().max()) == 0
    assert (it.close[gone] < 100 * 2 / 3).all()
    assert float(it.quotes.isnan().double().mean()) == pytest.approx(0.1, abs=0.01)
    level = it.close.log()
    assert torch.allclose(it.reports[:-5, 5] - it.reports[:-5, 0], level[5:] - level[:-5])


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    it = market(0, bars=60, shares=3)
    with pytest.raises(ValueError, match=r"cuts should be in \[1, 58\], got 59"):
        find_leaks(HONEST, it, cuts=[59])
    with pytest.raises(ValueError, match=r"scale should return shape \(60, 3\), got \(3,\)"):
        replace(HONEST, scale=lambda x: x[0]).run(it)
    with pytest.raises(ValueError, match=r"choose should return shape \(60, 3\), got str"):
        replace(HONEST, choose=lambda x, y: "buy").run(it)  # type: ignore[arg-type, return-value]
    with pytest.raises(ValueError, match="learn should be a function"):
        replace(HONEST, learn=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the same for the same market, got two results"):
        find_leaks(replace(HONEST, choose=lambda x, y: torch.randn_like(x)), it)
    with pytest.raises(ValueError, match=r"quotes should have shape \(T=60, A=3\), got \(59, 3\)"):
        replace(it, quotes=it.quotes[1:])
    with pytest.raises(ValueError, match="generator should be a generator"):
        noise_market(0)  # type: ignore[arg-type]
