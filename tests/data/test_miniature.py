"""Translation in miniature: every sentence has its English, and nothing is lost on the way."""

import collections

import pytest
import torch

from txlite.data._grammar import LEXICONS
from txlite.data.miniature import (
    BOOK,
    FUNCTION_WORDS,
    SOURCE_WORDS,
    TARGET_WORDS,
    WordPair,
    decode,
    encode,
    sample_pairs,
    translation,
)
from txlite.data.roles import sample_sentences

PAIRS = sample_pairs(2_000, seed=5)


@pytest.mark.kills(
    "when comes before where",
    "data/miniature.py",
    "(_ZH.places, _ZH.times)",
    "(_ZH.times, _ZH.places)",
)
@pytest.mark.kills(
    "verbs keep their ending after didn't",
    "data/miniature.py",
    "return _DID_NOT, verb.first",
    "return _DID_NOT, verb.third",
)
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("我 吃 苹果", "I eat the apple"),
        ("苹果 吃 我", "the apple eats me"),
        ("我 爱 中国", "I love China"),
        ("他 说 她 没 来", "he said she didn't come"),
        ("他 说 她 来", "he says she comes"),
        ("我 说 她 没 来", "I said she didn't come"),
        ("她 说 他 不 爱 我", "she says he doesn't love me"),
        ("我 不 爱 苹果", "I don't love the apple"),
        ("我 不 是 医生", "I am not a doctor"),
        ("我 说 猫 来", "I say the cat comes"),
        ("今天 我 没 在家 看见 她", "I didn't see her at home today"),
        ("小 猫 现在 在公园 找 大 鱼", "the small cat seeks the big fish in the park now"),
        ("老 朋友 不 是 学生", "the old friend isn't a student"),
        ("我 是 医生", "I am a doctor"),
        ("中国 爱 巴黎", "China loves Paris"),
    ],
)
def test_it_says_what_a_person_would(source: str, target: str) -> None:
    assert " ".join(translation(source.split())) == target


def test_the_sentences_of_the_book_are_said() -> None:
    said = {"".join(source): " ".join(target) for source, target in BOOK}
    assert said["我吃苹果"] == "I eat the apple"
    assert said["他说她没来"] == "he said she didn't come"


def test_nothing_is_lost_or_made_up() -> None:
    """As many content words on one side as on the other, and each the other's."""
    zh, en = LEXICONS["zh"], LEXICONS["en"]
    small = {zh.first, *zh.pronouns, *zh.objects, *zh.particles}
    nouns = zip(zh.nouns + zh.names, en.nouns + en.names, strict=True)
    table = {a.word: {b.word} for a, b in nouns}
    table |= {
        a.third: {b.first, b.third}
        for a, b in zip((*zh.verbs, zh.says), (*en.verbs, en.says), strict=True)
    }
    table[zh.says.third].add("said")
    table["是"].add("isn't")
    for ours, theirs in ((zh.adjectives, en.adjectives), (zh.trades, en.trades)):
        table |= {a: {b} for (a, _), (b, _) in zip(ours, theirs, strict=True)}
    for ours, theirs in ((zh.times, en.times), (zh.places, en.places)):
        table |= {a: {b} for a, b in zip(ours, theirs, strict=True)}
    for source, target in PAIRS:
        content = [word for word in target if word not in FUNCTION_WORDS - {"isn't"}]
        wanted = [table[word] for word in source if word not in small]
        assert len(content) == len(wanted)
        assert all(any(word in choice for choice in wanted) for word in content)
        assert all(any(word in choice for word in content) for choice in wanted)


def test_different_sentences_have_different_translations_unless_they_mean_the_same() -> None:
    """Only the place of the time differs between sources with one English."""
    by_target = collections.defaultdict(set)
    for source, target in PAIRS:
        by_target[target].add(tuple(sorted(source)))
    assert all(len(bags) == 1 for bags in by_target.values())


def test_pairs_differ_and_the_same_seed_writes_the_same() -> None:
    assert len({pair.source for pair in PAIRS}) == len(PAIRS) == 2_000
    assert sample_pairs(2_000, seed=5) == PAIRS
    rest = sample_pairs(500, seed=5, without=PAIRS[:300])
    assert len(rest) == 500
    assert not {p.source for p in rest} & {p.source for p in PAIRS[:300]}
    assert {p.source for p in PAIRS} == {
        s.words for s in sample_sentences(2_000, 5, languages=["zh"])
    }


@pytest.mark.kills(
    "sources without an end mark", "data/miniature.py", "pair.source), _END]", "pair.source)]"
)
def test_numbers_and_back() -> None:
    batch = encode(PAIRS[:50])
    assert torch.equal(batch.source_keep, batch.source > 0)
    assert torch.equal(batch.target_keep, batch.target > 0)
    for row, (source, target) in enumerate(PAIRS[:50]):
        numbers = batch.source[row][batch.source_keep[row]].tolist()
        assert [SOURCE_WORDS[n] for n in numbers] == [*source, "</s>"]
        numbers = batch.target[row][batch.target_keep[row]].tolist()
        assert [TARGET_WORDS[n] for n in numbers] == ["<s>", *target, "</s>"]
        assert decode(batch.target[row].tolist()) == " ".join(target)
    assert decode([1, 2, 9]) == ""


def test_every_word_has_one_number() -> None:
    for words in (SOURCE_WORDS, TARGET_WORDS):
        assert len(set(words)) == len(words)
    used = {word for pair in PAIRS for word in pair.target}
    assert used <= set(TARGET_WORDS)
    assert used > FUNCTION_WORDS - {"<s>"}


@pytest.mark.plain
def test_errors_name_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="num_pairs should be"):
        sample_pairs(0, 0)
    with pytest.raises(KeyError, match="狼"):
        encode([WordPair(("狼",), ("I",))])
