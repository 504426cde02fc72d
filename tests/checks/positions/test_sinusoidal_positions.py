import math

import pytest
import torch

from txlite import checks
from txlite.nn.positions import Sinusoidal


def assigned(length, d_model):
    """The way it is mostly written: two assignments with a stride."""
    p, table = torch.arange(length)[:, None], torch.zeros(length, d_model)
    speed = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10_000) / d_model))
    table[:, 0::2] = torch.sin(p * speed)
    table[:, 1::2] = torch.cos(p * speed[: d_model // 2])
    return table


def looped(length, d_model):
    waves = (math.sin, math.cos)
    return torch.tensor(
        [
            [waves[j % 2](p / 10_000 ** (2 * (j // 2) / d_model)) for j in range(d_model)]
            for p in range(length)
        ]
    )


@pytest.mark.parametrize(
    "answer",
    [assigned, looped, lambda t, d: Sinusoidal(d)(torch.arange(t))],
    ids=lambda f: f.__name__,
)
def test_right_answers_in_other_words_pass(answer):
    checks.sinusoidal_positions(answer).require()


def naive(length, d_model):
    """Copied from a thousand blogs: breaks on an odd width."""
    p, table = torch.arange(length)[:, None], torch.zeros(length, d_model)
    speed = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10_000) / d_model))
    table[:, 0::2] = torch.sin(p * speed)
    table[:, 1::2] = torch.cos(p * speed)
    return table


def halves(length, d_model):
    speed = 10_000 ** (-torch.arange(0, d_model, 2) / d_model)
    angles = torch.arange(length)[:, None] * speed
    return torch.cat([angles.sin(), angles.cos()], -1)[:, :d_model]


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (naive, "an odd width raises"),
        (halves, "sines first, then cosines"),
        (lambda t, d: naive(t, d)[None], "an odd width raises + extra axes"),
        (lambda t, d: torch.zeros(t, d), None),
        (lambda t, d: assigned(t, d).mT, "rows and columns swapped"),
        (lambda t, d: assigned(t + 1, d)[1:], "positions from 1"),
        (lambda t, d: assigned(t, 2 * d)[:, :d], "exponent i/D"),
        (lambda t, d: halves(t + 1, d)[1:], "sines first, then cosines + positions from 1"),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    verdict = checks.sinusoidal_positions(answer)
    assert not verdict
    assert verdict.mistake == name
