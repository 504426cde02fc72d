r"""Arithmetic: how many floating-point operations a model needs, predicted and counted.

A multiplication and the addition after it are two operations, and matrices are all that counts:
a map of N numbers costs 2N for each token. What attention adds, scores and weighted sums, grows
with the length and has no parameters. The backward pass has two products for each of the forward
pass, one for the gradient of either factor: twice the cost.

.. math:: C = 6 N D

for N parameters and D tokens is what remains of it when the attention's share is left out, and the
embeddings' with it: a look-up multiplies nothing, the output's map does.

Sources
    Kaplan et al. (2020), "Scaling Laws for Neural Language Models", section 2.1 and table 1.
    Chowdhery et al. (2022), "PaLM", appendix B.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from txlite._checks import check_callable, check_length, check_positive
from txlite.counting._products import PRODUCTS
from txlite.counting.kinds import kind_of

__all__ = ["FlopCount", "count_flops", "predict_flops", "training_flops"]


@dataclass(frozen=True, kw_only=True)
class FlopCount:
    """Floating-point operations of one forward pass, by what they are for.

    Parameters
    ----------
    attention_maps : int
        Projections to queries, keys and values, and back.
    attention_scores : int
        Queries times keys, and weights times values; all pairs, those that a causal mask hides
        included, as most counts have it.
    feed_forward : int
        The feed-forward layers, of experts those that a token passes.
    routers : int
        Scores of experts.
    head : int
        The answer: for each token a number for each of the vocabulary, or of the labels.
    entrance : int
        Maps whose input wants no gradient: a picture's patches.
    """

    attention_maps: int = 0
    attention_scores: int = 0
    feed_forward: int = 0
    routers: int = 0
    head: int = 0
    entrance: int = 0

    @property
    def forward(self) -> int:
        """All of the forward pass."""
        return sum(getattr(self, field.name) for field in fields(self))

    @property
    def backward(self) -> int:
        """All of the backward pass: twice the forward, but once where no input wants a gradient.

        A kernel that makes the scores again instead of keeping them does half of
        ``attention_scores`` more; a model's own arithmetic does not count that.
        """
        return 2 * self.forward - self.entrance

    @property
    def total(self) -> int:
        """A step of training: forward and backward."""
        return self.forward + self.backward


def predict_flops(
    config: Any,
    *,
    length: int | None = None,
    target_length: int | None = None,
    past: int = 0,
    batch: int = 1,
    kind: type[nn.Module] | None = None,
) -> FlopCount:
    """Say what a forward pass will cost, from the config alone.

    Parameters
    ----------
    config : config of :mod:`txlite.models`
        Of a Transformer, BERT, GPT, Llama, T5, Switch or ViT.
    length : int, optional
        Tokens of a text; of the source where there are two. The default is the longest that the
        config names, and for pictures what its patches are.
    target_length : int, optional
        Tokens of the target, where there is one. The default is ``length``.
    past : int
        Tokens whose keys and values are in a cache, of a GPT or Llama: ``length=1`` then costs
        what one new token does.
    batch : int
        How many texts or pictures.
    kind : type, optional
        Which of the models that the config describes; the default is the body.

    Returns
    -------
    FlopCount
        What :func:`count_flops` counts: of a Switch where no token is dropped.

    Raises
    ------
    ValueError
        If there is no such config, a number is not positive, or does not belong to the family.

    Examples
    --------
    >>> from txlite.models import GPTConfig
    >>> count = predict_flops(GPTConfig.gpt3(), length=2048)
    >>> f"{count.forward / 2048:.3g} for a token"
    '3.59e+11 for a token'
    >>> f"{count.attention_scores / count.forward:.1%} of it for scores"
    '2.7% of it for scores'
    """
    kind = kind_of(config, kind)
    if type(config) not in PRODUCTS:
        names = ", ".join(one.__name__ for one in PRODUCTS)
        raise ValueError(f"config should be one of {names}, got {type(config).__name__}")
    sizes = {"batch": check_positive("batch", batch), "past": check_length("past", past)}
    for name, value in (("length", length), ("target_length", target_length)):
        sizes[name] = 0 if value is None else check_positive(name, value)
    return FlopCount(**PRODUCTS[type(config)](config, kind, sizes))


def count_flops(call: Callable[[], Any]) -> int:
    """Count what a call multiplies, by torch's own counter.

    Parameters
    ----------
    call : callable
        Runs what is to be counted: ``lambda: model(tokens)``, or with ``.sum().backward()``. On the
        ``meta`` device nothing is computed, and any size can be counted.

    Returns
    -------
    int
        Floating-point operations, two for each multiplication and addition.

    Raises
    ------
    ValueError
        If it cannot be called.

    Notes
    -----
    ``torch.utils.flop_counter.FlopCounterMode`` does not know the CPU's fused attention, and leaves
    the scores out without a word; here they are counted. Its backward pass makes the scores again:
    five products for two, where the plain one needs four.

    Examples
    --------
    >>> x, w = torch.zeros(3, 5), torch.zeros(5, 7)
    >>> count_flops(lambda: x @ w)  # 3 · 7 sums of 5 products
    210
    """
    check_callable("call", call, "which runs what is to be counted")
    with FlopCounterMode(display=False, custom_mapping=_CPU_ATTENTION) as counter:
        call()
    return int(counter.get_total_flops())


def training_flops(num_parameters: int, num_tokens: int) -> float:
    """Return 6ND, the usual estimate of what a training multiplies.

    Parameters
    ----------
    num_parameters : int
        N: those that a token passes, so of experts the active ones. Kaplan et al. leave the
        embeddings out, Hoffmann et al. count them: say which.
    num_tokens : int
        D: tokens that are read, each as often as it is.

    Returns
    -------
    float
        Floating-point operations. One number C does not say how many tokens there were: any N has
        a D = C/6N. Both must be known, or a rule such as :meth:`ScalingFit.optimal` chosen.

    Raises
    ------
    ValueError
        If a number is not positive.

    References
    ----------
    Kaplan et al. (2020), section 2.1. Brown et al. (2020), appendix D.

    Examples
    --------
    >>> f"{training_flops(174_600_000_000, 300_000_000_000):.3g}"  # GPT-3 read 300 billion tokens
    '3.14e+23'
    """
    numbers = check_positive("num_parameters", num_parameters)
    return 6.0 * numbers * check_positive("num_tokens", num_tokens)


def _scores(query: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> int:
    """Two products of (B, H, T, S, E): shapes are (B, H, T, E), (B, K, S, E) and (B, K, S, V)."""
    batch, heads, queries, width = query
    return int(2 * batch * heads * queries * key[2] * (width + value[-1]))


def _scores_backward(grad: Any, query: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> int:
    """Scores again; the gradients of queries and keys from theirs; of weights and of values."""
    batch, heads, queries, width = query
    return int(2 * batch * heads * queries * key[2] * (3 * width + 2 * value[-1]))


_AT = torch.ops.aten
_CPU_ATTENTION = {
    _AT._scaled_dot_product_flash_attention_for_cpu: _scores,
    _AT._scaled_dot_product_flash_attention_for_cpu_backward: _scores_backward,
}
