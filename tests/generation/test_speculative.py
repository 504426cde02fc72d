"""Speculative decoding: whatever the draft says, the distribution is the model's."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.generation.tiny import left_padded, tiny
from txlite.generation import GenerateResult, generate, verify
from txlite.models import Transformer, TransformerConfig

MANY = 20_000


def same(counts: Tensor, shares: Tensor, level: float = 1e-3) -> bool:
    """Whether χ² sees no difference; what cannot happen must not."""
    if bool((counts[shares == 0] > 0).any()):
        return False
    counts, shares = counts[shares > 0].double(), shares[shares > 0]
    expected = shares * counts.sum()
    statistic = ((counts - expected).square() / expected).sum()
    freedom = torch.tensor((len(shares) - 1) / 2, dtype=torch.float64)
    return bool(torch.special.gammaincc(freedom, statistic / 2) > level)


def seeded(n: int) -> torch.Generator:
    return torch.Generator().manual_seed(n)


# ----------------------------------------------------------------------------- one round

P, Q = torch.tensor([0.5, 0.3, 0.2]).double(), torch.tensor([0.6, 0.3, 0.1]).double()


def one_round(p: Tensor, q: Tensor, drafted: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    n = len(drafted)
    return verify(p.expand(n, 2, -1), q.expand(n, 1, -1), drafted[:, None], seeded(seed))


@pytest.mark.parametrize(
    ("p", "q"),
    [(P, Q), (Q, P), (P, P), (P, torch.tensor([0.0, 0.0, 1.0]).double()), (P.flip(0), Q)],
    ids=str,
)
def test_a_token_is_distributed_as_the_models(p: Tensor, q: Tensor) -> None:
    drafted = torch.multinomial(q, MANY, replacement=True, generator=seeded(1))
    accepted, following = one_round(p, q, drafted)
    first = drafted.where(accepted == 1, following)
    assert same(torch.bincount(first, minlength=3), p)
    assert same(torch.bincount(following[accepted == 1], minlength=3), p)  # one more, for nothing
    share = float(torch.minimum(p, q).sum())
    assert abs(float(accepted.double().mean()) - share) < 4 * (0.25 / MANY) ** 0.5 + 1e-9


def test_a_draft_by_argmax_is_another_distribution() -> None:
    """What was reported: the most probable token of q, accepted by p / q as if drawn."""
    accepted, following = one_round(P, Q, torch.zeros(MANY, dtype=torch.long))
    first = torch.zeros_like(following).where(accepted == 1, following)
    counts = torch.bincount(first, minlength=3)
    assert same(counts, torch.tensor([5 / 6, 0, 1 / 6]).double())
    assert not same(counts, P)


def test_several_tokens_are_accepted_up_to_the_first_that_fails() -> None:
    sure = torch.eye(4)[[2, 0, 3, 1]].expand(5, -1, -1)  # the model writes 2, 0, 3, 1
    drafted = torch.tensor([[2, 0, 3], [2, 0, 1], [2, 3, 3], [1, 0, 3], [0, 0, 0]])
    accepted, following = verify(sure, torch.full((5, 3, 4), 0.25), drafted)
    assert accepted.tolist() == [3, 2, 1, 0, 0]
    assert following.tolist() == [1, 3, 0, 2, 2]


# ----------------------------------------------------------------------------- whole runs


def pair() -> tuple[Any, Any]:
    """A model, and a draft that is like it: its weights with noise on them."""
    model, draft = tiny(5), tiny(5)
    with torch.no_grad():
        for p in draft.parameters():
            p.add_(0.25 * torch.randn_like(p))
    return model, draft


@pytest.mark.parametrize("cache", ["growing", "static", None])
@pytest.mark.parametrize("num_drafted", [1, 2, 5, 30])
@pytest.mark.parametrize("lengths", [[4], [5, 1, 3]], ids=str)
def test_at_temperature_zero_the_tokens_are_the_models(
    lengths: list[int], num_drafted: int, cache: Any
) -> None:
    (model, draft), (prompt, keep) = pair(), left_padded(lengths)
    options: dict[str, Any] = {"prompt_keep": keep, "max_new_tokens": 14, "eos_id": 2}
    held = {"use_cache": False} if cache is None else {"cache": cache}
    for rules in ({}, {"repetition_penalty": 1.7}, {"no_repeat_ngram": 2, "min_new_tokens": 5}):
        before = torch.get_rng_state()
        got = generate(
            model, prompt, draft=draft, num_drafted=num_drafted, **options, **held, **rules
        )
        assert torch.equal(got, generate(model, prompt, **options, **rules))
        assert torch.equal(before, torch.get_rng_state())  # chance has no part in it


def test_a_draft_that_is_the_model_is_always_accepted() -> None:
    model, (prompt, keep) = tiny(5), left_padded([5, 1, 3])
    for temperature in (0.0, 1.3):
        model.read.clear()
        told = generate(
            model,
            prompt,
            prompt_keep=keep,
            max_new_tokens=16,
            draft=tiny(5),
            num_drafted=3,
            temperature=temperature,
            generator=seeded(0),
            details=True,
        )
        assert told.drafted is not None
        assert told.drafted.tolist() == [12] * 3
        assert told.accepted is not None
        assert torch.equal(told.drafted, told.accepted)
        assert model.read == [(3, 8), (3, 4), (3, 4), (3, 4)]  # four calls for sixteen tokens


def test_what_is_read_is_cropped() -> None:
    """A draft that is never right: each round keeps one token, and reads no token twice."""
    model, wrong = tiny(5), tiny(5)
    with torch.no_grad():
        wrong.out.weight.mul_(-1)
        wrong.out.bias.mul_(-1)
    prompt, _ = left_padded([3])
    told = generate(model, prompt, max_new_tokens=4, draft=wrong, num_drafted=2, details=True)
    assert told.accepted is not None
    assert told.accepted.tolist() == [0]
    assert model.read == [(1, 5), (1, 3), (1, 2), (1, 1)]
    assert wrong.read == [(1, 3), (1, 1), (1, 1), (1, 1), (1, 1)]


SETTINGS: list[dict[str, Any]] = [
    {"temperature": 1.0},
    {"temperature": 1.6, "top_k": 4},
    {"temperature": 0.8, "top_p": 0.9, "repetition_penalty": 1.3},
]


@pytest.mark.plain  # thousands of short runs; the tests around it check shapes
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("num_drafted", [1, 3])
def test_sequences_are_distributed_as_without_a_draft(
    num_drafted: int, settings: dict[str, Any]
) -> None:
    """All sequences of three tokens, against their exact probabilities, rows side by side."""
    model, draft = pair()
    prompt, new = torch.tensor([[4, 1, 5]]), 3
    counts, want = torch.zeros(7, 7, 7), torch.zeros(7, 7, 7).double()
    told = run(model, prompt, draft, new, num_drafted, settings)
    for a, b, c in told.tokens[:, 3:].tolist():
        counts[a, b, c] += 1
    for a in range(7):
        for b in range(7):
            for c in range(7):
                want[a, b, c] = probability(model, prompt, [a, b, c], settings)
    assert_close(want.sum(), torch.ones_like(want.sum()))
    likely = want.flatten() * len(told.tokens) > 5  # χ² wants some in every class
    classes = torch.cat([counts.flatten()[likely], counts.flatten()[~likely].sum()[None]])
    shares = torch.cat([want.flatten()[likely], want.flatten()[~likely].sum()[None]])
    assert (counts[want == 0] == 0).all()
    assert same(classes, shares)
    assert told.drafted is not None
    assert told.accepted is not None
    rate = float(told.accepted.sum() / told.drafted.sum())
    assert 0.1 < rate < 0.95  # it was needed


def run(
    model: Any, prompt: Tensor, draft: Any, new: int, num_drafted: int, settings: dict[str, Any]
) -> GenerateResult:
    parts = [
        generate(
            model,
            prompt,
            max_new_tokens=new,
            draft=draft,
            num_drafted=num_drafted,
            num_return_sequences=rows,
            generator=seeded(seed),
            details=True,
            **settings,
        )
        for seed, rows in [(seed, 4) for seed in range(150)] + [(1000, 5400)]
    ]
    joined = [
        None if part[0] is None or isinstance(part[0], list) else torch.cat(part)
        for part in zip(*parts, strict=True)
    ]
    return GenerateResult(*joined)  # type: ignore[arg-type]


def probability(model: Any, prompt: Tensor, new: list[int], settings: dict[str, Any]) -> float:
    """The product of what the sampler draws from, step by step, without a draft."""
    from txlite.generation._choice import Choice

    choice, tokens, product = Choice(**settings), prompt, 1.0
    for step, token in enumerate(new):
        key = (tuple(tokens[0].tolist()), str(settings))
        if key not in KNOWN:
            with torch.no_grad():
                logits = model(tokens)[:, -1]
            scores = choice.scores(logits, tokens, None, step, torch.tensor([False]))
            KNOWN[key] = choice.probabilities(scores)[0]
        product *= float(KNOWN[key][token])
        tokens = torch.cat([tokens, torch.tensor([[token]])], dim=1)
    return product


KNOWN: dict[tuple[tuple[int, ...], str], Tensor] = {}


def test_log_probabilities_are_the_models() -> None:
    (model, draft), (prompt, keep) = pair(), left_padded([5, 1, 3])
    told = generate(
        model,
        prompt,
        prompt_keep=keep,
        max_new_tokens=9,
        eos_id=2,
        draft=draft,
        temperature=1.4,
        top_k=5,
        generator=seeded(3),
        details=True,
    )
    width = prompt.shape[1]
    whole = torch.cat([keep, torch.ones(3, told.tokens.shape[1] - width, dtype=torch.bool)], dim=1)
    with torch.no_grad():
        logits = model(told.tokens, keep=whole)[:, width - 1 : -1]
    each = logits.log_softmax(-1).gather(-1, told.tokens[:, width:, None])[..., 0]
    real = torch.arange(each.shape[1]) < told.lengths[:, None]
    assert_close(told.model_log_probs, each.where(real, 0.0))


def test_a_row_that_has_ended_is_not_counted() -> None:
    (model, draft), (prompt, keep) = pair(), left_padded([5, 1, 3])
    for seed in range(4):
        told = generate(
            model,
            prompt,
            prompt_keep=keep,
            max_new_tokens=30,
            eos_id=2,
            draft=draft,
            num_drafted=2,
            temperature=1.4,
            generator=seeded(seed),
            details=True,
        )
        assert told.drafted is not None
        assert told.accepted is not None
        assert told.drafted.max() > told.drafted.min()  # the rows end at different times
        assert (told.accepted <= told.drafted).all()
        rounds = -(-told.drafted // 2)
        assert (told.lengths <= told.accepted + rounds).all()  # one more in each round


def test_a_translator_drafts_too() -> None:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"vocab_size": 13, "num_heads": 2, "positions": "rotary"}
    model = Transformer(TransformerConfig(d_model=16, d_ff=20, num_layers=2, **sizes)).double()
    draft = Transformer(TransformerConfig(d_model=8, d_ff=12, num_layers=1, **sizes)).double()
    source = torch.randint(3, 13, (3, 5))
    keep = torch.arange(5) < torch.tensor([5, 2, 4])[:, None]
    options: dict[str, Any] = {"source": source, "source_keep": keep, "max_new_tokens": 11}
    begin = torch.ones(3, 1, dtype=torch.long)
    model.train()
    got = generate(model, begin, draft=draft, **options)
    assert torch.equal(got, generate(model, begin, **options))
    assert model.training
    assert draft.training


# ----------------------------------------------------------------------------- what is refused

TARGET, DRAFT = torch.full((2, 4, 5), 0.2), torch.full((2, 3, 5), 0.2)
TOKENS = torch.ones(2, 3, dtype=torch.long)
MESSAGES: dict[str, tuple[Callable[[], object], str]] = {
    "no distribution after the last": (
        lambda: verify(DRAFT, DRAFT, TOKENS),
        "target should have shape (B=2, L=K+1=4, V=5), got (2, 3, 5)",
    ),
    "fewer tokens": (
        lambda: verify(TARGET, DRAFT, TOKENS[:, :2]),
        "draft should have shape (B=2, K=2, V), got (2, 3, 5); axis K disagrees",
    ),
    "tokens of one row": (
        lambda: verify(TARGET, DRAFT, TOKENS[0]),
        "drafted should have shape (B, K), got (3,)",
    ),
    "a seed for chance": (
        lambda: verify(TARGET, DRAFT, TOKENS, 3),  # type: ignore[arg-type]
        "generator should be a generator such as torch.Generator().manual_seed(0), got 3",
    ),
    "another vocabulary": (
        lambda: generate(tiny(), TOKENS, max_new_tokens=3, draft=tiny(vocabulary=6)),
        "draft should have the vocabulary of the model, V=7, got one of V=6",
    ),
    "nothing drafted": (
        lambda: generate(tiny(), TOKENS, max_new_tokens=3, draft=tiny(), num_drafted=0),
        "num_drafted should be a positive whole number, got 0",
    ),
    "a draft that is a word": (
        lambda: generate(tiny(), TOKENS, max_new_tokens=3, draft="gpt"),  # type: ignore[call-overload]
        "draft should be a function, from tokens to logits, got 'gpt'",
    ),
}


@pytest.mark.plain
@pytest.mark.parametrize("name", MESSAGES)
def test_the_message_names_what_is_wrong(name: str) -> None:
    ask, message = MESSAGES[name]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        ask()
