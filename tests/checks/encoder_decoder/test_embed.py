import pytest
import torch

from txlite import checks
from txlite.nn import TokenEmbedding

check = checks.embed


def by_module(tokens, weight, positions):
    embedding = TokenEmbedding(*weight.shape)
    state = {"weight": weight}
    return torch.func.functional_call(embedding, state, (tokens,)) + positions[: tokens.shape[1]]


def by_one_hot(tokens, weight, positions):
    one_hot = torch.nn.functional.one_hot(tokens, len(weight)).to(weight.dtype)
    return one_hot @ weight * weight.shape[1] ** 0.5 + positions[None, : tokens.shape[1]]


def test_right_answers_in_other_words_pass():
    check(by_module).require()
    check(by_one_hot).require()


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda t, w, p: w[t] + p[: t.shape[1]], "no scale"),
        (lambda t, w, p: (w[t] + p[: t.shape[1]]) * w.shape[1] ** 0.5, "positions scaled too"),
        (lambda t, w, p: w[t] * w.shape[1] ** 0.5, "positions forgotten"),
        (lambda t, w, p: w[t], "no scale + positions forgotten"),
        (lambda t, w, p: w[t] * w.shape[1] ** 0.5 + p[0], "the same position everywhere"),
        (lambda t, w, p: (w[t] * w.shape[1] ** 0.5).detach() + p[: t.shape[1]],
         "cuts the gradient"),
    ],
)  # fmt: skip
def test_natural_mistakes_are_named(answer, name):
    assert check(answer).mistake == name
