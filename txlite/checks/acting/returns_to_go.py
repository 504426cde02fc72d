"""Exercise: what each step of an episode is followed by, summed.

Sources
    Chen et al. (2021), "Decision Transformer: Reinforcement Learning via Sequence Modeling",
    section 3: the return-to-go is the sum of the rewards from a step on, not discounted.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, swapped

__all__ = ["returns_to_go"]


def _before_the_end(rewards: Tensor, lengths: Tensor) -> Tensor:
    return torch.arange(rewards.shape[1], device="cpu") < lengths[:, None]


def _from_here_on(rewards: Tensor) -> Tensor:
    return rewards.flip(1).cumsum(1).flip(1)


def _returns_recipe(
    rewards: Tensor,
    lengths: Tensor,
    real: Step = _before_the_end,
    total: Step = _from_here_on,
) -> Tensor:
    keep = real(rewards, lengths)
    found: Tensor = total(rewards * keep) * keep
    return found


def _after_the_step(rewards: Tensor) -> Tensor:
    return _from_here_on(rewards) - rewards


def _one_too_early(rewards: Tensor) -> Tensor:
    after = _from_here_on(rewards)
    return torch.cat([after[:, :1], after[:, :-1]], 1)


def _discounted(rewards: Tensor) -> Tensor:
    steps = torch.arange(rewards.shape[1], device="cpu")
    ahead = steps[None, :] - steps[:, None]
    return rewards @ torch.where(ahead >= 0, 0.99**ahead, torch.zeros(())).T.to(rewards.dtype)


def _through_the_batch(rewards: Tensor) -> Tensor:
    return _from_here_on(rewards.reshape(1, -1)).view_as(rewards)


def _means(rewards: Tensor, lengths: Tensor) -> Tensor:
    left = lengths[:, None] - torch.arange(rewards.shape[1], device="cpu")
    return _returns_recipe(rewards, lengths) / left.clamp(min=1)


def _all_of_it(rewards: Tensor, lengths: Tensor) -> Tensor:
    return torch.ones_like(rewards, dtype=torch.bool)


def _one_step_less(rewards: Tensor, lengths: Tensor) -> Tensor:
    return _before_the_end(rewards, lengths - 1)


def _summed_over_padding(rewards: Tensor, lengths: Tensor) -> Tensor:
    return _from_here_on(rewards) * _before_the_end(rewards, lengths)


def _case(rewards: list[list[int]], *lengths: int) -> tuple[object, ...]:
    table = torch.tensor(rewards, dtype=torch.float32, device="cpu")
    return table, torch.tensor(lengths, device="cpu")


returns_to_go = Exercise(
    name="returns_to_go",
    signature="f(rewards: (B, T), lengths: (B,) int) -> (B, T)",
    task=(
        "Return each step's return-to-go: the sum of its own reward and of all later ones of its "
        "episode, not discounted. A row is an episode, and the first `length` of its numbers are "
        "rewards. What stands behind them belongs to no episode; there the result is 0."
    ),
    inputs=("rewards", "lengths"),
    reference=_returns_recipe,
    cases=(
        _case([[1, 2, 4]], 3),
        _case([[1, 2, 4, 8], [3, 5, 7, 9]], 4, 2),
        _case([[0, 3, 0, 5, 7, 1], [2, -1, 4, 6, 0, 8], [1, 1, 1, 1, 1, 1]], 5, 6, 3),
        _case([[5, 2, 9, 4, 1], [6, 3, 8, 7, 2]], 1, 4),
    ),
    bank=(
        swapped(
            _returns_recipe,
            "from the start",
            "Each step holds what has been earned until then. Asked is what is still to come: sum "
            "from the end.",
            total=lambda rewards: rewards.cumsum(1),
        ),
        swapped(
            _returns_recipe,
            "without the step's own reward",
            "The sum begins one step too late. The reward of a step follows its action, and so it "
            "is still to come when the action is chosen.",
            total=_after_the_step,
        ),
        swapped(
            _returns_recipe,
            "one step too early",
            "The sum begins one step too early: the reward of the step before has been received "
            "already.",
            total=_one_too_early,
        ),
        swapped(
            _returns_recipe,
            "the return everywhere",
            "Every step holds the return of the whole episode. What has been received must go.",
            total=lambda rewards: rewards.sum(1, keepdim=True).expand_as(rewards),
        ),
        swapped(
            _returns_recipe,
            "discounted",
            "Later rewards are multiplied by powers of 0.99. The return-to-go of a Decision "
            "Transformer has no discount: 200 steps that are worth one each are to be 200.",
            total=_discounted,
        ),
        swapped(
            _returns_recipe,
            "rewards, not summed",
            "This is the reward of the step alone. Add all that follow in its episode.",
            total=lambda rewards: rewards,
        ),
        swapped(
            _returns_recipe,
            "not turned back",
            "The rewards are turned round and summed, and the result still runs from the last "
            "step to the first. Turn it round again.",
            total=lambda rewards: rewards.flip(1).cumsum(1),
        ),
        swapped(
            _returns_recipe,
            "through the batch",
            "The sum runs on into the next episode of the batch. Sum along axis 1 alone.",
            total=_through_the_batch,
        ),
        swapped(
            _returns_recipe,
            "padding summed and shown",
            "The numbers behind an episode's end are taken for rewards.",
            real=_all_of_it,
        ),
        Mistake(
            "padding summed",
            "The numbers behind an episode's end are taken for rewards: what the result shows "
            "there is 0, but every sum before it holds them.",
            _summed_over_padding,
        ),
        swapped(
            _returns_recipe,
            "without the last reward",
            "The reward of an episode's last step is lost: length counts steps, and the last of "
            "them is at position length - 1.",
            real=_one_step_less,
        ),
        Mistake(
            "the mean of what is left",
            "This is the mean of the rewards that are left. Wanted is their sum.",
            _means,
        ),
    ),
    praise="Each one is its reward and the next one, and behind the end there is nothing.",
    differentiable=False,
)
