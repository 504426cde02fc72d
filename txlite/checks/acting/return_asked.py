"""Exercise: what return the model is asked for at each step that it plays.

Sources
    Chen et al. (2021), "Decision Transformer: Reinforcement Learning via Sequence Modeling",
    section 3 and algorithm 1: after each action the return is reduced by the reward. Towers et al.
    (2024), "Gymnasium: A Standard Interface for Reinforcement Learning Environments", for the two
    ways in which an episode is over.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, swapped

__all__ = ["return_asked"]


def _either(terminated: bool, truncated: bool) -> bool:
    return terminated or truncated


def _received(rewards: list[float], step: int) -> float:
    return rewards[step]


def _anew(asked: float, left: float, paid: float) -> float:
    return asked


def _before(left: float, after: float) -> float:
    return left


def _asked_recipe(
    asked: float,
    rewards: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    over: Step = _either,
    reward: Step = _received,
    begin: Step = _anew,
    told: Step = _before,
    reduced: Step = lambda left, reward: left - reward,
) -> Tensor:
    given, left, found = rewards.tolist(), asked, []
    for step, ends in enumerate(zip(terminated.tolist(), truncated.tolist(), strict=True)):
        paid = reward(given, step)
        after = reduced(left, paid)
        found.append(told(left, after))
        left = begin(asked, after, paid) if over(*ends) else after
    return torch.tensor(found, dtype=torch.float32, device="cpu")


def _step_late(rewards: list[float], step: int) -> float:
    return rewards[step - 1] if step else 0.0


def _step_early(rewards: list[float], step: int) -> float:
    return rewards[step + 1] if step + 1 < len(rewards) else 0.0


def _case(
    asked: float, rewards: list[int], terminated: tuple[int, ...], truncated: tuple[int, ...]
) -> tuple[object, ...]:
    steps = range(len(rewards))
    return (
        asked,
        torch.tensor(rewards, dtype=torch.float32, device="cpu"),
        torch.tensor([t in terminated for t in steps], device="cpu"),
        torch.tensor([t in truncated for t in steps], device="cpu"),
    )


return_asked = Exercise(
    name="return_asked",
    signature=(
        "f(asked: float, rewards: (T,), terminated: (T,) bool, truncated: (T,) bool) -> (T,)"
    ),
    task=(
        "A model plays T steps, episode after episode, and is asked for the same return in each. "
        "Step t pays rewards[t]; with it the episode may be over, because it has ended "
        "(terminated) or because its time is up (truncated). Return what is asked of the model "
        "before each step: in an episode's first step `asked`, and from then on what is left of "
        "it. That may be less than zero."
    ),
    inputs=("asked", "rewards", "terminated", "truncated"),
    reference=_asked_recipe,
    cases=(
        _case(10.0, [1, 2, 4], (), ()),
        _case(10.0, [1, 2, 3, 5, 1], (1,), ()),
        _case(9.0, [2, 3, 1, 4, 7, 2], (), (2,)),
        _case(5.0, [1, 4, 2, 3, 6, 1, 5, 2], (2,), (5,)),
        _case(7.0, [3, 0, 2, 5, 1, 4, 6, 2, 3], (3,), (3, 6)),
    ),
    bank=(
        swapped(
            _asked_recipe,
            "never reduced",
            "The same return is asked for at every step. In the data a return-to-go falls with "
            "every reward: the model is soon in states that it has never seen with such a return.",
            reduced=lambda left, reward: left,
        ),
        swapped(
            _asked_recipe,
            "reduced before it is paid",
            "The reward of a step is taken off before its action is chosen. It is paid afterwards.",
            told=lambda left, after: after,
        ),
        swapped(
            _asked_recipe,
            "reduced a step late",
            "Each time the reward of the step before is taken off: what has just been paid is "
            "still asked for.",
            reward=_step_late,
        ),
        swapped(
            _asked_recipe,
            "the reward of the next step",
            "The reward of the step that follows is taken off, which is not known yet.",
            reward=_step_early,
        ),
        swapped(
            _asked_recipe,
            "added",
            "The rewards are added to what is asked for. What has been paid is taken off.",
            reduced=lambda left, reward: left + reward,
        ),
        swapped(
            _asked_recipe,
            "steps counted",
            "Each step takes off 1, whatever it pays. In CartPole that is the same; elsewhere it "
            "is not.",
            reduced=lambda left, reward: left - 1,
        ),
        swapped(
            _asked_recipe,
            "not below zero",
            "What is left is cut off at zero. A model that has earned more than was asked for "
            "reads a negative number, as it is.",
            reduced=lambda left, reward: max(0.0, left - reward),
        ),
        swapped(
            _asked_recipe,
            "never asked anew",
            "A new episode begins with what the one before has left over. It is asked for the "
            "whole return.",
            begin=lambda asked, left, paid: left,
        ),
        swapped(
            _asked_recipe,
            "truncated overlooked",
            "Only a terminated episode is taken to be over. After a truncated one the world is "
            "set back too, and the next episode begins.",
            over=lambda terminated, truncated: terminated,
        ),
        swapped(
            _asked_recipe,
            "terminated overlooked",
            "Only a truncated episode is taken to be over. One that has ended is over too.",
            over=lambda terminated, truncated: truncated,
        ),
        swapped(
            _asked_recipe,
            "both at once",
            "An episode is taken to be over when it is terminated and truncated at once. One of "
            "them is enough.",
            over=lambda terminated, truncated: terminated and truncated,
        ),
        swapped(
            _asked_recipe,
            "set back too early",
            "The return is set back first, and then the last reward of the old episode is taken "
            "off the new one.",
            begin=lambda asked, left, paid: asked - paid,
        ),
    ),
    praise="It falls by what was paid, and each episode is asked for the whole.",
    differentiable=False,
)
