"""Two systems on the same items: coins and draws, by hand, and what is hard for both."""

from itertools import product

import pytest
import torch

from txlite.training import SignTest, paired_bootstrap, sign_test


def test_counted_by_hand():
    # five items differ, four for the first: 2 · (1 + 5) / 32
    assert sign_test([1, 1, 1, 1, 0, 1, 0], [0, 0, 0, 0, 1, 1, 0]) == SignTest(4, 1, 0.375)


def test_ten_to_one():
    first, second = [1] * 10 + [0] + [1] * 189, [0] * 10 + [1] + [1] * 189
    assert sign_test(first, second).p == 2 * (1 + 11) / 2**11


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_equals_the_enumeration_of_all_coins(n):
    splits = [sum(coins) for coins in product([0, 1], repeat=n)]
    for wins in range(n + 1):
        at_least = sum(abs(2 * k - n) >= abs(2 * wins - n) for k in splits)
        got = sign_test([1] * wins + [0] * (n - wins), [0] * wins + [1] * (n - wins))
        assert got == (wins, n - wins, pytest.approx(at_least / 2**n))


def test_the_two_systems_may_change_places():
    first, second = [0.3, 0.9, 0.5, 0.5, 0.1], [0.2, 0.1, 0.5, 0.6, 0.0]
    there, back = sign_test(first, second), sign_test(second, first)
    assert (there.wins, there.losses, there.p) == (back.losses, back.wins, back.p)


def test_nothing_differs_and_nothing_is_there():
    assert sign_test([1, 0, 1], [1, 0, 1]) == SignTest(0, 0, 1.0)
    assert sign_test([], []) == SignTest(0, 0, 1.0)


def test_many_items_do_not_overflow():
    assert 0 < sign_test([1] * 600 + [0] * 500, [0] * 600 + [1] * 500).p < 0.01
    assert sign_test([1] * 5000, [0] * 5000).p == 0  # smaller than any float


# ------------------------------------------------------------------ the paired bootstrap


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_difference_is_that_of_the_means() -> None:
    assert paired_bootstrap([1, 0, 1, 1], [0, 0, 1, 0], generator=chance())[0] == 0.5


def test_the_interval_is_the_normal_one_where_items_are_many() -> None:
    gaps = torch.randn(2_000, generator=chance(1), dtype=torch.double)
    difference, low, high = paired_bootstrap(
        gaps.tolist(), [0.0] * 2_000, generator=chance(), samples=4_000
    )
    wide = 1.96 * float(gaps.std()) / 2_000**0.5
    assert low == pytest.approx(difference - wide, abs=0.1 * wide)
    assert high == pytest.approx(difference + wide, abs=0.1 * wide)


@pytest.mark.kills(
    "paired: the two are drawn apart",
    "training/comparison.py",
    "    means = gaps[drawn].mean(1)",
    "    a, b = (torch.tensor(x, dtype=torch.double) for x in (mine, others))\n"
    "    means = (a[drawn] - b[drawn.roll(1, 0)]).mean(1)",
)
def test_what_is_hard_for_both_does_not_count() -> None:
    hard = torch.randn(500, generator=chance(2)).mul(100).tolist()
    difference, low, high = paired_bootstrap([x + 1 for x in hard], hard, generator=chance())
    assert difference == pytest.approx(1, abs=1e-4)
    assert low == pytest.approx(1, abs=1e-4)
    assert high == pytest.approx(1, abs=1e-4)


def test_more_coverage_is_a_wider_interval() -> None:
    marks = [float(i % 2) for i in range(100)]
    narrow, wide = (
        paired_bootstrap(marks, [0.3] * 100, generator=chance(), coverage=share)
        for share in (0.5, 0.99)
    )
    assert wide[1] < narrow[1] < narrow[0] < narrow[2] < wide[2]


def test_a_thousand_draws_and_95_percent_are_the_default() -> None:
    marks = torch.randn(40, generator=chance(3)).tolist()
    usual = paired_bootstrap(marks, [0.0] * 40, generator=chance())
    said = {"samples": 1_000, "coverage": 0.95}
    assert usual == paired_bootstrap(marks, [0.0] * 40, generator=chance(), **said)


def test_the_generator_decides() -> None:
    marks = [float(i % 3) for i in range(50)]
    one, again = (paired_bootstrap(marks, [1.0] * 50, generator=chance(7)) for _ in range(2))
    assert one == again


# ------------------------------------------------------------------ what neither compares


def bootstrap(first, second):
    return paired_bootstrap(first, second, generator=chance())


@pytest.mark.parametrize("compare", [sign_test, bootstrap])
def test_lengths_must_agree(compare):
    with pytest.raises(ValueError, match="second should have a mark for each of first's 2, got 1"):
        compare([1, 0], [1])


@pytest.mark.parametrize("compare", [sign_test, bootstrap])
@pytest.mark.parametrize(("first", "second"), [(float("nan"), 1.0), (1.0, float("nan"))])
def test_marks_are_numbers(compare, first, second):
    with pytest.raises(ValueError, match="should hold numbers, got nan"):
        compare([first], [second])


@pytest.mark.parametrize(
    ("marks", "more", "message"),
    [
        ([], {}, "^first and second should have a mark for at least one item, got none$"),
        ([1.0], {"samples": 0}, r"^samples should be a positive whole number, got 0"),
        ([1.0], {"coverage": 1.5}, r"^coverage should be .*got 1.5"),
    ],
)
def test_what_cannot_be_drawn(marks, more, message):
    with pytest.raises(ValueError, match=message):
        paired_bootstrap(marks, marks, generator=chance(), **more)
