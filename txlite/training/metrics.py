"""Numbers that say how good a model is: of one batch, and of a whole set of batches."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from txlite._checks import check_finite
from txlite.training._modes import evaluating
from txlite.training._tensors import device_of, moved, numbers_in
from txlite.training.losses import check_targets

__all__ = ["mean_loss", "perplexity", "token_accuracy"]


def token_accuracy(
    logits: Float[Tensor, "*B V"],
    targets: Int[Tensor, "*B"],
    keep: Bool[Tensor, "*B"] | None = None,
) -> Float[Tensor, ""]:
    """Share of the real tokens that have the largest logit.

    Parameters
    ----------
    logits : Tensor, shape (..., V)
        Scores of the V tokens.
    targets : Tensor of int, shape (...)
        The right tokens.
    keep : Tensor of bool, shape (...), optional
        True where the token is real. By default all are.

    Returns
    -------
    Tensor, shape ()
        From 0 to 1; 0 if no token is real.

    Raises
    ------
    ValueError
        If shapes or dtypes disagree.
    """
    check_targets(logits, targets, keep)
    hits = logits.argmax(-1) == targets
    keep = torch.ones_like(hits) if keep is None else keep
    return (hits & keep).sum() / keep.sum().clamp(min=1)


def perplexity(loss: float) -> float:
    """Return e to a loss in nats: among how many equally likely tokens the model still wavers.

    Parameters
    ----------
    loss : float
        Mean cross-entropy, without label smoothing.

    Returns
    -------
    float
        At least 1; V for a model that knows nothing.

    Raises
    ------
    ValueError
        If the loss is not a finite number.

    Examples
    --------
    >>> round(perplexity(math.log(50)))
    50
    """
    loss = check_finite("loss", loss)
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf


@torch.no_grad()
def mean_loss(
    model: nn.Module,
    batches: Iterable[Any],
    loss: Callable[[nn.Module, Any], tuple[Float[Tensor, ""], Int[Tensor, ""] | int]],
) -> float:
    """Return the mean loss over all tokens of some batches, without training.

    Parameters
    ----------
    model : Module
        Runs in evaluation mode; every module is left in the mode in which it was.
    batches : iterable
        What ``loss`` takes; each batch is moved to the model's device.
    loss : callable
        ``loss(model, batch)`` gives the sum over tokens and their number, as for ``fit``.

    Returns
    -------
    float
        In nats per token: long and short batches count by their tokens.

    Raises
    ------
    ValueError
        If there is no token at all.
    """
    parts: list[Any] = []
    counts: list[Any] = []
    device = device_of(model)
    with evaluating(model):
        for batch in batches:
            part, number = loss(model, moved(batch, device))
            parts.append(part)
            counts.append(number)
    total, count = sum(numbers_in(parts)), sum(map(int, numbers_in(counts)))
    if count == 0:
        raise ValueError("batches should hold at least one token, got none")
    return float(total / count)
