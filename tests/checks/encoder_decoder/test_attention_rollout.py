from functools import reduce

import torch

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


def test_natural_mistakes_are_named():
    assert check(lambda maps: maps.mean(0)).mistake == "mean of the layers"
    assert check(lambda maps: reduce(torch.matmul, maps.flip(0))).mistake == "residual forgotten"
    halved = lambda maps: [(a + torch.eye(len(a))) / 2 for a in maps]  # noqa: E731
    assert check(lambda maps: reduce(torch.matmul, halved(maps))).mistake == "layers in reverse"
