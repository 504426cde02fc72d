"""What BERT is trained on: sentences with hidden words, and pairs that belong together or do not.

The recipe for hidden words chooses 15 % of the tokens. Of the *chosen* ones 80 % become ``[MASK]``,
10 % another token that chance names, and 10 % stay as they are; all of them are asked for, and no
others. Each share is an argument, so that an ablation is a call.

Who calls :func:`mask_tokens` decides when the masks are drawn: once before training (static, as
BERT's authors did, with ten copies of the text), or for each batch anew (dynamic, as RoBERTa's).

Sources
    Devlin et al. (2019), "BERT: Pre-training of Deep Bidirectional Transformers", section 3.1 and
    appendix A.1: the shares, and sentence pairs. Its released code, create_pretraining_data.py:
    another document for the pairs that do not belong together, the longer sentence cut, and later
    the masking of whole words.
    Liu et al. (2019), "RoBERTa", section 4.1: static and dynamic masking.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple, TypeVar

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from txlite._checks import (
    check_generator,
    check_positive,
    check_share,
    check_tokens,
    check_whole,
    dtype_name,
)

__all__ = [
    "MaskedTokens",
    "PairTokens",
    "SentencePair",
    "mask_tokens",
    "pair_tokens",
    "sentence_pairs",
]

Sentence = TypeVar("Sentence")


class MaskedTokens(NamedTuple):
    """What a masked language model reads, and what it is asked for."""

    tokens: Int[Tensor, "*B T"]
    """The sentence with its hidden words: what the model reads."""
    targets: Int[Tensor, "*B T"]
    """The sentence itself."""
    chosen: Bool[Tensor, "*B T"]
    """True where the loss counts, also where a chosen token was kept as it is."""


class SentencePair(NamedTuple):
    """Two sentences, and whether the second follows the first in its document."""

    first: Sequence[int]
    second: Sequence[int]
    is_next: bool
    """The released heads for this question give a pair that belongs together the label 0."""


class PairTokens(NamedTuple):
    """One or two sentences as BERT reads them."""

    tokens: list[int]
    """``[CLS] first [SEP]``, and where there is a second sentence ``second [SEP]`` after it."""
    segments: list[int]
    """0 up to the first ``[SEP]``, 1 after it."""


def mask_tokens(
    tokens: Int[Tensor, "*B T"],
    *,
    vocab_size: int,
    mask_id: int,
    special_ids: Collection[int],
    generator: torch.Generator,
    share: float = 0.15,
    masked: float = 0.8,
    random: float = 0.1,
    at_least_one: bool = False,
    word_starts: Bool[Tensor, "*B T"] | None = None,
) -> MaskedTokens:
    """Choose some tokens of each row, and hide most of them.

    Each token that is not special is chosen with probability ``share``, whatever becomes of the
    others. A chosen one becomes ``mask_id`` with probability ``masked``, a token drawn evenly from
    all that are not special with probability ``random`` (it may be the same one), and else it
    stays.

    Parameters
    ----------
    tokens : Tensor of int, shape (..., T)
        Sentences, padded or not. They are left as they are.
    vocab_size : int
        How many tokens there are.
    mask_id : int
        The token ``[MASK]``. It is special, whether ``special_ids`` names it or not.
    special_ids : collection of int
        Tokens that are never chosen and never put in: padding, ``[CLS]``, ``[SEP]`` and the like.
    generator : torch.Generator
        On the CPU; the same one chooses the same on every device.
    share : float
        Share of the tokens that are chosen.
    masked, random : float
        Shares of the *chosen* tokens; what they leave of 1 is kept as it is.
    at_least_one : bool
        Whether a row in which chance has chosen nothing has one token chosen all the same. By
        default such a row adds nothing to the loss.
    word_starts : Tensor of bool, shape (..., T), optional
        True where a word begins. A word is then chosen as a whole: with all its tokens or none.
        What becomes of each of its tokens is still drawn alone, as in the released code.

    Returns
    -------
    MaskedTokens
        What the model reads, what it is asked for, and where; all on the device of ``tokens``.

    Raises
    ------
    ValueError
        If a share is outside [0, 1] or ``masked`` and ``random`` have a sum above 1, a token is
        outside the vocabulary or every one is special, or ``word_starts`` has another shape.

    Examples
    --------
    >>> tokens = torch.tensor([[1, 7, 8, 9, 2, 0]])  # [CLS], three words, [SEP], padding
    >>> generator = torch.Generator().manual_seed(0)
    >>> hidden = mask_tokens(tokens, vocab_size=10, mask_id=3, special_ids=(0, 1, 2, 3),
    ...                      generator=generator, share=1.0, masked=1.0, random=0.0)
    >>> hidden.tokens.tolist(), hidden.chosen.sum().item()
    ([[1, 3, 3, 3, 2, 0]], 3)
    """
    share, masked, random = (
        check_share(name, value)
        for name, value in (("share", share), ("masked", masked), ("random", random))
    )
    if masked + random > 1 + 1e-9:
        raise ValueError(
            f"masked and random should have a sum of at most 1, got {masked} and {random}: they "
            "are shares of the chosen tokens"
        )
    check_generator("generator", generator)
    _check_numbers(tokens)
    vocab_size = check_positive("vocab_size", vocab_size)
    check_tokens("tokens", tokens, vocab_size, "vocab_size")
    ordinary = _ordinary(vocab_size, [mask_id, *special_ids])
    words = _words(tokens, word_starts)

    place, kind, other = (
        torch.rand(tokens.shape, generator=generator, device="cpu", dtype=torch.double)
        for _ in range(3)
    )
    here = tokens.cpu()
    free = ordinary[here.long()]
    place = place.gather(-1, words).masked_fill(~free, 2.0)
    chosen = place < share
    if at_least_one and tokens.shape[-1]:
        none = ~chosen.any(-1, keepdim=True) & free.any(-1, keepdim=True)
        chosen = chosen | (none & (place == place.amin(-1, keepdim=True)))
    names = ordinary.nonzero()[:, 0]
    drawn = names[(other * len(names)).long()].to(here.dtype)
    hidden = torch.where(chosen & (kind < masked), mask_id, here)
    swapped = chosen & (kind >= masked) & (kind < masked + random)
    hidden = torch.where(swapped, drawn, hidden)
    return MaskedTokens(hidden.to(tokens.device), tokens.clone(), chosen.to(tokens.device))


def _check_numbers(tokens: Tensor) -> None:
    if tokens.is_floating_point() or tokens.dtype == torch.bool or tokens.ndim == 0:
        raise ValueError(
            "tokens should hold whole numbers and have a last axis T, got "
            f"{dtype_name(tokens)} in {tuple(tokens.shape)}"
        )


def _ordinary(vocab_size: int, special: Collection[int]) -> Bool[Tensor, " V"]:
    """Return which tokens of the vocabulary may be chosen and put in."""
    ordinary = torch.ones(vocab_size, dtype=torch.bool, device="cpu")
    for number in special:
        wanted = f"numbers in [0, vocab_size={vocab_size})"
        ordinary[
            check_whole("mask_id and special_ids", number, wanted, lambda n: 0 <= n < vocab_size)
        ] = False
    if not ordinary.any():
        raise ValueError(f"special_ids should leave some of vocab_size={vocab_size}, got all")
    return ordinary


def _words(tokens: Tensor, starts: Tensor | None) -> Int[Tensor, "*B T"]:
    """Return for each token the number of its word in the row, below T."""
    if starts is None:
        return torch.arange(tokens.shape[-1], device="cpu").expand(tokens.shape)
    if starts.dtype != torch.bool or starts.shape != tokens.shape:
        raise ValueError(
            f"word_starts should hold bool in the shape of tokens, {tuple(tokens.shape)}, got "
            f"{dtype_name(starts)} in {tuple(starts.shape)}"
        )
    starts = starts.cpu().clone()
    starts[..., :1] = False  # a row begins with a word, marked or not: number 0
    return starts.long().cumsum(-1)


def sentence_pairs(
    documents: Sequence[Sequence[Sequence[int]]],
    generator: torch.Generator,
    *,
    share_next: float = 0.5,
) -> list[SentencePair]:
    """Pair each sentence with the one after it, or with one of another document.

    Parameters
    ----------
    documents : sequence of sequence of sequence of int
        Documents of sentences of tokens. Those of one sentence give no pair; their sentence may be
        a second one.
    generator : torch.Generator
        Decides for each pair, and draws the other document and its sentence.
    share_next : float
        Probability that the second sentence is the one that follows.

    Returns
    -------
    list of SentencePair
        One for each sentence that has a next one, in the order of the documents.

    Raises
    ------
    ValueError
        If there are fewer than two documents with a sentence, no sentence has a next one, or
        ``share_next`` is outside [0, 1].

    Examples
    --------
    >>> documents = [[[5], [6], [7]], [[8], [9]]]
    >>> pairs = sentence_pairs(documents, torch.Generator().manual_seed(0), share_next=1.0)
    >>> [(pair.first, pair.second) for pair in pairs]
    [([5], [6]), ([6], [7]), ([8], [9])]
    """
    check_generator("generator", generator)
    share_next = check_share("share_next", share_next)
    told = [list(document) for document in documents if document]
    if len(told) < 2 or all(len(document) < 2 for document in told):
        raise ValueError(
            "documents should be at least two, and one of two sentences or more, got sentences: "
            f"{[len(document) for document in documents][:8]}"
        )
    pairs = []
    for number, document in enumerate(told):
        for at in range(len(document) - 1):
            if _chance(generator) < share_next:
                pairs.append(SentencePair(document[at], document[at + 1], True))
                continue
            other = int(_chance(generator) * (len(told) - 1))
            strange = told[other + (other >= number)]  # every document but this one
            second = strange[int(_chance(generator) * len(strange))]
            pairs.append(SentencePair(document[at], second, False))
    return pairs


def _chance(generator: torch.Generator) -> float:
    return float(torch.rand((), generator=generator, device="cpu", dtype=torch.double))


def pair_tokens(
    first: Sequence[int],
    second: Sequence[int] | None = None,
    *,
    cls_id: int,
    sep_id: int,
    max_len: int,
) -> PairTokens:
    """Put one or two sentences between BERT's marks, and cut what is too long.

    Of two sentences always the longer one loses its last token, until both fit; of two that are
    equally long the second.

    Parameters
    ----------
    first : sequence of int
        A sentence.
    second : sequence of int, optional
        Another one.
    cls_id, sep_id : int
        The tokens ``[CLS]`` and ``[SEP]``.
    max_len : int
        How many tokens there may be, marks included.

    Returns
    -------
    PairTokens
        Tokens and their segments, which are equally many.

    Raises
    ------
    ValueError
        If ``max_len`` has no room for the marks and a token of each sentence.

    Examples
    --------
    >>> pair_tokens([5, 6, 7, 8], [9], cls_id=1, sep_id=2, max_len=7)
    PairTokens(tokens=[1, 5, 6, 7, 2, 9, 2], segments=[0, 0, 0, 0, 0, 1, 1])
    """
    marks, sentences = (2, 1) if second is None else (3, 2)
    room = check_positive("max_len", max_len) - marks
    if room < sentences:
        raise ValueError(
            f"max_len should be at least {marks + sentences}, {marks} marks and a token of each "
            f"sentence, got {max_len}"
        )
    a, b = list(first), list(second or ())
    while len(a) + len(b) > room:
        (a if len(a) > len(b) else b).pop()
    tokens = [cls_id, *a, sep_id]
    segments = [0] * len(tokens)
    if second is not None:
        tokens += [*b, sep_id]
        segments += [1] * (len(b) + 1)
    return PairTokens(tokens, segments)
