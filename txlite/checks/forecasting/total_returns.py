"""Exercise: what a share returned, across splits and dividends.

Sources
    Center for Research in Security Prices, "Data Descriptions Guide", the section on returns: price
    times factor plus distributions, over the price before.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, swapped

__all__ = ["total_returns"]


def _of_today(values: Tensor) -> Tensor:
    return values[1:]


def _value(price: Tensor, split: Tensor, dividend: Tensor) -> Tensor:
    return split * (price + dividend)


def _over_before(value: Tensor, before: Tensor, today: Tensor) -> Tensor:
    return value / before - 1


def _as_they_are(returns: Tensor) -> Tensor:
    return returns


def _total_recipe(
    prices: Tensor,
    splits: Tensor,
    dividends: Tensor,
    split_at: Step = _of_today,
    paid_at: Step = _of_today,
    value: Step = _value,
    relate: Step = _over_before,
    told: Step = _as_they_are,
) -> object:
    today = value(prices[1:], split_at(splits), paid_at(dividends))
    return told(relate(today, prices[:-1], prices[1:]))


def _days(*rows: tuple[int | float, int | float, int | float]) -> tuple[Tensor, Tensor, Tensor]:
    table = torch.tensor(rows, dtype=torch.float64, device="cpu").T.contiguous()
    prices, splits, dividends = table
    return prices.clone(), splits.clone(), dividends.clone()


total_returns = Exercise(
    name="total_returns",
    signature="f(prices: (T + 1,), splits: (T + 1,), dividends: (T + 1,)) -> (T,)",
    task=(
        "prices are those at the end of each day. Before day t opens, one share becomes splits[t] "
        "shares (1 on most days), and on that day each share that there is then pays dividends[t]. "
        "Return the simple return of each day after the first, to one who held the share before "
        "it."
    ),
    inputs=("prices", "splits", "dividends"),
    reference=_total_recipe,
    cases=(
        _days((100, 1, 0), (55, 2, 1)),
        _days((80, 1, 0), (84, 1, 2), (42, 2, 0)),
        _days((60, 1, 1), (20, 3, 0.5), (22, 1, 0), (50, 0.5, 2)),
        _days((10, 2, 3), (12, 1, 0), (4, 3, 0.2), (5, 1, 0.3), (2.2, 2, 0.1), (2, 1, 0)),
    ),
    bank=(
        swapped(
            _total_recipe,
            "splits ignored",
            "The splits are not in it: when one share becomes two, each at half the price, "
            "nothing is lost, and here it is a loss of a half.",
            value=lambda price, split, dividend: price + dividend,
        ),
        swapped(
            _total_recipe,
            "splits upside down",
            "It is divided by the split. There are more shares afterwards, not fewer.",
            value=lambda price, split, dividend: (price + dividend) / split,
        ),
        swapped(
            _total_recipe,
            "the split a day late",
            "Each split is put on the day after it.",
            split_at=lambda values: values[:-1],
        ),
        swapped(
            _total_recipe,
            "dividends ignored",
            "The dividends are not in it. The price falls by about what was paid, and whoever "
            "held the share has it.",
            value=lambda price, split, dividend: split * price,
        ),
        swapped(
            _total_recipe,
            "dividends taken away",
            "The dividends are taken off, as if the holder had paid them.",
            value=lambda price, split, dividend: split * (price - dividend),
        ),
        swapped(
            _total_recipe,
            "the dividend a day late",
            "Each dividend is put on the day after it.",
            paid_at=lambda values: values[:-1],
        ),
        swapped(
            _total_recipe,
            "paid on the old shares",
            "The dividend is paid once for each old share. Each of the new ones pays it.",
            value=lambda price, split, dividend: split * price + dividend,
        ),
        swapped(
            _total_recipe,
            "over the new price",
            "The gain is divided by the price of today. It was earned on what was put in before.",
            relate=lambda value, before, today: (value - before) / today,
        ),
        swapped(
            _total_recipe,
            "backwards",
            "Yesterday is divided by today: gains are losses.",
            relate=lambda value, before, today: before / value - 1,
        ),
        swapped(
            _total_recipe,
            "in money",
            "These are gains in money.",
            relate=lambda value, before, today: value - before,
        ),
        swapped(
            _total_recipe,
            "growth factors",
            "These are factors: the one is still in them.",
            relate=lambda value, before, today: value / before,
        ),
        swapped(
            _total_recipe,
            "logarithms",
            "These are logarithms. Over time they add up, but across shares they do not; asked "
            "were simple returns.",
            relate=lambda value, before, today: (value / before).log(),
        ),
        swapped(
            _total_recipe,
            "added up",
            "The returns are added up from day to day.",
            told=lambda returns: returns.cumsum(0),
        ),
        swapped(
            _total_recipe,
            "a zero for the first day",
            "The first day has no return: no price before it is known. A zero there is a day "
            "without risk, and lowers the deviation.",
            told=lambda returns: torch.cat([returns.new_zeros(1), returns]),
        ),
    ),
    praise="What the holder has, whatever the shares are cut into.",
    differentiable=False,
)
