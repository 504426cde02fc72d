"""What may not come next, and what must: rules that look at tokens, not at probabilities.

Like the functions of :mod:`txlite.generation.sampling` each takes the scores of all V tokens and
returns scores of the same shape, minus infinity for what is ruled out. ``generate`` applies them
after the repetition penalty and before the temperature, in the order of this file.

Sources
    Paulus et al. (2018), section 2.5, for n-grams that do not repeat. That tokens are suppressed or
    forced is Hugging Face's practice, to whose processors the functions are equal.
"""

import math
from collections.abc import Collection
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from txlite._checks import check_positive, check_tokens, check_whole
from txlite.generation._arguments import as_tokens
from txlite.generation.sampling import _check_logits, _check_seen

__all__ = ["force", "no_repeat_ngram", "suppress"]


def no_repeat_ngram(
    logits: Float[Tensor, "*B V"],
    tokens: Int[Tensor, "*B T"],
    n: int,
    keep: Bool[Tensor, "*B T"] | None = None,
) -> Float[Tensor, "*B V"]:
    """Rule out every token that would complete a run of n tokens that has occurred.

    Parameters
    ----------
    logits : Tensor, shape (..., V)
        One score for each token of the vocabulary.
    tokens : Tensor of int, shape (..., T)
        What has been read and written so far.
    n : int
        Length of the runs; with 1 no token comes twice.
    keep : Tensor of bool, shape (..., T), optional
        False where a token is padding: no run goes through it.

    Returns
    -------
    Tensor, shape (..., V)
        Minus infinity for what is ruled out.

    Raises
    ------
    ValueError
        If ``n`` is not a positive whole number, a shape is wrong, or a token is outside [0, V).

    References
    ----------
    Paulus et al. (2018), "A Deep Reinforced Model for Abstractive Summarization", section 2.5.

    Examples
    --------
    >>> tokens = torch.tensor([1, 2, 0, 1])  # "1 2" has occurred, and "1" is there again
    >>> no_repeat_ngram(torch.zeros(4), tokens, 2)
    tensor([0., 0., -inf, 0.])
    """
    _check_logits(logits)
    n = check_positive("n", n)
    _check_seen(logits, tokens, keep)
    real = tokens if keep is None else tokens.masked_fill(~keep, 0)  # padding may be any number
    check_tokens("tokens", real, logits.shape[-1], "V")
    length = tokens.shape[-1]
    if length < n:
        return logits
    runs = real.unfold(-1, n, 1)  # (..., T - n + 1, n)
    begun = real[..., length - n + 1 :]  # the n - 1 newest
    again = (runs[..., :-1] == begun[..., None, :]).all(-1)
    if keep is not None:
        whole = keep.unfold(-1, n, 1).all(-1)
        again = again & whole & keep[..., length - n + 1 :].all(-1, keepdim=True)
    counts = torch.zeros_like(logits, dtype=torch.float)
    counts = counts.scatter_add(-1, runs[..., -1].long(), again.float())
    return logits.masked_fill(counts > 0, -math.inf)


def force(logits: Float[Tensor, "*B V"], token: int) -> Float[Tensor, "*B V"]:
    """Leave one token, with a score of zero.

    Parameters
    ----------
    logits : Tensor, shape (..., V)
        One score for each token of the vocabulary.
    token : int
        What must come.

    Returns
    -------
    Tensor, shape (..., V)
        Zero for the token, minus infinity for all others. As log-probabilities: it is certain.

    Raises
    ------
    ValueError
        If ``token`` is outside [0, V).

    Examples
    --------
    >>> force(torch.tensor([0.5, 2.0, -1.0]), 2)
    tensor([-inf, -inf, 0.])
    """
    _check_logits(logits)
    token = _check_one("token", token, logits.shape[-1])
    only = torch.full_like(logits, -math.inf)
    only[..., token] = 0.0
    return only


def suppress(logits: Float[Tensor, "*B V"], tokens: int | Collection[int]) -> Float[Tensor, "*B V"]:
    """Rule out certain tokens.

    Parameters
    ----------
    logits : Tensor, shape (..., V)
        One score for each token of the vocabulary.
    tokens : int or collection of int
        What may not come.

    Returns
    -------
    Tensor, shape (..., V)
        Minus infinity for these tokens.

    Raises
    ------
    ValueError
        If one of ``tokens`` is outside [0, V).

    Examples
    --------
    >>> suppress(torch.tensor([0.5, 2.0, -1.0]), {1})
    tensor([ 0.5000,    -inf, -1.0000])
    """
    _check_logits(logits)
    vocabulary = logits.shape[-1]
    chosen = [_check_one("tokens", token, vocabulary) for token in as_tokens(tokens)]
    if not chosen:
        return logits
    return logits.index_fill(-1, torch.tensor(chosen, device=logits.device), -math.inf)


def _check_one(name: str, token: Any, vocabulary: int) -> int:
    wanted = f"a token of the vocabulary, in [0, V={vocabulary})"
    return check_whole(name, token, wanted, lambda t: 0 <= t < vocabulary)
