"""The names of Unicode's characters: sentences whose missing words can be known.

``LATIN SMALL LETTER E WITH ACUTE`` has a grammar. Hide a word of it, and the others often say which
it was: the script, the case, the letter, the mark above it. So the names are a small text on which
a masked language model can be trained in a minute, and a prediction can be checked by looking the
character up. Every name has a *category* too (letter, digit, mark …), which is a task with labels.

The names come with Python. By default they are those of Unicode 3.2 (2002), which every Python has:
the same list on all of them, as a published name never changes. The most frequent word is right for
8 % of the words of the names that are held out (a hyphen parts words as a space does); the word
that stood most often between the same two neighbours, for 42 %, and for 49 % if the left one
decides alone where the two were never seen together.

Sources
    The Unicode Character Database, through ``unicodedata``; Unicode License v3. Unicode Standard
    Annex 44, table 12: the general categories.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from txlite._checks import check_positive

__all__ = ["CATEGORIES", "NamedCharacter", "UnicodeNames", "unicode_names"]

CATEGORIES = {
    "Lu": "capital letter",
    "Ll": "small letter",
    "Lo": "other letter",
    "Mn": "mark without width",
    "Mc": "mark with width",
    "Nd": "digit",
    "No": "other number",
    "Po": "punctuation",
    "Sm": "mathematical sign",
    "So": "other sign",
    "Sk": "sign that changes another",
}
"""General categories of which there are enough names, with what they stand for."""

_WORDS = re.compile(r"[A-Z]+(?:[ -][A-Z]+)+")  # no digits: what is only numbered has no grammar
_NUMBERED = ("YI SYLLABLE ", "HANGUL SYLLABLE ", "CANADIAN SYLLABICS ", "ETHIOPIC SYLLABLE ")
_CASE = re.compile(r"\b(?:CAPITAL|SMALL) ")


class NamedCharacter(NamedTuple):
    """A character, its name, and the two letters of its general category."""

    character: str
    name: str
    category: str


class UnicodeNames(NamedTuple):
    """Characters to learn from, to choose by, and to be tested on."""

    train: tuple[NamedCharacter, ...]
    valid: tuple[NamedCharacter, ...]
    test: tuple[NamedCharacter, ...]


def unicode_names(*, one_in: int = 10, newest: bool = False) -> UnicodeNames:
    """Return the names that are made of words, parted.

    Left out are names with digits in them, names of one word, and four large sets of syllables
    whose names are a list and no grammar.

    Parameters
    ----------
    one_in : int
        About one name in so many is for ``valid``, and one for ``test``. A capital letter and its
        small one are on one side: the one gives the other's name away.
    newest : bool
        Whether the names are those of this Python's Unicode: more than twice as many, and more in
        each release. The side on which a name is stays the same.

    Returns
    -------
    UnicodeNames
        In the order of the characters' numbers.

    Raises
    ------
    ValueError
        If ``one_in`` is below 3.

    Examples
    --------
    >>> names = unicode_names()
    >>> names.train[30]
    NamedCharacter(character='I', name='LATIN CAPITAL LETTER I', category='Lu')
    >>> [len(part) for part in names]
    [8138, 1020, 1063]
    """
    one_in = check_positive("one_in", one_in)
    if one_in < 3:
        raise ValueError(f"one_in should be at least 3, or nothing is left to learn, got {one_in}")
    parts: tuple[list[NamedCharacter], ...] = ([], [], [])
    for one in _named(bool(newest)):
        key = _CASE.sub("", one.name).encode()
        number = int.from_bytes(hashlib.sha256(key).digest()[:8]) % one_in
        parts[{0: 2, 1: 1}.get(number, 0)].append(one)
    return UnicodeNames(*map(tuple, parts))


@cache
def _named(newest: bool) -> tuple[NamedCharacter, ...]:
    return tuple(_walk(newest))


def _walk(newest: bool) -> Iterator[NamedCharacter]:
    database = unicodedata if newest else unicodedata.ucd_3_2_0
    for number in range(0x20000):
        character = chr(number)
        name = database.name(character, "")
        if _WORDS.fullmatch(name) and not name.startswith(_NUMBERED):
            yield NamedCharacter(character, name, database.category(character))
