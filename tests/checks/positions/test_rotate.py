import pytest
import torch

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
def test_natural_mistakes_are_named(answer, name):
    verdict = checks.rotate(answer)
    assert not verdict
    assert verdict.mistake == name
