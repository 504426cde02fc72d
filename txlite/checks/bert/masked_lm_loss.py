"""Exercise: the loss of a masked language model, over the tokens that were chosen.

Sources
    Devlin et al. (2019), "BERT: Pre-training of Deep Bidirectional Transformers for Language
    Understanding", section 3.1, task 1.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, halves, normal, swapped

__all__ = ["masked_lm_loss"]

MASK = 3  # [PAD], [CLS], [SEP] and [MASK] are the tokens 0 to 3


def _of_tokens(scores: Tensor, targets: Tensor) -> Tensor:
    return scores.gather(-1, targets[..., None])[..., 0]


def _surprise(logits: Tensor, targets: Tensor) -> Tensor:
    return -_of_tokens(logits.log_softmax(-1), targets)


def _the_sentence(read: Tensor, targets: Tensor) -> Tensor:
    return targets


def _the_chosen(read: Tensor, targets: Tensor, chosen: Tensor) -> Tensor:
    return chosen


def _mean(losses: Tensor, asked: Tensor) -> Tensor:
    return (losses * asked).sum() / asked.sum().clamp(min=1)


def _recipe(
    logits: Tensor,
    read: Tensor,
    targets: Tensor,
    chosen: Tensor,
    want: Step = _the_sentence,
    surprise: Step = _surprise,
    ask: Step = _the_chosen,
    average: Step = _mean,
) -> object:
    return average(surprise(logits, want(read, targets)), ask(read, targets, chosen))


def _next_token(logits: Tensor, read: Tensor, targets: Tensor, chosen: Tensor) -> object:
    return _recipe(logits[:, :-1], read, targets[:, 1:], chosen[:, 1:])


def _each_row(losses: Tensor, asked: Tensor) -> Tensor:
    return ((losses * asked).sum(1) / asked.sum(1).clamp(min=1)).mean()


_ONE_ROW = (
    halves(11, 1, 4, 5),
    torch.tensor([[1, 3, 4, 2]]),
    torch.tensor([[1, 4, 4, 2]]),
    torch.tensor([[False, True, False, False]]),
)
_KEPT_AND_SWAPPED = (
    halves(12, 2, 5, 6),
    torch.tensor([[1, 3, 5, 4, 2], [1, 5, 2, 0, 0]]),  # masked and kept; swapped
    torch.tensor([[1, 5, 5, 4, 2], [1, 4, 2, 0, 0]]),
    torch.tensor([[False, True, True, False, False], [False, True, False, False, False]]),
)
_NOTHING_CHOSEN = (
    halves(13, 1, 4, 5),
    torch.tensor([[1, 4, 4, 2]]),
    torch.tensor([[1, 4, 4, 2]]),
    torch.zeros(1, 4, dtype=torch.bool),
)
_RAGGED = (
    normal(14, 3, 6, 8),
    torch.tensor([[1, 3, 6, 3, 7, 2], [1, 5, 3, 2, 0, 0], [1, 6, 4, 7, 2, 0]]),
    torch.tensor([[1, 4, 6, 7, 7, 2], [1, 5, 6, 2, 0, 0], [1, 6, 5, 7, 2, 0]]),
    torch.tensor(
        [
            [False, True, False, True, True, False],
            [False, False, True, False, False, False],
            [False, False, True, False, False, False],
        ]
    ),
)

masked_lm_loss = Exercise(
    name="masked_lm_loss",
    signature=(
        "f(logits: (B, T, V), read: (B, T) int, targets: (B, T) int, chosen: (B, T) bool) -> float"
    ),
    task=(
        "The mean cross-entropy of the chosen tokens, over the whole batch. The model read read "
        "and gave logits; logits[:, t] are its scores for targets[:, t]. A chosen token counts "
        "whatever the model read there: [MASK] (token 3), another token, or itself. Where nothing "
        "is chosen the loss is 0. Tokens 0, 1 and 2 are padding, [CLS] and [SEP]."
    ),
    inputs=("logits", "read", "targets", "chosen"),
    reference=_recipe,
    cases=(_ONE_ROW, _NOTHING_CHOSEN, _KEPT_AND_SWAPPED, _RAGGED),
    bank=(
        swapped(
            _recipe,
            "all tokens asked for",
            "Every token is asked for, padding and those too that the model can read. Most of "
            "this loss falls by copying.",
            ask=lambda read, targets, chosen: torch.ones_like(chosen),
        ),
        swapped(
            _recipe,
            "all real tokens asked for",
            "Padding is left out, but every other token is asked for, those too that the model "
            "can read. Most of this loss falls by copying.",
            ask=lambda read, targets, chosen: targets != 0,
        ),
        swapped(
            _recipe,
            "the unchosen asked for",
            "The choice is upside down: asked for is what was *not* chosen. The model reads the "
            "answer each time, and the loss falls to zero while it learns to copy.",
            ask=lambda read, targets, chosen: ~chosen,
        ),
        swapped(
            _recipe,
            "only masks asked for",
            "Only the positions of [MASK] count. The chosen tokens that were swapped or kept are "
            "asked for too: without them nothing is learnt about a token that is read.",
            ask=lambda read, targets, chosen: read == MASK,
        ),
        swapped(
            _recipe,
            "only changed tokens asked for",
            "A chosen token that stayed as it was is left out. It is asked for too: by itself it "
            "shows the model that what it reads may be right.",
            ask=lambda read, targets, chosen: read != targets,
        ),
        Mistake(
            "scores of the position before",
            "The scores of one position are compared with the token of the next, as in a model "
            "that writes from left to right. Here logits[:, t] belong to targets[:, t].",
            _next_token,
        ),
        swapped(
            _recipe,
            "what was read is the target",
            "The scores are compared with what the model read. Its [MASK] is no answer: the "
            "sentence before it was hidden is.",
            want=lambda read, targets: read,
        ),
        swapped(
            _recipe,
            "0/0 where nothing is chosen",
            "A batch in which nothing is chosen gives 0/0, which is not a number, and one step "
            "with it ends a training. There the loss is 0: divide by at least 1.",
            average=lambda losses, asked: losses[asked].mean(),
        ),
        swapped(
            _recipe,
            "divided by all positions",
            "The sum over the chosen tokens is divided by the number of all positions. The loss "
            "then depends on how much padding there is.",
            average=lambda losses, asked: (losses * asked).mean(),
        ),
        swapped(
            _recipe,
            "averaged per row",
            "Each row is averaged, then the rows. A token of a row in which few are chosen then "
            "counts for more; wanted is the mean over all chosen tokens.",
            average=_each_row,
        ),
        swapped(
            _recipe,
            "the sum",
            "This is the sum over the chosen tokens, not their mean.",
            average=lambda losses, asked: (losses * asked).sum(),
        ),
        swapped(
            _recipe,
            "no logarithm",
            "These are probabilities: the logarithm is missing.",
            surprise=lambda logits, targets: -_of_tokens(logits.softmax(-1), targets),
        ),
        swapped(
            _recipe,
            "no softmax",
            "The scores are taken as they are. They become log-probabilities through log_softmax.",
            surprise=lambda logits, targets: -_of_tokens(logits, targets),
        ),
        swapped(
            _recipe,
            "sign forgotten",
            "The sign is missing: this grows while the model gets better.",
            surprise=lambda logits, targets: -_surprise(logits, targets),
        ),
    ),
    praise="Each chosen token counts once, and no other token counts.",
    differentiable=True,
)
