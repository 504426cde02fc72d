"""Sentences of one depth: as deep as they say, new by nothing else, and always the same."""

import itertools

import pytest

from txlite.data._grammar.translation.depths import meanings_of_depth
from txlite.data._grammar.translation.meaning import nesting, vocabulary
from txlite.data._grammar.translation.splits import held_out
from txlite.data.depths import DEEPEST, pairs_of_depth

pytestmark = pytest.mark.plain
languages = pytest.mark.parametrize("language", ["fr", "zh"])


@languages
@pytest.mark.parametrize("depth", range(DEEPEST + 1))
def test_meanings_are_as_deep_as_asked_and_hold_no_pair_that_is_held_out(
    language: str, depth: int
) -> None:
    for meaning in itertools.islice(meanings_of_depth(language, depth, 1), 100):
        heads, nouns = vocabulary(meaning)
        assert nesting(meaning) == depth
        assert not any(held_out(head, noun) for head in heads for noun in nouns)


@pytest.mark.kills(
    "depths: a sentence comes twice",
    "data/depths.py",
    "        found.setdefault(source, Pair(source, english(meaning)))\n"
    "        if len(found) == number:",
    "        found[f'{source}{len(found)}'] = Pair(source, english(meaning))\n"
    "        if len(found) == number:",
)
@languages
def test_sentences_are_different_and_the_seed_decides_them(language: str) -> None:
    pairs = pairs_of_depth(language, 0, 600, seed=1)
    assert len({pair.source for pair in pairs}) == len(pairs) == 600
    assert pairs_of_depth(language, 0, 20, seed=1) == pairs[:20]
    assert pairs_of_depth(language, 0, 20, seed=2) != pairs[:20]


def test_the_two_languages_say_what_they_are_asked() -> None:
    (french,), (chinese,) = (pairs_of_depth(key, 1, 1, seed=3) for key in ("fr", "zh"))
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in french.source)
    assert not chinese.source.isascii()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("de", 1, 1), r"^language should be one of .*'de'"),
        (("fr", 5, 1), r"^depth should be a whole number from 0 to 4, got 5"),
        (("fr", -1, 1), r"^depth should be a whole number from 0 to 4, got -1"),
        (("fr", 1.5, 1), r"^depth should be a whole number from 0 to 4, got 1.5"),
        (("fr", 1, 0), r"^number should be a positive whole number, got 0"),
    ],
)
def test_what_cannot_be_asked(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pairs_of_depth(*arguments, seed=1)
