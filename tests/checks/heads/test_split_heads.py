import pytest
import torch

from tests.checks.written import earns
from txlite import checks


@pytest.mark.parametrize(
    "answer",
    [
        lambda x, n: torch.stack(x.chunk(n, -1), 1),
        lambda x, n: x.view(x.size(0), x.size(1), n, x.size(2) // n).permute(0, 2, 1, 3),
        lambda x, n: x.unflatten(-1, (n, -1)).transpose(1, 2).contiguous(),
    ],
    ids=["chunk", "view", "unflatten"],
)
def test_right_answers_in_other_words_pass(answer):
    checks.split_heads(answer).require()


WRITTEN = {
    "reshaped without transpose": lambda x, n: torch.stack(
        [row.flatten().view(n, x.size(1), -1) for row in x]
    ),
    "transpose forgotten": lambda x, n: torch.stack(x.chunk(n, -1), 2),
    "interleaved": lambda x, n: torch.stack([x[..., h::n] for h in range(n)], 1),
    "width and number confused": lambda x, n: torch.stack(x.split(n, -1), 1),
    "cuts the sentence": lambda x, n: x.unflatten(1, (n, -1)),
    "positions last": lambda x, n: torch.stack([piece.mT for piece in x.chunk(n, -1)], 1),
    "heads first": lambda x, n: torch.stack(x.chunk(n, -1)),
    "batch and heads in one axis": lambda x, n: torch.stack(
        [piece for row in x for piece in row.chunk(n, -1)]
    ),
    "copied, not cut": lambda x, n: torch.stack([x] * n, 1),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(checks.split_heads, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(checks.split_heads.mistakes)


def test_natural_mistakes_are_named():
    def view(x, n):
        return x.view(x.size(0), n, x.size(1), x.size(2) // n)

    earns(checks.split_heads, view, "reshaped without transpose")
