"""The studies of many heads and of positions: what their numbers mean, and that they run."""

import math

import pytest
import torch

from studies import many_heads, positional_encoding, relative_positions
from txlite.data.dates import Dates, encode_dates, sample_dates
from txlite.data.roles import sample_sentences
from txlite.nn.positions import Rotary


def test_answers_are_what_followed_the_last_time() -> None:
    text, last = relative_positions.sample_text(3, 40, torch.Generator().manual_seed(0))
    answers = relative_positions.answers(text, last)
    for row, given in zip(text.tolist(), answers.tolist(), strict=True):
        for t, letter in enumerate(row):
            before = [s for s in range(t) if row[s] == letter]
            assert given[t] == (row[before[-1] + 1] if before else -100)


def test_clamped_attention_is_rotary_attention_within_the_trained_length() -> None:
    query, key, value = torch.randn(3, 2, 4, 32, 16, dtype=torch.float64)
    rotation = Rotary(16)(torch.arange(32))
    wanted = torch.nn.functional.scaled_dot_product_attention(
        rotation.apply(query), rotation.apply(key), value, is_causal=True
    )
    torch.testing.assert_close(relative_positions.Clamped()(query, key, value), wanted)


def test_clamped_attention_tells_every_longer_distance_as_31() -> None:
    query, key = torch.randn(2, 1, 1, 100, 16, dtype=torch.float64)
    same = key[..., :1, :].expand_as(key)  # one key everywhere: distance alone tells them apart
    value = torch.eye(100, dtype=torch.float64)[None, None]
    last = relative_positions.Clamped()(query, same, value)[0, 0, -1]
    torch.testing.assert_close(last[:69], last[68].expand(69))
    assert not torch.isclose(last[68], last[69])


def test_the_blind_floor_is_the_entropy_of_a_digit_given_the_length() -> None:
    tokens = torch.tensor([[1, 1, 0], [1, 2, 0], [3, 1, 1], [2, 2, 2]])
    digits = torch.zeros(4, 8, dtype=torch.long)
    assert positional_encoding.blind_floor(Dates(tokens, digits)) == 0
    digits[1, 0] = 5  # two dates of length two, which differ in one digit of eight
    floor = positional_encoding.blind_floor(Dates(tokens, digits))
    assert floor == pytest.approx(2 * math.log(2) / (8 * 4))


def test_no_digit_costs_less_than_the_floor_when_the_length_is_all_that_is_known() -> None:
    dates = encode_dates(sample_dates(300, seed=0))
    assert 1 < positional_encoding.blind_floor(dates) < math.log(10)


def test_sentences_of_the_book_are_not_trained_on() -> None:
    chosen = sample_sentences(300, seed=2, without=many_heads.article())
    assert not {str(s) for s in many_heads.article()} & {str(s) for s in chosen}
    assert len({str(s) for s in many_heads.meals()}) == 56


@pytest.mark.parametrize("module", [many_heads, positional_encoding, relative_positions])
def test_a_study_measures_shares(module: object, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, small in {
        "STEPS": 20,
        "TEXTS": 4,
        "DATES": 300,
        "SENTENCES": 300,
        "TESTS": 50,
    }.items():
        if hasattr(module, name):
            monkeypatch.setattr(module, name, small)
    if module is many_heads:
        kinds = {"1 head": many_heads.Kind(steps=2), "2 heads": many_heads.Kind(2, steps=2)}
        monkeypatch.setattr(many_heads, "KINDS", kinds)
    if module is relative_positions:
        monkeypatch.setattr(relative_positions, "STEPS", 2)
    found = module.measure(0)  # type: ignore[attr-defined]
    shares = [value for name, value in found.items() if "first below" not in name]
    assert shares
    assert all(0 <= share <= 1 for share in shares)
