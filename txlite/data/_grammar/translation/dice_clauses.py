"""Dice that throw clauses: what is done or so, when and where, and what is asked."""

from dataclasses import replace
from typing import cast

from txlite.data._grammar.translation.adjectives import ADJECTIVES
from txlite.data._grammar.translation.adverbs import FRENCH, TIMES
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
from txlite.data._grammar.translation.plausible import (
    HABITUAL,
    LASTING,
    MOMENTARY,
    REPEATED,
    RESULTS,
    SPECIFIC,
    TURNED,
    places_of,
)
from txlite.data._grammar.translation.verbs import VERBS
from txlite.data._grammar.translation.words import Verb

__all__ = ["ClauseDice"]

_VERBS = tuple(VERBS.values())
_WEIGHTS = {"": 6, "object": 5, "gift": 12, "to": 12, "suit": 12}
_OFTEN = {verb.key: _WEIGHTS[verb.frame] for verb in _VERBS}
_VERBS_OF = {
    key: [verb for verb in _VERBS if verb.frame == "object" and verb.objects & noun.kinds]
    for key, noun in NOUNS.items()
}
_OBJECTS = [noun for noun, verbs in _VERBS_OF.items() if verbs]
_DAYS = (1, 2, 3, 5, 8, 10, 14, 15, 20, 25)
_COLOURS = ("red", "blue", "white", "black")
_TASTE = ("love", "like", "hate")
_EVERY = tuple(key for key, row in TIMES.items() if row[3] == "present")
_PEOPLE = frozenset({"person"})
_PERSONAL = frozenset({"person", "aged", "adult", "pretty", "bright"})


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
        happened = clause.polarity == "yes" and clause.tense == "past"
        who = clause.subject
        if not happened and is_thing(who) and who.determiner in ("a", "number"):
            clause = replace(clause, subject=self.pointed(who))  # "a child sleeps": which?
        return self._clear(self._apt(clause))

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
        clothes = self.thing(VERBS["suit"].subjects, subject=True)
        whom = self.other(_PEOPLE, None, dative=True)
        if is_thing(whom) and whom.determiner in ("", "a", "number"):
            whom = self.pointed(whom)
        return Clause(clothes, "suit", whom, degree="very" if self.chance(50) else "")

    def _definite(self, clause: Clause) -> Clause:
        """Denied of something: not "a book" and not "two books", but books, or this book."""
        told = clause.object
        if not is_thing(told) or told.determiner not in ("a", "number"):
            return clause
        if clause.verb == "have":  # "I don't have a dog"
            return replace(clause, object=replace(told, determiner="a", count=1, plural=False))
        if told.portion:
            return replace(clause, object=Thing(told.noun))
        plain = replace(told, determiner="this", count=1, plural=False)
        return replace(
            clause,
            object=plain if self.chance(50) else replace(told, determiner="", count=1, plural=True),
        )

    def _apt(self, clause: Clause) -> Clause:
        """Give the object the article that goes with its verb.

        Liking is of a kind as a whole, or of something that can be pointed at; people are known and
        loved one by one; one has "a car", not "cars", and wears one dress.
        """
        told = clause.object
        if not is_thing(told) or told.relative is not None:
            return clause
        loose = told.determiner in ("", "a", "number")
        one = replace(told, determiner="a", count=1, plural=False)
        whole = Thing(told.noun, "", 1, NOUNS[told.noun].counted, told.adjective)
        if clause.verb in ("have", "wear") and told.determiner in ("", "number"):
            return replace(clause, object=one)
        if clause.verb in REPEATED and self._regular(clause):
            return replace(clause, object=whole)
        if told.determiner == "" and told.plural:
            done = clause.tense == "past" and clause.polarity == "yes"
            if clause.verb in SPECIFIC and clause.polarity != "yes":
                return replace(clause, object=self.pointed(told))
            if self.language != FRENCH and (clause.verb in SPECIFIC or done):
                return replace(clause, object=one)
        if "person" in NOUNS[told.noun].kinds and clause.verb in (*_TASTE, "know"):
            if clause.verb == "know" and loose and clause.polarity == "yes":
                return replace(clause, object=one)
            if loose or (told.determiner == "the" and told.plural):
                return replace(clause, object=self.pointed(told))
        elif clause.verb in _TASTE and told.determiner in ("the", "a", "number"):
            return replace(clause, object=whole)
        return clause

    @staticmethod
    def _regular(clause: Clause) -> bool:
        """Whether a thing is done again and again."""
        return clause.habit != "" or (clause.when is not None and clause.when.key in _EVERY)

    def _colour(self, clause: Clause, verb: Verb) -> Clause:
        """Throw tense, polarity, modal, habit, time and place."""
        tense: Tense = "present" if verb.stative else self._tense(verb)
        modal = ""
        if tense == "present" and not verb.stative and self.chance(25):
            modal = self.pick({"want": 3, "can": 2, "must": 1})
        polarity = self._polarity(tense, modal, verb)
        habit = ""
        often = verb.key in HABITUAL | LASTING
        if tense == "present" and often and not modal and polarity == "yes" and self.chance(20):
            habit = self.pick({"often": 2, "always": 1})
        clause = replace(clause, tense=tense, polarity=polarity, modal=modal, habit=habit)
        if tense == "present" and not modal and not habit and self._done(verb, polarity):
            clause = replace(clause, tense="past", polarity="yes" if polarity == "yes" else "not")
        if verb.stative or habit or clause.polarity in ("never", "no longer"):
            return clause
        clause = self._setting(clause, verb)
        began = verb.key == "work" and clause.tense == "past" and clause.polarity == "yes"
        if self.language != FRENCH and began and clause.when is None:  # 他工作了: he has a job now
            clause = replace(clause, tense="present")
        return clause

    def _setting(self, clause: Clause, verb: Verb) -> Clause:
        """Throw when and where."""
        tense, present = clause.tense, clause.tense == "present"
        regular = verb.key in HABITUAL | LASTING and not clause.modal and clause.polarity == "yes"
        timed = self.extra(30) and (not present or regular)
        going_on = tense == "progressive" and clause.polarity != "yes"  # 没在公园里跑步: or did not
        place = self.extra(16) and not going_on
        where = self.dice.choice(places_of(verb.key)) if place and places_of(verb.key) else ""
        return replace(clause, when=self._when(tense) if timed else None, where=where)

    def _done(self, verb: Verb, polarity: Polarity) -> bool:
        """Whether a verb tells what has been done, so that it is not said of the present."""
        chinese = self.language != FRENCH and verb.key in RESULTS
        seen = verb.key == "see" and polarity == "yes"
        return verb.key in MOMENTARY or (chinese and not seen)

    def _tense(self, verb: Verb) -> Tense:
        weights = {"present": 36, "past": 36, "future": 18, "progressive": 10}
        if verb.key not in LASTING:
            del weights["progressive"]
        if verb.key in ("arrive", "fall"):  # nor can, will or must one
            del weights["present"]
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
            if verb.key == "know":
                return "not"
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
            often = verb.key in HABITUAL | LASTING and not acting and polarity == "yes"
            if clause.tense == "present" and often:
                clause = replace(clause, habit=self.pick({"often": 2, "always": 1}))
            elif clause.tense == "present" and (
                self._done(verb, polarity) or (self.language != FRENCH and not acting)
            ):
                clause = replace(clause, tense="past")  # 我不买的书 would be either
            if self.language != FRENCH and verb.key == "work":
                clause = replace(clause, tense="present")
            if self.language != FRENCH and acting and clause.tense == "present":
                clause = self._in_general(clause)
        return self._clear(self._apt(self._definite(clause) if polarity == "not" else clause))

    @staticmethod
    def _in_general(clause: Clause) -> Clause:
        """卖车的朋友: what one does is of a kind, 卖一辆车 is done once."""
        told = clause.object
        if not is_thing(told) or told.determiner not in ("a", "number"):
            return clause
        plural = NOUNS[told.noun].counted
        return replace(clause, object=Thing(told.noun, "", 1, plural, told.adjective))

    def state(self) -> Clause:
        """Throw what somebody or something is: "I am a student", "the dress is beautiful"."""
        polarity: Polarity = "not" if self.chance(25) else "yes"
        if self.chance(40):
            job = self.dice.choice(nouns_of(frozenset({"job"})))
            tense: Tense = "future" if self.language == FRENCH and self.chance(15) else "present"
            return Clause(self.person(), "be", state=job, polarity=polarity, tense=tense)
        subject, keys = self._described()
        degree = "very" if self.chance(30) else ""
        state = self.dice.choice(keys)
        if state in _COLOURS:
            degree = ""
        return Clause(subject, "be", state=state, degree=degree, polarity=polarity)

    def _described(self) -> tuple[Phrase, list[str]]:
        """Throw a subject, and the adjectives that can be said of it."""
        if self.chance(45):
            return self.person(), [k for k, a in ADJECTIVES.items() if a.kinds & _PERSONAL]
        kinds = frozenset(kind for a in ADJECTIVES.values() for kind in a.kinds)
        subject = replace(self.thing(kinds, subject=True), adjective="")
        if subject.determiner in ("a", "number", ""):
            subject = self.pointed(subject)
        kinds_of = NOUNS[subject.noun].kinds
        fitting = [k for k, a in ADJECTIVES.items() if a.kinds & kinds_of]
        if self.language == FRENCH and len(fitting) > 1 and "new" in fitting:
            fitting.remove("new")  # «elle est neuve» is another word
        return subject, fitting

    def compared(self) -> Compared:
        """Throw a comparison: "Marie is taller than Paul"."""
        first, second = (
            self.person(),
            Named(self.dice.choice([k for k, n in NAMES.items() if n.kind == "person"])),
        )
        while first == second:
            first = self.person()
        fitting = [k for k, a in ADJECTIVES.items() if a.kinds & _PERSONAL and a.comparative]
        if self.language != FRENCH:
            fitting.remove("old")  # 比他老 is "looks older"
        return Compared(first, self.dice.choice(fitting), second)

    def question(self) -> Clause:
        """Throw a question: yes or no, who, what or where."""
        kind = self.pick({"whether": 6, "who": 2, "what": 2, "where": 2})
        verb = VERBS[
            self.pick({v.key: _WEIGHTS[v.frame] for v in _VERBS if self._askable(kind, v)})
        ]
        clause = self.with_verb(verb)
        clause = replace(clause, question=True, fronted=self.language == FRENCH and self.chance(50))
        if is_thing(clause.subject) and clause.subject.determiner in ("a", "number"):
            clause = replace(clause, subject=self.pointed(clause.subject))
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
            return bool(places_of(verb.key))
        if kind == "what":  # 你看什么 would be two verbs
            person = "person" in verb.objects
            return verb.frame == "object" and not person and verb.key != "look at"
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
        verb = VERBS[self.dice.choice(TURNED[self.language])]
        agent = self.person()
        told = self.thing(verb.objects)
        near = NOUNS[told.noun].counted and self.chance(30)  # 这块面包 is "this piece of bread"
        determiner = "this" if near else "the"
        plural = determiner == "the" and self.many(told.noun)
        told = Thing(told.noun, determiner, plural=plural, adjective=told.adjective)
        if self.language != FRENCH and self.chance(50):
            return Clause(agent, verb.key, told, tense="past", fronted=True)
        if isinstance(agent, Person):
            agent = Named(self.dice.choice([k for k, n in NAMES.items() if n.kind == "person"]))
        return Clause(told, verb.key, None, agent, tense="past", passive=True)
