"""From a meaning to English."""

from txlite.data._grammar.translation.adjectives import ADJECTIVES
from txlite.data._grammar.translation.adverbs import ENGLISH, number, place, time
from txlite.data._grammar.translation.meaning import (
    Clause,
    Compared,
    Joined,
    Meaning,
    Named,
    Person,
    Phrase,
    Report,
    Thing,
)
from txlite.data._grammar.translation.nouns import NOUNS
from txlite.data._grammar.translation.verbs import REPORTS, VERBS
from txlite.data._grammar.translation.words import Verb

__all__ = ["english"]

_OBJECTIVE = {"I": "me", "he": "him", "she": "her", "we": "us", "they": "them"}
_THIRD = ("he", "she", "who", "what")
_MODALS = {"can": ("can", "can't"), "must": ("must", "mustn't")}


def english(meaning: Meaning) -> str:
    """Say a meaning in English.

    Parameters
    ----------
    meaning : Meaning
        A sentence.

    Returns
    -------
    str
        Without a full stop; questions end in "?". Names and "I" alone are capital.
    """
    match meaning:
        case Clause(question=True):
            return _question(meaning)
        case Clause():
            return _join(*_statement(meaning))
        case Compared(first, adjective, second):
            be = _be(first, past=False)
            than = ADJECTIVES[adjective].comparative, "than"
            return _join(_phrase(first), be, *than, _phrase(second))
        case Report(subject, verb, content, past):
            said = _finite(REPORTS[verb], subject, past=past)
            return _join(_phrase(subject), said, english(content))
        case Joined(first, link, second):
            return _join(english(first), link, english(second))


def _join(*words: str) -> str:
    return " ".join(word for word in words if word)


def _third(subject: Phrase | None) -> bool:
    match subject:
        case Person(pronoun):
            return pronoun in _THIRD
        case Thing(plural=plural):
            return not plural
    return True


def _phrase(phrase: Phrase | None, *, objective: bool = False) -> str:
    match phrase:
        case Person(pronoun):
            return _OBJECTIVE.get(pronoun, pronoun) if objective else pronoun
        case Named(name):
            return name
        case Thing():
            return _thing(phrase)
    return ""


def _thing(thing: Thing) -> str:
    noun = NOUNS[thing.noun].english
    words = noun[thing.plural]
    if thing.portion:
        ending = "es" if thing.portion == "glass" else "s"
        words = f"{thing.portion}{ending if thing.plural else ''} of {noun[1] or noun[0]}"
    words = _join(thing.adjective, words)
    determiner = thing.determiner
    if determiner == "number":
        determiner = number(thing.count, ENGLISH)
    elif determiner == "a":
        determiner = "an" if words[0] in "aeiou" else "a"
    elif determiner in ("this", "that") and thing.plural:
        determiner = {"this": "these", "that": "those"}[determiner]
    return _join(determiner, words, _relative(thing))


def _relative(thing: Thing) -> str:
    clause = thing.relative
    if clause is None:
        return ""
    if clause.subject is None:
        who = "who" if "person" in NOUNS[thing.noun].kinds else "that"
        return _join(who, *_statement(clause, agree=thing))
    return _join("that", *_statement(clause))


def _be(subject: Phrase | None, *, past: bool) -> str:
    first = isinstance(subject, Person) and subject.pronoun == "I"
    if past:
        return "was" if first or _third(subject) else "were"
    return "am" if first else "is" if _third(subject) else "are"


def _finite(verb: Verb, subject: Phrase | None, *, past: bool) -> str:
    return verb.english[2] if past else verb.english[_third(subject)]


def _statement(clause: Clause, agree: Phrase | None = None) -> list[str]:
    """Return the parts of a statement in order; ``agree`` is the noun of a relative clause."""
    subject = agree if agree is not None else clause.subject
    early = [time(clause.when, ENGLISH)] if clause.when and clause.when.early else []
    spoken = "" if agree is not None else _phrase(subject)
    return [*early, spoken, *_predicate(clause, subject), *_rest(clause)]


def _predicate(clause: Clause, subject: Phrase | None) -> list[str]:
    auxiliary, main = _verb_parts(clause, subject)
    if clause.polarity == "never":
        return [auxiliary, "never", main] if auxiliary else ["never", main]
    if clause.polarity == "no longer":
        return [auxiliary, "no longer", main] if auxiliary else ["no longer", main]
    if clause.polarity == "not":
        return [_negated(auxiliary), main]
    return [auxiliary, clause.habit, main]


def _negated(auxiliary: str) -> str:
    if auxiliary == "am":
        return "am not"
    return {"will": "won't", "can": "can't"}.get(auxiliary, f"{auxiliary}n't")


def _verb_parts(clause: Clause, subject: Phrase | None) -> tuple[str, str]:
    """Return the auxiliary, if there is one, and the main verb with what belongs to it."""
    past, future = clause.tense == "past", clause.tense == "future"
    plain = clause.polarity == "not" or (clause.question and not _is(clause.subject, "who"))
    if clause.verb == "be" or clause.passive:
        after = VERBS[clause.verb].english[3] if clause.passive else _state(clause, subject)
        return ("will", f"be {after}") if future else (_be(subject, past=past), after)
    verb = VERBS[clause.verb]
    if clause.tense == "progressive":
        return _be(subject, past=False), verb.english[4]
    if clause.modal in _MODALS:
        return clause.modal, verb.english[0]
    if clause.modal:  # "want to"
        want = "want" if plain else "wanted" if past else "wants" if _third(subject) else "want"
        do = "did" if past else "does" if _third(subject) else "do"
        return do if plain else "", f"{want} to {verb.english[0]}"
    if future:
        return "will", verb.english[0]
    if plain:
        return "did" if past else "does" if _third(subject) else "do", verb.english[0]
    return "", _finite(verb, subject, past=past)


def _state(clause: Clause, subject: Phrase | None) -> str:
    if clause.state in ADJECTIVES:
        return _join(clause.degree, clause.state)
    plural = bool(subject is not None and subject.plural)
    noun = NOUNS[clause.state].english[plural]
    return noun if plural else f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _rest(clause: Clause) -> list[str]:
    """Return what follows the verb: objects, degree, place and time."""
    told = (
        ""
        if clause.passive or _is(clause.object, "what")
        else _phrase(clause.object, objective=True)
    )
    if clause.verb != "be" and VERBS[clause.verb].frame == "to" and told:
        told = f"to {told}"
    recipient = _phrase(clause.recipient, objective=True)
    agent = [f"by {recipient}"] if clause.passive else [f"to {recipient}"] if recipient else []
    degree = "very well" if clause.degree and clause.verb == "suit" else ""
    late = [time(clause.when, ENGLISH)] if clause.when and not clause.when.early else []
    where = [place(clause.where, ENGLISH)] if clause.where not in ("", "where") else []
    return [told, *agent, degree, *where, *late]


def _is(phrase: Phrase | None, pronoun: str) -> bool:
    return isinstance(phrase, Person) and phrase.pronoun == pronoun


def _question(clause: Clause) -> str:
    if _is(clause.subject, "who"):
        return _join(*_statement(clause)) + "?"
    auxiliary, main = _verb_parts(clause, clause.subject)
    if clause.polarity == "not":
        auxiliary = _negated(auxiliary)
    asked = "what" if _is(clause.object, "what") else "where" if clause.where == "where" else ""
    words = (asked, auxiliary, _phrase(clause.subject), clause.habit, main, *_rest(clause))
    return _join(*words) + "?"
