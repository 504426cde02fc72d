import math

import pytest
import torch
from torch.testing import assert_close

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
    verdict = checks.shift_rotation(answer)
    assert not verdict
    assert verdict.mistake == name
