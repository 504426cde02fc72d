"""From a meaning to French."""

from txlite.data._grammar.translation.adjectives import ADJECTIVES
from txlite.data._grammar.translation.adverbs import FRENCH, place, time
from txlite.data._grammar.translation.conjugation import conjugate, elides
from txlite.data._grammar.translation.french_phrases import (
    adjective,
    contract,
    elide,
    is_plural,
    job,
    phrase,
    thing,
)
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
from txlite.data._grammar.translation.verbs import REPORTS, VERBS

__all__ = ["french"]

_NEGATIONS = {"not": "pas", "never": "jamais", "no longer": "plus"}
_MODALS = {"want": "vouloir", "can": "pouvoir", "must": "devoir"}
_HABITS = {"": "", "often": "souvent", "always": "toujours"}
_LINKS = {"because": "parce que", "but": "mais"}
_DIRECT = {"I": "me", "he": "le", "she": "la", "we": "nous", "they": "les"}
_GENERIC = ("love", "like", "hate")


def french(meaning: Meaning) -> str:
    """Say a meaning in French.

    Parameters
    ----------
    meaning : Meaning
        A sentence.

    Returns
    -------
    str
        Without a full stop; questions end in " ?". Names alone are capital.
    """
    return elide(_said(meaning))


def _said(meaning: Meaning) -> str:
    match meaning:
        case Clause(question=True):
            return f"{_question(meaning)} ?"
        case Clause():
            return _join(*_early(meaning), *_statement(meaning))
        case Compared(first, key, second):
            be = conjugate("être").present[_person(first)]
            form = adjective(key, feminine=first.feminine, plural=is_plural(first))
            return _join(phrase(first), be, "plus", form, "que", phrase(second))
        case Report(subject, verb, content):
            form = conjugate(REPORTS[verb].french).present[_person(subject)]
            return _join(phrase(subject), form, "que", _said(content))
        case Joined(first, link, second):
            return _join(_said(first), _LINKS[link], _said(second))


def _join(*words: str) -> str:
    return " ".join(word for word in words if word)


def _person(subject: Phrase | None) -> int:
    """Return 0 for je … 5 for ils."""
    plural = is_plural(subject)
    if isinstance(subject, Person) and subject.pronoun in ("I", "you", "we"):
        return {"I": 0, "we": 3, "you": 4 if plural else 1}[subject.pronoun]
    return 5 if plural else 2


def _full(said: Phrase, clause: Clause | None = None) -> str:
    """Say a noun phrase with its relative clause; ``clause`` is the one whose object it is."""
    if not isinstance(said, Thing):
        return phrase(said)
    negated = clause is not None and clause.polarity != "yes" and clause.verb != "be"
    generic = clause is not None and clause.verb in _GENERIC
    return _join(thing(said, negated=negated, generic=generic), _relative(said))


def _relative(said: Thing) -> str:
    clause = said.relative
    if clause is None:
        return ""
    if clause.subject is None:
        return _join("qui", *_statement(clause, agree=said))
    return _join("que", *_statement(clause, before=said))


def _early(clause: Clause) -> list[str]:
    return [time(clause.when, FRENCH)] if clause.when and clause.when.early else []


def _statement(
    clause: Clause, agree: Phrase | None = None, before: Thing | None = None
) -> list[str]:
    """Say a statement; ``agree`` is the noun of «qui», ``before`` that of «que»."""
    subject = clause.subject if agree is None else agree
    spoken = "" if agree is not None or subject is None else _full(subject)
    finite, rest = _verb(clause, subject, before)
    clitic = _clitic(clause)
    inner = clause.modal or clause.tense == "progressive"
    core = [finite] if inner else [clitic, finite]
    adverb = _HABITS[clause.habit]
    if clause.polarity != "yes":
        core, adverb = ["ne", *core], _NEGATIONS[clause.polarity]
    return [spoken, *core, adverb, clitic_before(rest, clitic) if inner else rest, *_rest(clause)]


def clitic_before(infinitive: str, clitic: str) -> str:
    """Put an object pronoun before the infinitive: «en train de» stays in front of both."""
    *lead, verb = infinitive.split(" ")
    return _join(*lead, clitic, verb)


def _verb(clause: Clause, subject: Phrase | None, before: Thing | None) -> tuple[str, str]:
    """Return the finite verb, and the participle, infinitive or predicate behind it."""
    who = _person(subject)
    if clause.passive:
        return conjugate("avoir").present[who], _join(
            "été", _agree(VERBS[clause.verb].french, subject)
        )
    infinitive = "être" if clause.verb == "be" else VERBS[clause.verb].french
    forms = conjugate(infinitive)
    if clause.tense == "progressive":
        return conjugate("être").present[who], f"en train de {infinitive}"
    if clause.modal:
        return conjugate(_MODALS[clause.modal]).present[who], infinitive
    if clause.tense == "past":
        helper = conjugate("être" if forms.with_etre else "avoir")
        with_whom = subject if forms.with_etre else before or _direct(clause)
        return helper.present[who], _agree(infinitive, with_whom)
    finite = (forms.future if clause.tense == "future" else forms.present)[who]
    return finite, _state(clause, subject)


def _agree(infinitive: str, with_whom: Phrase | None) -> str:
    """Return the past participle, agreeing with what stands before it."""
    form = conjugate(infinitive).participle
    if with_whom is None:
        return form
    form += "e" if with_whom.feminine else ""
    return form + ("s" if is_plural(with_whom) and form[-1] != "s" else "")


def _direct(clause: Clause) -> Person | None:
    """Return the direct object where it is a pronoun, which stands before the verb."""
    told = clause.object
    return told if isinstance(told, Person) and told.pronoun != "what" else None


def _state(clause: Clause, subject: Phrase | None) -> str:
    if clause.verb != "be" or subject is None:
        return ""
    form = {"feminine": subject.feminine, "plural": is_plural(subject)}
    if clause.state in ADJECTIVES:
        return _join("très" if clause.degree else "", adjective(clause.state, **form))
    return job(clause.state, **form)


def _clitic(clause: Clause) -> str:
    dative = clause.object if clause.verb == "suit" else clause.recipient
    if isinstance(dative, Person) and not clause.passive:
        plural_you = "vous" if dative.plural else "te"
        return {"I": "me", "you": plural_you, "we": "nous", "they": "leur"}[dative.pronoun]
    told = _direct(clause)
    if told is None or clause.verb == "suit":
        return ""
    if told.pronoun == "you":
        return "vous" if told.plural else "te"
    return _DIRECT[told.pronoun]


def _rest(clause: Clause) -> list[str]:
    """Return what follows the verb: objects, degree, place and time."""
    words = []
    if clause.verb == "suit":
        words.append("très bien" if clause.degree else "bien")
    told = clause.object
    if told is not None and not isinstance(told, Person) and not clause.passive:
        words.append(_object(clause, told))
    if clause.passive and clause.recipient is not None:
        words.append(_join("par", _full(clause.recipient)))
    elif clause.recipient is not None and not isinstance(clause.recipient, Person):
        words.append(contract("à", _full(clause.recipient)))
    if clause.where not in ("", "where"):
        words.append(place(clause.where, FRENCH))
    if clause.when and not clause.when.early:
        words.append(time(clause.when, FRENCH))
    return words


def _object(clause: Clause, told: Named | Thing) -> str:
    frame = VERBS[clause.verb].frame if clause.verb != "be" else ""
    if frame == "to" and isinstance(told, Named):
        return place(told.name, FRENCH)
    if frame == "suit":  # «à» keeps its «des» after a negation
        return contract("à", _full(told))
    said = _full(told, clause)
    return contract("à", said) if frame == "to" else said


def _question(clause: Clause) -> str:
    subject, told = clause.subject, clause.object
    if isinstance(subject, Person) and subject.pronoun == "who":
        return _join(*_statement(clause))
    what = isinstance(told, Person) and told.pronoun == "what"
    asked = "que" if what else "où" if clause.where == "where" else ""
    if not (clause.fronted and isinstance(subject, Person)):
        return _join(asked, "est-ce que", *_statement(clause))
    finite, rest = _verb(clause, subject, None)
    pronoun = phrase(subject)
    between = "-t-" if elides(pronoun) and finite[-1] in "aec" else "-"
    clitic = _clitic(clause)
    inner = clause.modal or clause.tense == "progressive"
    after = clitic_before(rest, clitic) if inner else rest
    lead = "" if inner else clitic
    return _join(
        asked, lead, f"{finite}{between}{pronoun}", _HABITS[clause.habit], after, *_rest(clause)
    )
