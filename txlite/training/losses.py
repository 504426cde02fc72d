"""The loss: how surprised a model is by each token, and how that surprise is averaged.

The file reads in the order of the argument: the distribution that the model should match, the loss
of each token, the mean over real tokens, and the whole loss of an encoder-decoder model that is
taught by being shown the right beginning.

Sources
    Vaswani et al. (2017), section 5.4: label smoothing with ε = 0.1.
    Szegedy et al. (2016), "Rethinking the Inception Architecture", section 7: its definition.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from txlite._checks import (
    check_floating,
    check_positive,
    check_probability,
    check_shape,
    check_tokens,
    dtype_name,
)

__all__ = ["SentencePairs", "TeacherForcing", "cross_entropy", "smoothed_targets", "token_losses"]


def smoothed_targets(
    targets: Int[Tensor, "*B"], vocab_size: int, label_smoothing: float
) -> Float[Tensor, "*B V"]:
    r"""Spread a share ε of the certainty evenly over the whole vocabulary, the target included.

    .. math:: q_v = (1 - ε)\,[v = \text{target}] + ε / V

    Parameters
    ----------
    targets : Tensor of int, shape (...)
        The right tokens.
    vocab_size : int
        V.
    label_smoothing : float
        Share of the target that is spread over all classes, ε in [0, 1). The paper takes 0.1.

    Returns
    -------
    Tensor, shape (..., V)
        Distributions: each sums to one.

    Raises
    ------
    ValueError
        If ε, the vocabulary's size or a target is outside its range.

    References
    ----------
    Szegedy et al. (2016), section 7.

    Examples
    --------
    >>> smoothed_targets(torch.tensor([2]), 4, 0.1)
    tensor([[0.0250, 0.0250, 0.9250, 0.0250]])
    """
    label_smoothing = check_probability("label_smoothing", label_smoothing)
    vocab_size = check_positive("vocab_size", vocab_size)
    check_tokens("targets", targets, vocab_size, "vocab_size")
    certain = nn.functional.one_hot(targets.long(), vocab_size).to(torch.get_default_dtype())
    return (1 - label_smoothing) * certain + label_smoothing / vocab_size


def token_losses(
    logits: Float[Tensor, "*B V"], targets: Int[Tensor, "*B"], *, label_smoothing: float = 0.0
) -> Float[Tensor, "*B"]:
    r"""Cross-entropy between the smoothed target and the model's distribution, for each token.

    .. math:: (1 - ε)\,(-\log p_\text{target}) + ε\,\frac{1}{V} \sum_v (-\log p_v)

    which is the cross-entropy with :func:`smoothed_targets`, without writing them down.

    Parameters
    ----------
    logits : Tensor, shape (..., V)
        Scores of the V tokens. Half-precision scores are summed in float32.
    targets : Tensor of int, shape (...)
        The right tokens.
    label_smoothing : float
        Share of the target that is spread over all classes, ε in [0, 1).

    Returns
    -------
    Tensor, shape (...)
        In nats.

    Raises
    ------
    ValueError
        If shapes or dtypes disagree, or ε or a target that counts is outside its range.
    """
    label_smoothing = check_probability("label_smoothing", label_smoothing)
    check_targets(logits, targets, None)
    hint = "; name the positions that do not count with keep=False"
    check_tokens("targets", targets, logits.shape[-1], "V", hint)
    exact = logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
    log_probabilities = exact.log_softmax(-1)  # (*B, V)
    right = log_probabilities.gather(-1, targets.long()[..., None])[..., 0]  # (*B)
    if label_smoothing == 0.0:
        return -right
    return -(1 - label_smoothing) * right - label_smoothing * log_probabilities.mean(-1)


def check_targets(logits: Tensor, targets: Tensor, keep: Tensor | None) -> None:
    """Require one whole number for each row of logits, and a bool for each of these, if any."""
    check_shape("logits", logits, "*B V")
    check_floating("logits", logits)
    if targets.shape != logits.shape[:-1]:
        raise ValueError(
            f"targets should have the logits' axes before the last, {tuple(logits.shape[:-1])}, "
            f"got {tuple(targets.shape)}"
        )
    if targets.is_floating_point() or targets.dtype == torch.bool:
        raise ValueError(f"targets should hold whole numbers, got {dtype_name(targets)}")
    if keep is not None and (keep.dtype != torch.bool or keep.shape != targets.shape):
        raise ValueError(
            f"keep should hold bool in the targets' shape {tuple(targets.shape)}, "
            f"got {dtype_name(keep)} in {tuple(keep.shape)}"
        )


def cross_entropy(
    logits: Float[Tensor, "*B V"],
    targets: Int[Tensor, "*B"],
    keep: Bool[Tensor, "*B"] | None = None,
    *,
    label_smoothing: float = 0.0,
) -> Float[Tensor, ""]:
    """Mean of :func:`token_losses` over the real tokens of a whole batch.

    Parameters
    ----------
    logits : Tensor, shape (..., V)
        Scores of the V tokens.
    targets : Tensor of int, shape (...)
        The right tokens. Where ``keep`` is False they may be anything.
    keep : Tensor of bool, shape (...), optional
        True where the token is real. By default all are.
    label_smoothing : float
        Share of the target that is spread over all classes, ε in [0, 1).

    Returns
    -------
    Tensor, shape ()
        In nats per token; 0, with a gradient of zeros, if no token is real.

    Raises
    ------
    ValueError
        If shapes or dtypes disagree, or ε or a target that counts is outside its range.
    """
    total, count = summed(logits, targets, keep, label_smoothing)
    return total / count.clamp(min=1)


def summed(
    logits: Tensor, targets: Tensor, keep: Tensor | None, label_smoothing: float
) -> tuple[Tensor, Tensor]:
    """Return the sum of the losses of the real tokens, and how many there are."""
    if keep is None:
        losses = token_losses(logits, targets, label_smoothing=label_smoothing)
        return losses.sum(), torch.tensor(losses.numel(), device=losses.device)
    check_targets(logits, targets, keep)
    # What stands at a blank must not matter: no NaN among its scores, no token outside the range.
    clean = logits.masked_fill(~keep[..., None], 0.0)
    losses = token_losses(clean, targets.masked_fill(~keep, 0), label_smoothing=label_smoothing)
    return (losses * keep).sum(), keep.sum()


@runtime_checkable
class SentencePairs(Protocol):
    """A batch of sentences with their translations, padded, each with its mask of real tokens."""

    @property
    def source(self) -> Int[Tensor, "B S"]:
        """Tokens to translate."""
        ...

    @property
    def source_keep(self) -> Bool[Tensor, "B S"]:
        """True where the source is real."""
        ...

    @property
    def target(self) -> Int[Tensor, "B T"]:
        """The translations, from the sign that begins one to the sign that ends it."""
        ...

    @property
    def target_keep(self) -> Bool[Tensor, "B T"]:
        """True where the target is real."""
        ...


@dataclass(frozen=True, kw_only=True)
class TeacherForcing:
    """The loss of an encoder-decoder model that always sees the right beginning.

    At position t the decoder is shown the *right* tokens up to t, whatever it would have said
    itself, and is asked for token t + 1. So all positions are trained at once.

    Parameters
    ----------
    label_smoothing : float
        Share of the target that is spread over all classes, ε in [0, 1). The paper takes 0.1.
    """

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        smoothing = check_probability("label_smoothing", self.label_smoothing)
        object.__setattr__(self, "label_smoothing", smoothing)

    def __call__(
        self, model: nn.Module, batch: SentencePairs
    ) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
        """Run the model on a batch.

        Parameters
        ----------
        model : Module
            Called as ``model(source, target, source_keep=…, target_keep=…)`` for logits (B, T, V).
        batch : SentencePairs
            For instance a ``txlite.data.pairs.PairBatch``.

        Returns
        -------
        total : Tensor, shape ()
            The sum of the losses of all real tokens.
        count : Tensor of int, shape ()
            How many there are.
        """
        logits = model(
            batch.source,
            batch.target[:, :-1],
            source_keep=batch.source_keep,
            target_keep=batch.target_keep[:, :-1],
        )
        return summed(logits, batch.target[:, 1:], batch.target_keep[:, 1:], self.label_smoothing)
