from functools import reduce

import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.attention_rollout


def test_right_answers_in_other_words_pass():
    check(
        lambda maps: reduce(
            lambda below, layer: 0.5 * below + 0.5 * layer @ below, maps, torch.eye(len(maps[0]))
        )
    ).require()
    check(
        lambda maps: (
            torch.linalg.multi_dot([(a + torch.eye(len(a))) / 2 for a in maps.flip(0)])
            if len(maps) > 1
            else (maps[0] + torch.eye(len(maps[0]))) / 2
        )
    ).require()


def test_the_reference_on_a_case_counted_by_hand():
    """The second word takes from the first, then the third from the second."""
    first = torch.tensor([[1.0, 0, 0], [1, 0, 0], [0, 0, 1]])
    second = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 1, 0]])
    got = check.reference(torch.stack([first, second]))
    torch.testing.assert_close(got[2], torch.tensor([0.25, 0.25, 0.5]))
    torch.testing.assert_close(got.sum(-1), torch.ones(3))


def half(layer):
    return 0.5 * layer + 0.5 * torch.eye(len(layer))


def rollout(maps):
    """Row by row: where each word comes from, by way of the words below."""
    below = [[float(i == j) for j in range(len(maps[0]))] for i in range(len(maps[0]))]
    below = torch.tensor(below)
    for layer in maps:
        mixed = [sum(w * row for w, row in zip(r, below, strict=True)) for r in layer]
        below = (below + torch.stack(mixed)) / 2
    return below


WRITTEN = {
    "layers in reverse": lambda maps: reduce(torch.matmul, map(half, maps)),
    "residual forgotten": lambda maps: reduce(torch.matmul, maps.flip(0)),
    "not halved": lambda maps: reduce(lambda x, a: x + a @ x, maps, torch.eye(len(maps[0]))),
    "mean of the layers": lambda maps: sum(maps) / len(maps),
    "multiplied entry by entry": lambda maps: reduce(lambda a, b: a * b, maps),
    "the last layer only": lambda maps: list(maps).pop(),
    "the first layer only": lambda maps: next(iter(maps)),
    "transposed": lambda maps: rollout(maps).T,
    "residual around the whole": lambda maps: half(reduce(torch.matmul, maps.flip(0))),
}


def test_the_answer_that_is_transposed_is_right():
    check(rollout).require()


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)
