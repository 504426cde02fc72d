"""Dice that write meanings: what a sentence is about, before it is said.

Whatever a language cannot say is not thrown: Chinese has no "the" and no plural of its own, French
cannot tell "his book" from "her book". So every sentence has one translation. And what nobody would
say is thrown again: see :mod:`txlite.data._grammar.translation.plausible`.
"""

from dataclasses import replace

from txlite.data._grammar.translation.adverbs import FRENCH
from txlite.data._grammar.translation.dice_clauses import ClauseDice
from txlite.data._grammar.translation.meaning import (
    Clause,
    Joined,
    Meaning,
    Named,
    Person,
    Report,
    Thing,
    is_thing,
)
from txlite.data._grammar.translation.nouns import NOUNS
from txlite.data._grammar.translation.plausible import REASONS, plausible
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
        while True:
            meaning = self._nested(depth) if depth else self._simple()
            if plausible(meaning):
                return meaning

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
            content = self._hoped(depth - 1) if verb == "hope" else self._statement(depth - 1)
            past = verb == "say" and self.language != FRENCH and _told_of_the_past(content)
            return Report(self.person(), verb, content, past)
        if kind == "joined":
            left = self.dice.randint(0, depth - 1)
            link = self.pick({"because": 1, "but": 1})
            first, second = self._statement(left), self._statement(depth - 1 - left)
            while link == "because" and isinstance(second, Clause) and not _reason(second):
                second = self._statement(depth - 1 - left)
            return Joined(first, link, self._about_the_same(first, second))
        return self._with_relative(depth)

    def _hoped(self, depth: int) -> Meaning:
        """Throw what can be hoped for: what will be, or that somebody knows something."""
        while True:
            content = self._statement(depth)
            if isinstance(content, Clause) and content.tense == "future":
                return content
            if isinstance(content, Report) and content.verb == "know":
                return content

    def _about_the_same(self, first: Meaning, second: Meaning) -> Meaning:
        """Go on, more often than not, about the one who was spoken of: "Marie …, but she …"."""
        if not isinstance(first, Clause) or not isinstance(second, Clause) or self.chance(40):
            return second
        who, other = first.subject, second.subject
        if isinstance(who, Named):
            who = Person("she" if who.feminine else "he", who.feminine)
        done_to = [p.pronoun for p in (second.object, second.recipient) if isinstance(p, Person)]
        if not isinstance(who, Person) or is_thing(other) or done_to:
            return second
        return replace(second, subject=who)

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
        if not acting:  # 李娜有的笔 is 李娜的笔
            fitting = [verb for verb in fitting if verb.key != "have"]
        if depth > 1 or not acting:
            fitting = [verb for verb in fitting if verb.frame == "object"]
        verb = self.dice.choice(fitting)
        inner = self.related(verb, acting=acting)
        if depth > 1 and acting:
            inner = replace(inner, object=self._describe(self.thing(verb.objects), depth - 1))
        elif depth > 1:
            inner = replace(inner, subject=self._describe(self.thing(verb.subjects), depth - 1))
        plural = self.language == FRENCH and thing.plural and not thing.portion
        plural = plural or self.many(thing.noun)
        return replace(thing, determiner="the", count=1, plural=plural, portion="", relative=inner)


def _reason(clause: Clause) -> bool:
    return clause.verb in REASONS or clause.modal in ("want", "must")


def _told_of_the_past(content: Meaning) -> bool:
    """Whether 说 is "said": what is told has happened, or has not: 他说她没来."""
    match content:
        case Clause(tense=tense):
            return tense == "past"
        case Report(past=past):
            return past
        case Joined(first, _, _):
            return _told_of_the_past(first)
    return False
