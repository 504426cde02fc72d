"""What nobody says does not come up in twenty thousand draws, and what people say does."""

import re
from functools import cache
from itertools import islice

import pytest

from txlite.data._grammar.translation.adjectives import ADJECTIVES
from txlite.data._grammar.translation.adverbs import PLACES
from txlite.data._grammar.translation.english import english
from txlite.data._grammar.translation.meaning import (
    Clause,
    Compared,
    Meaning,
    Named,
    Person,
    Report,
    Thing,
    clauses,
    is_thing,
)
from txlite.data._grammar.translation.nouns import NAMES, NOUNS
from txlite.data._grammar.translation.plausible import (
    HABITUAL,
    LASTING,
    MOMENTARY,
    PLACES_OF,
    REASONS,
    REPEATED,
    RESULTS,
    SPECIFIC,
    TURNED,
    places_of,
    plausible,
)
from txlite.data._grammar.translation.splits import sentences
from txlite.data._grammar.translation.verbs import VERBS

pytestmark = pytest.mark.plain  # forty thousand sentences

ME, WE, HE, SHE = Person("I"), Person("we", plural=True), Person("he"), Person("she", True)
MARIE, PAUL = Named("Marie"), Named("Paul")


@cache
def meanings(language: str) -> list[Meaning]:
    return [meaning for _, meaning in islice(sentences(language, 8), 20_000)]


@cache
def pairs(language: str) -> frozenset[tuple[str, str]]:
    """Return what is done to what, and what is said of what."""
    found: set[tuple[str, str]] = set()
    for clause in (clause for meaning in meanings(language) for clause in clauses(meaning)):
        if is_thing(clause.object):
            found.add((clause.verb, clause.object.noun))
        if clause.passive and is_thing(clause.subject):
            found.add((clause.verb, clause.subject.noun))
        for part in filter(is_thing, (clause.subject, clause.object, clause.recipient)):
            found |= {(part.adjective, part.noun), (clause.state, part.noun)}
            if part.relative is not None and part.relative.object is None:
                found.add((part.relative.verb, part.noun))
    return frozenset(found)


@cache
def sayings(language: str) -> str:
    return "\n".join(map(english, meanings(language)))


languages = pytest.mark.parametrize("language", ["fr", "zh"])

ODD = """
watch bread, watch picture, open house, close house, love bread, love water, love cat,
drink bread, eat water, eat letter, read house, write film, wear hat, wear bread, find horse,
find house, draw engineer, draw egg, visit station, visit bread, send horse, send house, give house,
buy door, sell door, buy letter, have letter, have bread, like engineer,
new apple, new flower, red egg, red picture, heavy letter, heavy flower, clean book, clean egg,
small novel, small letter, interesting station, expensive letter, old flower, young child,
white book, big novel
"""
GOOD = """
watch film, look at picture, open door, close window, love woman, like bread, like cat, hate water,
eat apple, drink tea, read novel, write letter, wear dress, find key, draw horse, visit museum,
send letter, give book, buy bread, sell car, have dog, like film, suit woman, help friend,
go school, new house, red apple, red car, heavy table, clean shirt, small dog, interesting book,
expensive picture, young doctor, white cat, beautiful flower
"""


def listed(table: str) -> list[tuple[str, str]]:
    found = [tuple(entry.strip().rsplit(" ", 1)) for entry in table.split(",")]
    return [(head, noun) for head, noun in found if noun in NOUNS]


@languages
def test_odd_pairs_of_words_never_occur(language: str):
    assert len(listed(ODD)) > 40
    met = pairs(language) & set(listed(ODD))
    assert not met


@languages
def test_good_pairs_of_words_do(language: str):
    missing = set(listed(GOOD)) - pairs(language)
    assert not missing


OWN = r"\b(?:my|your|his|her|our|their)"
NEVER = {
    "shut in the street": r"(?:open|clos)\w* (?!.* that ).* in the (?:street|park)",
    "one's own woman": rf"{OWN} (?:\w+ )?(?:woman|women|man|men|boys?|girls?)\b",
    "a brother, whose?": r"\b(?:an?|the|these|those|two) (?:brother|sister)s?\b",
    "always arrives": r"(?:always|often) (?:arrive|fall|find|leave)|(?:find|arrive|fall)s? every",
    "is finding": r"\b(?:finding|arriving|falling|giving|wearing|seeing|liking)\b",
    "ten clothes": r"\b(?:two|three|ten|twelve) (?:\w+ )?clothes",
    "we and my": r"\bwe\b.*\b(?:my|I|me)\b|\b(?:my|I)\b.*\b(?:our|us)\b",
    "hopes that is": r"hopes? (?!\w+(?: \w+)? know)\w+(?: [A-Z]\w+)? (?:is|are|was|did|has)\b",
    "my clothes in pieces": rf"{OWN} (?:\w+ )?piece of clothing",
}


@languages
@pytest.mark.parametrize("mistake", NEVER)
def test_no_sentence_is_odd_in_this_way(mistake: str, language: str):
    found = re.findall(rf"(?m)^.*(?:{NEVER[mistake]}).*$", sayings(language))
    assert not found, found[:3]


REJECTED = {
    "a name twice": Report(PAUL, "know", Clause(PAUL, "sleep")),
    "a noun twice": Clause(Thing("girl", "the"), "see", Thing("girl", "this")),
    "we and my": Clause(WE, "help", Thing("friend", "my")),
    "I and our": Clause(ME, "help", Thing("friend", "our")),
    "what is done anyway": Clause(
        HE, "open", Thing("door", "the", relative=Clause(SHE, "open", habit="often"))
    ),
    "a described brother": Clause(
        HE, "help", Thing("brother", "the", relative=Clause(None, "sleep"))
    ),
    "a station in the garden": Clause(HE, "see", Thing("station", "this"), where="in the garden"),
    "a school at school": Clause(HE, "draw", Thing("school", "this"), where="at school"),
    "a bird on eggs": Clause(Thing("bird", "the"), "eat", Thing("egg", "the")),
    "eggs by a bird": Clause(
        HE, "buy", Thing("egg", "the", relative=Clause(Thing("bird", "the"), "eat"))
    ),
    "a running bird": Clause(Thing("bird", "the"), "run"),
    "that runs": Clause(HE, "see", Thing("bird", "the", relative=Clause(None, "run"))),
    "a beautiful man": Clause(PAUL, "be", state="beautiful"),
    "more beautiful": Compared(PAUL, "beautiful", MARIE),
}
KEPT = {
    "two names": Report(PAUL, "know", Clause(MARIE, "sleep")),
    "I and my": Clause(ME, "help", Thing("friend", "my")),
    "a described friend": Clause(
        HE, "help", Thing("friend", "the", relative=Clause(None, "sleep"))
    ),
    "a station in a city": Clause(HE, "see", Thing("station", "this"), where="Paris"),
    "a door at school": Clause(HE, "open", Thing("door", "this"), where="at school"),
    "a horse on apples": Clause(Thing("horse", "the"), "eat", Thing("apple", "the")),
    "a running dog": Clause(Thing("dog", "the"), "run"),
    "a beautiful woman": Clause(MARIE, "be", state="beautiful"),
    "more beautiful": Compared(MARIE, "beautiful", PAUL),
}


@pytest.mark.parametrize("what", REJECTED)
def test_whole_sentences_are_turned_down(what: str):
    assert not plausible(REJECTED[what])


@pytest.mark.parametrize("what", KEPT)
def test_others_are_not(what: str):
    assert plausible(KEPT[what])


@languages
def test_the_dice_keep_to_the_tables(language: str):
    for meaning in meanings(language):
        assert plausible(meaning)
        for clause in clauses(meaning):
            if clause.where not in ("", "where"):
                assert clause.where in places_of(clause.verb)
            if clause.tense == "progressive":
                assert clause.verb in LASTING
                assert clause.where == "" or clause.polarity == "yes"
            if clause.habit:
                assert clause.verb in LASTING | HABITUAL
            if clause.verb in MOMENTARY:
                assert clause.tense in ("past", "future") or clause.modal
            if clause.verb == "have" and is_thing(clause.object):
                assert clause.object.determiner != ""


def test_the_tables_speak_of_words_that_exist():
    turned = {verb for verbs in TURNED.values() for verb in verbs}
    named = HABITUAL | LASTING | MOMENTARY | REPEATED | RESULTS | SPECIFIC | turned
    assert named | PLACES_OF.keys() | (REASONS - {"be"}) <= VERBS.keys()
    assert {place for verb in VERBS for place in places_of(verb)} <= PLACES.keys() | NAMES.keys()
    assert places_of("open") == ("at home", "at school", "at the office", "in the kitchen")
    assert "Paris" in places_of("work")
    assert places_of("love") == ()


def test_every_kind_that_a_word_asks_for_is_there():
    kinds = {kind for noun in NOUNS.values() for kind in noun.kinds}
    kinds |= {name.kind for name in NAMES.values()} | {"none"}
    for entry in (*VERBS.values(), *ADJECTIVES.values()):
        asked = entry.objects | entry.subjects if hasattr(entry, "objects") else entry.kinds
        assert asked <= kinds, entry.key
