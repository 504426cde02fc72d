import math

import pytest
import torch

from tests.checks.written import earns
from txlite import checks, device


@pytest.mark.parametrize(
    "answer",
    [
        lambda t, s: torch.ones(t, s, dtype=torch.bool).tril(s - t),
        lambda t, s: torch.tril(torch.ones(t, s), s - t) == 1,
        lambda t, s: ~torch.triu(torch.ones(t, s, dtype=torch.bool), s - t + 1),
        lambda t, s: torch.arange(s - t, s)[:, None] >= torch.arange(s),
        lambda t, s: torch.tensor([[j - s <= i - t for j in range(s)] for i in range(t)]),
        lambda t, s: torch.ones(t, s, dtype=torch.bool, device=device()).tril(s - t),
    ],
    ids=["tril", "numbers", "triu", "arange", "loops", "device"],
)
def test_right_answers_in_other_words_pass(answer):
    checks.causal_mask(answer).require()


def table(num_queries, num_keys, rule):
    """Ask a rule about every pair, the query's number from the end as the key's is."""
    rows = range(-num_queries, 0)
    return torch.tensor([[rule(i, j) for j in range(-num_keys, 0)] for i in rows])


def square(n):
    return table(n, n, lambda i, j: j <= i)


WRITTEN = {
    "inverted": lambda t, s: table(t, s, lambda i, j: j > i),
    "cannot see itself": lambda t, s: table(t, s, lambda i, j: j < i),
    "sees one step ahead": lambda t, s: table(t, s, lambda i, j: j < i + 2),
    "aligned to the first key": lambda t, s: torch.ones(t, s, dtype=torch.bool).tril(),
    "shifted the wrong way": lambda t, s: torch.ones(t, s, dtype=torch.bool).tril(t - s),
    "upper triangle": lambda t, s: table(t, s, lambda i, j: i <= j),
    "rows and columns swapped": lambda t, s: table(s, t, lambda j, i: j <= i),
    "only itself": lambda t, s: table(t, s, lambda i, j: i - j == 0),
    "everything allowed": lambda t, s: torch.ones(t, s, dtype=torch.bool),
    "numbers": lambda t, s: table(t, s, lambda i, j: 1 if j <= i else 0),
    "made for adding": lambda t, s: table(t, s, lambda i, j: 0.0 if j <= i else -math.inf),
    "extra axes": lambda t, s: table(t, s, lambda i, j: j <= i).reshape(1, 1, t, s),
    "square, of the keys": lambda t, s: square(s),
    "square, of the queries": lambda t, s: square(t),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(checks.causal_mask, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(checks.causal_mask.mistakes)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda t, s: torch.ones(t, s).tril(s - t), "numbers"),
        (lambda t, s: torch.ones(t, s, dtype=torch.int).tril(s - t), "numbers"),
        (lambda t, s: torch.ones(t, s, dtype=torch.bool).tril(s - t - 1), "cannot see itself"),
        (lambda t, s: torch.ones(t, s, dtype=torch.bool).triu(s - t), "upper triangle"),
        (lambda t, s: torch.ones(t, s, dtype=torch.bool).triu(s - t + 1), "inverted"),
        (lambda t, s: torch.ones(s, s, dtype=torch.bool).tril(), "square, of the keys"),
        (lambda t, s: torch.ones(t, s).tril(), "aligned to the first key + numbers"),
        (
            lambda t, s: torch.full((t, s), -torch.inf).triu(s - t + 1),
            "made for adding",
        ),
        (lambda t, s: torch.nn.Transformer.generate_square_subsequent_mask(t), None),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    earns(checks.causal_mask, answer, name)
