import math

import pytest
import torch

from tests.checks.written import earns
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


def entries(length, d_model, angle, waves=(math.sin, math.cos), columns=None):
    """Ask for the angle of every position and pair, and write a wave of it into its column."""
    columns = d_model if columns is None else columns
    return torch.tensor(
        [[waves[j % 2](angle(p, j // 2)) for j in range(columns)] for p in range(length)]
    )


def slowed(p, pair, d_model):
    return p * 1e4 ** (-2 * pair / d_model)


def with_angle(angle):
    """Change the angle alone: by position, pair, length and width."""
    return lambda t, d: entries(t, d, lambda p, i: angle(p, i, t, d))


def with_waves(first, second):
    return lambda t, d: entries(t, d, lambda p, i: slowed(p, i, d), (first, second))


def by_column(factor):
    """Take the number of the column for that of the pair."""

    def answer(t, d):
        table = torch.zeros(t, d)
        for p in range(t):
            for j in range(d):
                angle = p / 10_000 ** (factor * j / d)
                table[p, j] = math.cos(angle) if j % 2 else math.sin(angle)
        return table

    return answer


def with_columns(number):
    return lambda t, d: entries(t, d, lambda p, i: slowed(p, i, d), columns=number(d))


WRITTEN = {
    "sines first, then cosines": halves,
    "exponent i/D": with_angle(lambda p, i, t, d: p / 100 ** (2 * i / d)),
    "a frequency for every column": by_column(1),
    "2i of the column": by_column(2),
    "positions from 1": lambda t, d: assigned(t + 1, d)[1:],
    "positions from 0 to 1": with_angle(lambda p, i, t, d: slowed(p, i, d) / t),
    "cosine before sine": with_waves(math.cos, math.sin),
    "sines only": with_waves(math.sin, math.sin),
    "multiplied by the power": with_angle(lambda p, i, t, d: p * 1e4 ** (2 * i / d)),
    "the last pair at exactly 10000": with_angle(
        lambda p, i, t, d: p * 1e4 ** (-i / (math.ceil(d / 2) - 1) if d > 2 else 0)
    ),
    "log of 10000 forgotten": with_angle(lambda p, i, t, d: p * math.exp(-2 * i / d)),
    "degrees": with_angle(lambda p, i, t, d: math.radians(slowed(p, i, d))),
    "an odd width ends too soon": with_columns(lambda d: d // 2 * 2),
    "an odd width has one column more": with_columns(lambda d: (d + 1) // 2 * 2),
    "an odd width raises": naive,
    "rows and columns swapped": lambda t, d: assigned(t, d).mT,
    "extra axes": lambda t, d: assigned(t, d).reshape(1, t, d),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(checks.sinusoidal_positions, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(checks.sinusoidal_positions.mistakes)


def multiplied(length, d_model):
    """In float32, as most would write it."""
    angles = torch.arange(length)[:, None] * 10_000 ** (torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)[:, :d_model]


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda t, d: naive(t, d)[None], "an odd width raises + extra axes"),
        (lambda t, d: torch.zeros(t, d), None),
        (multiplied, "multiplied by the power"),
        (lambda t, d: assigned(t, 2 * d)[:, :d], "exponent i/D"),
        (lambda t, d: halves(t + 1, d)[1:], "sines first, then cosines + positions from 1"),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    earns(checks.sinusoidal_positions, answer, name)
