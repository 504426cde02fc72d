import math
from itertools import accumulate, pairwise
from statistics import fmean, median_low, stdev, variance

import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.forecasting.sharpe import bars_per_year, sharpe

check = checks.sharpe_ratio


def ratio(gains=None, below=None, year=None, middle=fmean, times=math.sqrt):
    def answer(prices, hours):
        prices, hours = prices.tolist(), hours.tolist()
        found = gains(prices) if gains else [b / a - 1 for a, b in pairwise(prices)]
        bars = year(hours) if year else 8760 / fmean(b - a for a, b in pairwise(hours))
        return middle(found) / (below(found, prices) if below else stdev(found)) * times(bars)

    return answer


def downside(found, prices):
    return math.sqrt(sum(x * x for x in found if x < 0) / len(found))


WRITTEN = {
    "365 bars": ratio(year=lambda hours: 365),
    "252 bars": ratio(year=lambda hours: 252),
    "the bars of the sample": ratio(year=lambda hours: len(hours) - 1),
    "times the bars": ratio(times=float),
    "not for a year": ratio(times=lambda bars: 1),
    "one bar more": ratio(year=lambda hours: 8760 / ((hours[-1] - hours[0]) / len(hours))),
    "the deviation of prices": ratio(below=lambda found, prices: stdev(prices)),
    "differences of prices": ratio(lambda prices: [b - a for a, b in pairwise(prices)]),
    "logarithms": ratio(lambda prices: [math.log(b) - math.log(a) for a, b in pairwise(prices)]),
    "returns since the beginning": ratio(lambda prices: [x / prices[0] - 1 for x in prices[1:]]),
    "by the variance": ratio(below=lambda found, prices: variance(found)),
    "by T": ratio(below=lambda x, prices: math.sqrt(fmean((y - fmean(x)) ** 2 for y in x))),
    "losses alone": ratio(below=downside),
    "the median": ratio(middle=median_low),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_right_answers_in_other_words_pass():
    check(ratio()).require()


def test_bars_of_four_hours_are_2190_in_a_year():
    """One per cent up, half a per cent down, by turns: 0.3325 for a bar, 15.56 for a year."""
    steps = [1.01, 0.995] * 100
    prices = torch.tensor([*accumulate([100.0, *steps], lambda a, b: a * b)], dtype=torch.float64)
    hours = 4.0 * torch.arange(201).double()
    assert float(check.reference(prices, hours)) == pytest.approx(15.56, abs=0.005)
    by_days = next(m.wrong for m in check.bank if m.name == "365 bars")
    assert float(by_days(prices, hours)) == pytest.approx(6.35, abs=0.005)


@pytest.mark.parametrize("case", check.cases, ids=lambda case: len(case[0]))
def test_it_is_what_the_package_says(case):
    prices, hours = case
    year = bars_per_year((3600 * hours).long())
    packaged = sharpe(prices[1:] / prices[:-1] - 1, per_year=year)
    assert float(check.reference(*case)) == pytest.approx(packaged)
