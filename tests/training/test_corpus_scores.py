"""The bootstrap of a score that is made of sums."""

import itertools
import random
from math import nan

import pytest
import torch
from sacrebleu.metrics.bleu import BLEU

from txlite.training import paired_bootstrap
from txlite.training.corpus_scores import corpus_bootstrap


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def share(sums: list[float]) -> float:
    return sums[0] / sums[1]


def counts(said: list[str], wanted: list[str]) -> list[list[float]]:
    """Return what BLEU counts in each sentence."""
    found = (BLEU().corpus_score([a], [[b]]) for a, b in zip(said, wanted, strict=True))
    return [[f.sys_len, f.ref_len, *f.counts, *f.totals] for f in found]


def bleu(sums: list[float]) -> float:
    c, r, *rest = (round(x) for x in sums)
    return float(BLEU.compute_bleu(rest[:4], rest[4:], c, r, smooth_method="exp").score)


def sentences(seed: int, number: int = 30) -> list[str]:
    pick = random.Random(seed)
    return [
        " ".join(pick.choices(["a", "b", "c", "d", "e"], k=pick.randint(3, 9)))
        for _ in range(number)
    ]


def test_the_score_is_that_of_the_sums_and_not_a_mean_of_scores() -> None:
    value, low, high = corpus_bootstrap([[1, 1], [0, 3]], score=share, generator=dice())
    assert value == 0.25  # the mean of 1 and 0 is 0.5
    assert (low, high) == (0, 1)


def test_all_that_can_be_drawn_is_drawn() -> None:
    rows = [[1, 1], [0, 3]]
    wanted = {
        share([sum(c) for c in zip(*two, strict=True)]) for two in itertools.product(rows, rows)
    }
    seen: list[float] = []
    corpus_bootstrap(rows, score=lambda s: seen.append(share(s)) or 0.0, generator=dice())
    assert set(seen) == wanted
    assert len(seen) == 1 + 1_000
    assert abs(seen[1:].count(0.25) / 1_000 - 0.5) < 0.05  # two of the four draws


def test_bleu_is_that_of_the_library_for_every_draw() -> None:
    said, wanted = sentences(1), sentences(2)
    table = counts(said, wanted)
    value, *_ = corpus_bootstrap(table, score=bleu, generator=dice(), samples=1)
    assert value == pytest.approx(BLEU().corpus_score(said, [wanted]).score)
    drawn = torch.randint(30, (1, 30), generator=dice(3))[0].tolist()
    _, low, high = corpus_bootstrap(table, score=bleu, generator=dice(3), samples=1)
    again = BLEU().corpus_score([said[i] for i in drawn], [[wanted[i] for i in drawn]]).score
    assert low == high == pytest.approx(again)


def test_two_systems_meet_the_same_draws() -> None:
    rows = [[a, 7] for a in (3, 1, 4, 1, 5)]
    better = [[a + 1, 7] for a, _ in rows]
    gap = corpus_bootstrap(better, rows, score=share, generator=dice())
    assert gap == pytest.approx((1 / 7, 1 / 7, 1 / 7))  # alone, each of the two scatters
    _, low, high = corpus_bootstrap(rows, score=share, generator=dice())
    assert high - low > 0.1
    there = corpus_bootstrap(rows, better, score=share, generator=dice())
    assert there == pytest.approx((-1 / 7, -1 / 7, -1 / 7))


def test_for_a_mean_it_is_the_paired_bootstrap() -> None:
    first, second = [1, 0, 1, 1, 0, 1], [0, 0, 1, 0, 1, 1]
    tables = ([[mark, 1] for mark in marks] for marks in (first, second))
    found = corpus_bootstrap(*tables, score=share, generator=dice(5), samples=300, coverage=0.8)
    wanted = paired_bootstrap(first, second, generator=dice(5), samples=300, coverage=0.8)
    assert found == pytest.approx(wanted)


def test_a_greater_share_of_the_samples_is_a_wider_interval() -> None:
    rows = [[a % 5, 4] for a in range(40)]
    half, most = (
        corpus_bootstrap(rows, score=share, generator=dice(), coverage=coverage)
        for coverage in (0.5, 0.99)
    )
    assert most[1] < half[1] < half[2] < most[2]


@pytest.mark.parametrize("bad", [[], [[1, 2], [1]]])
def test_counts_make_a_table(bad: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="first should have equally many counts"):
        corpus_bootstrap(bad, score=share, generator=dice())
    with pytest.raises(ValueError, match="second should have equally many counts"):
        corpus_bootstrap([[1, 2]], bad, score=share, generator=dice())


@pytest.mark.plain
def test_counts_are_finite_numbers_for_each_sentence() -> None:
    with pytest.raises(ValueError, match="first should have finite counts"):
        corpus_bootstrap([[1, 2], [nan, 2]], score=share, generator=dice())
    with pytest.raises(ValueError, match="first should have a list of counts for each sentence"):
        corpus_bootstrap([1, 2], score=share, generator=dice())  # type: ignore[list-item]
    with pytest.raises(ValueError, match="first should have a list of counts for each sentence"):
        corpus_bootstrap(torch.ones(2), score=share, generator=dice())  # type: ignore[arg-type]
    table = torch.tensor([[1, 2], [2, 4]])
    assert corpus_bootstrap(table, score=share, generator=dice()) == (0.5, 0.5, 0.5)  # type: ignore[arg-type]


def test_systems_have_the_same_sentences() -> None:
    with pytest.raises(ValueError, match="second should have counts for each of first's 2, got 1"):
        corpus_bootstrap([[1, 2], [1, 2]], [[1, 2]], score=share, generator=dice())


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="samples should be a positive"):
        corpus_bootstrap([[1, 2]], score=share, generator=dice(), samples=0)
    for coverage in (-0.1, 1.5, nan):
        with pytest.raises(ValueError, match="coverage should be"):
            corpus_bootstrap([[1, 2]], score=share, generator=dice(), coverage=coverage)
