import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.checks.dot_product.weights import WEIGHTS, scaled, shares
from tests.checks.written import earns
from txlite import checks


def weights(q, k):
    return (q @ k.mT / k.shape[-1] ** 0.5).softmax(-1)


def looped(q, k, v):
    """One query at a time, with nothing but sums."""
    if q.ndim > 2:
        return torch.stack([looped(*x) for x in zip(q, k, v, strict=True)])
    rows = []
    for query in q:
        scores = torch.stack([(query * key).sum() / math.sqrt(len(key)) for key in k])
        e = (scores - scores.max()).exp()
        rows.append(sum(w * value for w, value in zip(e / e.sum(), v, strict=True)))
    return torch.stack(rows)


@pytest.mark.parametrize(
    "answer",
    [
        F.scaled_dot_product_attention,
        looped,
        lambda q, k, v: weights(q, k) @ v,
        lambda q, k, v: torch.einsum("...ts,...sv->...tv", weights(q, k), v),
        lambda q, k, v: (q / q.shape[-1] ** 0.5 @ k.mT).softmax(-1) @ v,
        lambda q, k, v: weights(q.double(), k.double()) @ v.double(),
        lambda q, k, v, mask=None, scale=None: weights(q, k) @ v,
    ],
    ids=["torch", "loop", "matmul", "einsum", "scaled query", "float64", "more arguments"],
)
def test_right_answers_in_other_words_pass(answer):
    checks.attention(answer).require()


def test_the_reference_agrees_with_numpy():
    for q, k, v in checks.attention.cases:
        x, y, z = (np.asarray(a, dtype=np.float64) for a in (q, k, v))
        scores = x @ np.swapaxes(y, -1, -2) / np.sqrt(x.shape[-1])
        e = np.exp(scores - scores.max(-1, keepdims=True))
        w = torch.from_numpy(e / e.sum(-1, keepdims=True))
        torch.testing.assert_close(
            checks.attention.reference(q, k, v).double(),
            w @ torch.from_numpy(z),
            rtol=1e-4,
            atol=1e-5,
        )


def used(wrong_weights):
    return lambda q, k, v: wrong_weights(q, k).matmul(v)


WRITTEN = {
    **{name: used(wrong) for name, wrong in WEIGHTS.items()},
    "averages the keys": lambda q, k, v: looped(q, k, k),
    "returns the weights": lambda q, k, v: shares(scaled(q, k), -1),
    "weights transposed": lambda q, k, v: shares(scaled(k, q), -2).matmul(v),
    "mean instead of sum": lambda q, k, v: looped(q, k, v / v.shape[-2]),
    "plain mean of the values": lambda q, k, v: looped(0 * q, k, v),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(checks.attention, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(checks.attention.mistakes)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda q, k, v: (q @ k.mT).softmax(-1) @ v, "no scale"),
        (lambda q, k, v: weights(q, k) @ k, "averages the keys"),
        (lambda q, k, v: weights(q, k), "returns the weights"),
        (lambda q, k, v: weights(q, k) @ v / len(v), None),
        (lambda q, k, v: weights(q, k) @ v / v.shape[-2], "mean instead of sum"),
        (lambda q, k, v: (q @ k.mT).softmax(-2) @ v, "no scale + softmax over the queries"),
        (lambda q, k, v: (weights(q, k) @ v, weights(q, k)), None),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    earns(checks.attention, answer, name)
