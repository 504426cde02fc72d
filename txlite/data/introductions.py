"""Introductions: who somebody is, and how old, in French and in English.

«Je suis étudiant» is “I am a student”, and «j'ai quatre-vingt-dix-sept ans» is “I am 97 years old”.
Little sentences, and no word for word: English wants an article that French leaves out, French says
its age with *have* and makes its nouns agree, n'…pas lies around the verb, and ninety-seven is four
twenties, ten and seven.
"""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache

from jaxtyping import Int
from torch import Tensor

from txlite._checks import check_choice, check_probability
from txlite.data.collate import pair_batch
from txlite.data.miniature import WordPair
from txlite.data.pairs import PairBatch

__all__ = ["AGES", "PROFESSIONS", "WHO", "decode", "encode", "introduce", "introductions", "words"]

_SPECIAL = ("", "<s>", "</s>", "?")  # padding, begin, end, unknown
_BEGIN, _END, _UNKNOWN = 1, 2, 3
_VERBS = {  # be and have, then the English
    "je": ("suis", "ai", "I", "am"),
    "tu": ("es", "as", "you", "are"),
    "il": ("est", "a", "he", "is"),
    "elle": ("est", "a", "she", "is"),
    "nous": ("sommes", "avons", "we", "are"),
    "vous": ("êtes", "avez", "you", "are"),
    "ils": ("sont", "ont", "they", "are"),
    "elles": ("sont", "ont", "they", "are"),
}
_FEMININE = {
    "étudiant": ("étudiante", "student"),
    "acteur": ("actrice", "actor"),
    "architecte": ("architecte", "architect"),
    "artiste": ("artiste", "artist"),
    "avocat": ("avocate", "lawyer"),
    "boulanger": ("boulangère", "baker"),
    "chanteur": ("chanteuse", "singer"),
    "cuisinier": ("cuisinière", "cook"),
    "infirmier": ("infirmière", "nurse"),
    "ingénieur": ("ingénieure", "engineer"),
    "médecin": ("médecin", "doctor"),
    "musicien": ("musicienne", "musician"),
    "ouvrier": ("ouvrière", "worker"),
    "pilote": ("pilote", "pilot"),
    "professeur": ("professeure", "teacher"),
    "écrivain": ("écrivaine", "writer"),
}

WHO = tuple(_VERBS)
"""Who can be introduced: je, tu, il …"""

PROFESSIONS = tuple(_FEMININE)
"""What they can be, as a man is called."""

AGES = range(1, 100)
"""How many years old they can be."""


def introduce(who: str, what: str | int, *, negated: bool = False) -> WordPair:
    """Say who somebody is, or how old, in both languages.

    Parameters
    ----------
    who : str
        One of :data:`WHO`.
    what : str or int
        One of :data:`PROFESSIONS`, or an age of :data:`AGES`.
    negated : bool
        Whether it is denied.

    Returns
    -------
    WordPair
        The French and the English words; an English number is cut into its digits.

    Raises
    ------
    ValueError
        If there is no such person, profession or age.

    Examples
    --------
    >>> introduce("je", "étudiant")
    WordPair(source=('je', 'suis', 'étudiant'), target=('I', 'am', 'a', 'student'))
    >>> " ".join(introduce("elle", 97, negated=True).source)
    "elle n' a pas quatre vingt dix sept ans"
    """
    check_choice("who", who, WHO)
    if what not in PROFESSIONS and what not in AGES:
        raise ValueError(f"what should be a profession or an age from 1 to 99, got {what!r}")
    be, have, pronoun, am = _VERBS[who]
    verb, (said, meant) = (have, _age(what)) if isinstance(what, int) else (be, _job(who, what))
    vowel = verb[0] in "aeoê"
    if negated:
        start = [who, "n'" if vowel else "ne", verb, "pas"]
    else:
        start = ["j'" if who == "je" and vowel else who, verb]
    return WordPair((*start, *said), (pronoun, am, *(["not"] if negated else []), *meant))


def _age(years: int) -> tuple[list[str], list[str]]:
    from num2words import num2words

    number = num2words(years, lang="fr").replace("-", " ").split()
    one = years == 1
    return [*number, "an" if one else "ans"], [*str(years), "year" if one else "years", "old"]


def _job(who: str, masculine: str) -> tuple[list[str], list[str]]:
    feminine, noun = _FEMININE[masculine]
    french = feminine if who.startswith("elle") else masculine
    if who in ("nous", "vous", "ils", "elles"):
        return [f"{french}s"], [f"{noun}s"]
    return [french], ["an" if noun[0] in "aeiou" else "a", noun]


def introductions(held_out: float = 0.2, seed: int = 0) -> tuple[list[WordPair], list[WordPair]]:
    """Return all introductions: those to learn from, and those to be tested on.

    Parameters
    ----------
    held_out : float
        Share of the pairs of a person with a profession or an age that are held out. That of
        «je suis étudiant» always is.
    seed : int
        Seed of the choice.

    Returns
    -------
    train, test : list of WordPair
        No person of ``test`` has that profession or age in ``train``, neither affirmed nor denied;
        but every word of ``test`` is in ``train`` too.

    Raises
    ------
    ValueError
        If ``held_out`` is not in [0, 1).
    """
    check_probability("held_out", held_out)
    pairs = {(who, what): _both(who, what) for who in WHO for what in (*PROFESSIONS, *AGES)}
    left = Counter(word for both in pairs.values() for word in _said(both))
    order = random.Random(seed).sample(list(pairs), len(pairs))
    chosen: set[tuple[str, str | int]] = set()
    for pair in [("je", "étudiant"), *order]:
        said = _said(pairs[pair])
        wanted = len(chosen) < max(1, int(held_out * len(pairs)))
        if wanted and pair not in chosen and all(left[word] > 1 for word in said):
            chosen.add(pair)
            left.subtract(said)
    train: list[WordPair] = []
    test: list[WordPair] = []
    for pair, both in pairs.items():
        (test if pair in chosen else train).extend(both)
    return train, test


def _both(who: str, what: str | int) -> list[WordPair]:
    return [introduce(who, what), introduce(who, what, negated=True)]


def _said(both: list[WordPair]) -> set[str]:
    return {word for pair in both for side in pair for word in side}


@cache
def words() -> tuple[str, ...]:
    """Return the words of both languages, after four marks: padding, begin, end, unknown.

    Returns
    -------
    tuple of str
        A word's place is its number.
    """
    train, test = introductions()
    return (*_SPECIAL, *sorted({word for pair in train + test for side in pair for word in side}))


def encode(pairs: Sequence[WordPair]) -> PairBatch:
    """Write pairs as numbers.

    Parameters
    ----------
    pairs : sequence of WordPair
        At least one.

    Returns
    -------
    PairBatch
        Each source followed by the end mark; each target between begin and end.
    """
    number = {word: i for i, word in enumerate(words())}
    rows = []
    for pair in pairs:
        source, target = ([number.get(word, _UNKNOWN) for word in side] for side in pair)
        rows.append(([*source, _END], [_BEGIN, *target, _END]))
    return pair_batch(rows)


def decode(numbers: Iterable[int] | Int[Tensor, " T"]) -> str:
    """Write numbers as a sentence, up to its end mark; digits are put together.

    Parameters
    ----------
    numbers : iterable of int
        Places in :func:`words`.

    Returns
    -------
    str
        The sentence.
    """
    said: list[str] = []
    for number in map(int, numbers):
        if number == _END:
            break
        word = words()[number]
        if word.isdigit() and said and said[-1].isdigit():
            said[-1] += word
        elif number > _END:
            said.append(word)
    return " ".join(said)
