from itertools import product

import pytest

from txlite.training import SignTest, sign_test


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


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="second should have a mark for each of first's 2, got 1"):
        sign_test([1, 0], [1])


def test_marks_are_numbers():
    with pytest.raises(ValueError, match="should hold numbers, got nan"):
        sign_test([1.0], [float("nan")])
