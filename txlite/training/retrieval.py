"""Retrieval: how often what belongs to a query is among the first k of a ranking.

Two things make this score unfair when they are overlooked. Several answers may be right: two
pictures with one name, or two names for pictures that nobody can tell apart. Then any of them
counts. And scores may be equal: whoever sorts them gives the query a hit or a miss by the order in
which the candidates happened to stand. Here a tie is broken by chance, and the mark of a query is
the *probability* of a hit.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from txlite._checks import check_bool, check_floating, check_positive, check_shape

__all__ = ["recall_at"]


def recall_at(
    scores: Float[Tensor, "Q N"], relevant: Bool[Tensor, "Q N"], k: int
) -> Float[Tensor, " Q"]:
    r"""Return for each query the probability that one of the first k candidates is right.

    Let s be the score of the best right candidate, b the number of candidates above it, and t of
    those that have the score s, r of them right. Of the t as many as fit are drawn:

    .. math:: 1 - \binom{t - r}{k - b} \Big/ \binom{t}{k - b}

    and 0 if b is k or more. Without ties this is 1 or 0. The mean over queries is *recall at k*,
    R@k. With all scores equal it is what chance gives.

    Parameters
    ----------
    scores : Tensor, shape (Q, N)
        How well each of N candidates fits each of Q queries; higher is better.
    relevant : Tensor of bool, shape (Q, N)
        True where a candidate is right for a query. Each query has one at least.
    k : int
        How many candidates are looked at.

    Returns
    -------
    Tensor, shape (Q,)
        Probabilities, in float64.

    Raises
    ------
    ValueError
        If the shapes disagree, a score is not a number, or a query has nothing that is right.

    Examples
    --------
    >>> scores = torch.tensor([[0.9, 0.1, 0.9], [0.5, 0.7, 0.5]])
    >>> recall_at(scores, torch.tensor([[True, False, False], [True, False, True]]), 1)
    tensor([0.5000, 0.0000], dtype=torch.float64)
    >>> recall_at(torch.zeros(1, 20), torch.eye(20, dtype=torch.bool)[:1], 5)  # chance
    tensor([0.2500], dtype=torch.float64)
    """
    queries, candidates = check_shape("scores", scores, "Q N").values()
    check_shape("relevant", relevant, "Q N", Q=queries, N=candidates)
    check_floating("scores", scores)
    check_bool("relevant", relevant)
    k = check_positive("k", k)
    if scores.isnan().any():
        raise ValueError("scores should hold numbers, got nan")
    if not relevant.any(-1).all():
        row = int(relevant.any(-1).int().argmin())
        raise ValueError(f"relevant should have a right candidate in every row, row {row} has none")
    best = scores.masked_fill(~relevant, -torch.inf).amax(-1, keepdim=True)
    tied = scores == best
    free = k - (scores > best).sum(-1)
    ties, right = tied.sum(-1), (tied & relevant).sum(-1)
    return _drawn(ties.double(), right.double(), free.clamp(min=0).double())


def _drawn(ties: Tensor, right: Tensor, free: Tensor) -> Tensor:
    """Return the probability of something right among ``free`` drawn out of ``ties``."""
    wrong = ties - right
    missed = (
        _log_factorial(wrong) - _log_factorial(wrong - free)
        - _log_factorial(ties) + _log_factorial(ties - free)
    ).exp()  # fmt: skip
    return torch.where(free > wrong, 1.0, 1 - missed)


def _log_factorial(n: Tensor) -> Tensor:
    return torch.lgamma(n.clamp(min=0) + 1)
