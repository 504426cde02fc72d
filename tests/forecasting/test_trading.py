"""The backtest: by hand, in money, and against a loop over units."""

import pytest
import torch

from txlite.forecasting import backtest, buy_and_hold, drawdown


def t(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.double)


@pytest.mark.kills(
    "backtest: the last sale costs nothing",
    "forecasting/trading.py",
    "    changes[-1] = True\n",
    "    wanted[-1] = wanted[-2]\n",
)
def test_both_trades_cost() -> None:
    done = buy_and_hold(t(100, 110), cost=0.01)  # N25: 10 earned, 1 and 1.10 paid
    assert float(done.wealth[-1]) == pytest.approx(1.0790)
    assert done.returns.tolist() == pytest.approx([0.0790])
    assert done.costs.tolist() == pytest.approx([0.01, 0.011 / 1.09])


def test_a_decision_is_traded_one_bar_later() -> None:
    prices, decisions = t(100, 200, 200, 100, 100), t(1, 0, 0, 0, 0)
    assert float(backtest(decisions, prices, delay=0).wealth[-1]) == 2
    late = backtest(decisions, prices)  # bought at 200, sold at 200
    assert float(late.wealth[-1]) == 1
    assert late.turnover.tolist() == [0, 1, 1, 0, 0]
    assert float(backtest(decisions, prices, delay=9).wealth[-1]) == 1


def test_a_position_that_stays_is_held() -> None:
    prices = t(100, 110, 121, 100)
    held = backtest(torch.ones(4), prices, cost=0.001, delay=0)
    assert held.turnover[1:3].tolist() == [0, 0]
    half = backtest(torch.full((4,), 0.5), prices, delay=0)
    assert float(half.wealth[2]) == pytest.approx(0.5 + 0.5 * 1.21)  # its share drifts
    assert float(half.wealth[-1]) == pytest.approx(1)


def test_short_and_several() -> None:
    prices = torch.stack([t(100, 110, 110), t(100, 100, 90)], 1)
    wanted = torch.tensor([[1.0, -1.0]] * 3)
    done = backtest(wanted, prices, delay=0)
    assert done.wealth.tolist() == pytest.approx([1, 1.1, 1.2])
    assert done.turnover.tolist() == pytest.approx([2, 0, 2.0 / 1.2])
    ruined = backtest(-torch.ones(4), t(100, 250, 10, 10), delay=0)
    assert ruined.wealth.tolist() == [1, 0, 0, 0]
    assert ruined.returns.tolist() == [-1, 0, 0]


def test_against_a_loop_over_units() -> None:
    generator = torch.Generator().manual_seed(0)
    prices = (0.02 * torch.randn(60, generator=generator, dtype=torch.double)).cumsum(0).exp()
    wanted = torch.randint(-1, 2, (60,), generator=generator).double()
    done = backtest(wanted, prices, cost=0.003)
    units, money, before = 0.0, 1.0, 0.0
    for bar, price in enumerate(prices.tolist()):
        target = float(wanted[bar - 1]) if bar and bar < 59 else 0.0
        if target != before or bar == 59:
            wealth = money + units * price
            new = target * wealth / price
            money -= (new - units) * price + 0.003 * abs(new - units) * price
            units, before = new, target
        if bar:
            assert float(done.wealth[bar]) == pytest.approx(money + units * price)
    assert float((1 + done.returns).prod()) == pytest.approx(float(done.wealth[-1]))


def test_noise_earns_its_costs() -> None:
    generator = torch.Generator().manual_seed(1)
    totals = []
    for _ in range(30):
        prices = (0.01 * torch.randn(250, generator=generator, dtype=torch.double)).cumsum(0).exp()
        wanted = torch.randint(-1, 2, (250,), generator=generator).double()
        free, paid = (backtest(wanted, prices, cost=c) for c in (0.0, 0.002))
        assert float(paid.wealth[-1]) < float(free.wealth[-1])
        totals.append(float(free.wealth[-1].log() - paid.wealth[-1].log())
                      / float(0.002 * free.turnover.sum()))  # fmt: skip
    assert sum(totals) / 30 == pytest.approx(1, abs=0.05)


def test_drawdown() -> None:
    assert drawdown(t(1, 2, 1.5, 3, 1.2, 4)) == pytest.approx(0.6)
    assert drawdown(t(1, 2, 3)) == 0
    assert drawdown(t(1, 0, 0)) == 1


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    two = t(1, 1)
    with pytest.raises(ValueError, match=r"positions should have prices' shape \(2,\), got \(1,\)"):
        backtest(t(1), two)
    with pytest.raises(ValueError, match="prices should have at least two bars, got 1"):
        backtest(t(1), t(1))
    with pytest.raises(ValueError, match="positions should be finite"):
        backtest(two * torch.nan, two)
    with pytest.raises(ValueError, match=r"prices should be positive and finite, got 0"):
        backtest(two, two * 0)
    with pytest.raises(ValueError, match=r"cost should be a share in \[0, 1\), got 1"):
        backtest(two, two, cost=1)
    with pytest.raises(ValueError, match="delay should be a whole number of at least zero, got -1"):
        backtest(two, two, delay=-1)
    with pytest.raises(ValueError, match=r"prices should have shape \(T, A\), got \(2, 1, 1\)"):
        backtest(torch.ones(2, 1, 1), torch.ones(2, 1, 1))
    with pytest.raises(ValueError, match="wealth should be finite and begin above zero"):
        drawdown(t(0, 1))
