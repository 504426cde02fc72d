"""Three ways to hold sentences back: by name, by combination and by construction.

*By combination*: of all pairs of a verb or an adjective and a noun that the grammar can say, every
twelfth is set aside, such as "buy" and "hat". No sentence to learn from holds the two words of such
a pair together, in any form and in any role; every sentence of the test holds a pair that belongs
together. Nobody chose the pairs: they are counted off word by word, within a word in the order of a
checksum, and a word that has lost three in ten of its partners loses no more.

*By construction*: sentences to learn from have at most one subordination (a report, a relative
clause, a "because"); those of the test have two or three.
"""

import random
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import cache

from txlite.data._grammar.translation.adjectives import ADJECTIVES
from txlite.data._grammar.translation.dice_phrases import nouns_of
from txlite.data._grammar.translation.dice_sentences import SentenceDice
from txlite.data._grammar.translation.meaning import Meaning, pairings, vocabulary
from txlite.data._grammar.translation.verbs import VERBS

__all__ = ["HELD_OUT_ONE_IN", "held_out", "partners", "sentences"]

HELD_OUT_ONE_IN = 12
"""One in so many pairs of words is kept for the test by combination."""

_MOST = 0.3  # of its partners that a word may lose
_FEWEST = 4  # partners of a verb or an adjective that loses any


def partners(head: str) -> tuple[str, ...]:
    """List the nouns that a verb or an adjective can go with, in the order of the table.

    Parameters
    ----------
    head : str
        The key of a verb or an adjective.

    Returns
    -------
    tuple of str
        Keys of nouns: of those who do it, of what it is done to, or of what it is said of.
    """
    if head in ADJECTIVES:
        return nouns_of(ADJECTIVES[head].kinds)
    verb = VERBS[head]
    to_whom = {"person"} if verb.frame in ("gift", "suit") else set()
    return nouns_of(verb.objects | verb.subjects | to_whom)


@cache
def _set_aside() -> frozenset[tuple[str, str]]:
    """Count off every twelfth pair, head by head."""
    table = {head: partners(head) for head in (*VERBS, *ADJECTIVES)}
    heads_of = Counter(noun for nouns in table.values() for noun in nouns)
    lost: Counter[str] = Counter()
    found = []
    due = 0
    for head, nouns in table.items():
        for noun in sorted(nouns, key=lambda noun: zlib.crc32(f"{head}|{noun}".encode())):
            due += 1
            spare = len(nouns) >= _FEWEST and lost[head] + 1 <= _MOST * len(nouns)
            if due >= HELD_OUT_ONE_IN and spare and lost[noun] + 1 <= _MOST * heads_of[noun]:
                found.append((head, noun))
                lost.update((head, noun))
                due -= HELD_OUT_ONE_IN
    return frozenset(found)


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
        The same everywhere: no chance is in it.
    """
    return (head, noun) in _set_aside()


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
