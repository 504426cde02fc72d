"""The study of real text: every system, every pair, and what is kept for the page."""

import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from studies import translation_real_text as study
from txlite.data.catalogues import catalogue_text
from txlite.data.real_text import RealText
from txlite.studies import find


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    whole = catalogue_text("fr")
    text = RealText(whole.train[:120], whole.held_out[:12])
    for name, value in {"STEPS": 4, "EVERY": 2, "VOCABULARY": 200, "LANGUAGES": ("fr",)}.items():
        monkeypatch.setattr(study, name, value)
    monkeypatch.setattr(study, "catalogue_text", lambda key: text)
    monkeypatch.setattr(study, "FILE", tmp_path / "kept.txt")
    monkeypatch.delenv("TXLITE_SEED", raising=False)
    study.language.cache_clear()
    yield tmp_path / "kept.txt"
    study.language.cache_clear()


def test_every_system_has_its_scores_and_every_pair_its_interval(small: Path) -> None:
    found = study.measure()
    assert (found["fr, pairs"], found["fr, held out"]) == (120, 12)
    for name in (*study.SETTINGS, *study.OTHERS):
        low, value, high = (found[f"fr, {name}, BLEU{end}"] for end in (" low", "", " high"))
        assert 0 <= low <= value + 1e-3
        assert value <= high + 1e-3 or value == 0
        assert 0 <= found[f"fr, {name}, chrF"] <= 100
    for name in study.SETTINGS:
        assert found[f"fr, {name}, tokens"] == found["fr, plain, tokens"]
        for step in (2, 4):
            assert found[f"fr, {name}, train loss, step {step}"] > 0
            assert found[f"fr, {name}, held out loss, step {step}"] > 0
    pairs = [*combinations(study.SETTINGS, 2)]
    pairs += [(a, b) for a in study.SETTINGS for b in study.OTHERS]
    for first, second in pairs:
        gap = found[f"fr, {second}, BLEU"] - found[f"fr, {first}, BLEU"]
        assert found[f"fr, {second} - {first}, difference"] == pytest.approx(gap, abs=2e-4)
    kept = json.loads(small.read_text(encoding="utf-8"))["fr"]
    assert [row["source"] for row in kept] == [p.source for p in study.language("fr").text.held_out]
    assert set(kept[0]) == {"source", "wanted", *study.SETTINGS, "memory", "dictionary"}


def test_only_the_pages_own_seed_is_kept(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "SETTINGS", {"plain": (0.0, 0.0)})
    found = study.measure()
    before = small.read_text(encoding="utf-8")
    monkeypatch.setenv("TXLITE_SEED", "1")
    other = study.measure()
    assert small.read_text(encoding="utf-8") == before
    assert other["fr, plain, train loss, step 4"] != found["fr, plain, train loss, step 4"]
    assert other["fr, memory, BLEU"] == found["fr, memory, BLEU"]


def test_what_the_page_shows_was_held_out() -> None:
    kept = json.loads(find("15_real_text.txt").read_text(encoding="utf-8"))
    for key in study.LANGUAGES:
        held_out = {tuple(pair) for pair in catalogue_text(key).held_out}
        assert {(row["source"], row["wanted"]) for row in kept[key]} <= held_out
        assert len(kept[key]) >= study.SHOWN
