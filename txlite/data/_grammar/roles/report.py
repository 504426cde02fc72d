"""The grammar behind :mod:`txlite.data.roles`: from a lexicon and dice to tagged words.

A phrase is a list of pairs (word, tag). The tags are the six questions, "verb", and "" for words
that answer none. Chinese says when and where before the verb, English and French say it at the end.
"""

import random

from txlite.data._grammar.roles.lexicon import LEXICONS, Lexicon, Noun, Verb

__all__ = ["Phrase", "report"]

Phrase = list[tuple[str, str]]

_VOWELS = "aeiouéè"


def report(language: str, dice: random.Random) -> Phrase:
    """Return one sentence, tagged for one of its verbs; a third of them report what someone says.

    Parameters
    ----------
    language : str
        "zh", "en" or "fr".
    dice : random.Random
        The only source of chance.

    Returns
    -------
    list of (str, str)
        Words and their tags; exactly one word is tagged "verb".
    """
    lexicon = LEXICONS[language]
    if dice.random() < 2 / 3:
        return _clause(language, dice, adjuncts=True)
    subject, first = _subject(lexicon, dice)
    outer = [*subject, (_form(lexicon.says, first), "verb")]
    inner = _clause(language, dice, adjuncts=False)
    that = lexicon.that[inner[0][0][0] in _VOWELS]
    link = [(that, "")] if that else []
    if dice.random() < 0.3:
        return outer + link + _untagged(inner)
    return _untagged(outer) + link + inner


def _clause(language: str, dice: random.Random, *, adjuncts: bool) -> Phrase:
    lexicon = LEXICONS[language]
    subject, first = _subject(lexicon, dice)
    verb = dice.choice(lexicon.verbs)
    core = [(_form(verb, first), "verb")]
    if dice.random() < 0.2:
        core = _NEGATIONS[language](verb, first)
    rest = _object(language, verb, subject, dice)
    when = _adjunct("when", lexicon.times, adjuncts and not verb.state, dice)
    where = _adjunct("where", lexicon.places, adjuncts and _has_a_place(verb), dice)
    early = dice.random() < 0.4
    if language == "zh":
        opening = when + subject if early else subject + when
        return opening + core[:-1] + where + core[-1:] + rest  # 没在家吃
    if early:
        return when + subject + core + rest + where
    return subject + core + rest + where + when


def _has_a_place(verb: Verb) -> bool:
    """Whether one does it somewhere: one eats in the park, but comes *to* it."""
    return verb.takes == "noun" and not verb.state


def _subject(lexicon: Lexicon, dice: random.Random) -> tuple[Phrase, bool]:
    """Return who acts, and whether that is "I"."""
    chance = dice.random()
    if chance < 0.15:
        return [(lexicon.first, "who")], True
    if chance < 0.3:
        return [(dice.choice(lexicon.pronouns), "who")], False
    return _noun_phrase(lexicon, dice.choice(lexicon.nouns + lexicon.names), "who", dice), False


def _object(language: str, verb: Verb, subject: Phrase, dice: random.Random) -> Phrase:
    lexicon = LEXICONS[language]
    if not verb.takes:
        return []
    who = next(word for word, tag in subject if tag == "who")
    if verb.takes == "trade":
        article = [("a", "")] if language == "en" else []
        return [*article, (dice.choice(lexicon.trades)[who in lexicon.feminine], "whom")]
    pronouns = [word for word in lexicon.objects if word != who]
    if pronouns and dice.random() < 0.25:
        return [(dice.choice(pronouns), "whom")]
    free = [noun for noun in lexicon.nouns + lexicon.names if noun.word != who]
    return _noun_phrase(lexicon, dice.choice(free), "whom", dice)


def _noun_phrase(lexicon: Lexicon, noun: Noun, role: str, dice: random.Random) -> Phrase:
    phrase = [(noun.word, role)]
    if noun in lexicon.names:
        return phrase
    if dice.random() < 0.5:
        adjective = dice.choice(lexicon.adjectives)[noun.gender == "f"]
        phrase.insert(0, (adjective, f"{role}: kind"))
    return [(noun.article, ""), *phrase] if noun.article else phrase


def _adjunct(tag: str, words: tuple[str, ...], wanted: bool, dice: random.Random) -> Phrase:
    return [(dice.choice(words), tag)] if wanted and dice.random() < 0.5 else []


def _negated_zh(verb: Verb, first: bool) -> Phrase:
    return [("不" if verb.state else "没", ""), (_form(verb, first), "verb")]


def _negated_en(verb: Verb, first: bool) -> Phrase:
    if verb.takes == "trade":
        return [(_form(verb, first), "verb"), ("not", "")]
    return [("do" if first else "does", ""), ("not", ""), (verb.first, "verb")]


def _negated_fr(verb: Verb, first: bool) -> Phrase:
    form = _form(verb, first)
    return [("n’" if form[0] in _VOWELS else "ne", ""), (form, "verb"), ("pas", "")]


_NEGATIONS = {"zh": _negated_zh, "en": _negated_en, "fr": _negated_fr}


def _form(verb: Verb, first: bool) -> str:
    return verb.first if first else verb.third


def _untagged(phrase: Phrase) -> Phrase:
    return [(word, "") for word, _ in phrase]
