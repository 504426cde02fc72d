"""A text read off an encoder alone."""

import re

import pytest
import torch

from txlite.generation import best_path

BLANK = 3


def scores(*rows: list[int]) -> torch.Tensor:
    return torch.eye(BLANK + 1)[torch.tensor(rows)] + 0.1 * torch.rand(BLANK + 1)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ([0, 0, 0, 0], [0]),
        ([0, BLANK, 0, 0], [0, 0]),
        ([BLANK] * 4, []),
        ([BLANK, 2, 1, 2], [2, 1, 2]),
        ([1, 1, 2, 2], [1, 2]),
    ],
)
def test_repeats_become_one_and_blanks_go(path: list[int], text: list[int]) -> None:
    assert best_path(scores(path), [4]) == [text]


def test_what_lies_behind_the_sound_is_not_read() -> None:
    rows = scores([0, 1, 2, 0], [0, 0, 1, 1], [2, 2, 2, 2])
    assert best_path(rows, [2, 4, 0]) == [[0, 1], [0, 1], []]


@pytest.mark.plain
@pytest.mark.parametrize("lengths", [[4], [4, 5], [-1, 4]])
def test_errors(lengths: list[int]) -> None:
    message = f"lengths should be B=2 numbers in [0, S=4], got {lengths}"
    with pytest.raises(ValueError, match=re.escape(message)):
        best_path(scores([0] * 4, [0] * 4), lengths)
