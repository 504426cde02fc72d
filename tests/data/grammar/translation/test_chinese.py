"""Chinese as the grammar writes it, against small oracles that share none of its code."""

import re
from functools import cache
from itertools import islice

import pytest

from txlite.data._grammar.translation.adverbs import number
from txlite.data._grammar.translation.chinese import chinese
from txlite.data._grammar.translation.meaning import (
    Clause,
    Compared,
    Joined,
    Meaning,
    Named,
    Person,
    Report,
    Thing,
    When,
)
from txlite.data._grammar.translation.splits import sentences

pytestmark = pytest.mark.plain  # whole corpora: with every type checked they take minutes


@cache
def sayings() -> list[str]:
    return [chinese(meaning) for _, meaning in islice(sentences("zh", 3), 6000)]


ME, YOU, HE, SHE = Person("I"), Person("you"), Person("he"), Person("she", True)
MARIE, PAUL = Named("Marie"), Named("Paul")

# Nouns by measure word, as a textbook lists them.
MEASURES = {
    "本": "书 杂志 小说",
    "件": "衣服 衬衫 大衣 毛衣",
    "条": "裙子",
    "只": "猫 狗 鸟 兔子 老鼠",
    "匹": "马",
    "辆": "车 自行车",
    "张": "桌子 照片 地图 票",
    "把": "椅子 雨伞 钥匙 吉他",
    "位": "老师 医生 律师 工程师 画家 作家",
    "个": "苹果 橙子 学生 朋友 孩子",
    "封": "信",
    "顶": "帽子",
    "朵": "花",
    "支": "笔",
}
ALL = "".join(MEASURES)
DESCRIBED = r"(?:[新大小老]|(?:年轻|漂亮|有意思|聪明|干净|红色|白色|轻|重|贵)的)?"


def finds(pattern: str) -> list[str]:
    return [said for said in sayings() if re.search(pattern, said)]


@pytest.mark.parametrize("measure", MEASURES)
def test_a_counted_noun_has_its_measure_word(measure: str):
    nouns = "|".join(MEASURES[measure].split())
    assert finds(rf"[一两三四五六七八九十这那]{measure}{DESCRIBED}(?:{nouns})")
    others = ALL.replace(measure, "")
    wrong = rf"[两三四五六七八九十这][{others}]{DESCRIBED}(?:{nouns})(?![站园])"
    assert not finds(wrong), finds(wrong)[:3]


NEVER = {
    "二 before a measure word": rf"(?<!十)二[{ALL}点]",
    "没 with 了 on one verb": r"没(?:有)?[吃喝读写买卖洗画]了",
    "不 before 有": r"不有|没没",
    "不 in the past": r"昨天[^，]{0,6}不(?!是)(?![^，]*的)",
    "a plural after a number": r"[两三四五六七八九十]个[^，]{0,3}们",
    "什么 with 吗": r"(?:什么|谁|哪儿).*吗？",
    "是 before an adjective": r"是很",
    "很 or 非常 denied": r"不很|不非常|没很|没太",
    "没 with 正在, or both in the place's way": r"没正|没在[^，]{0,4}在",
    "没 in the future": r"没会|会没",
    "没 before what is so": r"没(?:爱|喜欢|讨厌|认识|适合|是)",
    "不 inside what was seen": r"不看见|不找到|不能看见|不能找到",
    "了 behind a verb and its object": r"睡觉了|跳舞了|唱歌了|跑步了",
    "一 with 没有": r"没有一",
    "a count without things": r"[两三四五六七八九十]件[^衬]{0,4}衣服",
    "the wearer suits": r"[你我他她]们?[很不太]*适合",
    "a blank": r"\s",
}


@pytest.mark.parametrize("mistake", NEVER)
def test_no_sentence_makes_the_mistake(mistake: str):
    assert not finds(NEVER[mistake]), finds(NEVER[mistake])[:3]


def test_time_and_place_stand_before_the_verb():
    times = "昨天|明天|今晚|去年|明年|每天|上个星期|下个星期"
    assert len(finds(rf"(?:{times})")) > 200
    assert not finds(rf"(?:{times})(?:吗？|$|，)")
    places = "在家|在学校|在公园里|在花园里|在厨房里|在街上|在办公室|在车站|在图书馆"
    assert len(finds(rf"(?:{places})")) > 100
    assert not finds(rf"(?:{places})(?:吗？|$|，)")


CASES: list[tuple[Meaning, str]] = [
    (Clause(ME, "love", Named("China")), "我爱中国"),
    (Clause(ME, "eat", Thing("apple", plural=True)), "我吃苹果"),
    (Report(HE, "say", Clause(SHE, "come", tense="past", polarity="not"), True), "他说她没来"),
    (Clause(Thing("piece of clothing", "this"), "suit", YOU, degree="very"), "这件衣服很适合你"),
    (
        Clause(Thing("piece of clothing", "this"), "suit", YOU, degree="very", polarity="not"),
        "这件衣服不太适合你",
    ),
    (Clause(Thing("hat", "this"), "suit", YOU, polarity="not"), "这顶帽子不适合你"),
    (Clause(ME, "buy", Thing("book", "number", 2, True), tense="past"), "我买了两本书"),
    (Clause(ME, "buy", Thing("book", "number", 12, True)), "我买十二本书"),
    (Clause(ME, "buy", Thing("book", "this", plural=True), polarity="not"), "我不买这些书"),
    (Clause(ME, "drink", Thing("tea", "a", portion="cup")), "我喝一杯茶"),
    (Clause(ME, "have", Thing("dog", "a"), polarity="not"), "我没有狗"),
    (Clause(HE, "sleep", tense="progressive"), "他在睡觉"),
    (Clause(HE, "sleep", tense="progressive", polarity="not"), "他没在睡觉"),
    (Clause(HE, "work", tense="progressive", where="Paris"), "他正在巴黎工作"),
    (
        Clause(HE, "work", tense="progressive", where="Paris", polarity="not"),
        "他没在巴黎工作",
    ),
    (Clause(HE, "dance", tense="past", when=When("yesterday")), "他昨天跳了舞"),
    (Clause(HE, "sleep", tense="past", polarity="not"), "他没睡觉"),
    (Clause(HE, "work", where="where", question=True, tense="progressive"), "他正在哪儿工作？"),
    (Clause(HE, "close", Thing("door", "this"), tense="progressive"), "他在关这扇门"),
    (Clause(HE, "see", Thing("cat"), polarity="not", modal="can"), "他看不见猫"),
    (
        Clause(HE, "see", Thing("cat"), polarity="not", modal="can", where="Paris"),
        "他在巴黎看不见猫",
    ),
    (Clause(HE, "see", Thing("cat"), polarity="not", tense="past"), "他没看见猫"),
    (Clause(HE, "see", Thing("cat"), polarity="not", modal="want"), "他不想看见猫"),
    (Clause(HE, "find", Thing("key"), polarity="not", modal="can"), "他找不到钥匙"),
    (Clause(HE, "come", tense="future", polarity="not", when=When("tomorrow")), "他明天不会来"),
    (Clause(HE, "come", tense="past", when=When("yesterday", early=True)), "昨天他来了"),
    (Clause(HE, "work", when=When(hour=2)), "他两点工作"),
    (Clause(HE, "work", where="Paris"), "他在巴黎工作"),
    (Clause(HE, "work", tense="past", when=When(date=(1998, 5, 3))), "他1998年5月3日工作了"),
    (Clause(HE, "eat", Person("what"), question=True), "他吃什么？"),
    (Clause(HE, "work", where="where", question=True), "他在哪儿工作？"),
    (Clause(Person("who"), "like", Thing("tea"), question=True), "谁喜欢茶？"),
    (Clause(YOU, "like", Thing("tea"), question=True), "你喜欢茶吗？"),
    (Clause(HE, "give", Thing("book", "a"), MARIE, tense="past"), "他给了玛丽一本书"),
    (Clause(HE, "sell", Thing("car", "the"), tense="past", fronted=True), "他把车卖了"),
    (Clause(Thing("car", "the"), "sell", None, PAUL, tense="past", passive=True), "车被保罗卖了"),
    (Clause(Thing("dress", "that"), "be", state="beautiful"), "那条裙子很漂亮"),
    (Clause(Thing("dress", "that"), "be", state="beautiful", degree="very"), "那条裙子非常漂亮"),
    (Clause(Thing("dress", "that"), "be", state="red", polarity="not"), "那条裙子不是红色的"),
    (Clause(HE, "be", state="tall", degree="very", polarity="not"), "他不太高"),
    (Clause(HE, "be", state="tall", polarity="not"), "他不高"),
    (Clause(Thing("book", "this"), "be", state="interesting", polarity="not"), "这本书没有意思"),
    (Clause(HE, "be", state="teacher", polarity="not"), "他不是老师"),
    (Compared(MARIE, "tall", PAUL), "玛丽比保罗高"),
    (Joined(Clause(HE, "cry"), "because", Clause(SHE, "sleep")), "他哭，因为她睡觉"),
    (
        Clause(ME, "read", Thing("book", "the", relative=Clause(MARIE, "buy", tense="past"))),
        "我读玛丽买的书",
    ),
    (
        Clause(ME, "see", Thing("girl", "the", relative=Clause(None, "like", Thing("tea")))),
        "我看见喜欢茶的女孩",
    ),
    (
        Clause(ME, "eat", Thing("apple", "a", adjective="big"), polarity="never"),
        "我从来不吃一个大苹果",
    ),
]


@pytest.mark.parametrize(("meaning", "wanted"), CASES, ids=[wanted for _, wanted in CASES])
def test_by_hand(meaning: Meaning, wanted: str):
    assert chinese(meaning) == wanted


@pytest.mark.parametrize(
    ("count", "wanted"),
    [(3, "三"), (10, "十"), (11, "十一"), (20, "二十"), (22, "二十二"), (99, "九十九")],
)
def test_numbers(count: int, wanted: str):
    assert number(count, "zh") == wanted
