"""The study of one per cent: what is put in, what stays, and the two exams it is asked."""

from collections.abc import Iterator
from itertools import count

import pytest

from studies import translation
from studies import translation_one_percent as study
from txlite.data.depths import pairs_of_depth


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[translation.Language]:
    sizes = {"NUM_TRAIN": 300, "VOCABULARY": 120, "NUM_DEEP": 6, "POOL": 40, "STEPS": 3}
    for name, value in sizes.items():
        monkeypatch.setattr(translation, name, value)
    monkeypatch.setattr(study, "REPLACED", 9)
    translation.language.cache_clear()
    data = translation.language("fr")
    data.corpus.test_combination[8:] = []
    yield data
    translation.language.cache_clear()


def test_nine_pairs_are_replaced_and_none_of_them_is_asked(
    small: translation.Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "SEED", translation.ASKED)  # the asked ones are drawn first
    mixed = study.replaced(small, *study.KINDS["deeper"])
    assert mixed[:-9] == small.encoded[:-9]
    assert len(mixed) == len(small.encoded)
    deeper = {p.source for p in pairs_of_depth("fr", 2, 60, seed=study.SEED)}
    put_in = {small.source.decode(source) for source, _ in mixed[-9:]}
    assert put_in <= deeper
    assert len(put_in) == 9
    assert not put_in & {p.source for depth in (2, 3) for p in small.deep(depth)}


def test_the_control_is_longer_and_no_deeper(small: translation.Language) -> None:
    mixed = study.replaced(small, *study.KINDS["longer"])
    shallow = {p.source for p in pairs_of_depth("fr", 1, 100, seed=study.SEED)}
    for source, target in mixed[-9:]:
        assert small.source.decode(source) in shallow
        assert translation.words(small.target.decode(target)) >= study.LONG


def test_too_few_sentences_are_an_error(
    small: translation.Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="should be 9 sentences to put in, got 0"):
        study.replaced(small, 1, 1_000)


def test_both_are_asked_the_same_and_compared_in_pairs(
    small: translation.Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = count()  # two for each of three exams: the deeper one is right, the longer one is not
    monkeypatch.setattr(
        translation, "right", lambda said, pairs: [100.0 * (next(calls) < 6)] * len(pairs)
    )
    found = study.measure()
    assert next(calls) == 12
    for exam in ("combination", "depth 2", "depth 3"):
        assert found[f"deeper, {exam}, right"] == 100
        assert found[f"longer, {exam}, right"] == 0
        for what in ("difference", "low", "high"):
            assert found[f"deeper - longer, {exam}, {what}"] == 100
