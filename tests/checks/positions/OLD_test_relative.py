"""The exercises of chapter 6: answers that people write, right and wrong."""

import math

import pytest
import torch
from torch.nn.functional import softmax

from txlite import checks
from txlite.nn.positions import Rotary


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
def test_right_turns_pass(answer):
    checks.rotate(answer).require()


def llama(x, p):
    a = torch.cat([angles(x, p)] * 2, dim=-1)
    first, second = x.chunk(2, dim=-1)
    return x * a.cos() + torch.cat([-second, first], dim=-1) * a.sin()


def mixed_layouts(x, p):
    a = torch.cat([angles(x, p)] * 2, dim=-1)
    partner = torch.stack([-x[..., 1::2], x[..., 0::2]], dim=-1).flatten(-2)
    return x * a.cos() + partner * a.sin()


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (llama, "half-split pairs"),
        (mixed_layouts, "angles of the half-split, pairs of neighbours"),
        (lambda x, p: by_partners(x, -p), "turns the other way"),
        (lambda x, p: by_partners(x, torch.arange(len(p)).to(p)), "counted from zero"),
        (lambda x, p: by_partners(x, 0 * p), None),
    ],
    ids=["Llama's", "mixed", "backwards", "arange", "no turn"],
)
def test_natural_wrong_turns_are_named(answer, name):
    verdict = checks.rotate(answer)
    assert not verdict
    assert verdict.mistake == name


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
    for answer, name in (
        (lambda q, k, v, i, j: attend(turn(q, i), turn(k, j), turn(v, j)), "turns the values too"),
        (lambda q, k, v, i, j: attend(turn(q, i), k, v), "keys left as they are"),
        (lambda q, k, v, i, j: attend(turn(q, i), turn(k, -j), v), "keys turned backwards"),
        (
            lambda q, k, v, i, j: attend(turn(q, torch.arange(len(i))), turn(k, j), v),
            "queries counted from zero",
        ),
        (
            lambda q, k, v, i, j: attend(
                turn(q, torch.arange(len(i))), turn(k, torch.arange(len(j))), v
            ),
            "queries counted from zero + keys counted from zero",
        ),
    ):
        assert checks.rotary_attention(answer).mistake == name


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda t, s: torch.arange(s) - torch.arange(s - t, s)[:, None], "right"),
        (lambda t, s: torch.tensor([[j - i for j in range(s)] for i in range(s - t, s)]), "right"),
        (lambda t, s: torch.arange(s) - torch.arange(t)[:, None], "counted from the first key"),
        (lambda t, s: torch.arange(s - t, s)[:, None] - torch.arange(s), "sign reversed"),
    ],
)
def test_relative_offsets(answer, name):
    verdict = checks.relative_offsets(answer)
    assert (verdict.mistake or "right") == name
    assert bool(verdict) == (name == "right")


def alibi(slopes):
    return lambda n, i, j: -slopes(n).view(n, 1, 1).to(i.device) * (j[None] - i[:, None]).abs()


@pytest.mark.parametrize(
    ("slopes", "name"),
    [
        (lambda n: torch.tensor([2 ** (-8 / n * (h + 1)) for h in range(n)]), "right"),
        (lambda n: torch.tensor([2 ** (-8 / n)] * n).cumprod(0), "right"),
        (lambda n: torch.tensor([2 ** (-8 / n * h) for h in range(n)]), "slopes begin at one"),
        (lambda n: torch.tensor([0.5**h for h in range(1, n + 1)]), "slopes for eight heads"),
    ],
)
def test_alibi_bias(slopes, name):
    assert (checks.alibi_bias(alibi(slopes)).mistake or "right") == name


def one_by_one(distance, buckets, farthest):
    m, out = buckets // 2, []
    for d in distance.tolist():
        share = math.log(max(d, 1) / m) / math.log(farthest / m)
        out.append(d if d < m else min(buckets - 1, m + int((buckets - m) * share + 1e-9)))
    return torch.tensor(out)


def test_t5_bucket_right_and_wrong():
    checks.t5_bucket(one_by_one).require()
    verdict = checks.t5_bucket(lambda d, buckets, farthest: d.clamp(max=buckets - 1))
    assert verdict.mistake == "single distances only"
