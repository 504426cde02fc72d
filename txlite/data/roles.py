"""Who does what to whom: sentences in three languages, with the answers to six questions.

A little grammar writes sentences such as 「今天小猫在家找大鱼」, "the small cat seeks the big fish
at home" or «le petit chat cherche la grande dame chez moi». About one verb of each it also says
who acts, on whom, of what kind both are, when and where: the task of semantic role labelling, small
enough to learn in seconds. The grammar is fair, so that nothing can be guessed from the meaning of
the words: any noun may do anything to any other. Only what no language says is left out: one does
not come at school, nor love somebody in the park tonight.

Sources
    Gildea and Jurafsky (2002), "Automatic Labeling of Semantic Roles".
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from txlite._checks import check_positive
from txlite.data._grammar import LEXICONS, report

__all__ = ["MAX_LEN", "QUESTIONS", "Roles", "Sentence", "Vocabulary", "sample_sentences"]

QUESTIONS = ("who", "who: kind", "whom", "whom: kind", "when", "where")
"""What is asked about a verb, in this order. "whom" is also what somebody eats or is."""

MAX_LEN = 14
"""The most words that a sentence can have."""


@dataclass(frozen=True)
class Sentence:
    """A sentence, one of its verbs, and what it says about that verb.

    Parameters
    ----------
    words : tuple of str
        The words in order.
    verb : int
        The place of the verb that is asked about.
    places : tuple of (int or None)
        For each of the :data:`QUESTIONS` the place of the word that answers it, or None where the
        sentence does not say.
    language : str
        "zh", "en" or "fr".
    """

    words: tuple[str, ...]
    verb: int
    places: tuple[int | None, ...]
    language: str

    def __str__(self) -> str:
        """Return the sentence as it is written."""
        return ("" if self.language == "zh" else " ").join(self.words).replace("’ ", "’")

    @property
    def answers(self) -> tuple[str, ...]:
        """The words that answer the questions, "" where the sentence does not say."""
        return tuple("" if place is None else self.words[place] for place in self.places)


class Roles(NamedTuple):
    """Sentences as tensors: the words' numbers, the places of the verbs, the answers' numbers."""

    tokens: Int[Tensor, "B T"]
    verbs: Int[Tensor, " B"]
    answers: Int[Tensor, "B Q"]

    def to(self, device: torch.device | str) -> "Roles":
        """Return the same sentences on another device."""
        return Roles(*(tensor.to(device) for tensor in self))


class Vocabulary:
    """Every word of the grammar, with a number; number 0 is the empty word, "", which pads.

    Examples
    --------
    >>> vocabulary = Vocabulary()
    >>> vocabulary.words[vocabulary["中国"]]
    '中国'
    """

    def __init__(self) -> None:
        known = {word for lexicon in LEXICONS.values() for word in lexicon.words}
        self.words = ("", *sorted(known))
        self._numbers = {word: number for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        """Number of words, the empty one included."""
        return len(self.words)

    def __getitem__(self, word: str) -> int:
        """Return the number of a word; an unknown one is a ``KeyError``."""
        return self._numbers[word]

    @staticmethod
    def groups(language: str) -> tuple[tuple[str, ...], ...]:
        """Return the words of a language in groups: those of one group can change places."""
        _check_languages((language,))
        return LEXICONS[language].groups

    def encode(self, sentences: Sequence[Sentence], *, length: int = MAX_LEN) -> Roles:
        """Turn sentences into tensors, padded to the same length with the empty word.

        Parameters
        ----------
        sentences : sequence of Sentence
            At least one, of known words.
        length : int
            Number of places in each row.

        Returns
        -------
        Roles
            On the CPU.

        Raises
        ------
        ValueError
            If a sentence is longer than ``length``.
        """
        longest = max(len(sentence.words) for sentence in sentences)
        if longest > length:
            raise ValueError(
                f"length should be at least that of the longest sentence, {longest}, got {length}"
            )
        rows = [
            [self[word] for word in (*s.words, *[""] * (length - len(s.words)))] for s in sentences
        ]
        return Roles(
            torch.tensor(rows),
            torch.tensor([sentence.verb for sentence in sentences]),
            torch.tensor([[self[word] for word in s.answers] for s in sentences]),
        )


def sample_sentences(
    num_sentences: int,
    seed: int,
    *,
    languages: Sequence[str] = ("zh", "en", "fr"),
    without: Iterable[Sentence] = (),
) -> list[Sentence]:
    """Write sentences by the throw of dice, each different from the others.

    Parameters
    ----------
    num_sentences : int
        How many.
    seed : int
        The same seed writes the same sentences, on every machine.
    languages : sequence of str
        Some of "zh", "en" and "fr"; each sentence is in one of them.
    without : iterable of Sentence
        Sentences that must not occur, whatever verb they are asked about: what a model is tested
        on must be kept from what it learns from.

    Returns
    -------
    list of Sentence
        All different in their words.

    Raises
    ------
    ValueError
        If ``num_sentences`` is not positive or a language is unknown.
    """
    check_positive("num_sentences", num_sentences)
    _check_languages(languages)
    dice = random.Random(seed)
    seen = {sentence.words for sentence in without}
    sentences: list[Sentence] = []
    while len(sentences) < num_sentences:
        language = dice.choice(tuple(languages))
        phrase = report(language, dice)
        words = tuple(word for word, _ in phrase)
        tags = [tag for _, tag in phrase]
        if words not in seen:
            seen.add(words)
            places = tuple(tags.index(q) if q in tags else None for q in QUESTIONS)
            sentences.append(Sentence(words, tags.index("verb"), places, language))
    return sentences


def _check_languages(languages: Sequence[str]) -> None:
    if not languages or not set(languages) <= set(LEXICONS):
        known = ", ".join(LEXICONS)
        raise ValueError(f"languages should be some of {known}, got {tuple(languages)}")
