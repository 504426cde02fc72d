import math

import pytest
import torch
from torch import nn

from txlite import checks

check = checks.gelu


@pytest.mark.parametrize(
    "answer", [lambda x: x * torch.distributions.Normal(0.0, 1.0).cdf(x), nn.GELU()]
)
def test_right_answers_in_other_words_pass(answer):
    check(answer).require()


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (nn.GELU(approximate="tanh"), "tanh approximation"),
        (lambda x: x * (1 + torch.erf(x)) / 2, "√2 forgotten"),
        (lambda x: x * math.sqrt(0.5) * 0 + x.relu(), "ReLU"),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    verdict = check(answer)
    assert not verdict
    assert verdict.mistake == name
