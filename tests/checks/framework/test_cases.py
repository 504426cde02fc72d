"""The inputs of exercises: numbers that a person can compute with, the same at every call."""

import torch

from txlite.checks.framework._cases import halves


def test_halves_reach_from_minus_two_to_two() -> None:
    drawn = halves(3, 40, 25)
    assert drawn.unique().tolist() == [n / 2 for n in range(-4, 5)]
    assert torch.equal(drawn, halves(3, 40, 25))
