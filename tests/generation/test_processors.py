"""What may not come next: by definition, and equal to Hugging Face's processors."""

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor

from txlite.generation import (
    force,
    min_p,
    no_repeat_ngram,
    repetition_penalty,
    suppress,
    temperature,
    top_k,
    top_p,
)
from txlite.generation._choice import Choice

V = 9


def banned_by_definition(tokens: list[int], keep: list[bool], n: int) -> set[int]:
    """Every token that would make a run of n real tokens for the second time."""
    runs = {tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1) if all(keep[i : i + n])}
    begun, real = tokens[len(tokens) - n + 1 :], keep[len(tokens) - n + 1 :]
    if len(tokens) < n or not all(real):
        return set()
    return {v for v in range(V) if (*begun, v) in runs}


@given(
    st.lists(st.tuples(st.integers(0, V - 1), st.booleans()), min_size=1, max_size=12),
    st.integers(1, 5),
    st.booleans(),
)
@example([(0, True), (1, True), (0, False)], 2, True)
def test_ngrams_are_banned_by_definition(row: list[tuple[int, bool]], n: int, padded: bool) -> None:
    tokens, keep = [t for t, _ in row], [k or not padded for _, k in row]
    given_keep = torch.tensor(keep) if padded else None
    out = no_repeat_ngram(torch.zeros(V), torch.tensor(tokens), n, given_keep)
    got = {v for v in range(V) if out[v] == -math.inf}
    assert got == banned_by_definition(tokens, keep, n)


def test_padding_may_be_any_number() -> None:
    keep = torch.tensor([[False, False, True, True, True]])
    tokens = torch.tensor([[-7, 99, 4, 1, 4]])
    out = no_repeat_ngram(torch.zeros(1, V), tokens, 2, keep)
    assert out[0].isneginf().nonzero()[:, 0].tolist() == [1]


def test_what_is_forced_is_certain() -> None:
    out = force(torch.randn(3, V), 4)
    assert (out.log_softmax(-1)[:, 4] == 0).all()
    assert (out[:, [0, 1, 2, 3, 5, 6, 7, 8]] == -math.inf).all()


@pytest.mark.plain  # the types say int
@pytest.mark.parametrize("tokens", [5, [5], {5, 2}, torch.tensor([2, 5, 2]), (), []], ids=str)
def test_only_what_is_suppressed_is_ruled_out(tokens: Any) -> None:
    logits = torch.randn(2, 3, V)
    before = logits.clone()
    out = suppress(logits, tokens)
    chosen = {5} if isinstance(tokens, int) else {int(t) for t in tokens}
    for v in range(V):
        want = torch.full((2, 3), -math.inf) if v in chosen else logits[..., v]
        assert torch.equal(out[..., v], want)
    assert torch.equal(logits, before)


# ----------------------------------------------------------------------------- Hugging Face


def theirs(name: str, *args: Any, **kwargs: Any) -> Callable[[Tensor, Tensor], Tensor]:
    import transformers

    made: Callable[[Tensor, Tensor], Tensor] = getattr(transformers, name)(*args, **kwargs)
    return made


PROMPT = 5
PAIRS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], tuple[Any, ...]]] = {
    "temperature": (lambda z, t: temperature(z, 0.7), ("TemperatureLogitsWarper", 0.7)),
    "top-k": (lambda z, t: top_k(z, 4), ("TopKLogitsWarper", 4)),
    "top-p": (lambda z, t: top_p(z, 0.6), ("TopPLogitsWarper", 0.6)),
    "min-p": (lambda z, t: min_p(z, 0.2), ("MinPLogitsWarper", 0.2)),
    "penalty": (
        lambda z, t: repetition_penalty(z, t, 1.7),
        ("RepetitionPenaltyLogitsProcessor", 1.7),
    ),
    "encouragement": (
        lambda z, t: repetition_penalty(z, t, 0.6),
        ("RepetitionPenaltyLogitsProcessor", 0.6),
    ),
    **{
        f"{n}-grams": (
            lambda z, t, n=n: no_repeat_ngram(z, t, n),  # type: ignore[misc]
            ("NoRepeatNGramLogitsProcessor", n),
        )
        for n in (1, 2, 3, 4)
    },
    "suppress": (lambda z, t: suppress(z, [3, 7]), ("SuppressTokensLogitsProcessor", [3, 7])),
}


@pytest.mark.plain
@pytest.mark.parametrize("length", [1, 2, 5, 11])
@pytest.mark.parametrize("name", PAIRS)
def test_each_is_its_counterpart(name: str, length: int) -> None:
    ours, (processor, *args) = PAIRS[name]
    peer = theirs(processor, *args)
    for seed in range(20):
        torch.manual_seed(seed)
        logits, tokens = 3 * torch.randn(6, V), torch.randint(3, (6, length)) * 3
        assert torch.equal(ours(logits, tokens), peer(tokens, logits.clone()))


STEPS: dict[str, tuple[dict[str, Any], Callable[[], Callable[[Tensor, Tensor], Tensor]]]] = {
    "min new tokens": (
        {"min_new_tokens": 3, "eos": (2, 6)},
        lambda: theirs("MinNewTokensLengthLogitsProcessor", PROMPT, 3, [2, 6]),
    ),
    "min length": (
        {"min_new_tokens": 2, "eos": (2,)},
        lambda: theirs("MinLengthLogitsProcessor", PROMPT + 2, 2),
    ),
    "forced at the end": (
        {"forced": {3: 2}},
        lambda: theirs("ForcedEOSTokenLogitsProcessor", PROMPT + 4, 2),
    ),
    "not as the first": (
        {"suppress_first": (1, 8)},
        lambda: theirs("SuppressTokensAtBeginLogitsProcessor", [1, 8], PROMPT),
    ),
}


@pytest.mark.plain
@pytest.mark.parametrize("name", STEPS)
def test_each_that_counts_steps_is_its_counterpart(name: str) -> None:
    options, make = STEPS[name]
    choice, peer, did = Choice(**options), make(), 0
    for step in range(5):
        logits, tokens = torch.randn(4, V), torch.randint(V, (4, PROMPT + step))
        out = choice.ruled(logits, tokens, None, step)
        assert torch.equal(out, peer(tokens, logits.clone()))
        did += not torch.equal(out, logits)
    assert 0 < did < 5


def test_the_order_is_the_one_that_is_stated() -> None:
    """Every two that do not commute are caught in the other order."""
    logits, tokens = torch.tensor([[2.0, 1.5, 1.0, -0.5]]), torch.tensor([[0, 1]])
    done = torch.tensor([False])

    def run(**options: Any) -> list[float]:
        row: list[float] = Choice(**options).scores(logits, tokens, None, 0, done)[0].tolist()
        return row

    inf = math.inf
    # the penalty, then what is forced (else it would be 0 / 2 all the same: 0), then suppressed
    assert run(repetition_penalty=2.0, forced={0: 1}) == [-inf, 0, -inf, -inf]
    assert run(forced={0: 1}, suppress=(1,)) == [-inf] * 4
    assert run(forced={0: 1}, suppress_first=(1,)) == [-inf] * 4
    # rules of one's own come last, before the temperature
    assert run(suppress=(0,), processors=[lambda z, t: z.nan_to_num(neginf=9)]) == [
        9,
        1.5,
        1,
        -0.5,
    ]
    assert run(temperature=0.5, processors=[lambda z, t: z + 1]) == [6, 5, 4, 1]
    assert run(processors=[lambda z, t: z + 1, lambda z, t: z * 2]) == [6, 5, 4, 1]
    # the penalty first: top-k sees 1, .75, 1, -.5 and keeps both ones
    assert run(temperature=1.0, repetition_penalty=2.0, top_k=1) == [1, -inf, 1, -inf]
    # the temperature first: at 2 the shares are .37, .29, .23, .11, and .6 needs two
    assert run(temperature=2.0, top_p=0.6) == [1, 0.75, -inf, -inf]
    # top-k before top-p: of the two that are left, .62 is enough for .6
    assert run(temperature=1.0, top_k=2, top_p=0.6) == [2, -inf, -inf, -inf]
    # top-p before min-p, min-p by shares of what is left, which is a ratio: the same either way


# ----------------------------------------------------------------------------- what is refused

ONES = torch.ones(2, 5)
TOKENS = torch.ones(2, 3, dtype=torch.long)
MESSAGES: dict[str, tuple[Callable[[], object], str]] = {
    "runs of nothing": (
        lambda: no_repeat_ngram(ONES, TOKENS, 0),
        "n should be a positive whole number, got 0",
    ),
    "runs of another batch": (
        lambda: no_repeat_ngram(ONES, TOKENS[:1], 2),
        "tokens should have shape (*B=(2,), T), got (1, 3)",
    ),
    "runs of strangers": (
        lambda: no_repeat_ngram(ONES, TOKENS + 4, 2),
        "tokens should lie in [0, V=5), got 5 to 5",
    ),
    "runs of tokens": (
        lambda: no_repeat_ngram(TOKENS, TOKENS, 2),
        "logits should hold floating-point numbers, got int64",
    ),
    "a stranger forced": (
        lambda: force(ONES, 5),
        "token should be a token of the vocabulary, in [0, V=5), got 5",
    ),
    "a stranger suppressed": (
        lambda: suppress(ONES, [1, -1]),
        "tokens should be a token of the vocabulary, in [0, V=5), got -1",
    ),
    "a word suppressed": (
        lambda: suppress(ONES, "a"),  # type: ignore[arg-type]
        "tokens should be a token of the vocabulary, in [0, V=5), got 'a'",
    ),
}


@pytest.mark.plain
@pytest.mark.parametrize("name", MESSAGES)
def test_the_message_names_what_is_wrong(name: str) -> None:
    ask, message = MESSAGES[name]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        ask()
