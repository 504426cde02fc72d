"""Dice that throw clauses: what is done or so, when and where, and what is asked."""

from dataclasses import replace
from typing import cast

from txlite.data._grammar.translation.adjectives import ADJECTIVES
from txlite.data._grammar.translation.adverbs import FRENCH, PLACES, TIMES
from txlite.data._grammar.translation.conjugation import elides
from txlite.data._grammar.translation.dice_phrases import PhraseDice, nouns_of
from txlite.data._grammar.translation.meaning import (
    Clause,
    Compared,
    Named,
    Person,
    Phrase,
    Polarity,
    Tense,
    Thing,
    When,
    is_thing,
)
from txlite.data._grammar.translation.nouns import NAMES, NOUNS
from txlite.data._grammar.translation.verbs import VERBS
from txlite.data._grammar.translation.words import Verb

__all__ = ["ClauseDice"]

_SUDDEN = ("arrive", "fall", "find", "see", "come", "leave", "go home")
_ROOTED = ("arrive", "fall", "come", "leave", "go home", "visit")
_VERBS = tuple(VERBS.values())
_WEIGHTS = {"": 6, "object": 5, "gift": 12, "to": 12, "suit": 12}
_OFTEN = {verb.key: _WEIGHTS[verb.frame] for verb in _VERBS}
_VERBS_OF = {
    key: [verb for verb in _VERBS if verb.frame == "object" and verb.objects & noun.kinds]
    for key, noun in NOUNS.items()
}
_OBJECTS = [noun for noun, verbs in _VERBS_OF.items() if verbs]
_DAYS = (1, 2, 3, 5, 8, 10, 14, 15, 20, 25)
_CITIES = tuple(key for key, name in NAMES.items() if name.kind != "person")
_PEOPLE = frozenset({"person"})


class ClauseDice(PhraseDice):
    """Throws clauses that one language can say."""

    def action(self) -> Clause:
        """Throw a statement: half the time from its verb, half from its noun.

        So neither a verb that few nouns go with is rare, nor a noun that few verbs go with.
        """
        if self.chance(50):
            return self.with_verb(VERBS[self.pick(_OFTEN)])
        noun = self.dice.choice(_OBJECTS)
        verb = self.dice.choice(_VERBS_OF[noun])
        return self.with_verb(verb, self.accompanied(noun))

    def with_verb(self, verb: Verb, told: Thing | None = None) -> Clause:
        """Throw a statement with this verb, and perhaps this object."""
        clause = self._colour(self._core(verb, told), verb)
        if clause.polarity != "yes":
            clause = self._definite(clause)
        return self._clear(self._generic(clause))

    def _clear(self, clause: Clause) -> Clause:
        """«Je l'aime» is him or her; only the past tells, «je l'ai aimée». So it is them."""
        told = clause.object
        if not isinstance(told, Person) or told.pronoun not in ("he", "she"):
            return clause
        hidden = self.language == FRENCH and elides(VERBS[clause.verb].french)
        if not hidden or clause.tense == "past":
            return clause
        return replace(clause, object=Person("they", plural=True))

    def _core(self, verb: Verb, told: Phrase | None = None) -> Clause:
        if verb.frame == "suit":
            return self._suit()
        subject = self.subject(verb.subjects)
        if verb.frame == "":
            return Clause(subject, verb.key)
        if is_thing(told) and is_thing(subject) and told.noun == subject.noun:
            subject = self.person()
        told = told or self.other(verb.objects, subject)
        if verb.frame == "to" and is_thing(told):
            if self.language == FRENCH:
                told = replace(told, determiner="the", count=1, plural=False)
            else:
                which = self.pick({"this": 2, "that": 1})
                told = Thing(told.noun, which, adjective=told.adjective)
        if verb.frame == "gift":
            return Clause(subject, verb.key, told, self.other(_PEOPLE, subject, dative=True))
        return Clause(subject, verb.key, told)

    def _suit(self) -> Clause:
        clothes = self.thing(VERBS["suit"].subjects)
        whom = self.other(_PEOPLE, None, dative=True)
        clause = Clause(clothes, "suit", whom, degree="very" if self.chance(50) else "")
        if self.language == FRENCH or self.chance(70):
            return clause
        return replace(clause, subject=whom, object=clothes)

    def _definite(self, clause: Clause) -> Clause:
        """Denied of something: not "a book" and not "two books", but books, or this book."""
        told = clause.object
        if not is_thing(told) or told.determiner not in ("a", "number"):
            return clause
        if told.portion:
            return replace(clause, object=Thing(told.noun))
        plain = replace(told, determiner="this", count=1, plural=False)
        return replace(
            clause,
            object=plain if self.chance(50) else replace(told, determiner="", count=1, plural=True),
        )

    def _generic(self, clause: Clause) -> Clause:
        """Liking is of a kind as a whole, or of something that can be pointed at."""
        told = clause.object
        if (
            clause.verb not in ("love", "like", "hate")
            or not is_thing(told)
            or told.determiner not in ("the", "a", "number")
        ):
            return clause
        whole = Thing(told.noun, "", 1, NOUNS[told.noun].counted, told.adjective)
        return replace(clause, object=whole)

    def _colour(self, clause: Clause, verb: Verb) -> Clause:
        """Throw tense, polarity, modal, habit, time and place."""
        tense: Tense = "present" if verb.stative else self._tense(verb)
        modal = ""
        if tense == "present" and not verb.stative and self.chance(25):
            modal = self.pick({"want": 3, "can": 2, "must": 1})
        polarity = self._polarity(tense, modal, verb)
        habit = ""
        if (
            tense == "present"
            and not verb.stative
            and not modal
            and polarity == "yes"
            and self.chance(20)
        ):
            habit = self.pick({"often": 2, "always": 1})
        clause = replace(clause, tense=tense, polarity=polarity, modal=modal, habit=habit)
        if verb.stative or habit or polarity in ("never", "no longer"):
            return clause
        when = self._when(tense) if self.extra(30) and not (modal and tense == "present") else None
        free = verb.frame in ("", "object") and verb.key not in _ROOTED
        return replace(clause, when=when, where=self._where() if free and self.extra(14) else "")

    def _tense(self, verb: Verb) -> Tense:
        weights = {"present": 36, "past": 36, "future": 18, "progressive": 10}
        if verb.key in _SUDDEN:
            del weights["progressive"]
        return cast(Tense, self.pick(weights))

    def _polarity(self, tense: Tense, modal: str, verb: Verb) -> Polarity:
        if self.chance(70):
            return "yes"
        if self.language != FRENCH and modal == "must":
            return "yes"
        if (
            tense == "present"
            and not modal
            and verb.key not in ("have", "suit")
            and self.chance(30)
        ):
            return "no longer" if verb.stative or self.chance(40) else "never"
        if self.language == FRENCH and tense in ("past", "future") and self.chance(15):
            return "never"
        return "not"

    def _when(self, tense: Tense) -> When:
        early = self.chance(35)
        if tense in ("past", "future") and self.chance(20):
            year = (
                self.dice.randint(2018, 2024) if tense == "past" else self.dice.randint(2027, 2029)
            )
            return When(date=(year, self.dice.randint(1, 12), self.dice.choice(_DAYS)), early=early)
        if tense in ("past", "future") and self.chance(15):
            return When(hour=self.dice.randint(2, 12), early=early)
        keys = [key for key, row in TIMES.items() if row[3] == tense]
        return When(self.dice.choice(keys), early=early)

    def _where(self) -> str:
        return self.dice.choice(tuple(PLACES) if self.chance(70) else _CITIES)

    def related(self, verb: Verb, *, acting: bool) -> Clause:
        """Throw a relative clause: without its subject if the noun is the one that acts.

        Parameters
        ----------
        verb : Verb
            Of the frame "" or "object".
        acting : bool
            Whether the subject is missing; otherwise the object is.

        Returns
        -------
        Clause
            With its place for the noun empty.
        """
        subject = None if acting else self.person()
        told = self.other(verb.objects, None) if acting and verb.frame == "object" else None
        polarity: Polarity = "not" if self.chance(15) else "yes"
        clause = Clause(subject, verb.key, told, polarity=polarity)
        if not verb.stative:
            clause = replace(clause, tense="past" if self.chance(60) else "present")
            if self.language == FRENCH and self.chance(20):
                clause = replace(clause, tense="future")
            if clause.tense == "present" and polarity == "yes" and not acting:
                clause = replace(clause, habit=self.pick({"often": 2, "always": 1}))
            elif self.language != FRENCH and not acting:
                clause = replace(clause, tense="past")  # 我不买的书 would be either
        return self._clear(self._generic(self._definite(clause) if polarity == "not" else clause))

    def state(self) -> Clause:
        """Throw what somebody or something is: "I am a student", "the dress is beautiful"."""
        polarity: Polarity = "not" if self.chance(25) else "yes"
        if self.chance(40):
            job = self.dice.choice(nouns_of(frozenset({"job"})))
            tense: Tense = "future" if self.language == FRENCH and self.chance(15) else "present"
            return Clause(self.person(), "be", state=job, polarity=polarity, tense=tense)
        subject, keys = self._described()
        degree = "very" if polarity == "yes" and self.chance(30) else ""
        state = self.dice.choice(keys)
        if state in ("red", "blue", "white", "black"):
            degree = ""
        return Clause(subject, "be", state=state, degree=degree, polarity=polarity)

    def _described(self) -> tuple[Phrase, list[str]]:
        """Throw a subject, and the adjectives that can be said of it."""
        if self.chance(45):
            return self.person(), [k for k, a in ADJECTIVES.items() if "person" in a.kinds]
        kinds = frozenset({"clothes", "text", "dear", "animal", "place", "picture", "hat"})
        subject = replace(self.thing(kinds, subject=True), adjective="")
        if self.language != FRENCH and subject.determiner in ("a", "number", ""):
            subject = replace(subject, determiner="this", count=1)
        kinds_of = NOUNS[subject.noun].kinds
        return subject, [k for k, a in ADJECTIVES.items() if a.kinds & kinds_of and k != "tall"]

    def compared(self) -> Compared:
        """Throw a comparison: "Marie is taller than Paul"."""
        first, second = (
            self.person(),
            Named(self.dice.choice([k for k, n in NAMES.items() if n.kind == "person"])),
        )
        while first == second:
            first = self.person()
        fitting = [k for k, a in ADJECTIVES.items() if "person" in a.kinds and a.comparative]
        return Compared(first, self.dice.choice(fitting), second)

    def question(self) -> Clause:
        """Throw a question: yes or no, who, what or where."""
        kind = self.pick({"whether": 6, "who": 2, "what": 2, "where": 2})
        verb = VERBS[
            self.pick({v.key: _WEIGHTS[v.frame] for v in _VERBS if self._askable(kind, v)})
        ]
        clause = self.with_verb(verb)
        clause = replace(clause, question=True, fronted=self.language == FRENCH and self.chance(50))
        if clause.when is not None:
            clause = replace(clause, when=replace(clause.when, early=False))
        if kind == "whether":
            return self._asked(clause)
        clause = replace(clause, polarity="yes")
        if kind == "who":
            return replace(clause, subject=Person("who"), fronted=False)
        if kind == "what":
            return self._asked(replace(clause, object=Person("what")))
        return self._asked(replace(clause, where="where"))

    @staticmethod
    def _askable(kind: str, verb: Verb) -> bool:
        if kind == "where":
            return verb.frame in ("", "object") and not verb.stative and verb.key not in _ROOTED
        if kind == "what":
            return (
                verb.frame == "object"
                and "person" not in verb.objects
                and "animal" not in verb.objects
            )
        return verb.frame != "suit"

    def _asked(self, clause: Clause) -> Clause:
        """Nobody asks about themselves, and «est-ce que» asks what is denied."""
        if isinstance(clause.subject, Person) and clause.subject.pronoun == "I":
            clause = replace(clause, subject=Person("you"))
            if isinstance(clause.object, Person) and clause.object.pronoun == "you":
                clause = replace(clause, object=Person("I"))
            if isinstance(clause.recipient, Person) and clause.recipient.pronoun == "you":
                clause = replace(clause, recipient=Person("I"))
        return (
            clause if clause.polarity == "yes" else replace(clause, fronted=False, polarity="not")
        )

    def turned(self) -> Clause:
        """Throw a passive, or in Chinese an object before the verb: 把, 被."""
        verbs = [
            v
            for v in _VERBS
            if v.frame == "object" and not v.stative and v.key not in ("see", "wait for", "visit")
        ]
        verb = self.dice.choice([v for v in verbs if not v.objects & {"person", "drink"}])
        agent = self.person()
        told = self.thing(verb.objects)
        near = "this" if NOUNS[told.noun].counted else "my"  # 这块面包 is "this piece of bread"
        determiner = "the" if self.chance(70) else near
        told = Thing(told.noun, determiner, adjective=told.adjective)
        if self.language != FRENCH and self.chance(50):
            return Clause(agent, verb.key, told, tense="past", fronted=True)
        if isinstance(agent, Person):
            agent = Named(self.dice.choice([k for k, n in NAMES.items() if n.kind == "person"]))
        return Clause(told, verb.key, None, agent, tense="past", passive=True)
