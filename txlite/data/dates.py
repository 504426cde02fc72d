"""Dates as people write them: which day is « 3 mai 1998 », 「1998年5月3日」, "May 3, 1998".

French, English and Chinese, each in long forms and, but for English, in the numeric one, as
Unicode's Common Locale Data Repository gives them (through Babel). To read a date one must know
*where* each digit stands: 12/11/2021 and 21/11/2012 are made of the same characters. A bag of
characters cannot do it, and whatever can has understood order.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from txlite._checks import check_choice, check_positive

__all__ = [
    "FORMS",
    "Dates",
    "WrittenDate",
    "alphabet",
    "encode_dates",
    "sample_dates",
    "write_date",
]

FORMS = ("fr long", "fr short", "en long", "en medium", "zh long", "zh short")
"""The ways in which a date is written: language and style."""

FIRST, LAST = date(1900, 1, 1), date(2099, 12, 31)
_LOCALES = {"fr": "fr_FR", "en": "en_US", "zh": "zh_Hans_CN"}
_YEAR = 2000  # a leap year, so that every day of every year can be written with it


@dataclass(frozen=True)
class WrittenDate:
    """A day, and how somebody wrote it.

    Parameters
    ----------
    text : str
        The characters.
    day : datetime.date
        The day that is meant.
    form : str
        One of the :data:`FORMS`.
    """

    text: str
    day: date
    form: str

    @property
    def digits(self) -> str:
        """The day as eight digits, year, month, day: ``"19980503"``."""
        return self.day.strftime("%Y%m%d")


class Dates(NamedTuple):
    """Written dates as tensors: the characters' numbers, 0 where nothing stands, and the digits."""

    tokens: Int[Tensor, "B T"]
    digits: Int[Tensor, "B 8"]

    def to(self, device: torch.device | str) -> "Dates":
        """Return the same dates on another device."""
        return Dates(*(tensor.to(device) for tensor in self))


def write_date(day: date, form: str) -> WrittenDate:
    """Write a day of the years 1900 to 2099.

    Parameters
    ----------
    day : datetime.date
        The day.
    form : str
        One of the :data:`FORMS`.

    Returns
    -------
    WrittenDate
        The day and its text.

    Raises
    ------
    ValueError
        If the form is unknown, or the day lies in another century.

    Examples
    --------
    >>> [write_date(date(1998, 5, 3), form).text for form in ("fr long", "fr short", "zh long")]
    ['3 mai 1998', '03/05/1998', '1998年5月3日']
    """
    check_choice("form", form, FORMS)
    if not FIRST <= day <= LAST:
        raise ValueError(f"day should lie between {FIRST} and {LAST}, got {day}")
    text = _in_2000(day.month, day.day, form).replace(str(_YEAR), str(day.year))
    return WrittenDate(text, day, form)


@cache
def _in_2000(month: int, day: int, form: str) -> str:
    from babel.dates import format_date  # heavy, and only needed here

    language, style = form.split()
    text = format_date(date(_YEAR, month, day), format=style, locale=_LOCALES[language])
    return str(text)


def sample_dates(
    num_dates: int, seed: int, *, without: Iterable[WrittenDate] = ()
) -> list[WrittenDate]:
    """Write days by the throw of dice, each in one of the forms.

    Parameters
    ----------
    num_dates : int
        How many.
    seed : int
        The same seed gives the same days in the same forms.
    without : iterable of WrittenDate
        Days that must not occur, in whatever form: what a reader is tested on.

    Returns
    -------
    list of WrittenDate
        In random order; a day may occur again in another form.

    Raises
    ------
    ValueError
        If ``num_dates`` is not positive.
    """
    check_positive("num_dates", num_dates)
    dice, kept_out = random.Random(seed), {written.day for written in without}
    dates: list[WrittenDate] = []
    while len(dates) < num_dates:
        day = FIRST + timedelta(days=dice.randrange((LAST - FIRST).days + 1))
        form = dice.choice(FORMS)
        if day not in kept_out:
            dates.append(write_date(day, form))
    return dates


@cache
def alphabet() -> str:
    """Return every character that a date can hold, in the order of Unicode.

    Returns
    -------
    str
        The character at place k has the number k + 1; number 0 is for no character.
    """
    days = (date(_YEAR, 1, 1) + timedelta(days=n) for n in range(366))
    texts = (_in_2000(day.month, day.day, form) for day in days for form in FORMS)
    return "".join(sorted(set("0123456789").union(*texts)))


def encode_dates(dates: Sequence[WrittenDate]) -> Dates:
    """Turn written dates into tensors, padded on the right to the longest of them.

    Parameters
    ----------
    dates : sequence of WrittenDate
        At least one.

    Returns
    -------
    Dates
        On the CPU.

    Raises
    ------
    ValueError
        If there is no date.
    """
    if not dates:
        raise ValueError("dates should hold at least one date, got none")
    number = {character: k for k, character in enumerate(alphabet(), start=1)}
    longest = max(len(written.text) for written in dates)
    rows = [[number[c] for c in w.text] + [0] * (longest - len(w.text)) for w in dates]
    digits = [[int(digit) for digit in written.digits] for written in dates]
    return Dates(torch.tensor(rows), torch.tensor(digits))
