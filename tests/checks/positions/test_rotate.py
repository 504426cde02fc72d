import math

import pytest
import torch

from tests.checks.written import earns
from txlite import checks


def angles(x, p, exponent=2):
    speed = 10_000 ** (-exponent * torch.arange(x.shape[-1] // 2) / x.shape[-1])
    return torch.outer(p.float(), speed.to(p.device))


def by_complex_numbers(x, p):
    z = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(z * torch.polar(torch.ones(()).to(x), angles(x, p))).flatten(-2)


def by_partners(x, p):
    a = angles(x, p).repeat_interleave(2, dim=-1)
    partner = torch.stack([-x[..., 1::2], x[..., 0::2]], dim=-1).flatten(-2)
    return x * a.cos() + partner * a.sin()


def in_place(x, p):
    out, a = torch.zeros_like(x), angles(x, p)
    out[..., 0::2] = x[..., 0::2] * a.cos() - x[..., 1::2] * a.sin()
    out[..., 1::2] = x[..., 0::2] * a.sin() + x[..., 1::2] * a.cos()
    return out


@pytest.mark.parametrize("answer", [by_complex_numbers, by_partners, in_place])
def test_right_answers_in_other_words_pass(answer):
    checks.rotate(answer).require()


def llama(x, p):
    a = torch.cat([angles(x, p)] * 2, dim=-1)
    first, second = x.chunk(2, dim=-1)
    return x * a.cos() + torch.cat([-second, first], dim=-1) * a.sin()


def mixed_layouts(x, p):
    a = torch.cat([angles(x, p)] * 2, dim=-1)
    partner = torch.stack([-x[..., 1::2], x[..., 0::2]], dim=-1).flatten(-2)
    return x * a.cos() + partner * a.sin()


def mixed(x, a, matrix):
    """Multiply every pair by a 2 × 2 matrix of its own, made of cosine and sine."""
    m = [[torch.as_tensor(entry) + 0 * a for entry in row] for row in matrix(a.cos(), a.sin())]
    m = torch.stack([torch.stack(row, -1) for row in m], -2)  # (T, E/2, 2, 2)
    return torch.einsum("...tfij,...tfj->...tfi", m, x.unflatten(-1, (-1, 2))).flatten(-2)


def turned(x, a):
    return mixed(x, a, lambda c, s: ((c, -s), (s, c)))


def too_soon(x, p):
    x, a = x.clone(), angles(x, p)
    x[..., 0::2] = x[..., 0::2] * a.cos() - x[..., 1::2] * a.sin()
    x[..., 1::2] = x[..., 0::2] * a.sin() + x[..., 1::2] * a.cos()
    return x


def added(x, p):
    a = angles(x, p)
    return x + torch.view_as_real(torch.exp(1j * a)).flatten(-2)


WRITTEN = {
    "turns the other way": lambda x, p: by_partners(x, -p),
    "no turn at all": lambda x, p: mixed(x, angles(x, p), lambda c, s: ((c, s), (s, c))),
    "sine and cosine swapped": lambda x, p: turned(x, math.pi / 2 - angles(x, p)),
    "each number by itself": lambda x, p: x * angles(x, p).cos().repeat_interleave(2, -1),
    "first number changed too soon": too_soon,
    "pairs pulled apart": lambda x, p: torch.cat(
        [turned(x, angles(x, p))[..., r::2] for r in (0, 1)], -1
    ),
    "exponent f/E": lambda x, p: turned(x, angles(x, p, exponent=1)),
    "faster and faster": lambda x, p: turned(x, angles(x, p, exponent=-2)),
    "one speed for all": lambda x, p: turned(x, angles(x, p, exponent=0)),
    "slowest pair first": lambda x, p: turned(x, angles(x, p).flip(-1)),
    "counted from zero": lambda x, p: by_partners(x, torch.tensor(range(len(p)))),
    "counted from one": lambda x, p: by_complex_numbers(x, p + 1),
    "added, not turned": added,
    "half-split pairs": llama,
    "angles of the half-split, pairs of neighbours": mixed_layouts,
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(checks.rotate, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(checks.rotate.mistakes)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda x, p: by_partners(x, 0 * p), None),
        (lambda x, p: by_partners(x, -1 - p), "turns the other way + counted from one"),
    ],
    ids=["no turn", "both"],
)
def test_natural_mistakes_are_named(answer, name):
    earns(checks.rotate, answer, name)
