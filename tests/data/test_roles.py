"""Sentences and their roles: the answers are the right words, and nothing leaks into a test set."""

import re

import pytest
import torch

from txlite.data._grammar import LEXICONS
from txlite.data.roles import MAX_LEN, QUESTIONS, Sentence, Vocabulary, sample_sentences

MANY = sample_sentences(4000, 11)
WHO, WHO_KIND, WHOM, WHOM_KIND, WHEN, WHERE = range(len(QUESTIONS))


@pytest.mark.parametrize("language", LEXICONS)
def test_every_answer_is_a_word_of_the_right_kind(language: str) -> None:
    lexicon = LEXICONS[language]
    nouns = {noun.word for noun in lexicon.nouns + lexicon.names}
    kinds = {word for pair in lexicon.adjectives for word in pair}
    trades = {word for pair in lexicon.trades for word in pair}
    mine = [s.answers for s in MANY if s.language == language]
    assert len(mine) > 1000
    for answers in mine:
        assert answers[WHO] in nouns | {lexicon.first, *lexicon.pronouns}
        assert answers[WHOM] in nouns | trades | {*lexicon.objects, ""}
        assert {answers[WHO_KIND], answers[WHOM_KIND]} <= kinds | {""}
        assert answers[WHEN] in {*lexicon.times, ""}
        assert answers[WHERE] in {*lexicon.places, ""}


@pytest.mark.parametrize("language", LEXICONS)
def test_the_verb_is_a_verb(language: str) -> None:
    lexicon = LEXICONS[language]
    verbs = {form for v in (*lexicon.verbs, lexicon.says) for form in (v.first, v.third)}
    assert {s.words[s.verb] for s in MANY if s.language == language} == verbs


def test_a_noun_is_not_its_own_object_and_stands_on_its_side_of_the_verb() -> None:
    for s in MANY:
        who, whom = s.places[WHO], s.places[WHOM]
        assert who is not None
        assert who < s.verb
        if whom is not None:
            assert s.verb < whom
            assert s.words[who] != s.words[whom]


def test_the_grammar_is_fair() -> None:
    """Who can be whom: no noun gives its role away."""
    nouns = {noun.word for lexicon in LEXICONS.values() for noun in lexicon.nouns}
    assert nouns <= {s.answers[WHO] for s in MANY}
    assert nouns <= {s.answers[WHOM] for s in MANY}


def test_about_a_reported_sentence_both_verbs_are_asked() -> None:
    reports = [s for s in MANY if s.language == "zh" and "说" in s.words]
    outer = [s for s in reports if s.words[s.verb] == "说"]
    assert 0.2 < len(outer) / len(reports) < 0.4
    assert all(s.answers[WHOM] == "" for s in outer)


@pytest.mark.parametrize(
    ("wrong", "language"),
    [
        (r"\b(le|petit|grand|vieux|bon) (souris|dame|voisine|pomme|Marie)\b", "fr"),
        (r"\b(la|petite|grande|vieille|bonne) (chat|chien|poisson|professeur)\b", "fr"),
        (r"\b(que|ne) [aeiou]", "fr"),
        (r"\b(elle|dame|souris|Marie|pomme|voisine)( n’)? ?est( pas)? étudiant$", "fr"),
        (r"\b(he|she|cat|China) (do|love|see|seek|eat|come|am)\b", "en"),
        (r"\bI (does|is|loves|sees)\b", "en"),
        (r"没[是爱]|不[吃找来看]", "zh"),
        (r"(?:在家|在公园|在学校)[没不是爱来]|[今现].*[是爱](?!.*说)", "zh"),
        (r"\b(?:come|comes|love|loves|am|is)\b(?!.*\bthat\b).* (?:at|in) ", "en"),
    ],
)
def test_the_sentences_are_grammatical(wrong: str, language: str) -> None:
    found = [str(s) for s in MANY if s.language == language and re.search(wrong, str(s))]
    assert not found, found[:3]


def test_the_same_seed_writes_the_same_sentences() -> None:
    assert sample_sentences(50, 3) == sample_sentences(50, 3)
    assert sample_sentences(50, 3) != sample_sentences(50, 4)


def test_no_sentence_twice_and_none_of_those_kept_out() -> None:
    kept = sample_sentences(300, 5, languages=["zh"])
    drawn = sample_sentences(3000, 6, languages=["zh"], without=kept)
    words = [s.words for s in drawn]
    assert len(set(words)) == len(words)
    assert not set(words) & {s.words for s in kept}
    assert {s.words for s in sample_sentences(3000, 6, languages=["zh"])} & {s.words for s in kept}


def test_the_vocabulary_is_exactly_what_the_grammar_uses() -> None:
    vocabulary = Vocabulary()
    used = {word for s in sample_sentences(20_000, 0) for word in s.words}
    assert set(vocabulary.words) == used | {""}
    assert len(vocabulary) == len(used) + 1


def test_tensors_hold_the_sentences() -> None:
    vocabulary = Vocabulary()
    roles = vocabulary.encode(MANY[:7])
    assert roles.tokens.shape == (7, MAX_LEN)
    for s, tokens, verb, answers in zip(MANY[:7], *roles, strict=True):
        words = [vocabulary.words[n] for n in tokens]
        assert tuple(words[: len(s.words)]) == s.words
        assert set(words[len(s.words) :]) <= {""}
        assert words[verb] == s.words[s.verb]
        assert tuple(vocabulary.words[n] for n in answers) == s.answers
    assert torch.equal(roles.to("cpu").tokens, roles.tokens)


def test_no_sentence_is_longer_than_the_limit() -> None:
    assert max(len(s.words) for s in sample_sentences(20_000, 1)) == MAX_LEN


def test_sentences_are_written_as_people_write_them() -> None:
    assert str(Sentence(("我", "爱", "中国"), 1, (0,), "zh")) == "我爱中国"
    assert (
        str(Sentence(("il", "dit", "qu’", "elle", "vient"), 4, (3,), "fr"))
        == "il dit qu’elle vient"
    )


@pytest.mark.parametrize("language", LEXICONS)
def test_words_of_a_group_can_change_places(language: str) -> None:
    groups = Vocabulary.groups(language)
    assert all(len(set(group)) == len(group) > 1 for group in groups)
    known = {word for s in MANY if s.language == language for word in s.words}
    assert {word for group in groups for word in group} <= known


@pytest.mark.plain
def test_errors_name_what_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"languages should be some of zh, en, fr, got \('de',\)"):
        sample_sentences(3, 0, languages=["de"])
    with pytest.raises(ValueError, match="num_sentences should be a positive whole number, got 0"):
        sample_sentences(0, 0)
    with pytest.raises(ValueError, match="languages should be some of"):
        Vocabulary.groups("la")
    with pytest.raises(ValueError, match=r"length should be at least .* 3, got 2"):
        Vocabulary().encode([Sentence(("我", "爱", "中国"), 1, (0,), "zh")], length=2)
