"""Dice that throw subjects and objects: pronouns, names, and nouns with their company."""

import random
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from txlite.data._grammar.translation.adjectives import ADJECTIVES
from txlite.data._grammar.translation.adverbs import FRENCH
from txlite.data._grammar.translation.meaning import Named, Person, Phrase, Thing
from txlite.data._grammar.translation.nouns import NAMES, NOUNS

__all__ = ["PhraseDice", "nouns_of"]

_PRONOUNS = {"I": 5, "you": 4, "he": 4, "she": 4, "we": 3, "they": 3}
_PORTIONS = ("cup", "glass", "bowl", "piece")
_OWNERS = {
    "fr": {"my": 1, "your": 1, "our": 1, "their": 1},
    "zh": {"my": 2, "your": 1, "his": 1, "her": 1},
}
_DETERMINERS = {  # by language, and whether it is the subject
    ("fr", True): {"the": 8, "a": 2, "this": 2, **_OWNERS["fr"], "number": 1},
    ("fr", False): {"": 4, "the": 8, "a": 6, "this": 2, **_OWNERS["fr"], "number": 3},
    ("zh", True): {"a": 1, "this": 4, "that": 2, **_OWNERS["zh"], "number": 1},
    ("zh", False): {"": 5, "a": 5, "this": 4, "that": 2, **_OWNERS["zh"], "number": 4},
}


@cache
def nouns_of(kinds: frozenset[str]) -> tuple[str, ...]:
    """Return the nouns of any of the kinds, in the order of the table."""
    return tuple(key for key, noun in NOUNS.items() if noun.kinds & kinds)


@cache
def _names_of(kinds: frozenset[str]) -> tuple[str, ...]:
    return tuple(key for key, name in NAMES.items() if name.kind in kinds)


@cache
def _adjectives_of(noun: str) -> tuple[str, ...]:
    """Return the adjectives before a noun: one is tall, happy or tired, but not "the tired man"."""
    found = (key for key, entry in ADJECTIVES.items() if entry.kinds & NOUNS[noun].kinds)
    return tuple(key for key in found if "person" not in ADJECTIVES[key].kinds)


class PhraseDice:
    """Throws phrases that one language can say.

    Parameters
    ----------
    language : str
        "fr" or "zh".
    dice : random.Random
        The only source of chance.
    """

    def __init__(self, language: str, dice: random.Random) -> None:
        self.language = language
        self.dice = dice
        self.brief = False  # whether parts of a sentence are thrown, which have less company

    def pick(self, weights: Mapping[str, int]) -> str:
        """Throw one of the keys, in proportion to its weight."""
        at = self.dice.randrange(sum(weights.values()))
        for key, weight in weights.items():
            at -= weight
            if at < 0:
                return key
        raise AssertionError("the weights are positive")

    def chance(self, percent: int) -> bool:
        """Throw yes in so many of a hundred cases."""
        return self.dice.randrange(100) < percent

    def extra(self, percent: int) -> bool:
        """Throw whether something is added that a sentence can do without."""
        return self.chance(percent // 4 if self.brief else percent)

    def person(self) -> Person | Named:
        """Throw a pronoun or the name of a person."""
        if self.chance(40):
            return Named(self.dice.choice(_names_of(frozenset({"person"}))))
        return self.pronoun()

    def pronoun(self) -> Person:
        """Throw a pronoun for the subject, and who is meant by it."""
        who = self.pick(_PRONOUNS)
        feminine = who == "she" or (who in ("I", "they", "you", "we") and self.chance(40))
        plural = who in ("we", "they") or (who == "you" and self.chance(35))
        return Person(who, feminine, plural)

    def subject(self, kinds: frozenset[str]) -> Phrase:
        """Throw who does it; only people have pronouns and names here."""
        if "person" in kinds and (self.brief or self.chance(70)):
            return self.person()
        return self.thing(kinds, subject=True)

    def other(
        self, kinds: frozenset[str], subject: Phrase | None, *, dative: bool = False
    ) -> Phrase:
        """Throw whom it is done to: somebody else than the subject, or something.

        Parameters
        ----------
        kinds : frozenset of str
            What it may be.
        subject : Phrase or None
            Who does it.
        dative : bool
            Whether French says it with à, where "him" and "her" are the same word.
        """
        named = _names_of(kinds)
        if "person" in kinds and self.chance(45):
            return self.object_pronoun(subject, dative=dative)
        if named and self.chance(40):
            found = Named(self.dice.choice(named))
            return found if found != subject else self.object_pronoun(subject, dative=dative)
        if not nouns_of(kinds):
            return Named(self.dice.choice(named))
        return self.thing(kinds, avoid=subject)

    def object_pronoun(self, subject: Phrase | None, *, dative: bool) -> Person:
        """Throw a pronoun for the object: nobody here does anything to themselves."""
        who = subject.pronoun if isinstance(subject, Person) else ""
        taken = {"I": ("I", "we"), "we": ("I", "we"), "you": ("you",)}.get(who, ())
        unclear = ("he", "she") if dative and self.language == FRENCH else ()
        free = {k: w for k, w in _PRONOUNS.items() if k not in taken + unclear}
        chosen = self.pick(free)
        plural = chosen in ("we", "they") or (chosen == "you" and self.chance(35))
        return Person(chosen, chosen == "she", plural)

    def thing(
        self, kinds: frozenset[str], *, subject: bool = False, avoid: Phrase | None = None
    ) -> Thing:
        """Throw a noun of one of the kinds with what belongs to it; ``avoid`` is not repeated."""
        fitting = [n for n in nouns_of(kinds) if not (isinstance(avoid, Thing) and avoid.noun == n)]
        return self.accompanied(self.dice.choice(fitting), subject=subject)

    def accompanied(self, noun: str, *, subject: bool = False) -> Thing:
        """Throw what belongs to a noun: determiner, number, adjective."""
        if not NOUNS[noun].counted:
            return self._bulk(noun)
        determiner = self.pick(self._determiners(noun, subject=subject))
        kinds_of = _adjectives_of(noun)
        adjective = self.dice.choice(kinds_of) if kinds_of and self.extra(28) else ""
        count = self.dice.randint(2, 12) if determiner == "number" else 1
        return Thing(noun, determiner, count, self._plural(determiner, noun), adjective)

    def _determiners(self, noun: str, *, subject: bool) -> Mapping[str, int]:
        """Weigh what may stand before a noun: "kin" is somebody's, what is "loose" nobody's."""
        kinds, owners = NOUNS[noun].kinds, _OWNERS[self.language]
        if "kin" in kinds:
            return owners
        barred = set(owners) if "loose" in kinds else set()
        if noun == "piece of clothing":  # nobody counts clothes
            barred.add("number")
        weights = _DETERMINERS[self.language, subject]
        return {key: weight for key, weight in weights.items() if key not in barred}

    def pointed(self, thing: Thing) -> Thing:
        """Return the same as something that can be pointed at: «le», 这."""
        near = "the" if self.language == FRENCH else "this"
        return replace(thing, determiner=near, count=1, plural=False)

    def many(self, noun: str) -> bool:
        """Whether Chinese, which does not say so, means several: 衣服 are clothes."""
        return self.language != FRENCH and noun == "piece of clothing"

    def _plural(self, determiner: str, noun: str) -> bool:
        if determiner in ("", "number"):
            return True
        if noun == "piece of clothing" and determiner in ("the", *_OWNERS[self.language]):
            return True  # my clothes
        french = determiner != "a" and self.language == FRENCH
        return self.chance(25) if french or determiner in ("this", "that") else False

    def _bulk(self, noun: str) -> Thing:
        portion = next((p for p in _PORTIONS if p in NOUNS[noun].kinds), "")
        if not portion or self.chance(50):
            owners = {"": 5, "my": 1, "your": 1} | (
                {"the": 4, "this": 1} if self.language == FRENCH else {}
            )
            return Thing(noun, self.pick(owners))
        determiner = self.pick({"a": 3, "number": 3, "this": 1})
        if determiner == "number":
            return Thing(noun, determiner, self.dice.randint(2, 10), True, portion=portion)
        return Thing(noun, determiner, portion=portion)
