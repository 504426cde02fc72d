"""What people say of what: a sentence of the grammar also has to make some sense.

Three things see to it. The *kinds* of nouns (:mod:`txlite.data._grammar.translation.nouns`) say
which verb and which adjective goes with which noun: nobody watches bread, opens houses, or owns a
woman. The *tables* here say where and how a thing is done: doors are closed in rooms, not in the
street, and nobody arrives every day. And :func:`plausible` looks at whole sentences, for what no
single word can know: «Paul sait que Paul dort», "we love my cat".
"""

from collections.abc import Iterator

from txlite.data._grammar.translation.adverbs import PLACES
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
    clauses,
    is_thing,
)
from txlite.data._grammar.translation.nouns import NAMES, NOUNS

__all__ = [
    "HABITUAL",
    "LASTING",
    "MOMENTARY",
    "PLACES_OF",
    "REASONS",
    "REPEATED",
    "RESULTS",
    "SPECIFIC",
    "TURNED",
    "places_of",
    "plausible",
]

_INSIDE = "at home|at school|at the office|in the kitchen"
_OUTSIDE = "in the park|in the garden|in the street|at the station"
_GREEN = "in the park|in the garden"
_TOWN = "in the street|at the station|cities"

PLACES_OF = {
    "eat": f"{_INSIDE}|{_GREEN}|at the station|cities",
    "drink": f"{_INSIDE}|{_GREEN}|at the station|cities",
    "read": f"{_INSIDE}|{_GREEN}|at the station|cities",
    "write": f"{_INSIDE}|{_GREEN}|at the station|cities",
    "buy": _TOWN,
    "sell": _TOWN,
    "see": f"{_OUTSIDE}|at school|at the office|cities",
    "watch": "at home|at school|cities",
    "look at": f"{_GREEN}|at home|at school",
    "find": f"{_INSIDE}|{_OUTSIDE}|cities",
    "open": _INSIDE,
    "close": _INSIDE,
    "wear": f"{_OUTSIDE}|at home|at school|at the office|cities",
    "draw": f"{_OUTSIDE}|at home|at school",
    "help": f"{_INSIDE}|in the garden|in the street|at the station|cities",
    "wait for": f"{_OUTSIDE}|at home|at school|at the office|cities",
    "sleep": f"{_GREEN}|at home|at school|cities",
    "work": f"{_INSIDE}|in the garden|at the station|cities",
    "dance": f"{_GREEN}|in the street|at home|at school|in the kitchen|cities",
    "sing": f"{_OUTSIDE}|at home|at school|in the kitchen|cities",
    "cry": f"{_INSIDE}|{_OUTSIDE}",
    "run": f"{_GREEN}|in the street|at school|cities",
}
"""Where a thing is done; what is not listed is said without a place. "cities" are all by name."""

MOMENTARY = frozenset({"find", "arrive", "fall"})
"""Over in a moment: not done every day, nor always, nor just now."""

LASTING = frozenset(
    (
        *("eat", "drink", "read", "write", "buy", "sell", "look at", "watch", "open", "close"),
        *("draw", "help", "wait for", "visit", "sleep", "work", "dance", "sing", "cry", "run"),
    )
)
"""Can go on while one speaks: "is reading", but not "is finding"."""

HABITUAL = frozenset({"invite", "see", "wear", "go", "come", "go home"})
"""Is done often or always, besides what lasts."""

RESULTS = frozenset({"find", "see", "open", "close"})
"""Said in Chinese with their result, 找到, 看见, 打开, 关上: they tell what has been done."""

SPECIFIC = frozenset({"open", "close", "find", "see", "invite", "help", "wait for", "visit"})
"""Done to one in particular: nobody waits for engineers in general."""

REPEATED = frozenset({"buy", "sell", "write", "draw"})
"""Done often only to something else each time: one buys books every week, not "this book"."""

REASONS = frozenset({"be", "like", "hate", "love", "know", "have"})
"""What is so, and can be why something happens."""

TURNED = {
    "fr": ("eat", "sell", "buy", "read", "write", "open", "close", "find"),
    "zh": ("eat", "sell", "open", "close", "find"),
}
"""What is said in the passive, or with 把 and 被."""

_STANDING = frozenset({"sight", "goal", "seen"})  # one does not see a station in the garden
_ROOMS = ("open", "close", "buy", "sell")

_FODDER = {  # what an animal eats
    "cat": ("rice", "egg", "cheese"),
    "dog": ("bread", "rice", "egg", "cheese"),
    "bird": ("bread", "rice", "apple"),
    "horse": ("apple", "bread"),
}


def places_of(verb: str) -> tuple[str, ...]:
    """List where a thing is done.

    Parameters
    ----------
    verb : str
        The key of a verb.

    Returns
    -------
    tuple of str
        Keys of places and names of cities and countries; none if it is said without a place.
    """
    found = [key for key in PLACES_OF.get(verb, "").split("|") if key not in ("", "cities")]
    if "cities" in PLACES_OF.get(verb, ""):
        found += [key for key, name in NAMES.items() if name.kind != "person"]
    return tuple(found)


def plausible(meaning: Meaning) -> bool:
    """Whether a sentence makes sense as a whole.

    Parameters
    ----------
    meaning : Meaning
        A sentence of words that go together.

    Returns
    -------
    bool
        False if it names somebody or something twice, mixes "I" with "our" or "we" with "my",
        describes a thing by what is done to it anyway ("he opens the door that he opens"),
        describes a brother or a sister by more than whose they are, sees a station in the garden,
        feeds a bird on eggs, or calls a man beautiful.
    """
    phrases = list(_phrases(meaning))
    said = [p.name for p in phrases if isinstance(p, Named)]
    said += [p.noun for p in phrases if isinstance(p, Thing)]
    said += [place.split(" ")[-1] for c in clauses(meaning) if (place := c.where)]
    if len(set(said)) < len(said) or _mixed(phrases):
        return False
    if isinstance(meaning, Compared):
        return meaning.adjective != "beautiful" or meaning.first.feminine
    return all(_sensible(clause) for clause in clauses(meaning))


def _phrases(meaning: Meaning) -> Iterator[Phrase]:
    """Go through all subjects and objects of a sentence."""
    match meaning:
        case Report(subject, _, content):
            yield subject
            yield from _phrases(content)
        case Joined(first, _, second):
            yield from _phrases(first)
            yield from _phrases(second)
        case Compared(first, _, second):
            yield from (first, second)
        case Clause():
            for clause in clauses(meaning):
                parts = (clause.subject, clause.object, clause.recipient)
                yield from (part for part in parts if part is not None)


def _mixed(phrases: list[Phrase]) -> bool:
    """Whether one speaks of oneself now alone and now with others."""
    spoken = {p.pronoun for p in phrases if isinstance(p, Person)}
    owned = {p.determiner for p in phrases if isinstance(p, Thing)}
    return bool({"I"} & spoken | {"my"} & owned) and bool({"we"} & spoken | {"our"} & owned)


def _sensible(clause: Clause) -> bool:
    for part in (clause.subject, clause.object, clause.recipient):
        if is_thing(part) and part.relative is not None:
            if part.relative.verb == clause.verb or "kin" in NOUNS[part.noun].kinds:
                return False
            eats, eaten = part.relative.subject or part, part.relative.object or part
            if part.relative.verb == "eat" and not _edible(eats, eaten):
                return False
            if part.relative.verb == "run" and part.noun == "bird":
                return False
    if clause.state == "beautiful" and isinstance(clause.subject, Person | Named):
        return clause.subject.feminine
    done = clause.object
    if clause.where in PLACES and is_thing(done) and NOUNS[done.noun].kinds & _STANDING:
        return clause.verb in _ROOMS
    if clause.verb == "run" and is_thing(clause.subject):
        return clause.subject.noun != "bird"
    if clause.verb == "eat" and clause.subject is not None and done is not None:
        return _edible(clause.subject, done)
    return True


def _edible(eats: Phrase, eaten: Phrase) -> bool:
    if not is_thing(eats) or eats.noun not in _FODDER:
        return True
    return is_thing(eaten) and eaten.noun in _FODDER[eats.noun]
