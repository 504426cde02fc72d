"""Four kinds of text: as large as was asked for, each of its own kind, nothing on two sides."""

import math
from collections import Counter

import pytest

from txlite.data.kinds_of_text import KINDS, _source, kinds_of_text
from txlite.data.real_text import letters


def test_there_is_as_much_as_was_asked_for() -> None:
    for size in (5_000, 50_000):
        for kind in kinds_of_text(size=size):
            assert 0.75 * size < len(kind.train) < 1.6 * size, kind.name
            assert 0.07 * size < len(kind.test) < 0.2 * size, kind.name


def test_the_kinds_and_the_default_sizes() -> None:
    kinds = kinds_of_text()
    assert tuple(kind.name for kind in kinds) == KINDS
    sizes = [len(kind.train.encode()) for kind in kinds]
    assert min(sizes) > 55_000
    assert max(sizes) < 130_000
    by_name = {kind.name: kind for kind in kinds}
    assert "def " in by_name["Python"].train
    assert " les " in by_name["French"].train
    assert "LATIN SMALL LETTER" in by_name["names"].train
    assert by_name["names"].train.upper() == by_name["names"].train


def test_nothing_that_is_asked_was_learned() -> None:
    for kind in kinds_of_text():
        cut = "\n\n" if kind.name in ("manual", "Python") else "\n"
        train, test = ({letters(one) for one in text.split(cut)} for text in kind[1:])
        assert not {one for one in train & test if len(one) >= 20}, kind.name


def test_bytes_alone_tell_the_kinds_apart() -> None:
    """The held-out text of each kind is dearer with the single bytes of another."""
    kinds = kinds_of_text()
    counts = [Counter(kind.train.encode()) for kind in kinds]

    def cost(text: str, count: Counter[int]) -> float:
        total = count.total() + 256
        return -sum(math.log2((count[b] + 1) / total) for b in text.encode())

    for kind in kinds:
        costs = [cost(kind.test, count) for count in counts]
        assert KINDS[costs.index(min(costs))] == kind.name


def test_source_has_no_docstrings_and_keeps_what_is_indented() -> None:
    source = _source("contextlib")
    assert '"""' not in source
    assert "\n    def __enter__(self):\n" in source
    assert "\n\n\n" not in source


def test_the_same_every_time_and_refusals() -> None:
    assert kinds_of_text(size=3_000) == kinds_of_text(size=3_000)
    with pytest.raises(ValueError, match="size should be a positive whole number, got 0"):
        kinds_of_text(size=0)
