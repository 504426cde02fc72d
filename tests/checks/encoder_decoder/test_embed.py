import math

import pytest
import torch

from tests.checks.written import earns
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


def rows(tokens, weight):
    return torch.nn.functional.embedding(tokens, weight)


def counted(tokens, weight, positions, start=0):
    """Token by token, the positions counted from ``start``."""
    root = math.sqrt(weight.shape[1])
    return torch.stack(
        [
            torch.stack([weight[word] * root + positions[i] for i, word in enumerate(row, start)])
            for row in tokens.tolist()
        ]
    )


WRITTEN = {
    "no scale": lambda t, w, p: counted(t, w / math.sqrt(w.shape[1]), p),
    "times D": lambda t, w, p: rows(t, w) * w.shape[1] + p[: t.shape[1]],
    "divided by √D": lambda t, w, p: rows(t, w) / math.sqrt(w.shape[1]) + p[: t.shape[1]],
    "positions scaled too": lambda t, w, p: counted(t, w, p * math.sqrt(w.shape[1])),
    "positions scaled instead": lambda t, w, p: rows(t, w) + p[: t.shape[1]] * p.shape[1] ** 0.5,
    "positions forgotten": lambda t, w, p: rows(t, w) * w.shape[1] ** 0.5,
    "positions counted from one": lambda t, w, p: counted(t, w, p, start=1),
    "the same position everywhere": lambda t, w, p: rows(t, w) * w.shape[1] ** 0.5 + p[0],
    "positions from the end": lambda t, w, p: counted(t, w, p, start=len(p) - t.shape[1]),
    "positions looked up by token": lambda t, w, p: rows(t, w * w.shape[1] ** 0.5 + p[: len(w)]),
    "positions multiplied": lambda t, w, p: torch.einsum(
        "btd,td->btd", rows(t, w) * math.sqrt(w.shape[1]), p[: t.shape[1]]
    ),
    "positions side by side": lambda t, w, p: torch.stack(
        [torch.hstack([x * w.shape[1] ** 0.5, p[: len(x)]]) for x in rows(t, w)]
    ),
}


def test_counting_token_by_token_is_right():
    check(counted).require()


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda t, w, p: w[t], "no scale + positions forgotten"),
        (lambda t, w, p: (w[t] * w.shape[1] ** 0.5).detach() + p[: t.shape[1]],
         "cuts the gradient"),
    ],
)  # fmt: skip
def test_two_mistakes_and_a_lost_gradient_are_named(answer, name):
    assert check(answer).mistake == name
