"""The leak lab's Python side: noise earns nothing, each leak makes it rich, and is found."""

import math
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from txlite.forecasting.sharpe import deflated_sharpe, return_moments, sharpe
from txlite.viz.widgets._noise_market import BARS, FIRST, RULES, SHARES, Leaks, holdings, market
from txlite.viz.widgets.leak_lab import LeakLab, deflated

SEEDS = range(6)


def ratios(**choices: Any) -> torch.Tensor:
    return torch.tensor([LeakLab(seed=seed, **choices).shown().sharpe for seed in SEEDS])


def test_the_noise_is_normal_and_remembers_nothing() -> None:
    returns = torch.cat([market(seed).returns[:40].flatten() for seed in SEEDS]) / 0.015
    error = 1 / math.sqrt(len(returns))
    assert abs(returns.mean()) < 4 * error
    assert abs(returns.std() - 1) < 4 * error
    assert abs((returns[SHARES:] * returns[:-SHARES]).mean()) < 4 * error
    assert (returns.abs() < 1.96).double().mean() == pytest.approx(0.95, abs=0.01)


def test_without_a_leak_noise_earns_nothing() -> None:
    found = ratios()
    assert abs(found.mean()) < 3 * found.std() / math.sqrt(len(found))
    inside = [a.low < 0 < a.high for a in (LeakLab(seed=s).shown() for s in SEEDS)]
    assert sum(inside) >= len(inside) - 1  # 95 per cent of the intervals


@pytest.mark.parametrize(
    ("leak", "least"), [("scaler", 1), ("centred", 3), ("same_bar", 3), ("survivors", 0.5)]
)
def test_each_leak_makes_noise_rich_and_a_replaced_future_shows_it(leak: str, least: float) -> None:
    rise = ratios(**{leak: True}) - ratios()
    assert rise.median() > least
    for seed in SEEDS:
        assert LeakLab(seed=seed, **{leak: True}).shown().poisoned > 0
        assert LeakLab(seed=seed).shown().poisoned == 0


def test_the_same_bar_is_a_leak_whatever_the_delay() -> None:
    one, late = (LeakLab(seed=4, same_bar=True, delay=delay).shown() for delay in (0, 4))
    assert one.sharpe == late.sharpe
    assert LeakLab(seed=4, delay=0).shown().sharpe < one.sharpe - 2


def test_a_delay_that_is_longer_than_the_look_ahead_undoes_a_leak() -> None:
    """A window of five days reaches three ahead; what is traded four days late is noise again."""
    assert ratios(centred=True, delay=4).median() < ratios(centred=True, delay=1).median() - 2
    for seed in SEEDS:
        assert LeakLab(seed=seed, centred=True, delay=4).shown().poisoned == 0


def test_holdings_are_those_of_a_loop_over_days() -> None:
    found, rule = market(3), 12
    window, weight = RULES[rule]
    held = holdings(found, rule, Leaks(), 2)
    for t in (*range(0, 50, 7), 60, 121, 300, BARS - 1):
        for m in range(SHARES):
            day = t - 3
            want = False
            if day >= max(w for w, _ in RULES) and found.listed[day, m]:
                past = found.prices[: day + 1, m]
                trend = float(past[-1] - past[-1 - window]) / (0.015 * math.sqrt(window))
                dear = float((past[-1] - past.mean()) / past.std(correction=0))
                want = trend > weight * dear
            assert bool(held[t, m]) == want, (t, m)


def test_money_is_counted_as_in_a_ledger() -> None:
    """Shares bought and sold day by day, a cost for each trade, and everything sold at the end."""
    figure = LeakLab(seed=6, cost=25, delay=0)
    found = market(6)
    held = holdings(found, 0, Leaks(), 0).double()
    money, before, traded = 1.0, torch.zeros(SHARES).double(), 0.0
    for t in range(FIRST, BARS):
        paid = float((held[t] - before).abs().sum())
        if t == BARS - 1:
            paid += float(held[t].sum())
        gain = float((held[t] * found.returns[t]).sum())
        money *= 1 + (gain - 0.0025 * paid) / SHARES
        before, traded = held[t], traded + paid / SHARES
    shown = figure.shown()
    assert float(shown.wealth[-1]) == pytest.approx(money)
    assert shown.turnover == pytest.approx(traded * 252 / (BARS - FIRST))
    assert LeakLab(seed=6, delay=0).shown().wealth[-1] > shown.wealth[-1]


def test_the_deflated_ratio_of_the_paper() -> None:
    """Bailey and Lopez de Prado (2014), the numerical example of their appendix.

    A ratio of 2.5 for a year of 250 days, five years of days, 100 trials whose ratios for a year
    have a variance of 1/2, a skewness of -3 and a kurtosis of 10: the probability is 0.9004.
    """
    count, days, year = 100, 1250, 250
    spread = math.sqrt(0.5 / year)
    ends = torch.tensor([1 - 1 / count, 1 - 1 / (count * math.e)]).double()
    first, second = torch.special.ndtri(ends).tolist()
    luck = spread * (0.4227843351 * first + 0.5772156649 * second)
    ratio = 2.5 / math.sqrt(year)
    width = math.sqrt(1 + 3 * ratio + 9 / 4 * ratio**2)
    want = float(torch.special.ndtr(torch.tensor((ratio - luck) * math.sqrt(days - 1) / width)))
    assert want == pytest.approx(0.9004, abs=5e-4)
    net, others = moments(ratio, days), trials(ratio, spread, count)
    assert deflated(net, others) == pytest.approx(want, abs=2e-3)


def moments(ratio: float, days: int) -> torch.Tensor:
    """Return returns of two values whose skewness is -3, and whose kurtosis is then 10."""
    share = 0.5 + 3 / (2 * math.sqrt(13))  # of the higher value: (1 - 2p) / sqrt(p (1 - p)) = -3
    many = round(share * days)
    share = many / days
    high, low = math.sqrt((1 - share) / share), -math.sqrt(share / (1 - share))
    return torch.tensor([high] * many + [low] * (days - many)).double() + ratio


def trials(best: float, spread: float, count: int) -> torch.Tensor:
    """Return ratios whose largest and whose deviation are given."""
    rest = torch.linspace(-1, 1, count - 1).double()

    def made(size: float) -> torch.Tensor:
        return torch.cat([torch.tensor([best]).double(), size * rest])

    low, high = 0.0, best
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if made(middle).std() < spread else (low, middle)
    assert_close(made(low).std(), torch.tensor(spread).double(), rtol=1e-6, atol=0)
    return made(low)


def test_of_many_rules_the_best_is_told_and_luck_is_taken_off() -> None:
    one, many = LeakLab(seed=8).shown(), LeakLab(seed=8, tried=7).shown()
    assert many.sharpe >= one.sharpe
    assert many.rule == max(
        range(7), key=lambda n: LeakLab(seed=8, tried=n + 1).shown().sharpe - 1e-12 * n
    )
    net = many.wealth / torch.cat([torch.ones(1).double(), many.wealth[:-1]]) - 1
    assert many.deflated < deflated(net, net.mean()[None] / net.std())


def test_its_name_is_the_same_in_every_run() -> None:
    assert repr(LeakLab()) == "LeakLab: Noise, a rule, and a leak"


@pytest.mark.plain
@pytest.mark.parametrize(("name", "value"), [("delay", 5), ("cost", -1), ("tried", 31)])
def test_limits_are_kept(name: str, value: int) -> None:
    with pytest.raises(Exception, match=name):
        LeakLab(**{name: value})


@pytest.mark.parametrize("tried", [1, 5])
def test_the_ratios_are_those_of_the_package(tried: int) -> None:
    shown = LeakLab(seed=9, tried=tried, cost=7).shown()
    net = shown.wealth / torch.cat([torch.ones(1).double(), shown.wealth[:-1]]) - 1
    assert shown.sharpe == pytest.approx(sharpe(net, per_year=252.0))
    own = net.mean()[None] / net.std()
    top = torch.cat([own - 0.05, own - 0.01, own])
    packaged = deflated_sharpe(return_moments(net), trials=3, variance=float(top.var()))
    assert deflated(net, top) == pytest.approx(packaged)
