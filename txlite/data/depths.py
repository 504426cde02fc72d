"""Sentences of one depth: what a model that was trained on shallow ones is asked.

The corpora (:mod:`txlite.data.corpora`) teach sentences with at most one subordination: a report, a
relative clause, or two statements with a link. Here are sentences with none, one, two or more, of
the same words and without the pairs of words that are held out there: nothing but the depth is new.
"""

from collections.abc import Callable

from txlite._checks import check_choice, check_number, check_positive
from txlite.data._grammar import (
    CHINESE,
    FRENCH,
    Meaning,
    chinese,
    english,
    french,
    meanings_of_depth,
)
from txlite.data.corpora import Pair

__all__ = ["DEEPEST", "pairs_of_depth"]

DEEPEST = 4
"""Sentences that are deeper still are more than anybody would say."""

_SAY: dict[str, Callable[[Meaning], str]] = {FRENCH: french, CHINESE: chinese}


def pairs_of_depth(language: str, depth: int, number: int, *, seed: int) -> list[Pair]:
    """Return pairs whose sentences have exactly so many subordinations.

    Parameters
    ----------
    language : str
        "fr" or "zh", the source; the target is English.
    depth : int
        From 0 to :data:`DEEPEST`.
    number : int
        How many pairs.
    seed : int
        The same seed gives the same pairs on every machine.

    Returns
    -------
    list of Pair
        No two with the same source. Some of depth 0 or 1 may be in the corpora too.

    Raises
    ------
    ValueError
        If there is no such language or depth, or ``number`` is not positive.

    Examples
    --------
    >>> pairs_of_depth("zh", 2, 1, seed=1)[0].source
    '玛丽希望她知道保罗睡了觉'
    """
    check_choice("language", language, tuple(_SAY))
    wanted = f"a whole number from 0 to {DEEPEST}"
    depth = int(check_number("depth", depth, wanted, lambda x: x in range(DEEPEST + 1)))
    number = check_positive("number", number)
    found: dict[str, Pair] = {}
    for meaning in meanings_of_depth(language, depth, seed):
        source = _SAY[language](meaning)
        found.setdefault(source, Pair(source, english(meaning)))
        if len(found) == number:
            break
    return list(found.values())
