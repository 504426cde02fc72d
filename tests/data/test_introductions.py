"""Introductions: right in both languages, each held-out pair really held out."""

import pytest
import torch

from txlite.data.introductions import (
    AGES,
    PROFESSIONS,
    WHO,
    decode,
    encode,
    introduce,
    introductions,
    words,
)
from txlite.data.miniature import WordPair


@pytest.mark.parametrize(
    ("who", "what", "negated", "french", "english"),
    [
        ("je", "étudiant", False, "je suis étudiant", "I am a student"),
        ("je", 1, False, "j' ai un an", "I am 1 year old"),
        ("je", 80, True, "je n' ai pas quatre vingts ans", "I am not 8 0 years old"),
        ("tu", 71, False, "tu as soixante et onze ans", "you are 7 1 years old"),
        ("tu", "pilote", True, "tu n' es pas pilote", "you are not a pilot"),
        ("elle", "acteur", False, "elle est actrice", "she is an actor"),
        ("elles", "infirmier", False, "elles sont infirmières", "they are nurses"),
        ("nous", "ingénieur", True, "nous ne sommes pas ingénieurs", "we are not engineers"),
        ("vous", "médecin", True, "vous n' êtes pas médecins", "you are not doctors"),
        ("ils", 97, False, "ils ont quatre vingt dix sept ans", "they are 9 7 years old"),
    ],
)
def test_what_is_said(who: str, what: str | int, negated: bool, french: str, english: str) -> None:
    said = introduce(who, what, negated=negated)
    assert said == WordPair(tuple(french.split()), tuple(english.split()))


def test_every_french_sentence_has_one_english() -> None:
    train, test = introductions()
    assert len(train) + len(test) == 2 * len(WHO) * (len(PROFESSIONS) + len(AGES)) == 1840
    assert len({pair.source for pair in train + test}) == 1840


def test_held_out_is_held_out_and_half_a_sentence_is_not_enough() -> None:
    train, test = introductions(0.3, seed=5)
    assert not {pair.source for pair in train} & {pair.source for pair in test}
    assert introduce("je", "étudiant") in test
    assert introduce("je", "étudiant", negated=True) in test
    assert len(test) == 2 * int(0.3 * 920)
    for share in (0.3, 0.8):
        train, test = introductions(share, seed=5)
        known = {word for pair in train for side in pair for word in side}
        assert all(word in known for pair in test for side in pair for word in side)
    assert introductions(0.8, seed=6)[1] != test
    assert len(introductions(0.0)[1]) == 2


def test_numbers_and_back() -> None:
    pairs = [introduce("je", "étudiant"), introduce("elle", 97, negated=True)]
    batch = encode(pairs)
    assert words()[:4] == ("", "<s>", "</s>", "?")
    assert batch.source.tolist()[0][3:] == [2, 0, 0, 0, 0, 0, 0]
    assert batch.source_keep.sum(1).tolist() == [4, 10]
    assert batch.target[:, 0].tolist() == [1, 1]
    assert batch.target_keep.sum(1).tolist() == [6, 9]
    assert [decode(row) for row in batch.target] == ["I am a student", "she is not 97 years old"]
    assert decode(torch.tensor([1, 2, 9])) == ""
    odd = encode([WordPair(("je", "zut"), ("9", "I", "7"))])
    assert odd.source.tolist()[0][1:] == [3, 2]
    assert decode(odd.target[0]) == "9 I 7"


@pytest.mark.plain
def test_errors() -> None:
    with pytest.raises(ValueError, match=r"who should be one of je, .*, got 'on'"):
        introduce("on", 5)
    with pytest.raises(ValueError, match=r"what should be a profession or an age .*, got 100"):
        introduce("je", 100)
    with pytest.raises(ValueError, match="held_out should be a probability"):
        introductions(1.0)
