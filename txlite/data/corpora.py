"""Parallel corpora that need no download: French and Chinese sentences with their English.

A little grammar (``txlite.data._grammar``) throws a meaning and says it in both languages. It
knows about a hundred and fifty words in their forms, and the things that make translation more than
looking words up: agreement, negation, elision, measure words, tenses, questions, and words in
another order. Numbers and dates come from num2words and Babel. Every sentence has one translation,
and says what people might: films are watched and pictures looked at, doors are closed in rooms, and
«aimer» is "love" for people and "like" for bread (see ``plausible`` in the grammar).

Three sets are held out: by combination and by construction (see ``splits`` in the grammar), and the
sentences of the article that this book grew from.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from txlite._checks import check_positive
from txlite.data._grammar import (
    CHINESE,
    CHINESE_WORDS,
    FRENCH,
    NAMES,
    Meaning,
    chinese,
    english,
    french,
    sentences,
)
from txlite.data.pairs import Pair

__all__ = ["Pair", "ParallelCorpus", "chinese_english", "french_english", "tidy", "words_of"]

SEED = 2017
NUM_TEST = 1_000
MOST = 250_000  # pairs to learn from; the grammar repeats itself more and more
CAPITALISED = tuple(dict.fromkeys(w for name in NAMES.values() for w in name.french.split()))
QUOTES = re.compile(r"[«»“”„‹›「」『』\"]")  # no sentence of the corpora has any
MARKS = " .。!！…,，、"  # nor one of these at its end
HAN = r"\u4e00-\u9fff"
LONG_WORDS = "|".join(sorted(CHINESE_WORDS, key=len, reverse=True))
WORD = re.compile(rf"{LONG_WORDS}|[{HAN}]|-?[^\W_{HAN}]+'?")


@dataclass(frozen=True)
class ParallelCorpus:
    """Pairs to learn from and pairs to be tested on; no sentence is in two of the lists.

    Parameters
    ----------
    train : list of Pair
        At most one subordination in each.
    test_combination : list of Pair
        Each holds two words, a verb or an adjective and a noun, that no pair of ``train`` holds
        together.
    test_construction : list of Pair
        Each holds two or three subordinations.
    article : list of Pair
        The article's sentences.
    """

    train: list[Pair]
    test_combination: list[Pair]
    test_construction: list[Pair]
    article: list[Pair]


_FRENCH_ARTICLE = [Pair("je suis étudiant", "I am a student")]
_CHINESE_ARTICLE = [
    Pair("我爱中国", "I love China"),
    Pair("我爱你", "I love you"),
    Pair("你爱我", "you love me"),
    Pair("我吃苹果", "I eat apples"),
    Pair("他说她没来", "he said she didn't come"),
    Pair("这件衣服很适合你", "this piece of clothing suits you very well"),
]


def french_english(num_train: int = 24_000) -> ParallelCorpus:
    """Return French sentences with their English.

    Parameters
    ----------
    num_train : int
        How many pairs to learn from, at most 250,000. The other lists do not depend on it.

    Returns
    -------
    ParallelCorpus
        Always the same.

    Raises
    ------
    ValueError
        If ``num_train`` is not positive, or more than the grammar says in sensible time.

    Examples
    --------
    >>> french_english(10).article
    [Pair(source='je suis étudiant', target='I am a student')]
    """
    return _corpus(FRENCH, num_train)


def chinese_english(num_train: int = 24_000) -> ParallelCorpus:
    """Return Chinese sentences with their English.

    Parameters
    ----------
    num_train : int
        How many pairs to learn from, at most 250,000. The other lists do not depend on it.

    Returns
    -------
    ParallelCorpus
        Always the same.

    Raises
    ------
    ValueError
        If ``num_train`` is not positive, or more than the grammar says in sensible time.

    Examples
    --------
    >>> chinese_english(10).article[0]
    Pair(source='我爱中国', target='I love China')
    """
    return _corpus(CHINESE, num_train)


def _corpus(language: str, num_train: int) -> ParallelCorpus:
    check_positive("num_train", num_train)
    if num_train > MOST:
        raise ValueError(f"num_train should be at most {MOST:,}, got {num_train:,}")
    article = {FRENCH: _FRENCH_ARTICLE, CHINESE: _CHINESE_ARTICLE}[language]
    lists = _fill(language, num_train)
    return ParallelCorpus(
        list(lists["train"][:num_train]),
        list(lists["combination"]),
        list(lists["construction"]),
        list(article),
    )


@cache
def _fill(language: str, num_train: int) -> dict[str, list[Pair]]:
    """Say meanings until every list is full."""
    say: Callable[[Meaning], str] = {FRENCH: french, CHINESE: chinese}[language]
    wanted = {"train": num_train, "combination": NUM_TEST, "construction": NUM_TEST}
    found: dict[str, list[Pair]] = {name: [] for name in wanted}
    article = {FRENCH: _FRENCH_ARTICLE, CHINESE: _CHINESE_ARTICLE}[language]
    seen = {pair.source for pair in article}
    for split, meaning in sentences(language, SEED):
        if len(found[split]) < wanted[split] and (source := say(meaning)) not in seen:
            seen.add(source)
            found[split].append(Pair(source, english(meaning)))
        if all(len(found[name]) == wanted[name] for name in wanted):
            break
    return found


def tidy(text: str) -> str:
    """Bring a sentence that somebody typed into the form that the corpora have.

    Parameters
    ----------
    text : str
        French or Chinese.

    Returns
    -------
    str
        Without quotes, without full stops, commas and exclamation marks at the end, apostrophes
        straight, blanks single and none beside a Chinese character, a question mark as the
        language sets it, and the first letter small unless a name begins. What is all in capitals,
        a word or the whole sentence, is made small; names in it keep their first one. In Unicode's
        normal form C, and without the marks of byte order that some editors leave in a file.

    Examples
    --------
    >>> tidy("« J’aime  le thé ! »")
    "j'aime le thé"
    >>> tidy("MARIE A UN CHAT")
    'Marie a un chat'
    >>> tidy("我 吃 苹果。")
    '我吃苹果'
    """
    straight = QUOTES.sub("", unicodedata.normalize("NFC", text)).replace("’", "'")
    typed = " ".join(straight.replace("\ufeff", " ").split())
    typed = re.sub(rf"(?<=[{HAN}]) | (?=[{HAN}])", "", typed)
    said = typed.rstrip(f"{MARKS}?？")
    if not said:
        return ""
    end = typed[len(said) :]
    for part in (r".+", r"[^ ]+", r"[^ ']+"):  # the sentence, its words, what an apostrophe parts
        said = re.sub(part, _quiet, said)
    first = re.split(r"[ ']", said, maxsplit=1)[0]
    if first not in CAPITALISED:
        said = said[:1].lower() + said[1:]
    mark = "？" if re.search(rf"[{HAN}]", said) else " ?"
    asked = bool(re.search(r"[?？]", end))
    return unicodedata.normalize("NFC", said + mark * asked)


def _quiet(part: re.Match[str]) -> str:
    """Make small what is all in capitals and has more than one, but not the beginning of a name."""
    text = part[0]
    if not text.isupper() or sum(map(str.isupper, text)) == 1:
        return text
    names = {name.lower(): name for name in CAPITALISED}
    return re.sub(r"[^\W\d_]+", lambda word: names.get(word[0], word[0]), text.lower())


def words_of(sentence: str) -> list[str]:
    """Cut a sentence into words, of which one can ask whether a model has met them.

    Parameters
    ----------
    sentence : str
        French or Chinese, as :func:`tidy` leaves it.

    Returns
    -------
    list of str
        In their order: what stands between blanks, parted after apostrophes and before hyphens,
        as the tokenizers do; in Chinese the longest word of the corpora that begins there, else the
        character. Numbers and marks are no words.

    Examples
    --------
    >>> words_of("l'homme aime-t-il 25 chats ?")
    ["l'", 'homme', 'aime', '-t', '-il', 'chats']
    >>> words_of("我2020年吃苹果")
    ['我', '年', '吃', '苹果']
    """
    words: list[str] = WORD.findall(unicodedata.normalize("NFC", sentence))
    return [word for word in words if any(map(str.isalpha, word))]
