"""Three ways to hold sentences back: by name, by combination and by construction.

*By combination*: one in twelve of all pairs of a verb or an adjective and a noun is set aside, such
as "buy" and "hat". No sentence to learn from holds the two words of such a pair together, in any
form and in any role; every sentence of the test holds a pair that belongs together.

*By construction*: sentences to learn from have at most one subordination (a report, a relative
clause, a "because"); those of the test have two or three.
"""

import random
import zlib
from collections.abc import Iterator
from functools import cache

from txlite.data._grammar.translation.dice_sentences import SentenceDice
from txlite.data._grammar.translation.meaning import Meaning, pairings, vocabulary

__all__ = ["HELD_OUT_ONE_IN", "held_out", "sentences"]

HELD_OUT_ONE_IN = 12
"""One in so many pairs of words is kept for the test by combination."""

_DRAW = 212  # a draw in which no word loses more than three in ten of its partners


@cache
def held_out(head: str, noun: str) -> bool:
    """Whether a pair of words is kept for the test.

    Parameters
    ----------
    head : str
        The key of a verb or an adjective.
    noun : str
        The key of a noun.

    Returns
    -------
    bool
        Decided by a checksum of the two, so that it is the same everywhere.
    """
    return zlib.crc32(f"{head}|{noun}|{_DRAW}".encode()) % HELD_OUT_ONE_IN == 0


def sentences(language: str, seed: int) -> Iterator[tuple[str, Meaning]]:
    """Throw meanings without end, each with the split it may go to.

    Parameters
    ----------
    language : str
        "fr" or "zh": the language that must be able to say them.
    seed : int
        The same seed throws the same meanings, on every machine.

    Yields
    ------
    (str, Meaning)
        "train", "combination" or "construction", and the meaning. A meaning that would teach a
        pair that is held out, without testing it, is left out.
    """
    dice = SentenceDice(language, random.Random(seed))
    while True:
        depth = dice.depth()
        meaning = dice.sentence(depth)
        if depth > 1:
            yield "construction", meaning
        elif any(held_out(*pair) for pair in pairings(meaning)):
            yield "combination", meaning
        else:
            heads, nouns = vocabulary(meaning)
            if not any(held_out(head, noun) for head in heads for noun in nouns):
                yield "train", meaning
