"""Exercise: filtered cloning, which learns from the best episodes alone.

Source
    Chen et al. (2021), "Decision Transformer: Reinforcement Learning via Sequence Modeling",
    section 5.1: percentile behavior cloning, on the best 10 % of the episodes among others.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, swapped

__all__ = ["best_episodes"]


def _of_the_return(returns: Tensor, lengths: Tensor) -> Tensor:
    return returns


def _of_episodes(returns: Tensor, lengths: Tensor, share: float) -> int:
    return round(share * len(returns))


def _the_highest(scores: Tensor, count: int) -> Tensor:
    keep = torch.zeros(len(scores), dtype=torch.bool, device="cpu")
    keep[scores.argsort(descending=True)[:count]] = True
    return keep


def _each_step(keep: Tensor, lengths: Tensor) -> Tensor:
    return keep.repeat_interleave(lengths)


def _best_recipe(
    returns: Tensor,
    lengths: Tensor,
    share: float,
    score: Step = _of_the_return,
    count: Step = _of_episodes,
    keep: Step = _the_highest,
    spread: Step = _each_step,
) -> Tensor:
    chosen = keep(score(returns, lengths), count(returns, lengths, share))
    found: Tensor = spread(chosen, lengths)
    return found


def _share_of_steps(returns: Tensor, lengths: Tensor, share: float) -> Tensor:
    steps = returns.repeat_interleave(lengths)
    order = sorted(range(len(steps)), key=(-steps).tolist().__getitem__)
    keep = torch.zeros(len(steps), dtype=torch.bool, device="cpu")
    keep[order[: round(share * len(steps))]] = True
    return keep


def _near_the_best(returns: Tensor, lengths: Tensor, share: float) -> Tensor:
    return _each_step(returns >= (1 - share) * returns.max(), lengths)


def _upper_part_of_the_range(returns: Tensor, lengths: Tensor, share: float) -> Tensor:
    low, high = returns.min(), returns.max()
    return _each_step(returns >= high - share * (high - low), lengths)


def _by_rank(scores: Tensor, count: int) -> Tensor:
    """Take the order for a table of ranks: it names episodes, best first."""
    return scores.argsort(descending=True) < count


def _newest(scores: Tensor, count: int) -> Tensor:
    return torch.arange(len(scores), device="cpu") >= len(scores) - count


def _case(returns: list[int], lengths: list[int], share: float) -> tuple[object, ...]:
    return (
        torch.tensor(returns, dtype=torch.float32, device="cpu"),
        torch.tensor(lengths, device="cpu"),
        share,
    )


best_episodes = Exercise(
    name="best_episodes",
    signature="f(returns: (N,), lengths: (N,) int, share: float) -> (lengths.sum(),) bool",
    task=(
        "N episodes were recorded, one after the other. Filtered cloning learns from the share of "
        "them with the highest returns. Return for each recorded step whether it is learned from. "
        "share * N is whole, and no two returns are alike."
    ),
    inputs=("returns", "lengths", "share"),
    reference=_best_recipe,
    cases=(
        _case([3, 7], [3, 1], 0.5),
        _case([8, 5, 2, 9], [1, 3, 2, 2], 0.5),
        _case([4, 9, 1, 6, 7], [3, 2, 4, 1, 5], 0.4),
        _case([2, 11, 6, 3, 8, 10, 5, 0, 7, 4], [2, 3, 1, 4, 2, 5, 1, 3, 2, 6], 0.1),
        _case([12, 3, 30, 25, 9, 14, 8, 20], [4, 1, 2, 3, 5, 2, 6, 1], 0.25),
    ),
    bank=(
        swapped(
            _best_recipe,
            "the worst",
            "The episodes with the lowest returns are kept.",
            score=lambda returns, lengths: -returns,
        ),
        swapped(
            _best_recipe,
            "the longest",
            "The longest episodes are kept. In CartPole they are the best ones; where an episode "
            "should end soon they are the worst.",
            score=lambda returns, lengths: lengths,
        ),
        swapped(
            _best_recipe,
            "reward by step",
            "Episodes are ranked by their mean reward. A short one with one good step would be "
            "before a long one that has earned more.",
            score=lambda returns, lengths: returns / lengths,
        ),
        Mistake(
            "a share of the steps",
            "The share is taken of the steps, so that an episode may be cut in the middle. It is "
            "a share of the episodes.",
            _share_of_steps,
        ),
        swapped(
            _best_recipe,
            "episodes, not steps",
            "There is one answer for each episode. One for each step is wanted.",
            spread=lambda keep, lengths: keep,
        ),
        Mistake(
            "near the best one",
            "Kept is what comes near the best return. How many these are depends on the returns; "
            "wanted is a share of the episodes.",
            _near_the_best,
        ),
        Mistake(
            "a share of the range",
            "The range from the lowest to the highest return is divided, not the episodes.",
            _upper_part_of_the_range,
        ),
        swapped(
            _best_recipe,
            "one too many",
            "One episode more than the share is kept.",
            count=lambda returns, lengths, share: round(share * len(returns)) + 1,
        ),
        swapped(
            _best_recipe,
            "the others",
            "The best episodes are left out, and all the others are kept.",
            spread=lambda keep, lengths: _each_step(~keep, lengths),
        ),
        swapped(
            _best_recipe,
            "the newest",
            "The last episodes of the record are kept, whatever they have earned. Sort them by "
            "their returns first.",
            keep=_newest,
        ),
        swapped(
            _best_recipe,
            "order taken for ranks",
            "Sorting tells which episode comes first, which second. It does not tell at which rank "
            "an episode stands: sort once more, or its first entries are numbers of "
            "episodes.",
            keep=_by_rank,
        ),
        Mistake(
            "steps of the sorted record",
            "The answer is in the order of the returns, best episode first. The record is in the "
            "order in which it was made.",
            lambda returns, lengths, share: (
                torch.arange(int(lengths.sum()), device="cpu")
                < lengths[returns.argsort(descending=True)][: round(share * len(returns))].sum()
            ),
        ),
    ),
    praise="Whole episodes, by what they earned, in the order of the record.",
    differentiable=False,
)
