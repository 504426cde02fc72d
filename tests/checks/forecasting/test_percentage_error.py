import math
from statistics import fmean, median_low

import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.forecasting import mape

check = checks.percentage_error


def one_by_one(share=None, usable=None, mean=fmean, told=None):
    def answer(actual, forecast):
        pairs = [*zip(actual.tolist(), forecast.tolist(), strict=True)]
        good = [pair for pair in pairs if (usable(*pair) if usable else pair[0])]
        shares = [share(*pair) if share else abs(1 - pair[1] / pair[0]) for pair in good]
        return [mean(shares), told(pairs, good) if told else len(pairs) - len(good)]

    return answer


def tiny(actual, forecast):
    return [(abs(actual - forecast) / torch.maximum(abs(actual), torch.tensor(1e-8))).mean(), 0]


def divided_by_zero(actual, forecast):
    parts = [
        abs(a - f) / abs(a) if a else (math.inf if f else math.nan)
        for a, f in zip(actual.tolist(), forecast.tolist(), strict=True)
    ]
    return [fmean(parts), 0]


def zeros_are_hits(actual, forecast):
    shares = [abs(a - f) / abs(a) if a else 0.0 for a, f in zip(actual, forecast, strict=True)]
    return [sum(shares) / len(shares), int((actual == 0).sum())]


WRITTEN = {
    "a small number below": tiny,
    "zeros count as no error": zeros_are_hits,
    "left out in silence": one_by_one(told=lambda pairs, good: 0),
    "how many are left": one_by_one(told=lambda pairs, good: len(good)),
    "zeros divided by": divided_by_zero,
    "negative values left out": one_by_one(usable=lambda a, f: a > 0),
    "divided with the sign": one_by_one(lambda a, f: abs(f - a) / a),
    "errors that cancel": one_by_one(lambda a, f: 1 - f / a),
    "divided by the forecast": one_by_one(lambda a, f: abs(a / f - 1)),
    "symmetric": one_by_one(lambda a, f: abs(a - f) / ((abs(a) + abs(f)) / 2)),
    "of the sums": lambda a, f: [
        torch.dist(a, f, 1) / torch.linalg.vector_norm(a, 1), len(a) - torch.count_nonzero(a)
    ],
    "the median": one_by_one(mean=median_low),
    "in per cent": one_by_one(lambda a, f: 100 * abs(a - f) / abs(a)),
}  # fmt: skip


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_right_answers_in_other_words_pass():
    check(one_by_one()).require()


def test_one_value_of_two_is_left_out_and_told():
    given = torch.tensor([1.0, 0.0]), torch.tensor([2.0, 1.0])
    assert check.reference(*given) == [1.0, 1]
    assert zeros_are_hits(*given)[0] == 0.5


@pytest.mark.parametrize("case", check.cases, ids=lambda case: len(case[0]))
def test_it_is_what_the_package_scores(case):
    packaged = mape(*case)
    assert check.reference(*case) == [pytest.approx(packaged.value), packaged.left_out]
