"""Dice that write meanings: what a sentence is about, before it is said.

Whatever a language cannot say is not thrown: Chinese has no "the" and no plural of its own, French
cannot tell "his book" from "her book". So every sentence has one translation.
"""

from dataclasses import replace

from txlite.data._grammar.translation.adverbs import FRENCH
from txlite.data._grammar.translation.dice_clauses import ClauseDice
from txlite.data._grammar.translation.meaning import (
    Clause,
    Joined,
    Meaning,
    Report,
    Thing,
    is_thing,
)
from txlite.data._grammar.translation.nouns import NOUNS
from txlite.data._grammar.translation.verbs import VERBS

__all__ = ["SentenceDice"]

_SIMPLE = ("have", "suit")  # verbs whose objects are not described
_ACTING = frozenset({"person", "animal"})
_VERBS = [verb for verb in VERBS.values() if verb.frame in ("", "object")]


class SentenceDice(ClauseDice):
    """Throws whole sentences that one language can say."""

    def depth(self) -> int:
        """Throw how deep a sentence goes: most are plain, few have two or three subordinations."""
        return int(self.pick({"0": 72, "1": 22, "2": 4, "3": 2}))

    def sentence(self, depth: int) -> Meaning:
        """Throw a sentence.

        Parameters
        ----------
        depth : int
            How many subordinations it has: reports, relative clauses, links.

        Returns
        -------
        Meaning
            With ``nesting(...) == depth``.
        """
        self.brief = depth > 0
        return self._nested(depth) if depth else self._simple()

    def _simple(self) -> Meaning:
        kind = self.pick({"action": 65, "state": 11, "compared": 3, "question": 14, "turned": 7})
        if kind == "compared":
            return self.compared()
        if kind == "question":
            return self.question()
        if kind == "turned":
            return self.turned()
        return self.state() if kind == "state" else self.action()

    def _statement(self, depth: int) -> Meaning:
        """Throw something that can be reported: no question, and nothing said too early."""
        if depth:
            return self._nested(depth)
        clause = self.state() if self.chance(20) else self.action()
        when = clause.when
        return clause if when is None else replace(clause, when=replace(when, early=False))

    def _nested(self, depth: int) -> Meaning:
        kind = self.pick({"report": 4, "joined": 1, "relative": 4})
        if kind == "report":
            verb = self.pick({"say": 4, "think": 3, "know": 2, "hope": 2})
            past = verb == "say" and self.language != FRENCH
            return Report(self.person(), verb, self._statement(depth - 1), past)
        if kind == "joined":
            left = self.dice.randint(0, depth - 1)
            first, second = self._statement(left), self._statement(depth - 1 - left)
            return Joined(first, self.pick({"because": 1, "but": 1}), second)
        return self._with_relative(depth)

    def _with_relative(self, depth: int) -> Clause:
        """Throw a clause about something, and describe the thing by further clauses."""
        clause = self.action()
        while not is_thing(clause.object) or clause.recipient is not None or clause.verb in _SIMPLE:
            clause = self.action()
        both = depth >= 2 and is_thing(clause.subject) and clause.subject.determiner == "the"
        if both and is_thing(clause.subject):
            subject = self._describe(clause.subject, 1)
            return replace(clause, subject=subject, object=self._describe(clause.object, depth - 1))
        return replace(clause, object=self._describe(clause.object, depth))

    def _describe(self, thing: Thing, depth: int) -> Thing:
        """Add a relative clause; a deeper one describes somebody or something in its turn."""
        kinds = NOUNS[thing.noun].kinds
        acting = bool(kinds & _ACTING) and self.chance(50)
        part = "subjects" if acting else "objects"
        fitting = [verb for verb in _VERBS if getattr(verb, part) & kinds]
        if depth > 1 or not acting:
            fitting = [verb for verb in fitting if verb.frame == "object"]
        verb = self.dice.choice(fitting)
        inner = self.related(verb, acting=acting)
        if depth > 1 and acting:
            inner = replace(inner, object=self._describe(self.thing(verb.objects), depth - 1))
        elif depth > 1:
            inner = replace(inner, subject=self._describe(self.thing(verb.subjects), depth - 1))
        plural = self.language == FRENCH and thing.plural and not thing.portion
        return replace(thing, determiner="the", count=1, plural=plural, portion="", relative=inner)
