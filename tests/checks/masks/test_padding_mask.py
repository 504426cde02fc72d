import math

import pytest
import torch

from tests.checks.written import earns
from txlite import checks


@pytest.mark.parametrize(
    "answer",
    [
        lambda n, s: torch.arange(s, device=n.device) < n[:, None],
        lambda n, s: torch.arange(s) < n.cpu().unsqueeze(1),
        lambda n, s: torch.tensor([[j < int(m) for j in range(s)] for m in n]),
        lambda n, s: ~(torch.arange(s, device=n.device)[None] >= n[:, None]),
    ],
)
def test_right_answers_in_other_words_pass(answer):
    checks.padding_mask(answer).require()


def table(lengths, num_keys, rule):
    """Ask a rule about every key of every sequence."""
    return torch.tensor([[rule(j, n) for j in range(num_keys)] for n in lengths.tolist()])


WRITTEN = {
    "inverted": lambda n, s: table(n, s, lambda j, m: j >= m),
    "one too many": lambda n, s: table(n, s, lambda j, m: j - 1 < m),
    "one too few": lambda n, s: table(n, s, lambda j, m: j + 1 < m),
    "padding on the left": lambda n, s: table(n, s, lambda j, m: s - j <= m),
    "only the last token": lambda n, s: table(n, s, lambda j, m: j + 1 == m),
    "everything allowed": lambda n, s: torch.ones(len(n), s, dtype=torch.bool),
    "rows and columns swapped": lambda n, s: torch.tensor(
        [[j < m for m in n.tolist()] for j in range(s)]
    ),
    "numbers": lambda n, s: table(n, s, lambda j, m: 1 if j < m else 0),
    "made for adding": lambda n, s: table(n, s, lambda j, m: 0.0 if j < m else -math.inf),
    "extra axes": lambda n, s: table(n, s, lambda j, m: j < m).reshape(len(n), 1, 1, s),
    "as wide as the longest": lambda n, s: table(n, max(n.tolist()), lambda j, m: j < m),
    "all sequences alike": lambda n, s: table(n, s, lambda j, m: j < max(n.tolist())),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(checks.padding_mask, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(checks.padding_mask.mistakes)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda n, s: torch.arange(s).to(n) <= n[:, None], "one too many"),
        (lambda n, s: torch.arange(s).to(n) >= n[:, None], "inverted"),
        (lambda n, s: (torch.arange(s).to(n) < n[:, None]).float(), "numbers"),
        (lambda n, s: torch.arange(s).to(n)[:, None] < n, "rows and columns swapped"),
        (lambda n, s: torch.arange(int(n.max())).to(n) < n[:, None], "as wide as the longest"),
        (lambda n, s: torch.arange(s).to(n) > n[:, None], "inverted + one too many"),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    earns(checks.padding_mask, answer, name)
