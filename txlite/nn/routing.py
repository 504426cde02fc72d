r"""Which token goes to which expert: choices, places, and what keeps them even.

A router scores experts for each token; these functions do the rest, on tensors alone. Tokens stand
in groups, and whatever is counted is counted within a group: how many of its tokens an expert may
take, and how evenly they are spread. A group is a whole batch, or one sequence of it.

Shape letters
    G groups    T tokens of a group    N experts    K experts for each token

Sources
    Fedus et al. (2022), "Switch Transformers: Scaling to Trillion Parameter Models with Simple and
    Efficient Sparsity", section 2.2. Zoph et al. (2022), "ST-MoE", equation (5) (z-loss). Lepikhin
    et al. (2021), "GShard", section 2.2 (first choices are placed before second ones).
"""

from fractions import Fraction
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor
from torch.nn import functional

from txlite._checks import (
    check_bool,
    check_length,
    check_positive,
    check_rate,
    check_shape,
    check_tokens,
    dtype_name,
)

__all__ = ["Routing", "balance_loss", "expert_capacity", "place_choices", "router_z_loss"]


class Routing(NamedTuple):
    """Where the tokens of a batch go.

    Parameters
    ----------
    logits : Tensor, shape (B, T, N)
        A score for each expert.
    probabilities : Tensor, shape (B, T, N)
        Their softmax.
    experts : Tensor of int, shape (B, T, K)
        The experts that each token chooses, the best first.
    gates : Tensor, shape (B, T, K)
        What each of their answers is multiplied by.
    placed : Tensor of bool, shape (B, T, K)
        Whether the choice is carried out: False where the expert is full, or the token is padding.
    """

    logits: Float[Tensor, "B T N"]
    probabilities: Float[Tensor, "B T N"]
    experts: Integer[Tensor, "B T K"]
    gates: Float[Tensor, "B T K"]
    placed: Bool[Tensor, "B T K"]


def expert_capacity(num_tokens: int, num_experts: int, factor: float) -> int:
    r"""Return how many tokens of a group each expert may take.

    .. math:: C = \Big\lceil \frac{\text{tokens of the group}}{\text{experts}}
              \cdot \text{capacity factor} \Big\rceil

    Parameters
    ----------
    num_tokens : int
        Tokens of the group, without padding.
    num_experts : int
        How many experts share them.
    factor : float
        The capacity factor: 1 is room for an even spread and no more.

    Returns
    -------
    int
        The capacity of *each* expert. Rounded up, as the paper does not say, so that an even spread
        never drops a token.

    Raises
    ------
    ValueError
        If a number is not positive; of tokens there may be none.

    References
    ----------
    Fedus et al. (2022), equation (3).

    Examples
    --------
    >>> expert_capacity(512, 8, 1.25), expert_capacity(5, 4, 1.0)
    (80, 2)
    """
    num_tokens = check_length("num_tokens", num_tokens)
    num_experts = check_positive("num_experts", num_experts)
    factor = check_rate("factor", factor)
    above, below = capacity_ratio(num_experts, factor)
    return -(-num_tokens * above // below)


def capacity_ratio(num_experts: int, factor: float) -> tuple[int, int]:
    """Return factor/experts as a fraction: 1.1 is meant as 11/10, and not as the float near it."""
    ratio = Fraction(factor).limit_denominator(10**6) / num_experts
    return ratio.numerator, ratio.denominator


def place_choices(
    experts: Integer[Tensor, "G T K"],
    num_experts: int,
    capacity: int | Integer[Tensor, "G"] | None = None,
    keep: Bool[Tensor, "G T"] | None = None,
) -> Bool[Tensor, "G T K"]:
    """Say which choices are carried out, in the order in which the tokens stand.

    Parameters
    ----------
    experts : Tensor of int, shape (G, T, K)
        The experts that each token chooses, the best first. All first choices have their places
        before the second choices.
    num_experts : int
        How many experts there are.
    capacity : int or Tensor of int, shape (G,), optional
        How many choices *each* expert takes of a group. The default takes all.
    keep : Tensor of bool, shape (G, T), optional
        True for a real token; False for padding, which takes no place.

    Returns
    -------
    Tensor of bool, shape (G, T, K)
        False where an expert is full, or the token is padding.

    Raises
    ------
    ValueError
        If a shape or a dtype does not fit, an expert does not exist, or a capacity is negative.

    References
    ----------
    Fedus et al. (2022), section 2.2. Lepikhin et al. (2021), algorithm 1.

    Examples
    --------
    >>> place_choices(torch.tensor([[[0], [0], [1], [0]]]), 2, capacity=2)[0, :, 0]
    tensor([ True,  True,  True, False])
    """
    num_experts = check_positive("num_experts", num_experts)
    groups = _check_experts(experts, num_experts, keep)
    if isinstance(capacity, Tensor) and capacity.dtype == torch.int64 and capacity.ndim:
        check_shape("capacity", capacity, "G", G=groups)
    elif capacity is not None:
        capacity = check_length("capacity", capacity)
    return placed_choices(experts, num_experts, capacity, keep)


def placed_choices(
    experts: Tensor, num_experts: int, capacity: int | Tensor | None, keep: Tensor | None
) -> Tensor:
    """Do it unchecked."""
    choices = experts.shape[-1]
    in_turn = functional.one_hot(experts.mT.flatten(1), num_experts)  # (G, K·T, N)
    if keep is not None:
        in_turn = in_turn * keep.repeat(1, choices)[..., None]
    place = (in_turn.cumsum(1) * in_turn).sum(-1)  # from 1; 0 is none
    placed = place > 0
    if isinstance(capacity, Tensor):
        placed = placed & (place <= capacity[:, None])
    elif capacity is not None:
        placed = placed & (place <= capacity)
    return placed.reshape(len(placed), choices, experts.shape[1]).mT


def balance_loss(
    probabilities: Float[Tensor, "G T N"],
    experts: Integer[Tensor, "G T K"],
    keep: Bool[Tensor, "G T"] | None = None,
) -> Float[Tensor, ""]:
    r"""Measure how unevenly a router spreads tokens: 1 where all is even, N at one expert.

    .. math:: \frac{1}{G} \sum_g N \sum_{i=1}^{N} f_{gi} P_{gi}

    :math:`f_i` is the share of a group's choices that fall on expert i, whether or not it has room,
    and :math:`P_i` its mean probability, over *all* tokens. Both sum to one. Only the second has a
    gradient, which lowers the probability of whoever has too many.

    Parameters
    ----------
    probabilities : Tensor, shape (G, T, N)
        The router's, of one layer: in a mean over layers opposite imbalances would cancel.
    experts : Tensor of int, shape (G, T, K)
        The experts that each token chooses.
    keep : Tensor of bool, shape (G, T), optional
        True for a real token; padding does not count.

    Returns
    -------
    Tensor, shape ()
        The mean over the groups that have a token; zero if none has.

    Raises
    ------
    ValueError
        If a shape or a dtype does not fit, or an expert does not exist.

    References
    ----------
    Fedus et al. (2022), equations (4) to (6), there times a weight α.

    Examples
    --------
    >>> balance_loss(torch.tensor([[[0.5, 0.5], [0.75, 0.25]]]), torch.tensor([[[0], [0]]]))
    tensor(1.2500)
    """
    groups, length, num_experts = check_shape("probabilities", probabilities, "G T N").values()
    _check_experts(experts, num_experts, keep, G=groups, T=length)
    chosen = functional.one_hot(experts, num_experts).to(probabilities.dtype).mean(-2)
    real = probabilities.new_ones(groups, length) if keep is None else keep.to(probabilities.dtype)
    count = real.sum(1, keepdim=True)  # (G, 1)
    shares = (real / count.clamp_min(1.0))[:, None]  # (G, 1, T)
    sent, expected = shares @ chosen, shares @ probabilities  # (G, 1, N)
    return num_experts * (sent * expected).sum() / (count > 0).sum().clamp_min(1)


def router_z_loss(
    logits: Float[Tensor, "G T N"], keep: Bool[Tensor, "G T"] | None = None
) -> Float[Tensor, ""]:
    r"""Measure how large a router's scores are, in whose softmax small errors grow.

    .. math:: \operatorname{mean}_t \Big( \log \sum_{i=1}^{N} e^{x_{ti}} \Big)^2

    Parameters
    ----------
    logits : Tensor, shape (G, T, N)
        The scores, *before* the softmax: of probabilities the sum is one.
    keep : Tensor of bool, shape (G, T), optional
        True for a real token; padding does not count.

    Returns
    -------
    Tensor, shape ()
        The mean over all tokens; zero if there is none.

    Raises
    ------
    ValueError
        If a shape or a dtype does not fit.

    References
    ----------
    Zoph et al. (2022), equation (5).

    Examples
    --------
    >>> router_z_loss(torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]))
    tensor(1.7247)
    """
    groups, length, _ = check_shape("logits", logits, "G T N").values()
    _check_keep(keep, groups, length)
    squares = logits.logsumexp(-1).square()  # (G, T)
    if keep is None:
        return squares.sum() / max(squares.numel(), 1)
    return (squares * keep).sum() / keep.sum().clamp_min(1)


def _check_experts(experts: Tensor, num_experts: int, keep: Tensor | None, **sizes: int) -> int:
    groups, length, _ = check_shape("experts", experts, "G T K", **sizes).values()
    if experts.dtype != torch.int64:
        raise ValueError(f"experts should hold int64 numbers, got {dtype_name(experts)}")
    check_tokens("experts", experts, num_experts, "num_experts")
    _check_keep(keep, groups, length)
    return groups


def _check_keep(keep: Tensor | None, groups: int, length: int) -> None:
    if keep is not None:
        check_bool("keep", keep)
        check_shape("keep", keep, "G T", G=groups, T=length)
