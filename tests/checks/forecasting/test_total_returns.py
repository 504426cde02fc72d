import math
from itertools import accumulate

import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.total_returns


def by_day(tell, late_split=0, late_pay=0):
    """Build an answer of (yesterday's price, today's, split, dividend) for each day."""

    def answer(prices, splits, dividends):
        p, s, d = prices.tolist(), splits.tolist(), dividends.tolist()
        days = range(1, len(p))
        return torch.tensor(
            [tell(p[t - 1], p[t], s[t - late_split], d[t - late_pay]) for t in days]
        )

    return answer


def right(a, b, s, d):
    """With one share yesterday: s shares today, each with its price and what it paid."""
    return (s * b + s * d - a) / a


def one_after_another(prices, splits, dividends):
    return torch.tensor([*accumulate(by_day(right)(prices, splits, dividends).tolist())])


WRITTEN = {
    "splits ignored": by_day(lambda a, b, s, d: (b + d) / a - 1),
    "splits upside down": by_day(lambda a, b, s, d: right(a, b, 1 / s, d)),
    "the split a day late": by_day(right, late_split=1),
    "dividends ignored": by_day(lambda a, b, s, d: b / (a / s) - 1),
    "dividends taken away": by_day(lambda a, b, s, d: right(a, b, s, -d)),
    "the dividend a day late": by_day(right, late_pay=1),
    "paid on the old shares": by_day(lambda a, b, s, d: (s * b + d) / a - 1),
    "over the new price": by_day(lambda a, b, s, d: (s * (b + d) - a) / b),
    "backwards": by_day(lambda a, b, s, d: 1 / (1 + right(a, b, s, d)) - 1),
    "in money": by_day(lambda a, b, s, d: a * right(a, b, s, d)),
    "growth factors": by_day(lambda a, b, s, d: 1 + right(a, b, s, d)),
    "logarithms": by_day(lambda a, b, s, d: math.log1p(right(a, b, s, d))),
    "added up": one_after_another,
    "a zero for the first day": lambda p, s, d: torch.nn.functional.pad(
        by_day(right)(p, s, d), (1, 0)
    ),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_right_answers_in_other_words_pass():
    check(by_day(right)).require()


def test_a_split_alone_returns_nothing():
    prices = torch.tensor([90.0, 30.0, 60.0]).double()
    splits, none = torch.tensor([1.0, 3.0, 0.5]).double(), torch.zeros(3).double()
    assert check.reference(prices, splits, none).abs().max() < 1e-12
