"""Recall at k: against counting, with ties broken by chance and several right answers."""

from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from txlite.training import recall_at


def by_counting(scores: list[int], relevant: list[bool], k: int) -> float:
    """Return the share of all orders of the candidates in which a stable sort gives a hit."""
    orders = list(permutations(range(len(scores))))
    hits = 0
    for order in orders:
        ranked = sorted(order, key=lambda j: -scores[j])
        hits += any(relevant[j] for j in ranked[:k])
    return hits / len(orders)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=5),
    st.integers(1, 6),
)
def test_it_is_the_share_of_orders_that_hit(candidates, k):
    scores, relevant = map(list, zip(*candidates, strict=True))
    if any(relevant):
        got = recall_at(torch.tensor([scores]).float(), torch.tensor([relevant]), k)
        assert_close(got.item(), by_counting(scores, relevant, k), rtol=0, atol=1e-9)


def test_without_ties_it_is_the_rank():
    scores = torch.tensor([[0.1, 0.9, 0.5]]).expand(3, 3)
    right = torch.eye(3, dtype=torch.bool)
    found = [recall_at(scores, right, k).tolist() for k in (1, 2, 3)]
    assert found == [[0, 1, 0], [0, 1, 1], [1, 1, 1]]


@pytest.mark.kills(
    "retrieval: a tie counts as a hit",
    "training/retrieval.py",
    "ties, right = tied.sum(-1), (tied & relevant).sum(-1)",
    "ties, right = (tied & relevant).sum(-1), (tied & relevant).sum(-1)",
)
def test_a_model_for_which_all_are_alike_gets_chance():
    """Sorted, it would get everything or nothing, by the order of the candidates."""
    right = torch.eye(50, dtype=torch.bool)
    for k in (1, 5, 50):
        assert_close(recall_at(torch.ones(50, 50), right, k), torch.full((50,), k / 50).double())


def test_any_of_several_right_answers_counts():
    scores = torch.tensor([[0.9, 0.8, 0.1, 0.7]])
    assert recall_at(scores, torch.tensor([[False, True, True, False]]), 1).item() == 0
    assert recall_at(scores, torch.tensor([[False, True, True, False]]), 2).item() == 1
    assert recall_at(scores, torch.tensor([[True, True, True, False]]), 1).item() == 1
    chance = recall_at(torch.zeros(1, 10), torch.arange(10)[None] < 3, 2)
    assert_close(chance.item(), 1 - (7 / 10) * (6 / 9))


def test_thousands_of_candidates_are_exact():
    right = torch.zeros(1, 5000, dtype=torch.bool)
    right[0, 17] = True
    assert_close(recall_at(torch.zeros(1, 5000), right, 5).item(), 0.001, rtol=0, atol=1e-9)
    half = torch.zeros(1, 5000).half()
    assert_close(recall_at(half, right, 1).item(), 1 / 5000, rtol=0, atol=1e-9)


@pytest.mark.plain
def test_errors_name_what_came():
    right = torch.eye(2, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"relevant should have shape \(Q=2, N=3\), got \(2, 2\)"):
        recall_at(torch.zeros(2, 3), right, 1)
    with pytest.raises(ValueError, match=r"relevant should have a right .*, row 1 has none"):
        recall_at(torch.zeros(2, 2), torch.tensor([[True, False], [False, False]]), 1)
    with pytest.raises(ValueError, match="scores should hold numbers, got nan"):
        recall_at(torch.tensor([[0.0, torch.nan], [0, 0]]), right, 1)
    with pytest.raises(ValueError, match="k should be a positive whole number, got 0"):
        recall_at(torch.zeros(2, 2), right, 0)
    with pytest.raises(ValueError, match="relevant should be a bool tensor"):
        recall_at(torch.zeros(2, 2), right.float(), 1)
    with pytest.raises(ValueError, match="scores should hold floating-point numbers, got int64"):
        recall_at(torch.zeros(2, 2, dtype=torch.long), right, 1)
