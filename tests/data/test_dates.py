"""Written dates: right in every form, honest about what is kept apart, and a task of order."""

import re
from collections import Counter, defaultdict
from datetime import date, timedelta

import pytest
import torch

from txlite.data.dates import FORMS, WrittenDate, alphabet, encode_dates, sample_dates, write_date

MAY = date(1998, 5, 3)


def test_the_third_of_may_in_every_form():
    texts = [write_date(MAY, form).text for form in FORMS]
    assert texts == [
        "3 mai 1998",
        "03/05/1998",
        "May 3, 1998",
        "May 3, 1998",
        "1998年5月3日",
        "1998/5/3",
    ]
    assert {write_date(MAY, form).digits for form in FORMS} == {"19980503"}


@pytest.mark.parametrize("form", FORMS)
def test_babel_writes_the_same_in_the_right_year(form):
    from babel.dates import format_date

    language, style = form.split()
    locale = {"fr": "fr_FR", "en": "en_US", "zh": "zh_Hans_CN"}[language]
    for day in (date(1900, 1, 1), date(1904, 2, 29), date(1999, 11, 30), date(2099, 12, 31)):
        assert write_date(day, form).text == format_date(day, style, locale=locale)


@pytest.mark.parametrize("form", FORMS)
def test_no_two_days_are_written_alike(form):
    days = [date(1999, 1, 1) + timedelta(days=n) for n in range(731)]
    assert len({write_date(day, form).text for day in days}) == len(days)


def test_one_text_means_one_day_whatever_the_form():
    """Otherwise nobody could read it: 03/05 is the third of May in every form that uses it."""
    meant = defaultdict(set)
    for n in range(3000):
        day = date(2010, 1, 1) + timedelta(days=n)
        for form in FORMS:
            meant[write_date(day, form).text].add(day)
    assert {len(days) for days in meant.values()} == {1}


def test_the_same_characters_can_mean_many_days():
    """What makes it a task of order."""
    meant = Counter(
        "".join(sorted(write_date(date(2012, 1, 1) + timedelta(days=n), "fr short").text))
        for n in range(366)
    )
    assert max(meant.values()) >= 6
    assert sum(meant.values()) / len(meant) > 2


def test_sampling_is_repeatable_and_keeps_the_tests_days_apart():
    tests = sample_dates(300, seed=1)
    assert tests == sample_dates(300, seed=1)
    assert tests != sample_dates(300, seed=2)
    trained = sample_dates(5000, seed=2, without=tests)
    assert not {w.day for w in tests} & {w.day for w in trained}
    assert {w.day for w in tests} & {w.day for w in sample_dates(5000, seed=2)}
    assert {w.form for w in trained} == set(FORMS)
    years = {w.day.year for w in trained}
    assert (min(years), max(years)) == (1900, 2099)
    for w in trained[:50]:
        assert w == write_date(w.day, w.form)


def test_tensors_can_be_read_back():
    dates = sample_dates(40, seed=3)
    tokens, digits = encode_dates(dates)
    assert tokens.shape == (40, max(len(w.text) for w in dates))
    assert digits.shape == (40, 8)
    for row, answer, written in zip(tokens.tolist(), digits.tolist(), dates, strict=True):
        assert "".join(alphabet()[k - 1] for k in row if k) == written.text
        assert "".join(map(str, answer)) == written.digits
        assert row == sorted(row, key=lambda k: k == 0)  # padding on the right, and only there
    assert tokens.max() <= len(alphabet())


def test_they_move_together():
    moved = encode_dates([write_date(MAY, "zh long")]).to("meta")
    assert {tensor.device.type for tensor in moved} == {"meta"}
    assert torch.equal(
        encode_dates([write_date(MAY, "zh long")]).to("cpu").digits[0, -1], torch.tensor(3)
    )


def test_a_date_is_plain_data():
    assert write_date(MAY, "zh short") == WrittenDate("1998/5/3", MAY, "zh short")


@pytest.mark.plain
@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: write_date(MAY, "de long"), "form should be one of fr long, fr short, en long,"),
        (lambda: write_date(date(2100, 1, 1), "fr long"), "day should lie between 1900-01-01 and"),
        (lambda: sample_dates(0, 1), "num_dates should be a positive whole number, got 0"),
        (lambda: encode_dates([]), "dates should hold at least one date, got none"),
    ],
)
def test_refusals_name_what_was_wanted_and_what_came(ask, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        ask()
