import math

import pytest
import torch
from torch import nn

from tests.checks.written import earns
from txlite import checks

check = checks.gelu


@pytest.mark.parametrize(
    "answer", [lambda x: x * torch.distributions.Normal(0.0, 1.0).cdf(x), nn.GELU()]
)
def test_right_answers_in_other_words_pass(answer):
    check(answer).require()


def each(f):
    """Apply a function of one number to every number."""
    return lambda x: torch.tensor([f(v) for v in x.flatten().tolist()]).reshape(x.shape)


def below(v):
    """The probability that a standard normal number is below v."""
    return math.erfc(-v / 2**0.5) / 2


WRITTEN = {
    "√2 forgotten": each(lambda v: v * below(2**0.5 * v)),
    "halves the input": each(lambda v: v * below(v / 2**0.5)),
    "not halved": each(lambda v: 2 * v * below(v)),
    "one not added": each(lambda v: v * (below(v) - 0.5)),
    "the upper tail": each(lambda v: v * below(-v)),
    "not multiplied by x": each(below),
    "the density": each(lambda v: v * math.e ** (-v * v / 2) / (2 * math.pi) ** 0.5),
    "tanh approximation": each(
        lambda v: v / 2 * (1 + math.tanh((2 / math.pi) ** 0.5 * (v + 0.044715 * v**3)))
    ),
    "sigmoid approximation": each(lambda v: v / (1 + math.exp(-1.702 * v))),
    "SiLU": each(lambda v: v / (1 + math.exp(-v))),
    "ReLU": each(lambda v: max(v, 0.0)),
    "rounded": each(lambda v: round(v * below(v), 2)),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(check, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(check.mistakes)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (nn.GELU(approximate="tanh"), "tanh approximation"),
        (lambda x: x * (1 + torch.erf(x)) / 2, "√2 forgotten"),
        (lambda x: x * math.sqrt(0.5) * 0 + x.relu(), "ReLU"),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    earns(check, answer, name)
