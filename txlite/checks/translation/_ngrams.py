"""Pieces of n words in a row, and how many of them two sentences share."""

from collections import Counter
from collections.abc import Sequence

__all__ = ["Grams", "Tokens", "clipped", "ngrams", "unclipped"]

Tokens = Sequence[int]
Grams = list[tuple[int, ...]]


def ngrams(tokens: Tokens, n: int) -> Grams:
    """List the n-grams of a sentence, in order and with repetitions."""
    return [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]


def clipped(hypothesis: Grams, reference: Grams) -> int:
    """Count matches, each n-gram at most as often as the reference holds it."""
    return sum((Counter(hypothesis) & Counter(reference)).values())


def unclipped(hypothesis: Grams, reference: Grams) -> int:
    """Count matches, however rarely the reference holds the n-gram."""
    return sum(gram in reference for gram in hypothesis)
