"""The translation memory: the nearest sentence, and nothing of its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txlite.models import TranslationMemory

TEXT = st.text("abc 文", max_size=6)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8, unique_by=lambda pair: pair[0]))
def test_what_it_knows_it_translates_and_it_says_nothing_else(pairs: list[tuple[str, str]]) -> None:
    memory = TranslationMemory(pairs)
    targets = {target for _, target in pairs}
    assert memory("cab 文文") in targets
    long = [(a, b) for a, b in pairs if len(a) == 1]  # of longer ones two may have the same runs
    assert all(memory(a) == b for a, b in long)


def test_the_share_counts_both_sides() -> None:
    memory = TranslationMemory([("abcdefghij", "long"), ("abx", "short")])
    assert memory("abc") == "short"  # the long one has all its runs, and much else
    assert memory("abcdef") == "long"


def test_order_counts_by_runs() -> None:
    memory = TranslationMemory([("chat du chien", "dog's cat"), ("chien du chat", "cat's dog")])
    assert memory("Chien du chat !") == "cat's dog"


def test_of_equals_the_first_and_of_nothing_too() -> None:
    assert TranslationMemory([("ab", "1"), ("ab", "2")])("ab") == "1"
    assert TranslationMemory([("x", "1"), ("y", "2")])("") == "1"


def test_an_empty_memory_is_an_error() -> None:
    with pytest.raises(ValueError, match="pairs should hold at least one pair"):
        TranslationMemory([])
