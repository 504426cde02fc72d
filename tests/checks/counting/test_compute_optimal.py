import math

import pytest

from tests.checks.written import earns
from txlite import checks

check = checks.compute_optimal


def loss(n, d, a, b, alpha, beta):
    return a * n**-alpha + b * d**-beta


def balanced(left, right, pairs=lambda flops: flops / 6):
    """Answer by halving: the N at which one side is as large as the other."""

    def answer(flops, a, b, alpha, beta):
        product = pairs(flops)
        low, high = -40.0, math.log(product) + 40.0
        for _ in range(200):
            middle = (low + high) / 2
            n = math.exp(middle)
            terms = a * n**-alpha, b * (product / n) ** -beta
            if left(terms[0], alpha, beta) > right(terms[1], alpha, beta):
                low = middle
            else:
                high = middle
        return [n, product / n]

    return answer


def slope_of_n(term, alpha, beta):
    return alpha * term


def slope_of_d(term, alpha, beta):
    return beta * term


def parted(ratio, exponent=None, power=None, twice=False):
    """Answer by the formula, with something else in it."""

    def answer(flops, a, b, alpha, beta):
        product = flops / 6
        x = beta / (alpha + beta) if exponent is None else exponent(alpha, beta)
        y = 1 / (alpha + beta) if power is None else power(alpha, beta)
        g = ratio(a, b, alpha, beta) ** y
        n = math.exp(math.log(g) + x * math.log(product))
        return [n, g * product ** (1 - x) if twice else product / n]

    return answer


def usual(a, b, alpha, beta):
    return alpha / beta * a / b


def twenty(flops, *_):
    n = math.sqrt(flops / 120)
    return [n, 20 * n]


def same_of_both(flops, *_):
    return [math.sqrt(flops / 6)] * 2


def n_and_flops(*given):
    n = balanced(slope_of_n, slope_of_d)(*given)[0]
    return [n, given[0] / n]


WRITTEN = {
    "the six forgotten": balanced(slope_of_n, slope_of_d, pairs=lambda flops: flops),
    "forward alone": balanced(slope_of_n, slope_of_d, pairs=lambda flops: 0.5 * flops),
    "exponents swapped": parted(usual, exponent=lambda alpha, beta: 1 - beta / (alpha + beta)),
    "a half each": parted(usual, exponent=lambda alpha, beta: 1 / 2),
    "equal losses": balanced(lambda term, *_: term, lambda term, *_: term),
    "a and b swapped": parted(lambda a, b, alpha, beta: 1 / usual(a, b, alpha, beta)),
    "the constants forgotten": parted(lambda *_: 1),
    "no root": parted(usual, power=lambda *_: 1),
    "twenty tokens for a parameter": twenty,
    "as many tokens as parameters": same_of_both,
    "more than can be paid": parted(usual, twice=True),
    "operations, not tokens": n_and_flops,
    "in the other order": lambda *given: balanced(slope_of_n, slope_of_d)(*given)[::-1],
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_right_answers_in_other_words_pass():
    check(balanced(slope_of_n, slope_of_d)).require()
    check(parted(usual)).require()


@pytest.mark.parametrize("case", check.cases, ids=str)
def test_no_neighbour_has_a_lower_loss(case):
    n, d = check.reference(*case)
    assert 6 * n * d == pytest.approx(case[0])
    best = loss(n, d, *case[1:])
    for factor in (0.97, 1.03):
        assert loss(n * factor, d / factor, *case[1:]) > best


def test_the_exponents_of_the_paper():
    """Hoffmann et al. (2022), table 2, third approach: N grows with 0.46, D with 0.54."""
    found = [check.reference(flops, 406.4, 410.7, 0.34, 0.28) for flops in (1e20, 1e24)]
    grown = [math.log(late / soon) / math.log(1e4) for soon, late in zip(*found, strict=True)]
    assert grown == pytest.approx([0.45, 0.55], abs=0.01)


def test_chinchillas_operations_ask_for_about_twenty_tokens_a_parameter():
    """Besiroglu et al. (2024): the constants fitted anew agree with the 70 billion trained."""
    n, d = check.reference(*check.cases[-1])
    assert 15 < d / n < 30
    assert 5e10 < n < 9e10
