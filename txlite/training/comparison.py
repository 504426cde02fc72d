"""Is one system better than another? Compared in pairs, item by item, on one and the same test set.

Two marks, each with its own error, hide that both systems met the same items: what is easy for the
one is easy for the other. The sign test looks only at the items on which they differ; the paired
bootstrap draws the items anew and asks what becomes of the difference.

Source
    Koehn (2004), "Statistical Significance Tests for Machine Translation Evaluation", section 4:
    paired bootstrap resampling.
"""

from collections.abc import Iterable, Sequence
from math import comb
from typing import NamedTuple

import torch

from txlite._checks import check_generator, check_positive, check_share

__all__ = ["SignTest", "paired_bootstrap", "sign_test"]


class SignTest(NamedTuple):
    """What a sign test has counted, and how likely chance alone does as much."""

    wins: int
    """Items on which the first system has the higher mark."""
    losses: int
    """Items on which the second has."""
    p: float
    """Probability of a split at least as uneven, either way, if a fair coin decided each."""


def sign_test(first: Sequence[float | int], second: Sequence[float | int]) -> SignTest:
    """Compare two systems by their marks on the same items, with an exact two-sided sign test.

    Parameters
    ----------
    first, second : sequence of float or bool
        A mark for each item, in the same order; higher is better. Items with equal marks decide
        nothing and are left out.

    Returns
    -------
    SignTest
        Wins and losses of the first system, and the p value: 1 where nothing differs.

    Raises
    ------
    ValueError
        If the two are not equally long, or a mark is not a number.

    Examples
    --------
    >>> sign_test([True] * 10 + [False] * 190, [False] * 10 + [True] + [False] * 189)
    SignTest(wins=10, losses=1, p=0.01171875)
    """
    pairs = list(zip(*_marks(first, second), strict=True))
    wins, losses = sum(a > b for a, b in pairs), sum(a < b for a, b in pairs)
    n, rarer = wins + losses, min(wins, losses)
    tail = sum(comb(n, k) for k in range(rarer + 1))
    return SignTest(wins, losses, min(1.0, 2 * tail / 2**n))


def paired_bootstrap(
    first: Sequence[float | int],
    second: Sequence[float | int],
    *,
    generator: torch.Generator,
    samples: int = 1_000,
    coverage: float = 0.95,
) -> tuple[float, float, float]:
    """Return how much higher the first scores on average, and an interval for it.

    Items are drawn again, with replacement, and both systems are marked on what was drawn: what
    makes an item hard for both does not count. The interval is about the choice of items only; it
    says nothing about another training.

    Parameters
    ----------
    first, second : sequence of float or bool
        A mark for each item, in the same order; higher is better.
    generator : torch.Generator
        On the CPU.
    samples : int
        How often the items are drawn.
    coverage : float
        Share of the samples whose differences lie in the interval.

    Returns
    -------
    difference, low, high : float
        Mean of the first minus mean of the second, and the interval.

    Raises
    ------
    ValueError
        If the two are not equally long, there is no item, a mark is not a number, or an argument is
        out of range.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> paired_bootstrap([1, 1, 1, 0], [0, 0, 0, -1], generator=generator)
    (1.0, 1.0, 1.0)
    """
    samples = check_positive("samples", samples)
    coverage = check_share("coverage", coverage)
    check_generator("generator", generator)
    mine, others = _marks(first, second)
    if not mine:
        raise ValueError("first and second should have a mark for at least one item, got none")
    gaps = torch.tensor(mine, dtype=torch.double) - torch.tensor(others, dtype=torch.double)
    drawn = torch.randint(len(gaps), (samples, len(gaps)), generator=generator, device="cpu")
    means = gaps[drawn].mean(1)
    edges = torch.tensor([(1 - coverage) / 2, (1 + coverage) / 2], dtype=torch.double)
    low, high = torch.quantile(means, edges).tolist()
    return float(gaps.mean()), low, high


def _marks(
    first: Sequence[float | int], second: Sequence[float | int]
) -> tuple[list[float], list[float]]:
    """Return the marks of both systems as floats, if there is one of each for each item."""
    for name, marks in (("first", first), ("second", second)):
        if not isinstance(marks, Iterable) or not hasattr(marks, "__len__"):
            raise ValueError(f"{name} should be a sequence of marks, got {marks!r}")
    if len(first) != len(second):
        raise ValueError(
            f"second should have a mark for each of first's {len(first)}, got {len(second)}"
        )
    mine, others = [float(a) for a in first], [float(b) for b in second]
    if any(mark != mark for mark in mine + others):
        raise ValueError("first and second should hold numbers, got nan")
    return mine, others
