"""The studies of chapters 11 and 14: each group and each pair is there, whatever the training."""

from itertools import combinations

import pytest

from studies import decoding, transformer


def test_the_study_of_chapter_11_breaks_the_ages_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transformer, "STEPS", 6)
    found = transformer.measure()
    ages = {str(years) for years in transformer.NEW_AGES}
    kinds = {"trades", "ages", "new, no carry", "new, carry"}
    assert set(found) == {"the letter"} | ages | kinds
    assert all(0 <= share <= 1 for share in found.values())


def test_no_new_age_is_in_a_training_sentence_and_the_carry_is() -> None:
    train, test = transformer.data()
    seen = {transformer.age(pair) for pair in train}
    assert not seen & set(transformer.NEW_AGES)
    assert {71, 93} <= seen
    assert set(transformer.NEW_AGES) <= {transformer.age(pair) for pair in test}


@pytest.mark.plain  # a whole corpus: with every type checked it takes a minute
def test_the_study_of_chapter_14_compares_every_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, small in {"SENTENCES": 400, "TESTED": 8, "STEPS": 20}.items():
        monkeypatch.setattr(decoding, name, small)
    found = decoding.measure()
    ways = ("draw", "top-p 0.8", "greedy", "beams, α = 0", "beams, α = 1")
    for state in ("clean", "blots"):
        for way in ways:
            assert 0 <= found[f"{way}, {state}: right"] <= 1
            assert found[f"{way}, {state}: log p"] <= 0
        for a, b in combinations(ways, 2):
            pair = f"{a} against {b}, {state}: only the"
            won, lost = found[f"{pair} first right"], found[f"{pair} second right"]
            more = found[f"{a}, {state}: right"] - found[f"{b}, {state}: right"]
            assert (won - lost) / 8 == pytest.approx(more)
