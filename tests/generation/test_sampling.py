"""The filters: what they mean, and that Hugging Face's do the same."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from txlite.generation import min_p, repetition_penalty, sample, temperature, top_k, top_p

INF = math.inf
PROBABILITIES = torch.tensor([0.05, 0.5, 0.15, 0.3], dtype=torch.float64)
LOGITS = PROBABILITIES.log() + 7.0  # logits mean the same when a constant is added


def kept(logits: Tensor) -> list[int]:
    return logits.isfinite().nonzero().flatten().tolist()


def scores(*shape: int, seed: int = 5, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).mul(3).to(dtype)


# ----------------------------------------------------------------------------- by hand


@pytest.mark.parametrize(
    ("k", "expected"), [(1, [1]), (2, [1, 3]), (3, [1, 2, 3]), (9, [*range(4)])]
)
def test_top_k_by_hand(k: int, expected: list[int]) -> None:
    out = top_k(LOGITS, k)
    assert kept(out) == expected
    assert_close(out[expected], LOGITS[expected], rtol=0, atol=0)


@pytest.mark.kills(
    "top-p in the order of the vocabulary",
    "generation/sampling.py",
    "torch.zeros_like(drop).scatter(-1, order, drop)",
    "drop",
)
@pytest.mark.kills(
    "top-p drops the token that crosses",
    "generation/sampling.py",
    "<= 1 - p\n    drop[..., -1]",
    "< 1 - p + 0.2\n    drop[..., -1]",
)
@pytest.mark.parametrize(
    ("p", "expected"),
    [
        (0.0, [1]),
        (0.49, [1]),
        (0.51, [1, 3]),  # the token that crosses the threshold stays
        (0.79, [1, 3]),
        (0.81, [1, 2, 3]),
        (1.0, [0, 1, 2, 3]),
    ],
)
def test_top_p_by_hand(p: float, expected: list[int]) -> None:
    out = top_p(LOGITS, p)
    assert kept(out) == expected
    assert_close(out[expected], LOGITS[expected], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("dtype", "p"), [(torch.bfloat16, 0.5), (torch.bfloat16, 0.9), (torch.float16, 0.5)]
)
def test_top_p_adds_up_in_single_precision_at_least(dtype: torch.dtype, p: float) -> None:
    """Of a thousand small shares, half precision loses some beside the sum of the others."""
    logits = scores(4, 1000, dtype=dtype) / 6
    out, wanted = top_p(logits, p), top_p(logits.double(), p).isfinite()
    assert out.dtype == dtype
    assert torch.equal(out.isfinite(), wanted)
    half = logits.sort(dim=-1, stable=True).values.softmax(-1).cumsum(-1)  # the control
    assert not torch.equal((half > 1 - p).sum(-1), wanted.sum(-1))


@pytest.mark.parametrize(
    ("p", "expected"),
    [(0.0, [*range(4)]), (0.09, [*range(4)]), (0.11, [1, 2, 3]), (0.31, [1, 3]), (1.0, [1])],
)
def test_min_p_by_hand(p: float, expected: list[int]) -> None:
    assert kept(min_p(LOGITS, p)) == expected  # shares of the largest: 0.1, 1, 0.3, 0.6


def test_temperature_by_hand() -> None:
    half = temperature(LOGITS, 0.5).softmax(-1)
    assert_close(half, PROBABILITIES**2 / (PROBABILITIES**2).sum())
    assert_close(
        temperature(LOGITS, 1e6).softmax(-1), torch.full_like(half, 0.25), atol=1e-5, rtol=0
    )


@pytest.mark.kills(
    "repetition penalty divides negative logits",
    "generation/sampling.py",
    "torch.where(logits < 0, logits * penalty, logits / penalty)",
    "logits / penalty",
)
def test_a_repeated_token_loses_whatever_its_sign() -> None:
    logits = torch.tensor([2.0, -2.0, 3.0, -3.0])
    out = repetition_penalty(logits, torch.tensor([0, 1, 1, 1]), 2.0)
    assert_close(out, torch.tensor([1.0, -4.0, 3.0, -3.0]))  # how often it came does not matter


def test_padding_has_not_occurred() -> None:
    logits, tokens = scores(2, 5), torch.tensor([[0, 0, 3], [0, 2, 4]])
    keep = torch.tensor([[False, False, True], [True, True, True]])
    out = repetition_penalty(logits, tokens, 1.7, keep)
    assert_close(out[0], repetition_penalty(logits[0], torch.tensor([3]), 1.7))
    assert_close(out[1], repetition_penalty(logits[1], tokens[1], 1.7))
    assert not torch.equal(out, repetition_penalty(logits, tokens, 1.7))


# ----------------------------------------------------------------------------- properties

ROWS = st.lists(st.floats(-9, 9), min_size=1, max_size=9)
SHARES = st.floats(0, 1)


@given(ROWS, SHARES)
def test_top_p_is_the_smallest_set_that_reaches_the_share(row: list[float], p: float) -> None:
    logits = torch.tensor(row, dtype=torch.float64)
    probabilities, stays = logits.softmax(-1), top_p(logits, p).isfinite()
    mass = float(probabilities[stays].sum())
    assert mass >= p - 1e-12
    assert mass - float(probabilities[stays].min()) <= p + 1e-12  # without its least: below
    assert stays.all() or probabilities[~stays].max() <= probabilities[stays].min()


@given(ROWS, SHARES, st.integers(1, 9))
def test_a_filter_applied_twice_is_applied_once(row: list[float], p: float, k: int) -> None:
    logits = torch.tensor(row, dtype=torch.float64)
    for out, again in (
        (top_k(logits, k), top_k(top_k(logits, k), k)),
        (min_p(logits, p), min_p(min_p(logits, p), p)),
    ):
        assert torch.equal(out, again)


@pytest.mark.parametrize(
    "function",
    [
        lambda z: temperature(z, 0.7),
        lambda z: top_k(z, 3),
        lambda z: top_p(z, 0.6),
        lambda z: min_p(z, 0.2),
        lambda z: repetition_penalty(z, torch.arange(4).expand(*z.shape[:-1], 4), 1.4),
    ],
)
def test_rows_do_not_know_each_other_and_the_input_stays(function) -> None:  # type: ignore[no-untyped-def]
    logits = scores(2, 3, 11)
    before = logits.clone()
    out = function(logits)
    assert torch.equal(logits, before)
    for i in range(2):
        for j in range(3):
            assert torch.equal(out[i, j], function(logits[i, j]))
    assert not torch.equal(out, logits)


# ----------------------------------------------------------------------------- Hugging Face

TIES = torch.tensor([[1.0, 3.0, 3.0, 0.0, 3.0, 1.0], [2.0, 2.0, 2.0, 2.0, 2.0, 2.0]])
UNDERFLOW = torch.tensor([[0.0, 800.0, 799.0, -INF, -800.0, 798.5]])
INPUTS = {
    "float64": scores(4, 23),
    "float32": scores(4, 23, dtype=torch.float32),
    "ties": TIES.double(),
    "underflow": UNDERFLOW.double(),
    "one token": torch.zeros(3, 1, dtype=torch.float64),
}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("sign", [8.0, -8.0])
@pytest.mark.parametrize("value", [1e-4, 1e-38, 1e-320])
def test_no_temperature_is_so_low_that_the_scores_overflow(
    dtype: torch.dtype, sign: float, value: float
) -> None:
    logits = sign + torch.tensor([[0.0, -1.0, 0.0, -math.inf], [-1.0, 0.0, -2.0, 0.0]], dtype=dtype)
    cold = temperature(logits, value)
    assert not cold.isnan().any()
    expected = torch.tensor([[0.5, 0.0, 0.5, 0.0], [0.0, 0.5, 0.0, 0.5]], dtype=dtype)
    assert torch.equal(cold.softmax(-1), expected)
    assert set(sample(cold.expand(20, 2, 4), torch.Generator().manual_seed(0))[:, 0].tolist()) == {
        0,
        2,
    }


def test_a_row_that_leaves_nothing_stays_one_at_any_temperature() -> None:
    nothing = torch.full((1, 3), -math.inf, dtype=torch.float16)
    assert torch.equal(temperature(nothing, 1e-4), nothing)


@pytest.mark.parametrize("name", INPUTS)
def test_the_filters_are_those_of_hugging_face(name: str) -> None:
    from transformers.generation import logits_process as theirs

    logits = INPUTS[name]
    nothing = torch.zeros(logits.shape[0], 0, dtype=torch.long)
    for value in (0.3, 1.0, 2.5):
        want = theirs.TemperatureLogitsWarper(value)(nothing, logits)
        assert torch.equal(temperature(logits, value), want)
    for k in (1, 2, 3, 5, 50):
        assert torch.equal(top_k(logits, k), theirs.TopKLogitsWarper(k)(nothing, logits.clone()))
    for p in (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0):
        assert torch.equal(top_p(logits, p), theirs.TopPLogitsWarper(p)(nothing, logits.clone()))
        assert torch.equal(min_p(logits, p), theirs.MinPLogitsWarper(p)(nothing, logits.clone()))


@pytest.mark.parametrize("penalty", [0.6, 1.0, 1.3, 4.0])
def test_the_penalty_is_that_of_hugging_face(penalty: float) -> None:
    from transformers import RepetitionPenaltyLogitsProcessor

    tokens, logits = torch.randint(23, (4, 9)), scores(4, 23)
    want = RepetitionPenaltyLogitsProcessor(penalty)(tokens, logits.clone())
    assert torch.equal(repetition_penalty(logits, tokens, penalty), want)


# ----------------------------------------------------------------------------- drawing


def test_drawn_as_often_as_probable() -> None:
    n = 20_000
    drawn = sample(LOGITS.expand(n, 4), torch.Generator().manual_seed(1))
    shares = torch.bincount(drawn, minlength=4) / n
    assert_close(shares.double(), PROBABILITIES, atol=4 * math.sqrt(0.25 / n), rtol=0)


def test_what_is_filtered_out_is_never_drawn() -> None:
    logits = torch.tensor([-INF, 0.0, -INF, 1.0, -INF]).expand(5_000, 5)
    drawn = sample(logits, torch.Generator().manual_seed(2))
    assert set(drawn.tolist()) == {1, 3}


@pytest.mark.parametrize(("u", "token"), [(0.0, 1), (1 - 2**-53, 3)])
def test_the_ends_of_the_line_fall_on_real_tokens(
    monkeypatch: pytest.MonkeyPatch, u: float, token: int
) -> None:
    monkeypatch.setattr(torch, "rand", lambda shape, **kwargs: torch.full(shape, u).double())
    assert sample(torch.tensor([-INF, 0.3, 0.1, 0.2, -INF])).item() == token


def test_a_seed_draws_the_same_whatever_the_dtype(device: torch.device) -> None:
    logits = torch.tensor([0.5, 1.0, -2.0, 0.0]).expand(200, 3, 4)
    draws = [
        sample(x, torch.Generator().manual_seed(8))
        for x in (logits, logits.double(), logits.to(torch.bfloat16), logits.to(device))
    ]
    assert draws[0].shape == (200, 3)
    assert draws[-1].device.type == device.type
    for other in draws[1:]:
        assert torch.equal(other.cpu(), draws[0])
    assert not torch.equal(sample(logits, torch.Generator().manual_seed(9)), draws[0])


def test_without_a_generator_the_global_seed_decides() -> None:
    logits = scores(50, 7)
    torch.manual_seed(4)
    first = sample(logits)
    torch.manual_seed(4)
    assert torch.equal(first, sample(logits))
    assert not torch.equal(first, sample(logits))


@pytest.mark.parametrize("wrong", [-1, 6, 2**40])
def test_a_token_beyond_the_vocabulary_is_named_unless_it_is_padding(wrong: int) -> None:
    logits, tokens = torch.randn(2, 6), torch.tensor([[0, 1], [5, wrong]])
    with pytest.raises(ValueError, match=rf"^tokens should lie in \[0, V=6\), got .*{wrong}"):
        repetition_penalty(logits, tokens, 1.3)
    keep = torch.tensor([[True, True], [True, False]])
    with pytest.raises(ValueError, match=r"^tokens should lie"):
        repetition_penalty(logits, tokens, 1.3, torch.ones_like(keep))
    rest = repetition_penalty(logits[1:], tokens[1:, :1], 1.3)
    assert torch.equal(repetition_penalty(logits, tokens, 1.3, keep)[1:], rest)


@pytest.mark.plain
def test_tokens_are_whole_numbers() -> None:
    for tokens in (torch.ones(1, 2), torch.ones(1, 2, dtype=torch.bool)):
        with pytest.raises(ValueError, match=r"^tokens should hold whole numbers, got"):
            repetition_penalty(torch.randn(1, 6), tokens, 1.3)


def test_what_is_drawn_is_the_same_whatever_the_default_device_is() -> None:
    logits = torch.randn(5, 9)

    def draw() -> list[int]:
        found: list[int] = sample(logits, torch.Generator("cpu").manual_seed(4)).tolist()
        return found

    wanted = draw()
    with torch.device("meta"):  # stands for a GPU, where a generator of the CPU draws nothing
        assert draw() == wanted
