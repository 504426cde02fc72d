"""What a sentence means, before it is said in any language.

A meaning is a small tree of frozen dataclasses whose leaves are the keys of words. Rendering one
twice gives the two sides of a pair, so that no side is ever guessed from the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeGuard

from txlite.data._grammar.translation.adjectives import ADJECTIVES
from txlite.data._grammar.translation.nouns import NAMES, NOUNS

__all__ = [
    "Clause",
    "Compared",
    "Joined",
    "Meaning",
    "Named",
    "Person",
    "Phrase",
    "Report",
    "Thing",
    "When",
    "clauses",
    "is_thing",
    "nesting",
    "pairings",
    "vocabulary",
]

Polarity = Literal["yes", "not", "never", "no longer"]
Tense = Literal["present", "past", "future", "progressive"]


@dataclass(frozen=True)
class Person:
    """A pronoun: "I", "you", "he", "she", "we", "they", "who" or "what".

    ``feminine`` and ``plural`` say who is meant: a "you" may be several, an "I" may be a woman.
    """

    pronoun: str
    feminine: bool = False
    plural: bool = False


@dataclass(frozen=True)
class Named:
    """Somebody or some place by name."""

    name: str

    @property
    def feminine(self) -> bool:
        """Whether the name is a woman's or the country's article is feminine."""
        return NAMES[self.name].gender == "f"

    @property
    def plural(self) -> bool:
        """No name here is plural."""
        return False


@dataclass(frozen=True)
class Thing:
    """A noun with its company.

    Parameters
    ----------
    noun : str
        Its key.
    determiner : str
        "the", "a", "this", "that", a possessive such as "my", "" for none, or "number".
    count : int
        How many, where the determiner is "number".
    plural : bool
        Whether more than one is meant.
    adjective : str
        The key of an adjective, or "".
    portion : str
        "cup", "glass", "bowl" or "piece" of something that is not counted, or "".
    relative : Clause, optional
        "that Marie buys": a clause in which the noun itself is missing.
    """

    noun: str
    determiner: str = ""
    count: int = 1
    plural: bool = False
    adjective: str = ""
    portion: str = ""
    relative: "Clause | None" = None

    @property
    def feminine(self) -> bool:
        """The gender of the French noun."""
        return NOUNS[self.noun].gender == "f"


Phrase = Person | Named | Thing


@dataclass(frozen=True)
class When:
    """A time: a key of the adverbs, an hour or a date; said early or late in the sentence."""

    key: str = ""
    hour: int = 0
    date: tuple[int, int, int] | None = None
    early: bool = False


@dataclass(frozen=True)
class Clause:
    """Who does what to whom, when and where.

    In a relative clause exactly one of ``subject`` and ``object`` is None: the noun that the clause
    describes. ``verb`` is a key of the verbs, or "be" with a ``state``: the key of an adjective or
    of a noun that names a profession. ``degree`` is "very" or "", ``habit`` "often", "always" or
    "", ``modal`` "want", "can", "must" or "". ``fronted`` says that Chinese puts the object before
    the verb with 把, or that a French question turns pronoun and verb round. The agent of a passive
    clause is its ``recipient``.
    """

    subject: Phrase | None
    verb: str
    object: Phrase | None = None
    recipient: Phrase | None = None
    state: str = ""
    degree: str = ""
    tense: Tense = "present"
    polarity: Polarity = "yes"
    modal: str = ""
    when: When | None = None
    where: str = ""
    habit: str = ""
    question: bool = False
    passive: bool = False
    fronted: bool = False

    def without(self, part: str) -> "Clause":
        """Return the clause with its subject or its object taken out, as a relative clause has it.

        Parameters
        ----------
        part : str
            "subject" or "object".

        Returns
        -------
        Clause
            The rest.
        """
        return replace(self, **{part: None})  # type: ignore[arg-type]  # only optional parts


@dataclass(frozen=True)
class Compared:
    """One is taller than the other."""

    first: Phrase
    adjective: str
    second: Phrase


@dataclass(frozen=True)
class Report:
    """Somebody says, thinks or knows that something is so.

    ``past`` is how Chinese 说 is understood, which has no tense: "he said".
    """

    subject: Phrase
    verb: str
    content: "Meaning"
    past: bool = False


@dataclass(frozen=True)
class Joined:
    """Two statements and what links them: "because" or "but"."""

    first: "Meaning"
    link: str
    second: "Meaning"


Meaning = Clause | Compared | Report | Joined


def clauses(meaning: Meaning | Phrase | None) -> Iterator[Clause]:
    """Go through all clauses of a meaning, from the outside in.

    Parameters
    ----------
    meaning : Meaning or Phrase or None
        A sentence or a part of one.

    Yields
    ------
    Clause
        Relative clauses too.
    """
    match meaning:
        case Clause():
            yield meaning
            for part in (meaning.subject, meaning.object, meaning.recipient):
                yield from clauses(part)
        case Thing(relative=Clause() as relative):
            yield from clauses(relative)
        case Report(subject, _, content):
            yield from clauses(subject)
            yield from clauses(content)
        case Joined(first, _, second) | Compared(first, _, second):
            yield from clauses(first)
            yield from clauses(second)


def nesting(meaning: Meaning | Phrase | None) -> int:
    """Count the subordinations of a sentence: reports, relative clauses, and links.

    Parameters
    ----------
    meaning : Meaning or Phrase or None
        A sentence or a part of one.

    Returns
    -------
    int
        0 for a plain clause.
    """
    match meaning:
        case Clause():
            return sum(map(nesting, (meaning.subject, meaning.object, meaning.recipient)))
        case Thing(relative=Clause() as relative):
            return 1 + nesting(relative)
        case Report(subject, _, content):
            return 1 + nesting(subject) + nesting(content)
        case Joined(first, _, second):
            return 1 + nesting(first) + nesting(second)
    return 0


def pairings(meaning: Meaning) -> frozenset[tuple[str, str]]:
    """Return which content words belong together: verb and noun, adjective and noun.

    Parameters
    ----------
    meaning : Meaning
        A sentence.

    Returns
    -------
    frozenset of (str, str)
        Keys: the verb or the adjective first, the noun second.
    """
    found: set[tuple[str, str]] = set()
    for clause in clauses(meaning):
        things = [p for p in (clause.subject, clause.object, clause.recipient) if is_thing(p)]
        found |= {(clause.verb, thing.noun) for thing in things if clause.verb != "be"}
        found |= {(thing.adjective, thing.noun) for thing in things if thing.adjective}
        found |= {
            (thing.relative.verb, thing.noun) for thing in things if thing.relative is not None
        }
        if clause.state in ADJECTIVES and is_thing(clause.subject):
            found.add((clause.state, clause.subject.noun))
    return frozenset(found)


def is_thing(phrase: Phrase | None) -> TypeGuard[Thing]:
    """Whether a phrase is built around a noun."""
    return isinstance(phrase, Thing)


def vocabulary(meaning: Meaning) -> tuple[frozenset[str], frozenset[str]]:
    """Return the keys of all verbs and adjectives of a sentence, and those of all its nouns."""
    heads: set[str] = set()
    nouns: set[str] = set()
    for clause in clauses(meaning):
        (nouns if clause.state in NOUNS else heads).add(clause.state or clause.verb)
        nouns |= {clause.where.split(" ")[-1]} & NOUNS.keys()  # "at school"
        for part in (clause.subject, clause.object, clause.recipient):
            if is_thing(part):
                nouns.add(part.noun)
                heads |= {part.adjective} - {""}
    return frozenset(heads), frozenset(nouns)
