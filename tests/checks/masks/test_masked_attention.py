import pytest
import torch
import torch.nn.functional as F

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
    verdict = check(answer)
    assert not verdict
    assert verdict.mistake == name


def test_a_blind_row_is_among_the_cases():
    assert any(not allowed.any(-1).all() for *_, allowed in check.cases)
