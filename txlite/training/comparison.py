"""Is one system better than another? Compared in pairs, item by item, on one and the same test set.

Two marks, each with its own error, hide that both systems met the same items: what is easy for the
one is easy for the other. The sign test looks only at the items on which they differ.
"""

from collections.abc import Sequence
from math import comb
from typing import NamedTuple

__all__ = ["SignTest", "sign_test"]


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
    if len(first) != len(second):
        raise ValueError(
            f"second should have a mark for each of first's {len(first)}, got {len(second)}"
        )
    pairs = [(float(a), float(b)) for a, b in zip(first, second, strict=True)]
    if any(a != a or b != b for a, b in pairs):
        raise ValueError("first and second should hold numbers, got nan")
    wins, losses = sum(a > b for a, b in pairs), sum(a < b for a, b in pairs)
    n, rarer = wins + losses, min(wins, losses)
    tail = sum(comb(n, k) for k in range(rarer + 1))
    return SignTest(wins, losses, min(1.0, 2 * tail / 2**n))
