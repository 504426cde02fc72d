import math

import pytest
import torch
from torch.testing import assert_close

from tests.checks.written import earns
from txlite import checks
from txlite.nn.positions import sinusoidal

F64 = torch.float64


def filled(k, d_model):
    matrix = torch.zeros(d_model, d_model)
    for i in range(0, d_model, 2):
        a = k / 10_000 ** (i / d_model)
        matrix[i, i] = matrix[i + 1, i + 1] = math.cos(a)
        matrix[i, i + 1], matrix[i + 1, i] = math.sin(a), -math.sin(a)
    return matrix


def solved(k, d_model):
    """No trigonometry: the matrix that leads from many positions to those k further on."""
    places = torch.arange(4 * d_model)
    before = sinusoidal(places, d_model, 10_000.0, dtype=F64)
    after = sinusoidal(places + k, d_model, 10_000.0, dtype=F64)
    return torch.linalg.lstsq(before, after).solution.T


@pytest.mark.parametrize("answer", [filled, solved], ids=["filled", "solved"])
def test_right_answers_in_other_words_pass(answer):
    checks.shift_rotation(answer).require()


@pytest.mark.parametrize(("k", "d_model"), checks.shift_rotation.cases)
def test_the_reference_does_what_the_task_says(k, d_model):
    matrix = checks.shift_rotation.reference(k, d_model)
    places = torch.tensor([0, 3, 77])
    before, after = (sinusoidal(p, d_model, dtype=F64) for p in (places, places + k))
    assert_close(before @ matrix.T, after, rtol=0, atol=1e-12)


def entries(d_model, angle, block):
    """Write the block of every pair, entry by entry, on the diagonal."""
    matrix = torch.zeros(d_model, d_model)
    for i in range(d_model // 2):
        rows = block(math.cos(angle(i)), math.sin(angle(i)))
        for r in (0, 1):
            for c in (0, 1):
                matrix[2 * i + r, 2 * i + c] = rows[r][c]
    return matrix


def speed(i, d_model):
    return 1e4 ** (-2 * i / d_model)


def right_block(c, s):
    return (c, s), (-s, c)


def first_pair(k, d_model):
    matrix = torch.eye(d_model)
    matrix[:2, :2] = filled(k, 2)
    return matrix


def sines_first(k, d_model):
    order = [*range(0, d_model, 2), *range(1, d_model, 2)]
    return filled(k, d_model)[order][:, order]


def with_angle(angle):
    return lambda k, d: entries(d, lambda i: angle(k, i, d), right_block)


WRITTEN = {
    "turns backwards": lambda k, d: filled(-k, d),
    "no minus sign": lambda k, d: entries(
        d, lambda i: k * speed(i, d), lambda c, s: ((c, s), (s, c))
    ),
    "sine on the diagonal": lambda k, d: entries(
        d, lambda i: math.pi / 2 - k * speed(i, d), right_block
    ),
    "one angle for all pairs": with_angle(lambda k, i, d: k),
    "exponent i/D": with_angle(lambda k, i, d: k * speed(i / 2, d)),
    "multiplied by the power": with_angle(lambda k, i, d: k / speed(i, d)),
    "k ignored": lambda k, d: filled(1, d),
    "only the first pair turns": first_pair,
    "sines first, then cosines": sines_first,
    "blocks not put together": lambda k, d: torch.stack(
        [filled(k, d)[i : i + 2, i : i + 2] for i in range(0, d, 2)]
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(checks.shift_rotation, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(checks.shift_rotation.mistakes)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda k, d: filled(k, d).mT, "turns backwards"),
        (lambda k, d: filled(-k, d), "turns backwards"),
        (lambda k, d: filled(1, d), "k ignored"),
        (lambda k, d: filled(k, d).abs(), None),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    earns(checks.shift_rotation, answer, name)
