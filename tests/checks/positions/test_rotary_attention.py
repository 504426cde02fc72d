import math

import pytest
import torch
from torch.nn.functional import softmax

from tests.checks.written import earns
from txlite import checks
from txlite.nn.positions import Rotary


def attend(q, k, v):
    return softmax(q @ k.mT / math.sqrt(q.shape[-1]), dim=-1) @ v


def turn(x, p):
    return Rotary(x.shape[-1])(p).apply(x)


def test_rotary_attention_right_and_wrong():
    shifted = lambda q, k, v, i, j: attend(turn(q, i + 90), turn(k, j + 90), v)  # noqa: E731
    checks.rotary_attention(shifted).require()  # only differences count
    checks.rotary_attention(
        lambda q, k, v, i, j: torch.nn.functional.scaled_dot_product_attention(
            turn(q, i), turn(k, j), v
        )
    ).require()
    from_zero = lambda q, k, v, i, j: attend(  # noqa: E731
        turn(q, torch.arange(len(i))), turn(k, torch.arange(len(j))), v
    )
    both = "queries counted from zero + keys counted from zero"
    earns(checks.rotary_attention, from_zero, both)
    instead = lambda q, k, v, i, j: turn(attend(q, k, v), i)  # noqa: E731
    earns(checks.rotary_attention, instead, "output turned + positions unused")


def spun(x, positions):
    """Take pairs for complex numbers, and spin them."""
    speeds = torch.tensor([10_000 ** (-f / x.shape[-1]) for f in range(0, x.shape[-1], 2)])
    spin = torch.exp(1j * positions[:, None] * speeds)
    z = torch.complex(x[..., ::2], x[..., 1::2]) * spin
    return torch.view_as_real(z).flatten(-2)


def ranks(positions):
    return torch.tensor(range(len(positions)))


WRITTEN = {
    "turns the values too": lambda q, k, v, i, j: attend(spun(q, i), spun(k, j), spun(v, j)),
    "keys left as they are": lambda q, k, v, i, j: attend(spun(q, i), k, v),
    "queries left as they are": lambda q, k, v, i, j: attend(q, spun(k, j), v),
    "keys turned backwards": lambda q, k, v, i, j: attend(spun(q, i), spun(k, -j), v),
    "queries turned backwards": lambda q, k, v, i, j: attend(spun(q, -i), spun(k, j), v),
    "queries counted from zero": lambda q, k, v, i, j: attend(spun(q, ranks(i)), spun(k, j), v),
    "keys counted from zero": lambda q, k, v, i, j: attend(spun(q, i), spun(k, ranks(j)), v),
    "keys turned twice": lambda q, k, v, i, j: attend(spun(q, i), spun(k, 2 * j), v),
    "output turned": lambda q, k, v, i, j: spun(attend(spun(q, i), spun(k, j), v), i),
    "positions unused": lambda q, k, v, i, j: attend(q, k, v),
    "scale forgotten": lambda q, k, v, i, j: (
        softmax(torch.einsum("...te,...se->...ts", spun(q, i), spun(k, j)), dim=-1) @ v
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(checks.rotary_attention, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(checks.rotary_attention.mistakes)
