"""The study of Whisper: one change at a time, vectors where the sound is, times by six rules."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import txlite
from studies import _whisper as recipe
from studies import whisper as study
from studies import whisper_published as published
from txlite.data.spoken import Utterance
from txlite.data.spoken_batches import Spectrograms


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Six strings are held out and eight are trained on."""
    monkeypatch.setattr(recipe, "TEST", 6)
    monkeypatch.setattr(recipe, "TRAIN", 8)
    monkeypatch.setattr(study, "ASKED", 3)
    monkeypatch.setenv("TXLITE_KEPT", str(tmp_path))
    for one in (recipe.held_out_strings, recipe.test_set):
        one.cache_clear()
    yield
    for one in (recipe.held_out_strings, recipe.test_set):
        one.cache_clear()


def changes(one: recipe.Recipe) -> set[str]:
    """Return in what a recipe differs from the one with all that helps."""
    all_of_them = study.RUNS["recipe"]
    changed = {f.name for f in fields(one) if getattr(one, f.name) != getattr(all_of_them, f.name)}
    return (changed - {"choices"}) | set(one.choices)


def test_one_change_is_one_change_and_none_is_all_of_them() -> None:
    every = {name: changes(one) for name, one in study.RUNS.items()}
    assert every.pop("recipe") == set()
    none = every.pop("none")
    assert [len(each) for each in every.values()] == [1] * 5
    assert set().union(*every.values()) == none
    assert len(none) == 5
    assert study.RUNS["no CTC"].ctc_weight == study.RUNS["none"].ctc_weight == 0


def test_a_choice_that_is_taken_away_leaves_the_other_first_weights() -> None:
    """The same seed gives the parts that both have the same weights, but for what is scaled."""
    with_all = recipe.built(3).state_dict()
    for name in ("no stem norms", "no band norms"):
        without = recipe.built(3, **study.RUNS[name].choices).state_dict()
        assert set(without) < set(with_all)
        assert all(torch.equal(with_all[key], weight) for key, weight in without.items())
    unscaled = recipe.built(3, **study.RUNS["positions unscaled"].choices).state_dict()
    other = [key for key in with_all if not torch.equal(with_all[key], unscaled[key])]
    assert len(other) == 1
    torch.testing.assert_close(with_all[other[0]], 0.3 * unscaled[other[0]])


def test_no_string_is_trained_on_and_held_out_and_the_test_is_one_for_all_seeds(few: None) -> None:
    held_out = recipe.held_out_strings()
    sounds = [one.samples for one in recipe.held_out_speech()]
    drawn = []
    for seed in range(2):
        texts = [one.text for one in recipe.train_set(seed).utterances]
        assert not set(texts) & set(held_out)
        drawn.append(texts)
        assert all(map(torch.equal, sounds, (x.samples for x in recipe.held_out_speech())))
    assert drawn[0] != drawn[1]


def two_digits() -> Spectrograms:
    """Return “12”, each digit a quarter of a second long, with silence around them."""
    spans = torch.tensor([[0.31, 0.56], [0.90, 1.15]])
    time = torch.arange(round(1.45 * 16_000)) / 16_000
    sounding = ((time[:, None] >= spans[:, 0]) & (time[:, None] < spans[:, 1])).any(1)
    samples = torch.randn(len(time), generator=txlite.seed(0)) * 0.1 * sounding
    return Spectrograms([Utterance("12", samples, spans)], num_mels=recipe.MELS)


def test_a_digit_s_vectors_are_those_in_which_a_part_of_it_sounds() -> None:
    sounds = two_digits()
    vectors = 72
    own = study.spans(sounds, 0, vectors)
    for digit, (begin, end) in zip(own, sounds.utterances[0].spans.tolist(), strict=True):
        overlap = [min(end, (s + 1) / 50) - max(begin, s / 50) > 1e-6 for s in range(vectors)]
        assert digit.tolist() == overlap
    assert not (own[0] & own[1]).any()


def map_of(blocks: list[tuple[int, int]], vectors: int) -> Tensor:
    """Return the weights of one head whose tokens attend to their blocks alone, evenly."""
    rows = torch.zeros(len(blocks), vectors)
    for row, (begin, end) in zip(rows, blocks, strict=True):
        row[begin:end] = 1 / (end - begin)
    return rows


def right(rule: str, heads: Tensor, blocks: list[tuple[int, int]]) -> list[bool]:
    at = 50 * study.middles(heads, len(blocks))[rule]
    return [begin <= x < end for x, (begin, end) in zip(at.tolist(), blocks, strict=True)]


RULES = ["published", "no end", "no norm", "neither", "largest weight"]


def test_every_rule_finds_digits_that_have_all_of_their_weight() -> None:
    blocks = [(0, 10), (10, 24), (24, 30), (30, 48)]
    heads = torch.stack([map_of([*blocks, (48, 60)], 60)] * 2)
    for rule in RULES:
        assert all(right(rule, heads, blocks)), rule
    evenly = study.middles(heads, 4)["evenly"]
    assert evenly.tolist() == pytest.approx([0.15, 0.45, 0.75, 1.05])  # of 60 vectors, 1.2 s


def test_a_little_weight_of_the_end_on_every_pause_spoils_the_published_steps() -> None:
    """After the norm it is as large as a digit's; without its row, or the norm, all are right."""
    at = torch.arange(46.0)
    rows = torch.stack([(-(at - centre).abs() / 1.5).exp() for centre in (6.0, 23.0, 40.0)])
    even = torch.full((1, 46), 1 / 46)
    heads = torch.cat([rows / rows.sum(1, keepdim=True), even])[None]
    assert (heads[0, 3] > heads[0, :3].amax(0)).sum() == 19  # of 46 vectors
    blocks = [(2, 11), (19, 28), (36, 45)]
    assert right("published", heads, blocks) == [True, False, False]
    for rule in ("no end", "no norm", "neither", "largest weight"):
        assert all(right(rule, heads, blocks)), rule


def test_what_is_gone_and_what_is_lost_are_counted(
    few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [one.text for one in recipe.held_out_speech()][:3]
    digits = sum(map(len, texts))

    def answers(left: Any) -> dict[str, float]:
        monkeypatch.setattr(study, "written", left)
        return study.hidden(recipe.built(0))

    def text_of(batch: Any) -> str:
        return "".join(str(token) for token in batch.target[0].tolist() if token < 10)

    def honest(model: Any, batch: Any, keep: Tensor) -> list[str]:
        text = text_of(batch)
        assert keep.shape[0] == len(text)
        assert not keep.all(1).any()  # something is hidden in every row
        return [text[:i] + text[i + 1 :] for i in range(len(text))]

    assert answers(honest) == {"gone": 1.0, "others lost": 0.0, "digits": float(digits)}
    whole = answers(lambda model, batch, keep: [text_of(batch)] * len(keep))
    assert (whole["gone"], whole["others lost"]) == (0.0, 0.0)
    nothing = answers(lambda model, batch, keep: [""] * len(keep))
    assert (nothing["gone"], nothing["others lost"]) == (1.0, 1.0)


def test_a_point_says_what_the_test_found(few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "trained", lambda one, seed: recipe.built(seed, **one.choices))
    found = study.point(study.RUNS["recipe"], 0)
    words = sum(map(len, recipe.held_out_strings()))
    wrong = found["substitutions"] + found["deletions"] + found["insertions"]
    assert found["words"] == words
    assert found["rate"] == pytest.approx(wrong / words)
    assert found["low"] <= found["rate"] <= found["high"]
    assert "frames" in found
    assert "frames" not in study.point(study.RUNS["no CTC"], 0)


def test_a_time_holds_its_middle_or_is_not_compared() -> None:
    assert published.held([0.5, 2.0], [(0.0, 1.0), (1.0, 2.0)]) == [1.0, 0.0]
    assert published.held([0.5], [(0.0, 1.0), (1.0, 2.0)]) == []
