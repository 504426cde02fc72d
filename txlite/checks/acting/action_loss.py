"""Exercise: at which of a step's three tokens its action is asked for.

Sources
    Chen et al. (2021), "Decision Transformer: Reinforcement Learning via Sequence Modeling",
    section 3 and algorithm 1: the action is predicted where its state was read.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from txlite.checks.framework import Exercise, Mistake, Step, halves, swapped

__all__ = ["action_loss"]


def _at_the_states(hidden: Tensor) -> Tensor:
    return hidden[:, 1::3]


def _their_own(logits: Tensor, actions: Tensor, keep: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return logits, actions, keep


def _real(keep: Tensor) -> Tensor:
    return keep


def _mean(losses: Tensor, keep: Tensor) -> Tensor:
    return losses[keep].mean()


def _loss_recipe(
    hidden: Tensor,
    head: Tensor,
    actions: Tensor,
    keep: Tensor,
    read: Step = _at_the_states,
    asked: Step = _their_own,
    counted: Step = _real,
    reduce: Step = _mean,
) -> Tensor:
    logits, wanted, steps = asked(read(hidden) @ head.T, actions, counted(keep))
    losses = cross_entropy(logits.transpose(1, 2), wanted, reduction="none")
    found: Tensor = reduce(losses, steps)
    return found


def _the_next(logits: Tensor, actions: Tensor, keep: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return logits[:, :-1], actions[:, 1:], keep[:, 1:]


def _as_if_kind_by_kind(hidden: Tensor) -> Tensor:
    count = hidden.shape[1] // 3
    return hidden[:, count : 2 * count]


def _mean_of_three(hidden: Tensor) -> Tensor:
    return hidden.view(len(hidden), -1, 3, hidden.shape[-1]).mean(2)


def _over_all(losses: Tensor, keep: Tensor) -> Tensor:
    return (losses * keep).mean()


def _episode_by_episode(losses: Tensor, keep: Tensor) -> Tensor:
    return ((losses * keep).sum(1) / keep.sum(1)).mean()


def _case(seed: int, width: int, choices: int, keep: list[list[int]]) -> tuple[object, ...]:
    real = torch.tensor(keep, dtype=torch.bool, device="cpu")
    batch, steps = real.shape
    draw = torch.Generator().manual_seed(seed)
    actions = torch.randint(choices, (batch, steps), generator=draw, device="cpu")
    hidden = halves(seed, batch, 3 * steps, width)
    return hidden, halves(seed + 1, choices, width), actions, real


action_loss = Exercise(
    name="action_loss",
    signature=(
        "f(hidden: (B, 3T, D), head: (A, D), actions: (B, T) int, keep: (B, T) bool) -> float"
    ),
    task=(
        "A causal Transformer has read return, state and action of each step, three tokens a "
        "step, and `hidden` is what it returned. Score the A actions of each step with "
        "`hidden @ head.T`, at the token where the state is known and the action is not. Return "
        "the mean cross-entropy of the actions over the steps that are kept; the others are "
        "padding."
    ),
    inputs=("hidden", "head", "actions", "keep"),
    reference=_loss_recipe,
    cases=(
        _case(1, 2, 2, [[1, 1]]),
        _case(3, 3, 2, [[0, 1, 1], [1, 1, 1]]),
        _case(5, 3, 4, [[0, 0, 0, 1], [0, 1, 1, 1], [1, 1, 1, 1]]),
        _case(8, 2, 3, [[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]]),
    ),
    bank=(
        swapped(
            _loss_recipe,
            "the action reads itself",
            "The score of an action is read at its own token. The answer stands there, so that "
            "the loss falls to zero, and the model cannot act.",
            read=lambda hidden: hidden[:, 2::3],
        ),
        swapped(
            _loss_recipe,
            "read at the returns",
            "The score is read at the return, which stands before the state: a causal model has "
            "not seen yet where it is.",
            read=lambda hidden: hidden[:, ::3],
        ),
        swapped(
            _loss_recipe,
            "the action of the next step",
            "Each state is asked for the action of the next step. In ordinary language modelling "
            "targets are shifted by a token; here the action's own token is the shift.",
            asked=_the_next,
        ),
        swapped(
            _loss_recipe,
            "as if kind after kind",
            "The middle third of the tokens is read. The kinds are not one after the other: the "
            "tokens of a step stand together, and every third of them is a state.",
            read=_as_if_kind_by_kind,
        ),
        swapped(
            _loss_recipe,
            "the mean of a step's tokens",
            "The three tokens of a step are averaged. One of them is the action, and so the "
            "answer is part of what is read.",
            read=_mean_of_three,
        ),
        swapped(
            _loss_recipe,
            "padding counted",
            "Padding is asked for actions too: every short window teaches the model the number "
            "that fills it.",
            counted=torch.ones_like,
        ),
        swapped(
            _loss_recipe,
            "the mask inverted",
            "Only the padding is asked for actions. True means that a step is kept.",
            counted=torch.logical_not,
        ),
        swapped(
            _loss_recipe,
            "divided by all steps",
            "The sum over the kept steps is divided by the number of all steps, padding too. A "
            "batch with much padding has a small loss.",
            reduce=_over_all,
        ),
        swapped(
            _loss_recipe,
            "a mean of means",
            "Each window is averaged by itself, and then the windows. A step of a short window "
            "weighs more than one of a long window.",
            reduce=_episode_by_episode,
        ),
        swapped(
            _loss_recipe,
            "the sum",
            "This is the sum over the kept steps. Divide by their number.",
            reduce=lambda losses, keep: losses[keep].sum(),
        ),
        Mistake(
            "the sign",
            "The loss is negative: minimising it makes the right actions improbable.",
            lambda hidden, head, actions, keep: -_loss_recipe(hidden, head, actions, keep),
        ),
    ),
    praise="The state's token knows what was asked for and where it is, and no action of its step.",
    differentiable=True,
)
