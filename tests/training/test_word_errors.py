"""Word errors: against every way there is, and by hand; the rate of a test set is one of sums."""

import itertools
import math
import random
import re
from functools import cache
from typing import Any

import pytest
import torch

from txlite.training import WordErrors, corpus_bootstrap, word_errors


def fewest(reference: tuple[str, ...], written: tuple[str, ...]) -> int:
    """The definition: of all ways the shortest, each tried."""

    @cache
    def ways(i: int, j: int) -> int:
        if i == len(reference) or j == len(written):
            return len(reference) - i + len(written) - j
        here = reference[i] != written[j]
        return min(here + ways(i + 1, j + 1), 1 + ways(i + 1, j), 1 + ways(i, j + 1))

    return ways(0, 0)


def added(told: list[WordErrors]) -> WordErrors:
    return WordErrors(*map(sum, zip(*told, strict=True)))


# ------------------------------------------------------------------ mathematics


def test_no_way_is_shorter() -> None:
    chance = random.Random(0)
    for _ in range(300):
        a, b = (tuple(chance.choices("abc", k=chance.randrange(7))) for _ in range(2))
        (told,) = word_errors([" ".join(a)], [" ".join(b)])
        assert told.errors == fewest(a, b)
        assert told.words == len(a)
        assert min(told) >= 0
        assert len(a) - told.deletions + told.insertions == len(b)
        assert told.substitutions + told.deletions <= len(a)


def test_it_is_a_distance() -> None:
    texts = [" ".join(t) for n in range(4) for t in itertools.product("ab", repeat=n)]
    between = {
        (a, b): word_errors([a], [b])[0].errors for a, b in itertools.product(texts, repeat=2)
    }
    for a, b in between:
        assert between[a, b] == between[b, a]
        assert (between[a, b] == 0) == (a == b)
    for a, b, c in itertools.product(texts[::2], repeat=3):
        assert between[a, c] <= between[a, b] + between[b, c]


@pytest.mark.parametrize(
    ("said", "written", "errors"),
    [
        ("a b c d", "a b c d", (0, 0, 0)),
        ("a b c d", "a x c d", (1, 0, 0)),
        ("a b c d", "a c d", (0, 1, 0)),
        ("a b c d", "a b b c d", (0, 0, 1)),
        ("a b c d", "b c d e", (0, 1, 1)),  # not four substitutions
        ("a b", "c", (1, 1, 0)),
        ("  a   b ", "a\tb\n", (0, 0, 0)),
        ("Four", "four", (1, 0, 0)),
    ],
)
def test_each_kind_of_error(said: str, written: str, errors: tuple[int, int, int]) -> None:
    (told,) = word_errors([said], [written])
    assert told[:3] == errors


# ------------------------------------------------------------------ a test set


@pytest.mark.kills(
    "word errors: a mean of rates",
    "training/word_errors.py",
    "return self.errors / self.words",
    "return self.errors / (self.words + 0.5)",
)
def test_the_rate_is_that_of_the_sums() -> None:
    """One word wrong of four and one of two are two of six, 1/3; the mean of the rates is 3/8."""
    told = word_errors(["a b c d", "e f"], ["a b c x", "e x"])
    assert added(told).rate == pytest.approx(1 / 3)
    assert sum(one.rate for one in told) / 2 == pytest.approx(3 / 8)
    chance = torch.Generator().manual_seed(0)
    rate, low, high = corpus_bootstrap(
        told, score=lambda sums: WordErrors(*map(int, sums)).rate, generator=chance
    )
    assert rate == pytest.approx(1 / 3)
    assert (low, high) == pytest.approx((0.25, 0.5))


def test_what_is_empty_counts() -> None:
    nothing, invented = word_errors(["", ""], ["", "you"])
    assert nothing == WordErrors(0, 0, 0, 0)
    assert nothing.rate == 0.0
    assert invented == WordErrors(0, 0, 1, 0)
    assert invented.rate == math.inf
    assert added([invented, *word_errors(["a b"], ["a b"])]).rate == 0.5  # it is not dropped


# ------------------------------------------------------------------ errors


@pytest.mark.plain
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a b", ["a b"]), "references should be a sequence of texts, got one text"),
        ((["a b"], "a b"), "transcripts should be a sequence of texts, got one text"),
        (
            (["a", "b"], ["a"]),
            "transcripts should have one for each of the 2 references, got 1",
        ),
    ],
)
def test_errors(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        word_errors(*arguments)
