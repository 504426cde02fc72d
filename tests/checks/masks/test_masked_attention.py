import pytest
import torch
import torch.nn.functional as F

from tests.checks.written import earns
from txlite import checks

INF = torch.inf
check = checks.masked_attention


def scores(q, k):
    return q @ k.mT / q.shape[-1] ** 0.5


def addend(allowed, fill):
    return torch.zeros(allowed.shape, device=allowed.device).masked_fill(~allowed, fill)


def safe(q, k, v, allowed):
    blind = ~allowed.any(-1, keepdim=True)
    weights = scores(q, k).masked_fill(~(allowed | blind), -INF).softmax(-1)
    return weights.masked_fill(blind, 0.0) @ v


@pytest.mark.parametrize(
    "answer",
    [
        lambda q, k, v, a: F.scaled_dot_product_attention(q, k, v, attn_mask=a),
        safe,
        lambda q, k, v, a: scores(q, k).masked_fill(~a, -INF).softmax(-1).nan_to_num(0) @ v,
        lambda q, k, v, a: scores(q, k).masked_fill(~a, -INF).softmax(-1).masked_fill(~a, 0) @ v,
        lambda q, k, v, a: torch.where(a, scores(q, k), -1e9).softmax(-1) * a @ v,
        lambda q, k, v, a: (scores(q, k) + addend(a, -1e9)).softmax(-1) * a @ v,
    ],
    ids=["torch", "safe", "nan_to_num", "zero fill", "where", "added"],
)
def test_right_answers_in_other_words_pass(answer):
    check(answer).require()


def hidden(s, a, fill=-INF):
    return torch.where(a, s, fill)


def spread(s, v, axis=-1):
    """Make the scores shares along an axis, and take as much of every value."""
    e = torch.exp(s - s.logsumexp(axis, keepdim=True))
    return e.matmul(v)


def sighted(s, a, v, axis=-1):
    """Mask and spread; where that gives NaN, give nothing."""
    e = torch.exp(hidden(s, a) - hidden(s, a).logsumexp(axis, keepdim=True))
    return torch.where(e.isnan(), 0.0, e).matmul(v)


def kept(q, k, a):
    w = scores(q, k).softmax(-1)
    return torch.where(a, w, 0.0)


def added_times(q, k, a):
    return scores(q, k) + (1 - a.float()) * float("-inf")


WRITTEN = {
    "mask ignored": lambda q, k, v, a: spread(scores(q, k), v),
    "mask inverted": lambda q, k, v, a: sighted(scores(q, k), a.logical_not(), v),
    "mask after the softmax": lambda q, k, v, a: kept(q, k, a) @ v,
    "renormalised after the softmax": lambda q, k, v, a: (
        F.normalize(kept(q, k, a), p=1, dim=-1) @ v
    ),
    "renormalised by zero": lambda q, k, v, a: (
        (kept(q, k, a) @ v) / kept(q, k, a).sum(-1)[..., None]
    ),
    "scores multiplied by the mask": lambda q, k, v, a: spread(hidden(scores(q, k), a, 0.0), v),
    "ones and zeros added": lambda q, k, v, a: spread(
        torch.where(a, scores(q, k) + 1, scores(q, k)), v
    ),
    "zero times infinity": lambda q, k, v, a: spread(added_times(q, k, a), v),
    "zero times infinity, painted over": lambda q, k, v, a: (
        added_times(q, k, a).softmax(-1).nan_to_num(0) @ v
    ),
    "masks queries, not keys": lambda q, k, v, a: sighted(scores(q, k), a.swapaxes(-1, -2), v),
    "one mask for all": lambda q, k, v, a: (
        sighted(scores(q, k), a.flatten(0, -3)[0], v) if a.ndim > 2 else safe(q, k, v, a)
    ),
    "blind rows are NaN": lambda q, k, v, a: spread(hidden(scores(q, k), a), v),
    "blind rows see everything": lambda q, k, v, a: (
        hidden(scores(q, k), a, -1e9).softmax(-1).matmul(v)
    ),
    "no scale": lambda q, k, v, a: safe(q * q.shape[-1] ** 0.5, k, v, a),
    "divides by d_k": lambda q, k, v, a: safe(q, k / q.shape[-1] ** 0.5, v, a),
    "divides by √(number of keys)": lambda q, k, v, a: safe(
        q * (k.shape[-1] / k.shape[-2]) ** 0.5, k, v, a
    ),
    "softmax over the queries": lambda q, k, v, a: sighted(scores(q, k), a, v, -2),
    "softmax over axis 0": lambda q, k, v, a: sighted(scores(q, k), a, v, 0),
    "softmax over axis 1": lambda q, k, v, a: sighted(scores(q, k), a, v, 1),
    "query and key swapped": lambda q, k, v, a: sighted(scores(k, q), a, v),
    "transposes axes 0 and 1": lambda q, k, v, a: sighted(
        q.matmul(k.swapaxes(0, 1)) / k.shape[-1] ** 0.5, a, v
    ),
    "transposes axes 1 and 2": lambda q, k, v, a: sighted(
        q.matmul(k.swapaxes(1, 2)) / k.shape[-1] ** 0.5, a, v
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(check, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(check.mistakes)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda q, k, v, a: F.scaled_dot_product_attention(q, k, v), "mask ignored"),
        (lambda q, k, v, a: F.scaled_dot_product_attention(q, k, v, ~a), "mask inverted"),
        (lambda q, k, v, a: scores(q, k).softmax(-1) * a @ v, "mask after the softmax"),
        (lambda q, k, v, a: (scores(q, k) * a).softmax(-1) @ v, "scores multiplied by the mask"),
        (
            lambda q, k, v, a: scores(q, k).masked_fill(~a, 0).softmax(-1) @ v,
            "scores multiplied by the mask",
        ),
        (lambda q, k, v, a: (scores(q, k) + a.float()).softmax(-1) @ v, "ones and zeros added"),
        (
            lambda q, k, v, a: scores(q, k).masked_fill(~a, -INF).softmax(-1) @ v,
            "blind rows are NaN",
        ),
        (
            lambda q, k, v, a: scores(q, k).masked_fill(~a, -1e9).softmax(-1) @ v,
            "blind rows see everything",
        ),
        (
            lambda q, k, v, a: (scores(q, k) + addend(a, -1e9)).softmax(-1) @ v,
            "blind rows see everything",
        ),
        (
            lambda q, k, v, a: (q @ k.mT).masked_fill(~a, -INF).softmax(-1) @ v,
            "blind rows are NaN + no scale",
        ),
        (
            lambda q, k, v, a: scores(q, k).masked_fill(a, -INF).softmax(-1) @ v,
            "mask inverted + blind rows are NaN",
        ),
        (
            lambda q, k, v, a: F.normalize(scores(q, k).softmax(-1) * a, p=1, dim=-1) @ v,
            "renormalised after the softmax",
        ),
        (
            lambda q, k, v, a: (scores(q, k).masked_fill(~a, -INF).softmax(-1) @ v).nan_to_num(0),
            "NaN in the gradient",
        ),
        (lambda q, k, v, a: scores(q, k).masked_fill(~a, -1.0).softmax(-1) @ v, None),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    earns(check, answer, name)


def test_a_blind_row_is_among_the_cases():
    assert any(not allowed.any(-1).all() for *_, allowed in check.cases)
