"""From a meaning to Chinese."""

from dataclasses import replace

from txlite.data._grammar.translation.adjectives import ADJECTIVES
from txlite.data._grammar.translation.adverbs import (
    CHINESE,
    PLACES,
    TIMES,
    number,
    place,
    time,
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
from txlite.data._grammar.translation.nouns import NAMES, NOUNS
from txlite.data._grammar.translation.verbs import REPORTS, VERBS

__all__ = ["WORDS", "chinese"]

_PRONOUNS = {"I": "我", "he": "他", "she": "她", "we": "我们", "who": "谁", "what": "什么"}
_OWNERS = {"my": "我的", "your": "你的", "his": "他的", "her": "她的", "our": "我们的"}
_PORTIONS = {"cup": "杯", "glass": "杯", "bowl": "碗", "piece": "块"}
_MODALS = {"want": "想", "can": "能", "must": "必须"}
_HABITS = {"": "", "often": "常常", "always": "总是"}
_LINKS = {"because": "，因为", "but": "，但是"}
_RESULTS = ("看见", "找到")
_PARTED = ("睡觉", "跳舞", "唱歌", "跑步")  # a verb and its object: 跳了舞
_GOING_ON = {"打开": "开", "关上": "关"}  # while it lasts, there is no result yet
_COLOURS = ("red", "blue", "white", "black")
_FIXED = ("你们", "他们", "她们", "因为", "但是", "什么", "哪儿", "非常", "从来", "不太")


def _long_words() -> frozenset[str]:
    listed = (ADJECTIVES, NOUNS, NAMES, VERBS, REPORTS)
    said = [entry.chinese for table in listed for entry in table.values()]
    said += [*_PRONOUNS.values(), *_MODALS.values(), *_HABITS.values(), *_FIXED]
    said += [row[2] for row in TIMES.values()]
    said += [f"{ADJECTIVES[colour].chinese}色" for colour in _COLOURS]
    said += [row[-1].removeprefix("在").rstrip("里上") for row in PLACES.values()]
    return frozenset(word for word in said if len(word) > 1)


WORDS = _long_words()
"""The Chinese words of more than one character: what a sentence is cut into, the longest first."""


def chinese(meaning: Meaning) -> str:
    """Say a meaning in Chinese.

    Parameters
    ----------
    meaning : Meaning
        A sentence.

    Returns
    -------
    str
        Without a full stop; questions end in 「？」.
    """
    match meaning:
        case Clause(question=True):
            said = _statement(meaning)
            asked = any(word in said for word in ("谁", "什么", "哪儿"))
            return said + ("？" if asked else "吗？")
        case Clause():
            return _statement(meaning)
        case Compared(first, adjective, second):
            return f"{_phrase(first)}比{_phrase(second)}{ADJECTIVES[adjective].chinese}"
        case Report(subject, verb, content):
            return _phrase(subject) + REPORTS[verb].chinese + chinese(content)
        case Joined(first, link, second):
            return chinese(first) + _LINKS[link] + chinese(second)


def _phrase(phrase: Phrase | None) -> str:
    match phrase:
        case Person("you", plural=plural):
            return "你们" if plural else "你"
        case Person("they", feminine=feminine):
            return "她们" if feminine else "他们"
        case Person(pronoun):
            return _PRONOUNS[pronoun]
        case Named(name):
            return NAMES[name].chinese
        case Thing():
            return _thing(phrase)
    return ""


def _thing(thing: Thing) -> str:
    noun = NOUNS[thing.noun]
    clause = "" if thing.relative is None else _statement(thing.relative) + "的"
    return clause + _count(thing) + _adjective(thing.adjective) + noun.chinese


def _count(thing: Thing) -> str:
    """Return the determiner with its measure word: 一本, 两只, 这件, 那些, 我的."""
    measure = _PORTIONS.get(thing.portion, NOUNS[thing.noun].measure)
    if thing.determiner in _OWNERS:
        return _OWNERS[thing.determiner]
    if thing.determiner == "number":
        return ("两" if thing.count == 2 else number(thing.count, CHINESE)) + measure
    if thing.determiner == "a":
        return "一" + measure
    if thing.determiner in ("this", "that"):
        near = {"this": "这", "that": "那"}[thing.determiner]
        return near + ("些" if thing.plural else measure)
    return ""


def _adjective(key: str) -> str:
    """Return an adjective before its noun: 大, 红色的, 漂亮的."""
    if not key:
        return ""
    word = ADJECTIVES[key].chinese
    if key in _COLOURS:
        return f"{word}色的"
    return word if len(word) == 1 and key in ("big", "small", "new", "old") else f"{word}的"


def _statement(clause: Clause) -> str:
    """Say subject, time, place and verb, in this order; a time may come first."""
    subject = _phrase(clause.subject)
    when = time(clause.when, CHINESE) if clause.when else ""
    opening = when + subject if clause.when and clause.when.early else subject + when
    if clause.verb == "be":
        return opening + _be(clause)
    where = (
        "在哪儿"
        if clause.where == "where"
        else place(clause.where, CHINESE)
        if clause.where
        else ""
    )
    if clause.passive:
        return f"{opening}被{_phrase(clause.recipient)}{VERBS[clause.verb].chinese}了"
    before, core = _before(clause), _core(clause)
    if VERBS[clause.verb].chinese in _RESULTS and before == "不能":  # 看不见, not 不能看见
        before, core = "", f"{core[0]}不{core[1:]}"
    if where and before.endswith("在"):  # the progress's 在 would meet that of the place
        before = before[:-1] + ("正" if clause.polarity == "yes" else "")
    return opening + before + where + core


def _before(clause: Clause) -> str:
    """Return what stands before the verb: habit, negation, modal, future, progress."""
    past, future = clause.tense == "past", clause.tense == "future"
    have = clause.verb == "have"
    if clause.polarity == "never":
        return "从来不" if not have else "从来没"
    if clause.polarity == "no longer":
        return "不再" + _MODALS.get(clause.modal, "")
    progress = clause.tense == "progressive"
    negation = "" if clause.polarity == "yes" else "没" if past or have or progress else "不"
    middle = "会" if future else "在" if progress else ""
    return _HABITS[clause.habit] + negation + _MODALS.get(clause.modal, middle)


def _core(clause: Clause) -> str:
    """Return the verb with its objects and 了."""
    verb = VERBS[clause.verb]
    if clause.fronted:  # the object, known to both, moves before the verb
        return f"把{_phrase(clause.object)}{verb.chinese}了"
    described = clause.object is None and verb.frame == "object"  # 玛丽买的书: no 了
    done = "了" if clause.tense == "past" and clause.polarity == "yes" and not described else ""
    thing = clause.object
    if clause.verb == "have" and clause.polarity != "yes" and isinstance(thing, Thing):
        thing = replace(thing, determiner=thing.determiner.removeprefix("a"))  # 没有狗
    told, whom = _phrase(thing), _phrase(clause.recipient)
    if verb.frame == "suit":
        degree = "" if not clause.degree else "很" if clause.polarity == "yes" else "太"
        return degree + verb.chinese + told
    if verb.frame == "gift":
        return verb.chinese + done + whom + told
    name = (
        _GOING_ON.get(verb.chinese, verb.chinese) if clause.tense == "progressive" else verb.chinese
    )
    if name in _PARTED and done:
        return f"{name[0]}了{name[1]}"
    return name + done + told


def _be(clause: Clause) -> str:
    negation = "" if clause.polarity == "yes" else "不"
    future = "会" if clause.tense == "future" else ""
    if clause.state in ADJECTIVES:
        if clause.state in _COLOURS:
            return f"{negation}是{_adjective(clause.state)}"
        word = ADJECTIVES[clause.state].chinese
        if negation:  # 不太高, 没有意思
            return (
                "不太" + word if clause.degree else "没" + word if word[0] == "有" else "不" + word
            )
        return ("非常" if clause.degree else "很") + word
    return f"{negation}{future}是{NOUNS[clause.state].chinese}"
