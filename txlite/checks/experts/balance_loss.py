"""Exercise: how unevenly the routers of a model spread their tokens.

Sources
    Fedus et al. (2022), "Switch Transformers: Scaling to Trillion Parameter Models with Simple and
    Efficient Sparsity", section 2.2, equations (4) to (6), for each layer.
"""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from txlite.checks.framework import Exercise, Mistake, Step, swapped

__all__ = ["balance_loss"]


def _layer_by_layer(probabilities: Tensor, experts: Tensor) -> tuple[Tensor, Tensor]:
    return probabilities, experts


def _shares(probabilities: Tensor, experts: Tensor) -> Tensor:
    return _chosen(probabilities, experts).mean(1)


def _chosen(probabilities: Tensor, experts: Tensor) -> Tensor:
    return one_hot(experts, probabilities.shape[-1]).to(probabilities.dtype)


def _means(probabilities: Tensor, experts: Tensor) -> Tensor:
    return probabilities.mean(1)


def _times_experts(sent: Tensor, expected: Tensor) -> Tensor:
    return sent.shape[-1] * (sent * expected).sum(-1)


def _added(losses: Tensor) -> Tensor:
    return losses.sum()


def _balance_recipe(
    probabilities: Tensor,
    experts: Tensor,
    layers: Step = _layer_by_layer,
    sent: Step = _shares,
    expected: Step = _means,
    joined: Step = _times_experts,
    total: Step = _added,
) -> Tensor:
    own = layers(probabilities, experts)
    found: Tensor = total(joined(sent(*own), expected(*own)))
    return found


def _pooled(probabilities: Tensor, experts: Tensor) -> tuple[Tensor, Tensor]:
    return probabilities.flatten(0, 1)[None], experts.flatten()[None]


def _of_the_chosen(probabilities: Tensor, experts: Tensor) -> Tensor:
    return (probabilities * _chosen(probabilities, experts)).mean(1)


def _among_the_chosen(probabilities: Tensor, experts: Tensor) -> Tensor:
    chosen = _chosen(probabilities, experts)
    return (probabilities * chosen).sum(1) / chosen.sum(1).clamp(min=1)


def _variation(probabilities: Tensor, experts: Tensor) -> Tensor:
    means = probabilities.mean(1)
    return (means.var(-1, correction=0) / means.mean(-1).square()).sum()


def _case(seed: int, experts: int, *chosen: list[int]) -> tuple[object, ...]:
    """Make the router of each layer the surest of the expert that each token chose."""
    choice = torch.tensor(chosen, device="cpu")
    draw = torch.Generator().manual_seed(seed)
    shape = (*choice.shape, experts)
    scores = torch.randint(1, 5, shape, generator=draw, device="cpu") + 5 * one_hot(choice, experts)
    return scores / scores.sum(-1, keepdim=True), choice


balance_loss = Exercise(
    name="balance_loss",
    signature="f(probabilities: (L, T, N), experts: (L, T) int) -> float",
    task=(
        "Each of L layers has a router with N experts: its probabilities for T tokens, and the "
        "expert that each token chose. Return the sum over the layers of N Σ f_i P_i, where f_i is "
        "the share of the layer's tokens that chose expert i, and P_i the mean over *all* of its "
        "tokens of the probability of expert i."
    ),
    inputs=("probabilities", "experts"),
    reference=_balance_recipe,
    cases=(
        _case(1, 2, [0, 0]),
        _case(2, 2, [0, 0, 0], [1, 1, 1]),
        _case(3, 3, [0, 1, 2, 0], [1, 1, 2, 1]),
        _case(4, 4, [0, 3, 3, 1, 3], [2, 2, 2, 0, 2], [1, 0, 1, 3, 0]),
    ),
    bank=(
        swapped(
            _balance_recipe,
            "layers pooled",
            "The tokens of all layers are counted together. A layer that sends all to expert 0 and "
            "one that sends all to expert 1 look even then, and neither is.",
            layers=_pooled,
        ),
        swapped(
            _balance_recipe,
            "the mean over the layers",
            "The layers' losses are averaged: the more layers there are, the less each is told. "
            "Wanted is their sum.",
            total=lambda losses: losses.mean(),
        ),
        swapped(
            _balance_recipe,
            "without the number of experts",
            "N is missing, or the products were averaged over the experts. With it the loss of an "
            "even spread is 1 for any number of experts.",
            joined=lambda sent, expected: (sent * expected).sum(-1),
        ),
        swapped(
            _balance_recipe,
            "P of the chosen alone",
            "Only the probability of the chosen expert is summed. P_i counts every token, also "
            "those that chose another expert: through them an expert that no token chooses is made "
            "likelier.",
            expected=_of_the_chosen,
        ),
        swapped(
            _balance_recipe,
            "P among its own tokens",
            "P_i is averaged over the tokens that chose expert i. The mean is over all tokens.",
            expected=_among_the_chosen,
        ),
        swapped(
            _balance_recipe,
            "f from probabilities",
            "Both are mean probabilities. f is counted: what share of the tokens chose the expert. "
            "A router may be even on average and send all of them to one.",
            sent=_means,
        ),
        swapped(
            _balance_recipe,
            "P from counts",
            "P is counted, as f is. A count has no gradient, and nothing would be learnt.",
            expected=_shares,
        ),
        swapped(
            _balance_recipe,
            "summed, not averaged",
            "One of f and P is a sum over the tokens. As shares they sum to one, and the loss does "
            "not grow with the length of the text.",
            sent=lambda probabilities, experts: _chosen(probabilities, experts).sum(1),
        ),
        Mistake(
            "both summed",
            "Both f and P are sums over the tokens, so that the loss grows with the square of the "
            "length. Both are means.",
            lambda probabilities, experts: (
                _balance_recipe(probabilities, experts) * experts.shape[1] ** 2
            ),
        ),
        swapped(
            _balance_recipe,
            "the busiest expert alone",
            "Only the largest product counts. The loss sums over all experts, so that the idle "
            "ones are told too.",
            joined=lambda sent, expected: sent.shape[-1] * (sent * expected).amax(-1),
        ),
        swapped(
            _balance_recipe,
            "the probability of the others",
            "Each f is multiplied by 1 − P: the loss is small where one expert has all.",
            joined=lambda sent, expected: _times_experts(sent, 1 - expected),
        ),
        swapped(
            _balance_recipe,
            "one is taken off",
            "One is subtracted in each layer, so that an even spread gives 0. The gradient is the "
            "same; the number is not the paper's.",
            total=lambda losses: (losses - 1).sum(),
        ),
        Mistake(
            "the coefficient of variation",
            "This is the squared coefficient of variation of P, an older loss for the same "
            "purpose. Wanted is N Σ f_i P_i.",
            _variation,
        ),
        Mistake(
            "the sign",
            "The loss is negative: minimising it sends all tokens to one expert.",
            lambda probabilities, experts: -_balance_recipe(probabilities, experts),
        ),
    ),
    praise="Each layer is held to its own balance, and an even spread costs 1 in each.",
    differentiable=True,
)
