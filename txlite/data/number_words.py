"""Numbers in French and English words: a small translation task with real traps.

*Quatre vingt dix sept*, four twenty ten seven, is ninety seven: the count of words changes, and a
word cannot be translated without its neighbours. The words come from num2words.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import torch

from txlite._checks import check_positive

__all__ = ["NumberTask", "dictionary_words", "number_task", "number_words"]

BEGIN, END, FIRST = 1, 2, 4  # 0 is the padding, 3 is left for an unknown word
_LIMIT = 10_000
_SPLIT = 11  # decides which numbers are held out; the same in every run
_ATOMS = (*range(1, 17), 20, 30, 40, 50, 60, 100, 1000)


class NumberTask(NamedTuple):
    """Pairs to learn from, pairs that are held out, and the words of both languages."""

    train: list[tuple[list[int], list[int]]]
    """Encoded pairs: the source ends in 2, the target begins with 1 and ends in 2."""
    held_out: list[tuple[list[int], list[int]]]
    """Encoded pairs of other numbers."""
    held_out_texts: list[tuple[list[str], list[str]]]
    """The words of the held-out pairs, French and English."""
    french: dict[str, int]
    """From a French word to its token, from 4 on."""
    english: dict[str, int]
    """From an English word to its token, from 4 on."""


def number_words(number: int, language: str) -> list[str]:
    """Say a number in words.

    Parameters
    ----------
    number : int
        At least 0.
    language : str
        ``"fr"`` or ``"en"``, or another that num2words knows.

    Returns
    -------
    list of str
        The words without "and", "et", hyphens and commas.

    Examples
    --------
    >>> number_words(97, "fr"), number_words(97, "en")
    (['quatre', 'vingt', 'dix', 'sept'], ['ninety', 'seven'])
    """
    from num2words import num2words

    words = re.split(r"[\s,-]+", str(num2words(number, lang=language)))
    return [word for word in words if word not in ("and", "et")]


def number_task(num_train: int = 4000, num_held_out: int = 1000) -> NumberTask:
    """Make the task: numbers below ten thousand from French to English.

    Parameters
    ----------
    num_train, num_held_out : int
        How many pairs to learn from, and how many to hold out; no number is in both. Which ones is
        fixed: the same held-out numbers in every run.

    Returns
    -------
    NumberTask
        Encoded pairs and vocabularies.

    Raises
    ------
    ValueError
        If a count is not positive, or there are not as many numbers.

    Examples
    --------
    >>> task = number_task(100, 20)
    >>> len(task.train), len(task.held_out)
    (100, 20)
    """
    num_train = check_positive("num_train", num_train)
    num_held_out = check_positive("num_held_out", num_held_out)
    total = num_train + num_held_out
    if total > _LIMIT:
        raise ValueError(
            f"num_train and num_held_out should be at most {_LIMIT} together, got {total}"
        )
    generator = torch.Generator().manual_seed(_SPLIT)
    numbers = torch.randperm(_LIMIT, generator=generator, device="cpu")[:total].tolist()
    texts = [(number_words(n, "fr"), number_words(n, "en")) for n in numbers]
    french, english = (_vocabulary([pair[side] for pair in texts]) for side in (0, 1))
    encoded = [
        ([french[w] for w in a] + [END], [BEGIN] + [english[w] for w in b] + [END])
        for a, b in texts
    ]
    return NumberTask(encoded[:num_train], encoded[num_train:], texts[num_train:], french, english)


def _vocabulary(texts: Sequence[Sequence[str]]) -> dict[str, int]:
    words = sorted({word for text in texts for word in text})
    return {word: token for token, word in enumerate(words, start=FIRST)}


def dictionary_words(words: Sequence[str]) -> list[str]:
    """Translate French number words one by one, as a dictionary does: the baseline of the task.

    Parameters
    ----------
    words : sequence of str
        French words; one that is not in the dictionary stays as it is.

    Returns
    -------
    list of str
        As many words.

    Examples
    --------
    >>> dictionary_words(["quatre", "vingt", "dix", "sept"])
    ['four', 'twenty', 'ten', 'seven']
    """
    known = {number_words(n, "fr")[-1]: number_words(n, "en")[-1] for n in _ATOMS}
    return [known.get(word, word) for word in words]
