from functools import reduce

import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.attention_rollout


def joined(maps):
    """The largest weight of any head, and a word's own vector: one (T, T) for each layer."""
    return [reduce(torch.maximum, layer) + torch.eye(layer.shape[-1]) for layer in maps]


def shares(x):
    return torch.stack([row / sum(row) for row in x])


def rollout(maps, each=shares):
    return reduce(lambda below, layer: each(layer) @ below, joined(maps), torch.eye(maps.shape[-1]))


def row_by_row(maps):
    """Where each word comes from, by way of the words below."""
    below = torch.eye(maps.shape[-1])
    for layer in joined(maps):
        below = torch.stack(
            [sum(w * row for w, row in zip(r, below, strict=True)) / r.sum() for r in layer]
        )
    return below


@pytest.mark.parametrize("answer", [rollout, row_by_row])
def test_right_answers_in_other_words_pass(answer):
    check(answer).require()


def test_the_reference_on_a_case_counted_by_hand():
    """One head attends to oneself, the other to the first word: rows of A + I sum to 2, 3, 3."""
    first = torch.tensor([[1.0, 0, 0], [1, 0, 0], [1, 0, 0]])
    got = check.reference(torch.stack([torch.eye(3), first])[None])
    wanted = torch.tensor([[1, 0, 0], [1 / 3, 2 / 3, 0], [1 / 3, 0, 2 / 3]])
    torch.testing.assert_close(got, wanted)


def test_with_one_head_it_is_the_papers():
    maps = torch.randn(3, 1, 4, 4).softmax(-1)
    half = [(layer[0] + torch.eye(4)) / 2 for layer in maps]
    torch.testing.assert_close(check.reference(maps), half[2] @ half[1] @ half[0])


def product(layers):
    return reduce(torch.matmul, reversed(layers))


WRITTEN = {
    "divided by another row's sum": lambda maps: rollout(maps, lambda x: x / x.sum(-1)),
    "columns divided": lambda maps: rollout(maps, lambda x: shares(x.T).T),
    "not divided": lambda maps: product(joined(maps)),
    "halved": lambda maps: product(joined(maps)) / 2 ** len(maps),
    "divided once, at the end": lambda maps: shares(product(joined(maps))),
    "heads averaged": lambda maps: row_by_row(
        torch.stack([sum(layer) / len(layer) for layer in maps])[:, None]
    ),
    "first head only": lambda maps: row_by_row(maps[:, :1]),
    "layers in reverse": lambda maps: row_by_row(maps.flip(0)),
    "residual forgotten": lambda maps: product(
        [shares(reduce(torch.maximum, layer)) for layer in maps]
    ),
    "mean of the layers": lambda maps: sum(map(shares, joined(maps))) / len(maps),
    "multiplied entry by entry": lambda maps: reduce(lambda a, b: a * b, map(shares, joined(maps))),
    "the last layer only": lambda maps: row_by_row(maps[-1:]),
    "the first layer only": lambda maps: row_by_row(maps[:1]),
    "transposed": lambda maps: row_by_row(maps).T,
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)
