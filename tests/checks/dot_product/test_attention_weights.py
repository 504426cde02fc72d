import numpy as np
import pytest
import torch

from tests.checks.dot_product.weights import WEIGHTS
from tests.checks.written import earns
from txlite import checks


def weights(q, k):
    return (q @ k.mT / k.shape[-1] ** 0.5).softmax(-1)


def test_right_answers_in_other_words_pass():
    checks.attention_weights(weights).require()
    checks.attention_weights(
        lambda q, k: torch.einsum("...te,...se->...ts", q, k).div(q.size(-1) ** 0.5).softmax(-1)
    ).require()


def test_the_reference_agrees_with_numpy():
    for q, k, *_ in (*checks.attention_weights.cases, *checks.attention.cases):
        x, y = (np.asarray(a, dtype=np.float64) for a in (q, k))
        scores = x @ np.swapaxes(y, -1, -2) / np.sqrt(x.shape[-1])
        e = np.exp(scores - scores.max(-1, keepdims=True))
        w = torch.from_numpy(e / e.sum(-1, keepdims=True))
        torch.testing.assert_close(
            checks.attention_weights.reference(q, k).double(), w, rtol=1e-4, atol=1e-5
        )


WRITTEN = WEIGHTS | {
    "distance in place of the product": lambda q, k: torch.softmax(
        -(q.unsqueeze(-2) - k.unsqueeze(-3)).pow(2).sum(-1) / (2 * q.size(-1) ** 0.5), -1
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(checks.attention_weights, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(checks.attention_weights.mistakes)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda q, k: torch.matmul(q, k.transpose(-2, -1)).softmax(dim=-1), "no scale"),
        (lambda q, k: torch.sigmoid(q @ k.mT / q.size(-1) ** 0.5), "sigmoid"),
        (lambda q, k: (q @ k.permute(0, 2, 1) / 2).softmax(-1), None),
        (lambda q, k: (q @ k.mT).softmax(-2), "no scale + softmax over the queries"),
        (lambda q, k: q @ k.mT, "no scale + no softmax"),
        (
            lambda q, k: (torch.cdist(q, k) ** 2).div(-2 * q.size(-1) ** 0.5).softmax(-1),
            "distance in place of the product",
        ),
        (
            lambda q, k: (-(torch.cdist(q, k) ** 2) / 2).softmax(-1),
            "no scale + distance in place of the product",
        ),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    earns(checks.attention_weights, answer, name)
