from math import sqrt

import pytest

from tests.checks.written import earns
from txlite import checks
from txlite.training import warmup_inverse_sqrt

check = checks.warmup_rate


def test_txlite_and_other_words_pass():
    check(lambda s, d, w: warmup_inverse_sqrt(d, w)(s)).require()
    check(lambda s, d, w: (d * w) ** -0.5 * (s / w if s < w else (w / s) ** 0.5)).require()


def in_two_parts(s, d, w):
    """The straight line up to the top, the root after it."""
    return (s / (w * sqrt(w)) if s <= w else 1 / sqrt(s)) / sqrt(d)


def beginning_anew(s, d, w):
    return (s / (w * sqrt(w)) if s <= w else 1 / sqrt(s - w)) / sqrt(d)


WRITTEN = {
    "no warm-up": lambda s, d, w: 1 / sqrt(d * s),
    "never falls": lambda s, d, w: s / w / sqrt(w) / sqrt(d),
    "max instead of min": lambda s, d, w: max(1 / sqrt(s), s / sqrt(w**3)) / sqrt(d),
    "sum instead of min": lambda s, d, w: 1 / sqrt(s * d) + s / sqrt(d * w**3),
    "the width is left out": lambda s, d, w: in_two_parts(s, 1, w),
    "divides by d_model": lambda s, d, w: in_two_parts(s, d * d, w),
    "multiplies by √d_model": lambda s, d, w: d * in_two_parts(s, d, w),
    "rises to one": lambda s, d, w: min(1 / sqrt(s), s / w) / sqrt(d),
    "rises with the root of the warm-up": lambda s, d, w: min(1 / sqrt(s), s / sqrt(w)) / sqrt(d),
    "falls with the step": lambda s, d, w: min(1 / s, s / sqrt(w**3)) / sqrt(d),
    "the fall begins at one again": beginning_anew,
    "counts from zero": lambda s, d, w: in_two_parts(s - 1, d, w),
    "counts one too far": lambda s, d, w: in_two_parts(s + 1, d, w),
}


def test_the_two_parts_are_right():
    check(in_two_parts).require()


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)
