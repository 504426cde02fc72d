"""Exercise: how often a player's move is as good as any.

What a move is worth is what the player who makes it can reach from there if both play as well as
they can: the value that a search to the end finds.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, swapped

__all__ = ["optimal_moves"]

_WORST = -9


def _legal_ones(values: Tensor, legal: Tensor) -> Tensor:
    return values.masked_fill(~legal, _WORST)


def _as_good_as_the_best(values: Tensor, chosen: Tensor) -> Tensor:
    return chosen == values.amax(1)


def _all(values: Tensor, legal: Tensor) -> Tensor:
    return torch.ones(len(values), dtype=torch.bool, device="cpu")


def _share(right: Tensor, counted: Tensor) -> Tensor:
    return right[counted].double().mean()


def _moves_recipe(
    values: Tensor,
    legal: Tensor,
    moves: Tensor,
    seen: Step = _legal_ones,
    judged: Step = _as_good_as_the_best,
    counted: Step = _all,
    reduce: Step = _share,
) -> object:
    open_ = seen(values, legal)
    chosen = open_.gather(1, moves[:, None])[:, 0]
    return reduce(judged(open_, chosen), counted(values, legal))


def _best(values: Tensor, legal: Tensor) -> Tensor:
    open_ = _legal_ones(values, legal)
    return open_ == open_.amax(1, keepdim=True)


def _one_of_them(values: Tensor, legal: Tensor, moves: Tensor) -> object:
    return (_legal_ones(values, legal).argmax(1) == moves).double().mean()


def _illegal_may_count(values: Tensor, legal: Tensor, moves: Tensor) -> object:
    best = _legal_ones(values, legal).amax(1)
    return (values.gather(1, moves[:, None])[:, 0] >= best).double().mean()


def _something_to_lose(values: Tensor, legal: Tensor) -> Tensor:
    return (_best(values, legal) != legal).any(1)


def _legal_share(values: Tensor, legal: Tensor, moves: Tensor) -> object:
    return legal.gather(1, moves[:, None]).double().mean()


def _split_among_ties(values: Tensor, legal: Tensor, moves: Tensor) -> object:
    best = _best(values, legal).double()
    return (best / best.sum(1, keepdim=True)).gather(1, moves[:, None]).mean()


def _of_the_move(values: Tensor, legal: Tensor, moves: Tensor) -> object:
    return _legal_ones(values, legal).gather(1, moves[:, None]).double().mean()


def _regret(values: Tensor, legal: Tensor, moves: Tensor) -> object:
    open_ = _legal_ones(values, legal)
    return (open_.amax(1) - open_.gather(1, moves[:, None])[:, 0]).double().mean()


def _case(
    values: list[list[int]], closed: list[tuple[int, int]], moves: list[int]
) -> tuple[object, ...]:
    table = torch.tensor(values, device="cpu")
    legal = torch.ones_like(table, dtype=torch.bool)
    for row, column in closed:
        legal[row, column] = False
    return table, legal, torch.tensor(moves, device="cpu")


optimal_moves = Exercise(
    name="optimal_moves",
    signature="f(values: (N, A) int, legal: (N, A) bool, moves: (N,) int) -> float",
    task=(
        "A search has found what each of A moves is worth in N positions, to the player who "
        "moves: 1 wins, 0 draws, -1 loses. What stands at moves that are not legal means nothing. "
        "Return the share of positions in which the move that was chosen is legal and as good as "
        "the best one. Where several are best, each of them is right."
    ),
    inputs=("values", "legal", "moves"),
    reference=_moves_recipe,
    cases=(
        _case([[0, 1, 1], [1, -1, 0]], [], [2, 2]),
        _case([[-1, 0, 0], [1, -1, -1], [0, 0, 0], [1, 0, 0]], [(1, 0)], [2, 1, 1, 2]),
        _case(
            [[1, 0, 0, -1], [0, 0, 0, 0], [-1, -1, 1, 0], [1, 1, 0, 0], [-1, -1, -1, -1]],
            [(0, 0), (1, 3), (2, 2), (3, 0)],
            [2, 3, 3, 3, 0],
        ),
        _case(
            [[1, 0, -1], [1, 1, -1], [-1, 0, 1], [0, -1, -1], [1, -1, -1], [0, 0, -1], [1, 1, 1]],
            [(3, 0), (4, 0)],
            [1, 1, 0, 1, 0, 1, 2],
        ),
    ),
    bank=(
        Mistake(
            "one best move only",
            "Only the first of the best moves is taken to be right, which is what argmax names. "
            "Compare values, not numbers of moves.",
            _one_of_them,
        ),
        swapped(
            _moves_recipe,
            "illegal moves compared",
            "The best value is taken over all moves, also over those that are not legal.",
            seen=lambda values, legal: values,
        ),
        Mistake(
            "an illegal move is right",
            "A move that is not legal counts as right, if its number is high enough. Nothing can "
            "be read off there.",
            _illegal_may_count,
        ),
        swapped(
            _moves_recipe,
            "winning moves",
            "Only a move that wins is taken to be right. In a position that can at best be drawn "
            "a draw is as good as any.",
            judged=lambda values, chosen: chosen == 1,
        ),
        swapped(
            _moves_recipe,
            "moves that do not lose",
            "Every move that does not lose is taken to be right, a draw too where a win was there.",
            judged=lambda values, chosen: chosen >= 0,
        ),
        Mistake(
            "the lowest value",
            "The worst move is taken for the best: the values are told for the player who moves, "
            "and need no change of sign.",
            lambda values, legal, moves: _moves_recipe(-values, legal, moves),
        ),
        swapped(
            _moves_recipe,
            "positions without ties",
            "Only positions with a single best move are counted. All of them are.",
            counted=lambda values, legal: _best(values, legal).sum(1) == 1,
        ),
        swapped(
            _moves_recipe,
            "positions with something to lose",
            "Positions are left out in which all legal moves are equally good. That number may be "
            "told beside this one; here all positions count.",
            counted=_something_to_lose,
        ),
        Mistake(
            "shared among the best",
            "A best move counts as 1 over the number of best moves. Each of them is right.",
            _split_among_ties,
        ),
        swapped(
            _moves_recipe,
            "counted, not shared",
            "This is the number of positions with a right move. Divide by the number of positions.",
            reduce=lambda right, counted: right[counted].double().sum(),
        ),
        Mistake(
            "legal moves",
            "This is the share of legal moves, good or bad.",
            _legal_share,
        ),
        Mistake(
            "what is lost",
            "This is how much worse the moves are than the best ones, on average: another measure.",
            _regret,
        ),
        Mistake(
            "the value of the moves",
            "This is the mean value of the moves that were chosen. In lost positions it is low, "
            "however well they are played.",
            _of_the_move,
        ),
    ),
    praise="Any best move is right, and a move that is not legal never is.",
    differentiable=False,
)
