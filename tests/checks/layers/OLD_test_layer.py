"""The exercises of chapter 7: other words pass, natural mistakes are named."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from txlite import checks

EPS = 1e-5


def by_std(x, weight, bias):
    return (x - x.mean(-1, keepdim=True)) / x.var(-1, keepdim=True).add(EPS).sqrt() * weight + bias


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (checks.layer_norm, lambda x, w, b: functional.layer_norm(x, x.shape[-1:], w, b)),
        (
            checks.layer_norm,
            lambda x, w, b: (
                (x - x.mean(-1, True)) * (x.var(-1, correction=0, keepdim=True) + EPS).rsqrt() * w
                + b
            ),
        ),
        (checks.rms_norm, lambda x, w: x * (x.pow(2).mean(-1, True) + 1e-6).rsqrt() * w),
        (checks.gelu, lambda x: x * torch.distributions.Normal(0.0, 1.0).cdf(x)),
        (checks.gelu, nn.GELU()),
        (checks.feed_forward, lambda x, a, b, c, d: (x @ a + b).clamp(min=0) @ c + d),
        (
            checks.feed_forward,
            lambda x, a, b, c, d: functional.linear(functional.linear(x, a.T, b).relu(), c.T, d),
        ),
        (
            checks.residual_branch,
            lambda x, f, n, first: x + f(n(x)) if first else n(x + f(x)),
        ),
    ],
)
def test_right_answers_in_other_words_pass(check, answer):
    check(answer).require()


@pytest.mark.parametrize(
    ("check", "answer", "name"),
    [
        (checks.layer_norm, by_std, "unbiased variance"),
        (
            checks.layer_norm,
            lambda x, w, b: functional.layer_norm(x, x.shape[-1:]) * w,
            "bias forgotten",
        ),
        (
            checks.layer_norm,
            lambda x, w, b: (
                (x - x.mean(-1, True)) / (x.std(-1, keepdim=True, correction=0) + EPS) * w + b
            ),
            "eps outside the root",
        ),
        (
            checks.layer_norm,
            lambda x, w, b: functional.layer_norm(x, x.shape[-2:]) * w + b,
            None,  # raises for one vector, so it is like no mistake of the bank
        ),
        (
            checks.rms_norm,
            lambda x, w: functional.normalize(x, dim=-1, eps=0) * w,
            "sum instead of mean + eps forgotten",
        ),
        (
            checks.rms_norm,
            lambda x, w: functional.layer_norm(x, x.shape[-1:], w, None, 1e-6),
            "mean subtracted",
        ),
        (checks.gelu, nn.GELU(approximate="tanh"), "tanh approximation"),
        (checks.gelu, lambda x: x * (1 + torch.erf(x)) / 2, "√2 forgotten"),
        (checks.gelu, lambda x: x * math.sqrt(0.5) * 0 + x.relu(), "ReLU"),
        (checks.feed_forward, lambda x, a, b, c, d: (x @ a + b) @ c + d, "no activation"),
        (
            checks.feed_forward,
            lambda x, a, b, c, d: x + (x @ a + b).relu() @ c + d,
            "residual added",
        ),
        (
            checks.feed_forward,
            lambda x, a, b, c, d: (x @ a).relu() @ c,
            "b_up forgotten + b_down forgotten",
        ),
        (checks.residual_branch, lambda x, f, n, first: x + f(n(x)), "always pre-norm"),
        (
            checks.residual_branch,
            lambda x, f, n, first: f(n(x)) if first else n(f(x)),
            "residual forgotten",
        ),
    ],
)
def test_natural_mistakes_are_named(check, answer, name):
    verdict = check(answer)
    assert not verdict
    assert verdict.mistake == name


def test_a_branch_shows_its_functions_as_text():
    message = checks.residual_branch(lambda x, f, n, first: f(x)).message
    assert "lambda x: 2 * x + 1" in message
    assert "lambda x: x / 10" in message
