"""English as the grammar writes it, and one translation for every sentence."""

import re
from functools import cache
from itertools import islice

import pytest

from txlite.data._grammar.translation.chinese import chinese
from txlite.data._grammar.translation.english import english
from txlite.data._grammar.translation.french import french
from txlite.data._grammar.translation.meaning import (
    Clause,
    Compared,
    Meaning,
    Named,
    Person,
    Report,
    Thing,
    When,
    clauses,
    nesting,
    pairings,
    vocabulary,
)
from txlite.data._grammar.translation.splits import sentences
from txlite.data._grammar.translation.verbs import REPORTS, VERBS
from txlite.data._grammar.translation.words import Name, entries

pytestmark = pytest.mark.plain  # whole corpora: with every type checked they take minutes


@cache
def meanings(language: str) -> list[Meaning]:
    return [meaning for _, meaning in islice(sentences(language, 5), 12_000)]


@cache
def sayings() -> list[str]:
    return [english(meaning) for meaning in (*meanings("fr"), *meanings("zh"))]


ME, YOU, HE, SHE = Person("I"), Person("you"), Person("he"), Person("she", True)
MARIE, PAUL = Named("Marie"), Named("Paul")
BASE = "|".join(v.english[0] for v in VERBS.values() if v.english[0] != v.english[2])
OTHER = "|".join(form for v in VERBS.values() for form in v.english[1:3] if form != v.key)
DO = r"\b(?:do|does|did|will|can|don't|doesn't|didn't|won't|can't)"


@pytest.mark.parametrize(("language", "say"), [("fr", french), ("zh", chinese)])
def test_every_sentence_has_one_translation(language: str, say: object):
    assert callable(say)
    first: dict[str, str] = {}
    repeated = 0
    for meaning in meanings(language):
        source, target = say(meaning), english(meaning)
        repeated += source in first
        assert first.setdefault(source, target) == target, source
    assert repeated > 300  # the same sentence does come up again, so the test can see a clash


NEVER = {
    "a before a vowel": r"\ba [aeiou]",
    "an before a consonant": r"\ban [^aeiou]",
    "he do": r"^(he|she) (do|don't|am|are|have)\b",
    "they does": r"^(they|we|you|I) (does|doesn't|is|has)\b",
    "do with a finite verb": DO + rf" (?:often |always )?(?:{OTHER})\b",
    "I as an object": r"(?<!^)(?<!and )(?<!that )\b(?:loves|helps|sees|gives) (I|he|she|we|they)\b",
    "those book": r"\b(these|those) (?:\w+ )?(book|dress|car|cat|child)\b",
    "two book": r"\b(two|three|ten) (?:\w+ )?(book|dress|car|cat|child|woman|man)\b",
    "blanks": r"  |^ | $",
}


@pytest.mark.parametrize("mistake", NEVER)
def test_no_sentence_makes_the_mistake(mistake: str):
    found = [said for said in sayings() if re.search(NEVER[mistake], said)]
    assert not found, found[:3]


CASES: list[tuple[Meaning, str]] = [
    (Clause(ME, "be", state="student"), "I am a student"),
    (Clause(ME, "be", state="engineer", polarity="not"), "I am not an engineer"),
    (Clause(Person("they", plural=True), "be", state="teacher"), "they are teachers"),
    (Clause(HE, "be", state="doctor", tense="future", polarity="not"), "he won't be a doctor"),
    (Clause(ME, "eat", Thing("apple", plural=True)), "I eat apples"),
    (Clause(ME, "eat", Thing("apple", "a")), "I eat an apple"),
    (Clause(SHE, "eat", Thing("apple", "a", adjective="big")), "she eats a big apple"),
    (
        Report(HE, "say", Clause(SHE, "come", tense="past", polarity="not"), True),
        "he said she didn't come",
    ),
    (Report(HE, "say", Clause(SHE, "come")), "he says she comes"),
    (
        Clause(Thing("piece of clothing", "this"), "suit", YOU, degree="very"),
        "this piece of clothing suits you very well",
    ),
    (
        Clause(Thing("hat", "this"), "suit", YOU, degree="very", polarity="not"),
        "this hat doesn't suit you very well",
    ),
    (Clause(HE, "be", state="tall", degree="very", polarity="not"), "he isn't very tall"),
    (Clause(HE, "look at", Thing("picture", "this")), "he looks at this picture"),
    (Clause(HE, "like", Thing("water"), polarity="not"), "he doesn't like water"),
    (
        Clause(SHE, "eat", Thing("bread", "number", 2, True, portion="piece")),
        "she eats two pieces of bread",
    ),
    (Clause(SHE, "sleep", polarity="never"), "she never sleeps"),
    (Clause(SHE, "sleep", polarity="never", tense="future"), "she will never sleep"),
    (Clause(SHE, "sleep", polarity="no longer"), "she no longer sleeps"),
    (Clause(SHE, "sleep", modal="want", polarity="not"), "she doesn't want to sleep"),
    (Clause(SHE, "sleep", modal="can", polarity="not"), "she can't sleep"),
    (Clause(SHE, "sleep", tense="progressive", when=When("now")), "she is sleeping now"),
    (Clause(SHE, "sleep", habit="often"), "she often sleeps"),
    (Clause(SHE, "sleep", question=True, tense="past"), "did she sleep?"),
    (Clause(SHE, "sleep", question=True, polarity="not"), "doesn't she sleep?"),
    (Clause(SHE, "eat", Person("what"), question=True), "what does she eat?"),
    (Clause(SHE, "sleep", where="where", question=True, tense="past"), "where did she sleep?"),
    (Clause(Person("who"), "sleep", question=True, tense="past"), "who slept?"),
    (Clause(Person("who"), "sleep", question=True, modal="want"), "who wants to sleep?"),
    (Clause(Person("who"), "sleep", question=True, polarity="not"), "who doesn't sleep?"),
    (Clause(PAUL, "give", Thing("key", "the"), HE), "Paul gives the key to him"),
    (Clause(PAUL, "go", Named("China"), tense="past"), "Paul went to China"),
    (
        Clause(Thing("car", "the"), "sell", None, PAUL, tense="past", passive=True),
        "the car was sold by Paul",
    ),
    (Compared(MARIE, "tall", PAUL), "Marie is taller than Paul"),
    (
        Clause(ME, "read", Thing("book", "the", relative=Clause(MARIE, "buy", tense="past"))),
        "I read the book that Marie bought",
    ),
    (
        Clause(ME, "see", Thing("girl", "the", relative=Clause(None, "sleep"))),
        "I see the girl who sleeps",
    ),
    (
        Clause(ME, "come", tense="past", when=When(date=(2021, 5, 3), early=True)),
        "on May 3, 2021 I came",
    ),
    (Clause(ME, "come", tense="past", when=When(hour=3)), "I came at three o'clock"),
    (Clause(ME, "see", Thing("cat", "number", 21, True)), "I see twenty-one cats"),
]


@pytest.mark.parametrize(("meaning", "wanted"), CASES, ids=[wanted for _, wanted in CASES])
def test_by_hand(meaning: Meaning, wanted: str):
    assert english(meaning) == wanted


def test_nesting_and_pairings_of_a_sentence_counted_by_hand():
    book = Thing("book", "the", adjective="new", relative=Clause(MARIE, "buy", tense="past"))
    meaning = Report(HE, "think", Clause(Thing("girl", "the"), "read", book))
    assert nesting(meaning) == 2
    assert len(list(clauses(meaning))) == 2
    assert pairings(meaning) == {
        ("read", "girl"),
        ("read", "book"),
        ("new", "book"),
        ("buy", "book"),
    }
    assert vocabulary(meaning) == ({"read", "buy", "new"}, {"girl", "book"})
    assert pairings(Clause(Thing("dress", "the"), "be", state="red")) == {("red", "dress")}


def test_the_dice_keep_their_depth():
    for found in (meanings("fr"), meanings("zh")):
        assert {nesting(meaning) for meaning in found} == {0, 1, 2, 3}


def test_english_verbs_have_five_forms():
    for verb in (*VERBS.values(), *REPORTS.values()):
        base, third, past, participle, present = verb.english
        assert third != base
        assert present.split()[0].endswith("ing")
        assert past
        assert participle


def test_a_word_that_is_entered_twice_is_refused():
    def name(*cells: list[str]) -> Name:
        return Name(cells[0][0], "", "", "", "city")

    with pytest.raises(ValueError, match="'Rome' twice"):
        entries("Rome\nParis\nRome", name)
