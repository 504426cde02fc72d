"""Exercise: how often a search finds what it should, among the first k.

Sources
    Radford et al. (2021), "Learning Transferable Visual Models From Natural Language Supervision",
    section 3.1 and appendix E.1, for zero-shot retrieval measured so. McSherry and Najork (2008),
    "Computing Information Retrieval Performance Measures Efficiently in the Presence of Tied
    Scores", for the mean over all orders of what is tied.
"""

import math

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, swapped

__all__ = ["recall_at_k"]


def _the_best(scores: Tensor, right: Tensor) -> Tensor:
    return scores.masked_fill(~right, -math.inf).amax(1, keepdim=True)


def _in_any_order(right: Tensor, wrong: Tensor, left: Tensor, k: int) -> Tensor:
    """Return how likely a right one is among the first ``left`` of those that are tied."""
    missed = torch.ones(len(right), dtype=torch.float64, device="cpu")
    for drawn in range(k):
        rest = (right + wrong - drawn).clamp(min=1)
        missed = torch.where(drawn < left, missed * (wrong - drawn).clamp(min=0) / rest, missed)
    return 1 - missed


def _mean(found: Tensor) -> Tensor:
    return found.double().mean()


def _any(right: Tensor) -> Tensor:
    return right


def _recall_recipe(
    scores: Tensor,
    right: Tensor,
    k: int,
    count: Step = _any,
    first: Step = int,
    tied: Step = _in_any_order,
    reduce: Step = _mean,
) -> object:
    right, k = count(right), first(k)
    best = _the_best(scores, right)
    left = (k - (scores > best).sum(1)).clamp(min=0)
    equal = scores == best
    return reduce(tied((equal & right).sum(1), (equal & ~right).sum(1), left, k))


def _only_the_first(right: Tensor) -> Tensor:
    return right & (right.cumsum(1) == 1)


def _by_position(scores: Tensor, right: Tensor, k: int) -> object:
    order = scores.argsort(dim=1, descending=True, stable=True)
    return _mean(right.gather(1, order)[:, :k].any(1))


def _chances(scores: Tensor, k: int) -> Tensor:
    """Return how likely each candidate is among the first k."""
    above = (scores[:, None] > scores[:, :, None]).sum(-1)
    alike = (scores[:, None] == scores[:, :, None]).sum(-1)
    return ((k - above) / alike).clamp(0, 1)


def _of_the_right(scores: Tensor, right: Tensor, k: int) -> object:
    return ((_chances(scores, k) * right).sum(1) / right.sum(1)).mean()


def _of_the_k(scores: Tensor, right: Tensor, k: int) -> object:
    return ((_chances(scores, k) * right).sum(1) / k).mean()


def _exactly(scores: Tensor, right: Tensor, k: int) -> object:
    return _recall_recipe(scores, right, k) - _recall_recipe(scores, right, k - 1)  # type: ignore[operator]


def _reciprocal(scores: Tensor, right: Tensor, k: int) -> object:
    return (1 / (1 + (scores > _the_best(scores, right)).sum(1))).mean()


def _at(queries: int, candidates: int, *right: int) -> Tensor:
    """True at these numbers, counted through the table row by row."""
    table = torch.zeros(queries * candidates, dtype=torch.bool, device="cpu")
    table[list(right)] = True
    return table.view(queries, candidates)


def _scores(seed: int, queries: int, candidates: int) -> Tensor:
    """Draw cosines in tenths: some are alike."""
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(-2, 6, (queries, candidates), generator=draw, device="cpu") / 8


recall_at_k = Exercise(
    name="recall_at_k",
    signature="f(scores: (Q, N), right: (Q, N) bool, k: int) -> float",
    task=(
        "Each of Q queries ranks N candidates by their scores, highest first; one or more of them "
        "are right. Return the share of queries with at least one right candidate among the first "
        "k. Candidates with one and the same score come in random order: such a query counts with "
        "the probability that a right one is among the first k."
    ),
    inputs=("scores", "right", "k"),
    reference=_recall_recipe,
    cases=(
        (_scores(3, 2, 3), _at(2, 3, 0, 5), 1),
        (torch.tensor([[0.5, 0.5, 0.25, 0.5], [0.125, 0.5, 0.25, 0.25]]), _at(2, 4, 1, 3, 7), 2),
        (_scores(5, 4, 6), _at(4, 6, 1, 4, 6, 14, 23, 21), 2),
        (_scores(6, 5, 7), _at(5, 7, 0, 9, 12, 17, 22, 23, 34), 3),
        (_scores(7, 6, 5), _at(6, 5, 1, 5, 7, 11, 18, 23, 24, 29), 2),
    ),
    bank=(
        swapped(
            _recall_recipe,
            "ties counted as hits",
            "A query counts as soon as fewer than k candidates are above its right one. A model "
            "that gives everything the same score would then be perfect.",
            tied=lambda right, wrong, left, k: left > 0,
        ),
        swapped(
            _recall_recipe,
            "ties counted as misses",
            "Of candidates with one score all the wrong ones are put first. That is too strict: "
            "in a random order a right one may come first as well.",
            tied=lambda right, wrong, left, k: wrong < left,
        ),
        Mistake(
            "ties by position",
            "Of candidates with one score the one wins that stands further left. Then the order of "
            "the table decides, which often has the right ones in front or on its diagonal.",
            _by_position,
        ),
        swapped(
            _recall_recipe,
            "one right candidate only",
            "Only the first right candidate of a row counts. Where two pictures have one name, "
            "the other one is right too, and here it counts as a miss.",
            count=_only_the_first,
        ),
        Mistake(
            "the share of the right ones",
            "This is the share of the right candidates that are found. To find one of them is "
            "enough here: whoever types a name wants a picture of it, not all of them.",
            _of_the_right,
        ),
        Mistake(
            "the share of the first k",
            "This is the precision: how many of the first k are right. With one right candidate "
            "it can never be above 1/k.",
            _of_the_k,
        ),
        swapped(
            _recall_recipe,
            "one too few",
            "Only k - 1 candidates are looked at: the one at rank k is among the first k.",
            first=lambda k: k - 1,
        ),
        swapped(
            _recall_recipe,
            "one too many",
            "One candidate more than k is looked at.",
            first=lambda k: k + 1,
        ),
        Mistake(
            "just at rank k",
            "A query counts here if its right candidate stands just at rank k. One of the first k "
            "ranks is enough.",
            _exactly,
        ),
        swapped(
            _recall_recipe,
            "R@1, whatever k is",
            "Only the first candidate is looked at, whatever k is.",
            first=lambda k: 1,
        ),
        Mistake(
            "the lowest first",
            "The lowest scores come first. A cosine is high where two vectors agree.",
            lambda scores, right, k: _recall_recipe(-scores, right, k),
        ),
        Mistake(
            "the other direction",
            "The candidates rank the queries: columns are taken for rows. Where pictures look for "
            "names, this is how names find pictures, another number.",
            lambda scores, right, k: _recall_recipe(scores.T, right.T, k),
        ),
        Mistake(
            "the reciprocal rank",
            "This is one over the rank of the right candidate, averaged: another measure.",
            _reciprocal,
        ),
        swapped(
            _recall_recipe,
            "counted, not shared",
            "This is the number of queries that found something. Divide by the number of queries.",
            reduce=lambda found: found.double().sum(),
        ),
    ),
    praise="Whatever is tied, the order of the table decides nothing.",
    differentiable=False,
)
