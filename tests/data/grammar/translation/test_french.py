"""French as the grammar writes it, against small oracles that share none of its code."""

import re
from functools import cache
from itertools import islice

import pytest

from txlite.data._grammar.translation.conjugation import conjugate, elides
from txlite.data._grammar.translation.french import french
from txlite.data._grammar.translation.french_phrases import contract, elide
from txlite.data._grammar.translation.meaning import Clause, Named, Person, Report, Thing, When
from txlite.data._grammar.translation.splits import sentences

pytestmark = pytest.mark.plain  # whole corpora: with every type checked they take minutes


@cache
def sayings() -> list[str]:
    return [french(meaning) for _, meaning in islice(sentences("fr", 3), 6000)]


ME, YOU, YOU_ALL = Person("I"), Person("you"), Person("you", plural=True)
HE, SHE, WE, THEY = Person("he"), Person("she", True), Person("we", plural=True), Person("they")
MARIE, PAUL = Named("Marie"), Named("Paul")


def the(noun: str, **more: object) -> Thing:
    return Thing(noun, "the", **more)


def finds(pattern: str) -> list[str]:
    return [said for said in sayings() if re.search(pattern, said)]


NEVER = {
    "a vowel not elided": r"\b(je|me|te|le|la|de|ne|que|se) [aeiouàâéèêîôœy]",
    "no elision before a mute h": r"\b(le|la|de|que|ne|je) (homme|histoire|hôpita|heure|hier)",
    "à le, de les": r"\b(?<!en train )(à|de) les? ",
    "ma before a vowel": r"\b(ma|ta) [aeiouéèœh]",
    "ce before a vowel": r"\bce [aeiouéèœ](?!t\b|st\b)|\bce homme",
    "beau before a vowel": r"\b(beau|nouveau|vieux) (homme|ami|enfant|oiseau|ordinateur|hôpital)\b",
    "des before an adjective": r"\bdes (grands|grandes|petits|petites|beaux|belles|nouveaux)\b",
    "two clitics": r"\b(me|te|le|la|les) (me|te|le|la|les)\b(?! \w+s? )",
    "blanks": r"  |^ | $",
}


@pytest.mark.parametrize("mistake", NEVER)
def test_no_sentence_makes_the_mistake(mistake: str):
    assert not finds(NEVER[mistake]), finds(NEVER[mistake])[:3]


def test_every_ne_has_its_second_half():
    denied = finds(r"\bne |\bn'")
    assert len(denied) > 800
    assert all(re.search(r"\b(ne |n').*\b(pas|jamais|plus)\b", said) for said in denied)
    assert all(finds(rf"\bn(e |').*\b{word}\b") for word in ("pas", "jamais", "plus"))


# A noun's gender and number by the articles that it may follow, from a dictionary.
GENDERS = {
    "m": "livre chat chien vélo parc musée stylo gâteau manteau roman sac billet lapin",
    "f": "pomme robe voiture lettre maison table fleur fille femme banane clé jupe ville",
}


@pytest.mark.parametrize(("gender", "wrong"), [("m", "la|une|ma|ta|cette"), ("f", "le|un|mon|ce")])
def test_an_article_has_the_gender_of_its_noun(gender: str, wrong: str):
    nouns = "|".join(GENDERS[gender].split())
    prenominal = r"(?:(?:petite?|grande?|belle|beau|bel|nouvelle|nouveau|vieille|vieux|jeune) )?"
    assert len(finds(rf"\b(?:{nouns})\b")) > 200
    assert not finds(rf"\b(?:{wrong}) {prenominal}(?:{nouns})\b")
    assert not finds(rf"\b(?:les|des|ces|mes|nos) {prenominal}(?:{nouns})\b")


@pytest.mark.parametrize(
    ("pronoun", "ending"),
    [
        ("nous", r"(?:\w+ons|sommes)"),
        ("vous", r"(?:\w+ez|êtes|dites)"),
        ("ils", r"(?:\w+nt)"),
        ("elles", r"(?:\w+nt)"),
        ("tu", r"(?:\w+s|veux|peux)"),
    ],
)
def test_a_verb_agrees_with_a_pronoun(pronoun: str, ending: str):
    after = rf"^{pronoun} (?:ne |n')?(?:[mtl]'|(?:me|te|le|la|les|nous|vous|leur) )?(\w+)(?!.*\?)"
    found = [m[1] for said in sayings() if (m := re.match(after, said))]
    assert len(found) > 60
    wrong = [verb for verb in found if not re.fullmatch(ending, verb)]
    assert not wrong, wrong[:5]


def test_the_past_of_motion_is_formed_with_etre_and_agrees():
    moved = "venu|allé|parti|arrivé|rentré|resté|tombé"
    assert not finds(rf"\b(ai|as|a|avons|avez|ont) (?:pas |jamais )?(?:{moved})")
    pas = "(?:pas |jamais )?"
    assert finds(rf"^elle (?:n')?est {pas}(?:{moved})e\b")
    assert not finds(rf"^elle (?:n')?est {pas}(?:{moved})\b")
    assert not finds(rf"^il (?:n')?est {pas}(?:{moved})(?:e|s|es)\b")
    assert not finds(rf"^ils (?:ne )?sont {pas}(?:{moved})(?:|e|es)\b")
    assert not finds(rf"^elles (?:ne )?sont {pas}(?:{moved})(?:|e|s)\b")


CASES = [
    (Clause(ME, "be", state="student"), "je suis étudiant"),
    (Clause(SHE, "be", state="student"), "elle est étudiante"),
    (Clause(Person("I", True), "be", state="happy"), "je suis heureuse"),
    (Clause(WE, "be", state="beautiful"), "nous sommes beaux"),
    (Clause(ME, "love", YOU), "je t'aime"),
    (Clause(PAUL, "see", SHE, tense="past"), "Paul l'a vue"),
    (Clause(PAUL, "see", HE, tense="past", polarity="not"), "Paul ne l'a pas vu"),
    (Clause(PAUL, "invite", THEY, modal="want"), "Paul veut les inviter"),
    (Clause(PAUL, "help", ME, tense="progressive"), "Paul est en train de m'aider"),
    (Clause(HE, "like", Thing("tea")), "il aime le thé"),
    (Clause(HE, "drink", Thing("tea")), "il boit du thé"),
    (Clause(HE, "drink", Thing("tea"), polarity="not"), "il ne boit pas de thé"),
    (Clause(HE, "drink", Thing("water"), polarity="never"), "il ne boit jamais d'eau"),
    (Clause(HE, "drink", Thing("water", "a", portion="glass")), "il boit un verre d'eau"),
    (Clause(WE, "eat", Thing("apple", plural=True)), "nous mangeons des pommes"),
    (Clause(SHE, "go", the("museum")), "elle va au musée"),
    (Clause(SHE, "go", the("school")), "elle va à l'école"),
    (Clause(SHE, "go", Named("Japan")), "elle va au Japon"),
    (Clause(SHE, "go", Named("France"), tense="past"), "elle est allée en France"),
    (Clause(SHE, "love", Named("China")), "elle aime la Chine"),
    (Clause(SHE, "give", the("key"), the("boy")), "elle donne la clé au garçon"),
    (Clause(SHE, "give", the("key"), THEY, polarity="not"), "elle ne leur donne pas la clé"),
    (Clause(the("dress"), "suit", YOU, degree="very"), "la robe te va très bien"),
    (Clause(the("dress"), "suit", the("girl")), "la robe va bien à la fille"),
    (Clause(HE, "like", Thing("tea"), polarity="not"), "il n'aime pas le thé"),
    (Clause(HE, "love", MARIE, polarity="not"), "il n'aime pas Marie"),
    (Clause(HE, "have", Thing("dog", "a"), polarity="not"), "il n'a pas de chien"),
    (Clause(HE, "be", state="tall", degree="very", polarity="not"), "il n'est pas très grand"),
    (
        Clause(the("dress"), "suit", YOU, degree="very", polarity="not"),
        "la robe ne te va pas très bien",
    ),
    (
        Clause(the("dress"), "suit", Thing("engineer", plural=True), polarity="not"),
        "la robe ne va pas bien à des ingénieurs",
    ),
    (Clause(ME, "see", Thing("man", "a", adjective="old")), "je vois un vieil homme"),
    (Clause(ME, "see", Thing("woman", "number", 21, True)), "je vois vingt et une femmes"),
    (Clause(ME, "see", Thing("horse", "my", plural=True)), "je vois mes chevaux"),
    (Clause(ME, "work", when=When(hour=1)), "je travaille à une heure"),
    (
        Clause(ME, "come", tense="future", when=When(date=(2031, 5, 1))),
        "je viendrai le 1er mai 2031",
    ),
    (Clause(ME, "work", where="Rome"), "je travaille à Rome"),
    (
        Clause(the("letter"), "write", None, PAUL, tense="past", passive=True),
        "la lettre a été écrite par Paul",
    ),
    (Clause(HE, "eat", Person("what"), question=True), "qu'est-ce qu'il mange ?"),
    (Clause(HE, "eat", Person("what"), question=True, fronted=True), "que mange-t-il ?"),
    (Clause(SHE, "work", where="where", question=True, fronted=True), "où travaille-t-elle ?"),
    (Clause(YOU, "see", ME, question=True, fronted=True, tense="past"), "m'as-tu vu ?"),
    (Clause(Person("who"), "like", Thing("tea"), question=True), "qui aime le thé ?"),
    (
        Report(HE, "think", Clause(SHE, "come", tense="past", polarity="not")),
        "il pense qu'elle n'est pas venue",
    ),
    (
        Clause(ME, "eat", the("apple", relative=Clause(MARIE, "buy", tense="past"))),
        "je mange la pomme que Marie a achetée",
    ),
    (Clause(the("woman", relative=Clause(None, "sing")), "sleep"), "la femme qui chante dort"),
]


@pytest.mark.parametrize(("meaning", "wanted"), CASES, ids=[wanted for _, wanted in CASES])
def test_by_hand(meaning: Clause, wanted: str):
    assert french(meaning) == wanted


@pytest.mark.parametrize(
    ("infinitive", "person", "present", "future"),
    [
        ("manger", 3, "mangeons", "mangerons"),
        ("lancer", 3, "lançons", "lancerons"),
        ("acheter", 2, "achète", "achètera"),
        ("envoyer", 2, "envoie", "enverra"),
        ("être", 4, "êtes", "serez"),
        ("venir", 5, "viennent", "viendront"),
        ("voir", 0, "vois", "verrai"),
        ("aller", 5, "vont", "iront"),
    ],
)
def test_conjugation(infinitive: str, person: int, present: str, future: str):
    forms = conjugate(infinitive)
    assert (forms.present[person], forms.future[person]) == (present, future)


def test_an_unknown_verb_is_refused():
    with pytest.raises(ValueError, match="infinitive"):
        conjugate("finir")


def test_small_words():
    assert elide("je aime que elle ne ait de eau") == "j'aime qu'elle n'ait d'eau"
    assert elide("le homme le héros") == "l'homme le héros"
    assert [contract("à", w) for w in ("le chat", "le ami", "les amis", "la fille", "Marie")] == [
        "au chat",
        "à le ami",
        "aux amis",
        "à la fille",
        "à Marie",
    ]
    assert contract("de", "le chat") == "du chat"
    assert elides("œuf")
    assert not elides("haricot")
