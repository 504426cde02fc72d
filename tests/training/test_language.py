"""Perplexity and bits per character: every token once, whatever the windows; whose vocabulary."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from txlite.training.language import TextScore, score_text, surprises, window_starts

V = 23
COUNT = torch.arange(20)[None]  # token i is followed by i + 1
RIGHT = math.exp(math.lgamma(21) / 19)  # the product of 2 … 20, its 19th root: 9.2831


def counter(tokens: torch.Tensor) -> torch.Tensor:
    """Return the log-probabilities of a model for which i + 1 follows i with p = 1 / (i + 2)."""
    p = 1 / (tokens.double() + 2)
    rest = (1 - p) / (V - 1)
    probabilities = rest[..., None].expand(*tokens.shape, V).clone()
    return probabilities.scatter(-1, (tokens + 1)[..., None], p[..., None]).log()


class Bag(nn.Module):
    """Predicts from the mean of the last tokens that it may see: context changes everything."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(V, V).double()
        self.dropout = nn.Dropout(0.5)

    def forward(self, tokens: torch.Tensor, keep: torch.Tensor | None = None) -> torch.Tensor:
        keep = torch.ones_like(tokens, dtype=torch.bool) if keep is None else keep
        states = self.dropout(self.embed(tokens)) * keep[..., None]
        return states.cumsum(1) / keep.cumsum(1).clamp(min=1)[..., None]


def by_hand(model, row, window, step):
    """Predict each token from what the first window that reaches it has read."""
    found, done = [], 0
    last = max(0, len(row) - 1 - window)
    for start in [*range(0, last, step), last]:
        end = min(start + window, len(row) - 1)
        for target in range(done + 1, end + 1):
            logits = model(torch.tensor([row[start:target]]))[0, -1]
            found.append(-logits.log_softmax(-1)[row[target]].item())
        done = end
    return torch.tensor([found], dtype=torch.double)


# ------------------------------------------------------------------ windows


@pytest.mark.parametrize(("window", "step"), [(8, 4), (8, 8), (8, 1), (7, 3), (19, 19), (40, 5)])
def test_every_window_and_step_gives_the_same_perplexity(window: int, step: int):
    """transformers #30975 and #34138: means of window means gave 10.61 and 10.35."""
    found = surprises(counter, COUNT, window=window, step=step)
    assert found.shape == (1, 19)
    assert math.exp(found.mean()) == pytest.approx(RIGHT, abs=1e-9)
    assert round(math.exp(found.mean()), 4) == 9.2831


def test_the_mean_of_window_means_is_another_number():
    """What the reports saw, so that the test above is known to tell them apart."""
    for step, wrong in ((4, 10.61), (8, 10.35)):
        found = surprises(counter, COUNT)[0]
        means, done = [], 0
        for start in range(0, 20, step):
            end = min(start + 8, 20)
            # the first token of a window is never scored: only targets inside it
            fresh = found[max(done, start + 1) - 1 : end - 1] if start else found[: end - 1]
            means.append(fresh.mean())
            done = end
            if end == 20:
                break
        assert math.exp(torch.stack(means).mean()) == pytest.approx(wrong, abs=0.005)


@given(st.integers(2, 30), st.integers(1, 12), st.integers(1, 12), st.integers(1, 5))
def test_windows_are_what_the_definition_says(length, window, step, batch_size):
    step = min(step, window)
    torch.manual_seed(length)
    model = Bag().eval()
    tokens = torch.randint(V, (2, length))
    found = surprises(model, tokens, window=window, step=step, batch_size=batch_size)
    wanted = torch.cat([by_hand(model, row, window, step) for row in tokens.tolist()])
    assert_close(found, wanted.detach())


@pytest.mark.kills(
    "language: windows that skip tokens",
    "training/language.py",
    "lambda n: 1 <= n <= window)",
    "lambda n: 1 <= n)",
)
@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 20))
def test_windows_cover_a_text_without_a_gap(num_tokens, window, step):
    if step > window:
        with pytest.raises(ValueError, match=r"^step should be a whole number from 1 to window"):
            window_starts(num_tokens, window, step)
        return
    starts = window_starts(num_tokens, window, step)
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    assert all(b - a <= step for a, b in pairwise(starts))
    assert starts[-1] + min(window, num_tokens) == num_tokens


def test_more_context_is_used_where_steps_are_small():
    torch.manual_seed(0)
    model, tokens = Bag().eval(), torch.randint(V, (1, 40))
    whole = surprises(model, tokens)
    fine, coarse = (surprises(model, tokens, window=20, step=s) for s in (1, 20))
    assert (fine - coarse).abs().max() > 0.01
    assert_close(fine[:, :20], whole[:, :20])  # the first window has all there is


# ------------------------------------------------------------------ padding, modes


@pytest.mark.kills(
    "language: padding is scored",
    "training/language.py",
    "counts, kept = keep[:, :-1] & keep[:, 1:], ",
    "counts, kept = keep[:, :-1] | keep[:, 1:], ",
)
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_is_neither_scored_nor_read(side: str):
    torch.manual_seed(1)
    model = Bag().eval()
    row, other = torch.randint(V, (7,)), torch.randint(V, (11,))
    alone = surprises(model, row[None])
    filled = torch.full((11,), 5)
    keep = torch.zeros(11, dtype=torch.bool)
    where = slice(0, 7) if side == "right" else slice(4, 11)
    filled[where], keep[where] = row, True
    both = torch.stack([keep, torch.ones_like(keep)])
    found = surprises(model, torch.stack([filled, other]), both)
    real = slice(0, 6) if side == "right" else slice(4, 10)
    assert_close(found[0, real], alone[0])
    assert found[0].count_nonzero() == 6
    assert_close(found[1], surprises(model, other[None])[0])


def test_padding_may_give_nan_and_a_real_token_may_not():
    def sick(tokens, keep=None):
        logits = torch.zeros(*tokens.shape, V)
        return logits.masked_fill(~keep[..., None], math.nan)

    keep = torch.tensor([[True, True, False, False]])
    assert surprises(sick, torch.ones(1, 4, dtype=torch.long), keep).count_nonzero() == 1
    with pytest.raises(ValueError, match=r"^the model's logits should be numbers, got NaN"):
        surprises(lambda t: torch.full((*t.shape, V), math.nan), COUNT)


def test_a_module_is_in_evaluation_mode_and_left_as_it_was():
    torch.manual_seed(0)
    model = Bag()
    found = surprises(model, COUNT)
    assert model.training
    assert model.dropout.training
    assert_close(found, surprises(model.eval(), COUNT))
    assert not found.requires_grad


def test_half_precision_is_summed_in_single():
    found = surprises(lambda t: torch.zeros(*t.shape, V, dtype=torch.bfloat16), COUNT)
    assert_close(found, torch.full((1, 19), math.log(V)))


# ------------------------------------------------------------------ whole texts


def utf8(text: str) -> list[int]:
    return list(text.encode())


def fair(tokens: torch.Tensor) -> torch.Tensor:
    return torch.zeros(*tokens.shape, 256)


@pytest.mark.kills(
    "language: bits per byte are counted per token",
    "training/language.py",
    "bytes=sum(len(one.encode()) for one in texts),",
    "bytes=sum(len(one) for one in texts),",
)
def test_a_fair_byte_costs_eight_bits_whatever_the_text():
    score = score_text(
        fair, ["naïve", "", "雪が"], encode=utf8, bos_id=0, vocabulary="bytes", window=3
    )
    assert (score.tokens, score.characters, score.bytes) == (12, 7, 12)
    assert score.bits_per_byte == pytest.approx(8)
    assert score.bits_per_token == pytest.approx(8)
    assert score.bits_per_character == pytest.approx(8 * 12 / 7)
    assert score.perplexity == pytest.approx(256, rel=1e-6)


def test_longer_tokens_raise_the_perplexity_and_not_the_bits():
    """A die for each character, told one by one and two by two, is one and the same model."""
    text = "abbacabbacab"
    ones = score_text(
        lambda t: torch.zeros(*t.shape, 3, dtype=torch.double), text, bos_id=0,
        encode=lambda s: ["abc".index(c) for c in s], vocabulary="characters",
    )  # fmt: skip
    twos = score_text(
        lambda t: torch.zeros(*t.shape, 9, dtype=torch.double), text, bos_id=0,
        encode=lambda s: [3 * "abc".index(a) + "abc".index(b)
                          for a, b in zip(s[::2], s[1::2], strict=True)],
        vocabulary="pairs",
    )  # fmt: skip
    assert twos.perplexity == pytest.approx(ones.perplexity**2)
    assert twos.bits_per_character == pytest.approx(ones.bits_per_character)
    assert twos.bits_per_character == pytest.approx(math.log2(3))
    with pytest.raises(ValueError, match=r"^scores should have one vocabulary, got 'characters' a"):
        ones + twos


def test_the_first_token_is_predicted_from_the_mark():
    def marks(tokens):
        logits = torch.zeros(*tokens.shape, 256, dtype=torch.double)
        logits[..., 97] = torch.where(tokens == 7, 50.0, 0.0)  # after the mark comes an "a"
        return logits

    score = score_text(marks, "ab", encode=utf8, bos_id=7, vocabulary="bytes")
    assert score.bits_per_byte == pytest.approx(4)


def test_scores_add_up_by_what_each_has():
    def one(text):
        return score_text(model, text, encode=utf8, bos_id=0, vocabulary="bytes")

    torch.manual_seed(0)
    table = torch.randn(256, 256, dtype=torch.double)
    model = lambda tokens: table[tokens]  # noqa: E731
    texts = ["ein Satz", "et un autre, plus long", "z"]
    total = one(texts[0]) + one(texts[1]) + one(texts[2])
    assert total.nats == pytest.approx(one(texts).nats)
    assert total.bits_per_character == pytest.approx(one(texts).bits_per_character)
    assert one(texts).bits_per_character != pytest.approx(
        sum(one(t).bits_per_character for t in texts) / 3, abs=1e-3
    )


def test_a_tokenizer_that_forgets_is_refused():
    def forgetful(text):
        return [c if c < 128 else 0 for c in text.encode()]

    def decode(ids):
        return bytes(ids).decode()

    args = {"bos_id": 0, "vocabulary": "bytes"}
    assert score_text(fair, "naïve", encode=forgetful, **args).bytes == 6
    with pytest.raises(ValueError, match=r"^encode should keep the whole text, got 6 tokens for"):
        score_text(fair, "naïve", encode=forgetful, decode=decode, **args)
    assert score_text(fair, "naïve", encode=utf8, decode=decode, **args).bytes == 6
    with pytest.raises(ValueError, match=r"^encode should keep the whole text, got 0 tokens"):
        score_text(fair, "naïve", encode=lambda _: [], **args)


def test_an_impossible_token_costs_infinitely_much():
    score = TextScore(nats=math.inf, tokens=1, characters=1, bytes=1, vocabulary="x")
    assert score.perplexity == score.bits_per_byte == math.inf


# ------------------------------------------------------------------ what is refused


@pytest.mark.plain
def test_wrong_arguments_are_named():
    wrong = [
        ((0, COUNT), {}, "model should be a function, from tokens to logits"),
        ((counter, COUNT[0]), {}, r"tokens should have shape \(B, T\), got \(20,\)"),
        ((counter, COUNT.double()), {}, "tokens should hold whole numbers, got float64"),
        ((counter, COUNT[:, :1]), {}, r"tokens should have a row of at least two.*\(1, 1\)"),
        ((counter, COUNT[:0]), {}, "tokens should have a row of at least two"),
        ((counter, COUNT, COUNT), {}, "keep should be a bool tensor"),
        ((counter, COUNT, COUNT[:, 1:] > 0), {}, r"keep should have shape \(B=1, T=20\)"),
        ((counter, COUNT), {"window": 0}, "window should be a positive whole number, got 0"),
        ((counter, COUNT), {"window": 4, "step": 5}, "step should be a whole number from 1 to"),
        ((counter, COUNT), {"batch_size": 0}, "batch_size should be a positive whole number"),
        ((lambda t: t, COUNT), {}, "the model's logits should have shape"),
        ((lambda t: torch.zeros(1, 3, 5), COUNT), {}, "the model's logits should have shape"),
        ((lambda t: torch.zeros(*t.shape, 5), COUNT), {}, r"targets should lie in \[0, V=5\)"),
    ]
    for args, options, message in wrong:
        with pytest.raises(ValueError, match=f"^{message}"):
            surprises(*args, **options)
    good = {"nats": 1.0, "tokens": 1, "characters": 1, "bytes": 1, "vocabulary": "x"}
    for name, value in (("nats", -1), ("nats", math.nan), ("tokens", 0), ("bytes", 1.5)):
        with pytest.raises(ValueError, match=f"^{name} should be"):
            TextScore(**{**good, name: value})
    with pytest.raises(ValueError, match=r"^vocabulary should be the name of one, got ''"):
        TextScore(**{**good, "vocabulary": ""})
    args = {"encode": utf8, "bos_id": 0, "vocabulary": "bytes"}
    with pytest.raises(ValueError, match=r"^text should have at least one character, got none"):
        score_text(fair, ["", ""], **args)
    for name, value in (("encode", 1), ("decode", 1), ("bos_id", -1)):
        with pytest.raises(ValueError, match=f"^{name} should be"):
            score_text(fair, "a", **{**args, name: value})
