"""Times in a transcript: the rules by what they must forbid, and Hugging Face's processor."""

import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from txlite.generation import generate, timestamp_rules

V, EOS, NONE = 11, 3, 4  # 0 to 2 are text, 5 to 10 times
BEGIN = 2
RULES: dict[str, Any] = {"begin": BEGIN, "no_timestamps": NONE, "eos_id": EOS}


def allowed(*new: int, logits: Tensor | None = None, **options: Any) -> set[int]:
    tokens = torch.tensor([[0, 1, *new]])
    given = torch.zeros(1, V) if logits is None else logits[None]
    if logits is None:
        given[0, :NONE] = 9.0  # text is far more probable than all times together
    out = timestamp_rules(given, tokens, **{**RULES, **options})
    return {i for i in range(V) if out[0, i] > -math.inf}


TEXT, TIMES = {0, 1, 2}, {5, 6, 7, 8, 9, 10}


@pytest.mark.parametrize(
    ("new", "may"),
    [
        ((), TIMES),  # the first is a time
        ((6,), TEXT | {EOS}),  # then its text
        ((6, 1), TEXT | {EOS} | {7, 8, 9, 10}),  # no time comes twice in one piece
        ((6, 1, 8), {EOS, 8, 9, 10}),  # the end of a piece: the next one may begin there
        ((6, 1, 8, 8), TEXT | {EOS}),
        ((8, 8, 1), TEXT | {EOS, 9, 10}),
        ((1, 0), TEXT | {EOS} | TIMES),
        ((6, 1, 10), {EOS, 10}),
    ],
)
def test_what_may_come_after_what(new: tuple[int, ...], may: set[int]) -> None:
    assert allowed(*new) == may


def test_the_first_time_is_not_late() -> None:
    assert allowed(max_initial=2) == {5, 6, 7}
    assert allowed(max_initial=0) == {5}
    assert allowed(6, max_initial=0) == TEXT | {EOS}


def test_times_win_together_over_the_best_word() -> None:
    """Their chances are .1 + .1 + .1 + .05 + .05 = .4; the best word has .3 (whisper PR 914)."""
    chances = torch.tensor([0.3, 0.1, 0.05, 0.05, 0.1, 0.0, 0.1, 0.1, 0.1, 0.05, 0.05])
    assert allowed(5, 1, logits=chances.log()) == {6, 7, 8, 9, 10}
    chances[6:] /= 2  # .2 of .8: the word wins, and nothing is ruled out
    assert allowed(5, 1, logits=chances.log()) == TEXT | {EOS} | {6, 7, 8, 9, 10}


def test_rows_do_not_know_each_other() -> None:
    rows = torch.tensor([[0, 1, 6, 1], [0, 1, 8, 8], [0, 1, 6, 7], [0, 1, 1, 9]])
    logits = torch.randn(4, V)
    together = timestamp_rules(logits, rows, **RULES)
    for i in range(4):
        assert_close(
            together[i : i + 1], timestamp_rules(logits[i : i + 1], rows[i : i + 1], **RULES)
        )


@pytest.mark.parametrize("max_initial", [None, 0, 2, 50])
@pytest.mark.parametrize("length", range(6))
def test_equals_the_published_processor(length: int, max_initial: int | None) -> None:
    from transformers import GenerationConfig, WhisperTimeStampLogitsProcessor

    config = GenerationConfig(eos_token_id=EOS)
    config.no_timestamps_token_id = NONE
    config.max_initial_timestamp_index = max_initial
    theirs = WhisperTimeStampLogitsProcessor(config, begin_index=BEGIN)
    for _ in range(20):
        tokens = torch.randint(0, V, (7, BEGIN + length))
        logits = 2 * torch.randn(7, V)
        got = timestamp_rules(logits, tokens, max_initial=max_initial, **RULES)
        assert torch.equal(got, theirs(tokens, logits))


def test_a_run_keeps_the_rules() -> None:
    """By the seam of generation: whatever the model says, the times of a text are in order."""
    from functools import partial

    def model(tokens: Tensor) -> Tensor:
        torch.manual_seed(int(tokens.sum()))
        return 3 * torch.randn(*tokens.shape, V)

    prompt = torch.tensor([[0, 1], [1, 2]])
    rules = partial(timestamp_rules, **RULES)
    out = generate(
        model, prompt, max_new_tokens=40, eos_id=EOS, pad_id=EOS, use_cache=False,
        processors=[rules], temperature=1.0, generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    for row in out[:, BEGIN:].tolist():
        times = [t for t in row if t > NONE]
        assert times == sorted(times)
        assert row[0] > NONE
        assert NONE not in row


@pytest.mark.plain
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"no_timestamps": V}, "no_timestamps should be a token of the vocabulary, in [0, V=11)"),
        ({"eos_id": -1}, "eos_id should be a token of the vocabulary, in [0, V=11), got -1"),
        ({"begin": 5}, "begin should be in [0, T=4], got 5"),
        ({"max_initial": -1}, "max_initial should be"),
        ({"logits": torch.zeros(V)}, "logits should have shape (B, V), got (11,)"),
        ({"tokens": torch.zeros(2, 4).long()}, "tokens should have shape (B=1, T), got (2, 4)"),
        ({"tokens": torch.zeros(1, 4)}, "tokens should hold whole numbers, got float32"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    given = {"logits": torch.zeros(1, V), "tokens": torch.zeros(1, 4).long(), **RULES, **change}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        timestamp_rules(**given)
