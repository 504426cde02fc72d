"""Translation in miniature: the Chinese sentences of :mod:`txlite.data.roles`, with their English.

Seventy words, and yet what makes translation more than looking words up: "today" and "in the park"
move to the end, 没 becomes "didn't" and 不 "doesn't" and both take the verb's ending away, 说 is
"said" if what is told did not happen, 我 is "I" or "me", nouns ask for an article. Small enough to
learn in seconds, and every sentence has exactly one translation.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch

from txlite._checks import check_positive
from txlite.data._grammar import LEXICONS
from txlite.data.pairs import PairBatch
from txlite.data.roles import sample_sentences

__all__ = [
    "BOOK",
    "FUNCTION_WORDS",
    "SOURCE_WORDS",
    "TARGET_WORDS",
    "WordPair",
    "decode",
    "encode",
    "sample_pairs",
    "translation",
]

_ZH, _EN = LEXICONS["zh"], LEXICONS["en"]
_SPECIAL = ("", "<s>", "</s>")  # padding, begin, end
_BEGIN, _END = 1, 2
_PAST = "没"

SOURCE_WORDS = (*_SPECIAL, *sorted(_ZH.words))
"""The Chinese words, after three marks: padding, begin, end. A word's place is its number."""

_NOT, _DID_NOT = ("don't", "doesn't"), "didn't"  # after I, after he; in the past
_BE_NOT, _SAID = (("am", "not"), ("isn't",)), "said"
_PARTICLES = ("the", "a", *_NOT, _DID_NOT, *_BE_NOT[0][1:], *_BE_NOT[1])

TARGET_WORDS = (
    *_SPECIAL,
    *sorted((_EN.words - set(_EN.particles)) | {*_PARTICLES, _SAID}),
)
"""The English words, after the same marks."""

FUNCTION_WORDS = frozenset({*_PARTICLES, *_EN.pronouns, *_EN.objects, _EN.first})
"""English words that say how the others hang together; the others are content words."""


class WordPair(NamedTuple):
    """A Chinese sentence and its English, both cut into words."""

    source: tuple[str, ...]
    target: tuple[str, ...]


def translation(source: Sequence[str]) -> tuple[str, ...]:
    """Translate a sentence of the little Chinese grammar.

    Parameters
    ----------
    source : sequence of str
        Its words.

    Returns
    -------
    tuple of str
        The English words; where and when come last, in this order.

    Examples
    --------
    >>> " ".join(translation(["今天", "小", "猫", "没", "在家", "吃", "我"]))
    "the small cat didn't eat me at home today"
    """
    if _ZH.says.first not in source:
        return _clause(source)
    at = source.index(_ZH.says.first)
    first = source[at - 1] == _ZH.first
    past = _PAST in source[at:]  # 说 has no tense, 没 has
    says = _SAID if past else _EN.says.first if first else _EN.says.third
    return (*_subject(source[:at]), says, *_clause(source[at + 1 :]))


def sample_pairs(num_pairs: int, seed: int, *, without: Iterable[WordPair] = ()) -> list[WordPair]:
    """Write sentences by the throw of dice, and translate them.

    Parameters
    ----------
    num_pairs : int
        How many.
    seed : int
        The same seed writes the same pairs, on every machine.
    without : iterable of WordPair
        Pairs whose sources must not occur.

    Returns
    -------
    list of WordPair
        With sources that are all different.

    Raises
    ------
    ValueError
        If ``num_pairs`` is not positive.
    """
    check_positive("num_pairs", num_pairs)
    kept_out = {pair.source for pair in without}
    sentences = sample_sentences(num_pairs + len(kept_out), seed, languages=["zh"])
    sources = [s.words for s in sentences if s.words not in kept_out]
    return [WordPair(source, translation(source)) for source in sources[:num_pairs]]


def encode(pairs: Sequence[WordPair]) -> PairBatch:
    """Turn pairs into a batch of numbers, padded on the right.

    Parameters
    ----------
    pairs : sequence of WordPair
        At least one.

    Returns
    -------
    PairBatch
        On the CPU. Sources end in the end mark; targets begin and end in their marks.
    """
    sources = [[*(_SOURCE[word] for word in pair.source), _END] for pair in pairs]
    targets = [[_BEGIN, *(_TARGET[word] for word in pair.target), _END] for pair in pairs]
    source, target = _padded(sources), _padded(targets)
    return PairBatch(source, source > 0, target, target > 0)


def decode(numbers: Iterable[int]) -> str:
    """Write English words from their numbers, up to the end mark.

    Parameters
    ----------
    numbers : iterable of int
        Places in :data:`TARGET_WORDS`; the begin mark is left out.

    Returns
    -------
    str
        The words with spaces between them.
    """
    words = []
    for number in numbers:
        if number == _END:
            break
        if number >= len(_SPECIAL):
            words.append(TARGET_WORDS[number])
    return " ".join(words)


def _padded(rows: list[list[int]]) -> torch.Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [0] * (longest - len(row)) for row in rows])


def _clause(words: Sequence[str]) -> tuple[str, ...]:
    """Translate a clause: who, what they do, to whom, where, when."""
    adverbs = [
        _ADVERBS[word] for names in (_ZH.places, _ZH.times) for word in words if word in names
    ]
    core = [word for word in words if word not in _ADVERBS]
    at = next(i for i, word in enumerate(core) if word in _VERBS)
    denied = core[at - 1] if core[at - 1] in _ZH.particles else ""
    subject = core[: at - len(denied)]
    verb = _verb(core[at], first=subject == [_ZH.first], denied=denied)
    return (*_subject(subject), *verb, *_object(core[at + 1 :]), *adverbs)


def _verb(word: str, *, first: bool, denied: str) -> tuple[str, ...]:
    verb = _VERBS[word]
    if not denied:
        return (verb.first if first else verb.third,)
    if denied == _PAST:
        return _DID_NOT, verb.first
    return _BE_NOT[not first] if verb.takes == "trade" else (_NOT[not first], verb.first)


def _subject(words: Sequence[str]) -> tuple[str, ...]:
    return (_PERSONS[words[0]],) if words[0] in _PERSONS else _noun_phrase(words)


def _object(words: Sequence[str]) -> tuple[str, ...]:
    if words and words[0] in _OBJECTS:
        return (_OBJECTS[words[0]],)
    return _noun_phrase(words) if words else ()


def _noun_phrase(words: Sequence[str]) -> tuple[str, ...]:
    *kinds, noun = words
    article = _ARTICLES[noun]
    english = (*(_KINDS[kind] for kind in kinds), _NOUNS[noun])
    return (article, *english) if article else english


def _aligned(ours: Iterable[str], theirs: Iterable[str]) -> dict[str, str]:
    return dict(zip(ours, theirs, strict=True))


_SOURCE = {word: number for number, word in enumerate(SOURCE_WORDS)}
_TARGET = {word: number for number, word in enumerate(TARGET_WORDS)}
_VERBS = {zh.third: en for zh, en in zip(_ZH.verbs, _EN.verbs, strict=True)}
_ADVERBS = _aligned(_ZH.times + _ZH.places, _EN.times + _EN.places)
_PERSONS = _aligned((_ZH.first, *_ZH.pronouns), (_EN.first, *_EN.pronouns))
_OBJECTS = _aligned(_ZH.objects, _EN.objects)
_KINDS = _aligned((m for m, _ in _ZH.adjectives), (m for m, _ in _EN.adjectives))
_TRADES = _aligned((m for m, _ in _ZH.trades), (m for m, _ in _EN.trades))
_PAIRS = tuple(zip(_ZH.nouns + _ZH.names, _EN.nouns + _EN.names, strict=True))
_NOUNS = {zh.word: en.word for zh, en in _PAIRS} | _TRADES
_ARTICLES = {zh.word: en.article for zh, en in _PAIRS} | dict.fromkeys(_TRADES, "a")

BOOK = tuple(
    WordPair(source, translation(source))
    for source in (
        ("我", "吃", "苹果"),
        ("苹果", "吃", "我"),
        ("我", "爱", "中国"),
        ("他", "说", "她", "没", "来"),
        ("今天", "小", "猫", "在公园", "找", "老", "狗"),
    )
)
"""Sentences of the book that this grammar can say."""
