import math

import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.nn.positions import ALiBi


def alibi(slopes):
    return lambda n, i, j: -slopes(n).view(n, 1, 1).to(i.device) * (j[None] - i[:, None]).abs()


@pytest.mark.parametrize(
    ("slopes", "name"),
    [
        (lambda n: torch.tensor([slope(h + 1, n) for h in range(n)]), "right"),
        (lambda n: interleaved(n), "right"),
        (lambda n: torch.tensor(ALiBi(n).slopes), "right"),
        (
            lambda n: torch.tensor([2 ** (-8 / n)] * n).cumprod(0),
            "one formula for every number of heads",
        ),
        (lambda n: torch.tensor([2 ** (-8 / n * h) for h in range(n)]), "slopes begin at one"),
        (lambda n: torch.tensor([0.5**h for h in range(1, n + 1)]), "slopes for eight heads"),
    ],
)
def test_alibi_bias(slopes, name):
    assert (checks.alibi_bias(alibi(slopes)).mistake or "right") == name


def slope(head, num_heads):
    power = max(p for p in (1, 2, 4, 8, 16) if p <= num_heads)
    if head <= power:
        return 2 ** (-8 * head / power)
    return 2 ** (-4 * (2 * (head - power) - 1) / power)


def repeated(head, num_heads):
    """Begin anew with the slopes for twice the power where those for the power are used up."""
    power = max(p for p in (1, 2, 4, 8, 16) if p <= num_heads)
    return slope(head, power) if head <= power else slope(head - power, 2 * power)


def interleaved(num_heads):
    """The same in other words: the slopes of the next larger power, every other one first."""
    power = 2 ** math.ceil(math.log2(num_heads))
    every = [2 ** (-8 * h / power) for h in range(1, power + 1)]
    return torch.tensor([*every[1::2], *every[::2]][:num_heads] if power > num_heads else every)


def test_six_heads_have_the_slopes_of_the_authors_code():
    halves = [1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 2, 1 / 8]
    got = checks.alibi_bias.reference(6, torch.tensor([1]), torch.tensor([0]))
    assert (-got.flatten()).tolist() == halves


def written(n, i, j, slope=slope, distance=lambda p, q: abs(p - q), bias=lambda m, x: -m * x):
    """Every head, query and key by itself, the heads counted from 1."""
    return torch.tensor(
        [
            [[bias(slope(h, n), distance(p, q)) for q in j.tolist()] for p in i.tolist()]
            for h in range(1, n + 1)
        ]
    )


def with_slope(slope):
    return lambda n, i, j: written(n, i, j, slope=slope)


def with_distance(distance):
    return lambda n, i, j: written(n, i, j, distance=distance)


def with_bias(bias):
    return lambda n, i, j: written(n, i, j, bias=bias)


WRITTEN = {
    "rewards the distance": with_bias(lambda m, x: m * x),
    "slopes begin at one": with_slope(lambda h, n: 2 ** (-8 * (h - 1) / n)),
    "slopes for eight heads": with_slope(lambda h, n: slope(h, 8)),
    "one formula for every number of heads": with_slope(lambda h, n: 256 ** (-h / n)),
    "two slopes twice": with_slope(repeated),
    "the next larger power": with_slope(lambda h, n: slope(h, 2 ** math.ceil(math.log2(n)))),
    "sorted": with_slope(
        lambda h, n: sorted((slope(other, n) for other in range(1, n + 1)), reverse=True)[h - 1]
    ),
    "slopes in a straight line": with_slope(lambda h, n: 1 - (h - 1) / n),
    "slopes reversed": with_slope(lambda h, n: slope(n - h + 1, n)),
    "one slope for all": with_slope(lambda h, n: slope(1, n)),
    "signed distance": with_distance(lambda p, q: p - q),
    "squared distance": with_distance(lambda p, q: (q - p) * (q - p)),
    "counted from zero": lambda n, i, j: written(
        n, torch.tensor(range(len(i))), torch.tensor(range(len(j)))
    ),
    "causal part only": with_distance(lambda p, q: p - q if q < p else 0),
    "divided by the slope": with_bias(lambda m, x: -x / m),
    "heads last": lambda n, i, j: torch.stack(written(n, i, j).unbind(0), -1),
    "rows and columns swapped": lambda n, i, j: written(n, j, i),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(checks.alibi_bias, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(checks.alibi_bias.mistakes)
