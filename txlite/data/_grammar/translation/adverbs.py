"""Times and places, hours, dates and numbers, in three languages.

Names of months and days come from the Unicode consortium's locale data through Babel; French and
English number words come from num2words.
"""

import datetime
from functools import cache

from txlite.data._grammar.translation.meaning import When
from txlite.data._grammar.translation.nouns import NAMES

__all__ = ["CHINESE", "ENGLISH", "FRENCH", "PLACES", "TIMES", "number", "place", "time"]

ENGLISH, FRENCH, CHINESE = "en", "fr", "zh"
_COLUMNS = (ENGLISH, FRENCH, CHINESE)


def _table(lines: str) -> dict[str, tuple[str, ...]]:
    rows = [tuple(c.strip() for c in line.split("|")) for line in lines.strip().splitlines()]
    return {row[0]: row for row in rows}


# English | French | Chinese | the tense it goes with
TIMES = _table("""
    yesterday    | hier                  | 昨天     | past
    last week    | la semaine dernière   | 上个星期 | past
    last year    | l'année dernière      | 去年     | past
    this morning | ce matin              | 今天早上 | past
    tomorrow     | demain                | 明天     | future
    tonight      | ce soir               | 今晚     | future
    next week    | la semaine prochaine  | 下个星期 | future
    next year    | l'année prochaine     | 明年     | future
    every day    | chaque jour           | 每天     | present
    every week   | chaque semaine        | 每个星期 | present
    every morning | chaque matin         | 每天早上 | present
    now          | maintenant            | 现在     | progressive
""")

PLACES = _table("""
    at home        | à la maison         | 在家
    at school      | à l'école           | 在学校
    at the office  | au bureau           | 在办公室
    at the station | à la gare           | 在车站
    in the park    | dans le parc        | 在公园里
    in the garden  | dans le jardin      | 在花园里
    in the kitchen | dans la cuisine     | 在厨房里
    in the street  | dans la rue         | 在街上
""")


@cache
def number(count: int, language: str) -> str:
    """Write a whole number in words, as it stands before a masculine noun.

    Parameters
    ----------
    count : int
        From 1 to 99.
    language : str
        "en", "fr" or "zh".

    Returns
    -------
    str
        "twenty-one", "vingt et un", 「二十一」. Before a measure word 二 is 两: see the Chinese
        renderer.
    """
    if language == CHINESE:
        tens, ones = divmod(count, 10)
        ten = ("" if tens < 2 else "零一二三四五六七八九"[tens]) + ("十" if tens else "")
        return ten + ("" if not ones else "零一二三四五六七八九"[ones])
    from num2words import num2words

    return str(num2words(count, lang=language))


def place(key: str, language: str) -> str:
    """Say where: one of :data:`PLACES`, or in a city or a country.

    Parameters
    ----------
    key : str
        A key of :data:`PLACES`, or the name of a city or a country.
    language : str
        "en", "fr" or "zh".

    Returns
    -------
    str
        "in France", «en France», 「在法国」.
    """
    if key in PLACES:
        return PLACES[key][_COLUMNS.index(language)]
    name = NAMES[key]
    if language == ENGLISH:
        return f"in {name.english}"
    if language == CHINESE:
        return f"在{name.chinese}"
    return f"{ {'': 'à', 'm': 'au', 'f': 'en'}[name.gender] } {name.french}"


def time(when: When, language: str) -> str:
    """Say when.

    Parameters
    ----------
    when : When
        A key, an hour or a date.
    language : str
        "en", "fr" or "zh".

    Returns
    -------
    str
        "at three o'clock", «à trois heures», 「三点」; "on May 3, 2021", «le 3 mai 2021».
    """
    if when.date:
        return _date(when.date, language)
    if when.hour:
        return _hour(when.hour, language)
    return TIMES[when.key][_COLUMNS.index(language)]


def _hour(hour: int, language: str) -> str:
    if language == ENGLISH:
        return f"at {number(hour, language)} o'clock"
    if language == CHINESE:
        return ("两" if hour == 2 else number(hour, language)) + "点"
    feminine = {1: "une heure", 21: "vingt et une heures"}
    return "à " + feminine.get(hour, f"{number(hour, language)} heures")


@cache
def _date(date: tuple[int, int, int], language: str) -> str:
    from babel.dates import format_date

    pattern = {ENGLISH: "'on' MMMM d, y", FRENCH: "'le' d MMMM y", CHINESE: "y年M月d日"}[language]
    said = str(format_date(datetime.date(*date), pattern, locale=language))
    return said.replace("le 1 ", "le 1er ")
