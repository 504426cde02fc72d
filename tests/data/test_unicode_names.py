"""Names of characters: the same on every Python, true to the database, parted without a hint."""

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict

import pytest

from txlite.data import unicode_names as module
from txlite.data.unicode_names import CATEGORIES, NamedCharacter, unicode_names

OLD, NEW = unicode_names(), unicode_names(newest=True)


def names(part) -> set[str]:
    return {one.name for one in part}


def test_the_list_is_the_same_on_every_python():
    """Unicode 3.2 is frozen: a change of this number would be a change of the rules here."""
    lines = "\n".join("\t".join(one) for part in OLD for one in part)
    assert [len(part) for part in OLD] == [8138, 1020, 1063]
    assert hashlib.sha256(lines.encode()).hexdigest()[:16] == "f03b4b41c4b89e86"


def test_names_and_categories_are_the_databases():
    for one in (*OLD.train[::50], *OLD.test):
        assert unicodedata.lookup(one.name) == one.character
        assert unicodedata.ucd_3_2_0.category(one.character) == one.category
    acute = NamedCharacter("é", "LATIN SMALL LETTER E WITH ACUTE", "Ll")
    assert any(acute in part for part in OLD)


def test_names_are_words():
    for one in (*OLD.train, *NEW.train):
        words = one.name.replace("-", " ").split()
        assert len(words) >= 2
        assert all(word.isalpha() and word.isupper() for word in words)
        assert not one.name.startswith(("YI SYLLABLE", "HANGUL SYLLABLE"))


@pytest.mark.kills(
    "names: a capital letter gives its small one away",
    "data/unicode_names.py",
    'key = _CASE.sub("", one.name).encode()',
    "key = one.name.encode()",
)
def test_a_capital_and_its_small_letter_are_on_one_side():
    for part in OLD:
        here = names(part)
        others = set().union(*(names(other) for other in OLD if other is not part))
        swapped = {name.replace("CAPITAL", "SMALL") for name in here if " CAPITAL " in name}
        assert len(swapped) > 30
        assert not swapped & others


def test_a_newer_unicode_has_more_and_moves_nothing():
    assert sum(map(len, NEW)) > 2 * sum(map(len, OLD))
    for old, new in zip(OLD, NEW, strict=True):
        assert names(old) <= names(new)
    assert not names(NEW.train) & names(NEW.test)


def test_categories_have_enough_names_to_learn_them():
    counts = {kind: sum(one.category == kind for one in OLD.train) for kind in CATEGORIES}
    assert min(counts.values()) >= 50
    others = {one.category for one in OLD.train} - set(CATEGORIES)
    assert all(sum(one.category == kind for one in OLD.train) < 60 for kind in others)


def test_shares_can_be_chosen():
    split = unicode_names(one_in=4)
    assert len(split.test) == pytest.approx(sum(map(len, split)) / 4, rel=0.1)


def rows(part) -> list[list[str]]:
    return [["", *one.name.replace("-", " ").split(), ""] for one in part]


def test_what_counting_knows_is_what_the_module_says():
    often, after, between = Counter(), defaultdict(Counter), defaultdict(Counter)
    for row in rows(OLD.train):
        for left, word, right in zip(row, row[1:-1], row[2:], strict=False):
            often[word] += 1
            after[left][word] += 1
            between[left, right][word] += 1
    first = often.most_common(1)[0][0]
    hits, asked = Counter(), 0
    for row in rows(OLD.test):
        for left, word, right in zip(row, row[1:-1], row[2:], strict=False):
            asked += 1
            hits["often"] += word == first
            seen = between.get((left, right))
            hits["between"] += bool(seen) and word == seen.most_common(1)[0][0]
            known = seen or after.get(left) or often
            hits["or one"] += word == known.most_common(1)[0][0]
    shares = [f"{100 * hits[name] / asked:.0f}" for name in ("often", "between", "or one")]
    assert re.findall(r"(\d+) %", module.__doc__) == shares


@pytest.mark.plain
def test_wrong_arguments_are_named():
    for value, words in ((2, "one_in should be at least 3"), (0, "one_in should be a positive")):
        with pytest.raises(ValueError, match=f"^{words}"):
            unicode_names(one_in=value)
