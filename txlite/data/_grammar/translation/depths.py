"""Meanings of one depth, of pairs of words that may be learned from: only the depth is new."""

import random
from collections.abc import Iterator

from txlite.data._grammar.translation.dice_sentences import SentenceDice
from txlite.data._grammar.translation.meaning import Meaning, vocabulary
from txlite.data._grammar.translation.splits import held_out

__all__ = ["meanings_of_depth"]


def meanings_of_depth(language: str, depth: int, seed: int) -> Iterator[Meaning]:
    """Throw meanings with so many subordinations, without end.

    Parameters
    ----------
    language : str
        "fr" or "zh": the language that must be able to say them.
    depth : int
        How many subordinations each has.
    seed : int
        The same seed throws the same meanings, on every machine.

    Yields
    ------
    Meaning
        Without any pair of words that is held out by combination.
    """
    dice = SentenceDice(language, random.Random(seed))
    while True:
        meaning = dice.sentence(depth)
        heads, nouns = vocabulary(meaning)
        if not any(held_out(head, noun) for head in heads for noun in nouns):
            yield meaning
