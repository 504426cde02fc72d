"""Reversible layers: the way back, the same gradients as stored states give, and memory."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.nn import (
    ChunkedFeedForward,
    EncoderLayer,
    FeedForward,
    LayerNorm,
    LSHAttention,
    MixtureOfExperts,
    MultiHeadAttention,
    ReversibleLayer,
    ReversibleStack,
    Router,
    masks,
)
from txlite.nn.positions import ALiBi, Positions, Rotary

B, T, D, H, F = 2, 10, 12, 3, 20
CLOSE: dict[str, float] = {"rtol": 0.0, "atol": 1e-9}


def spread(module: Any) -> Any:
    for name, p in module.double().named_parameters():
        nn.init.normal_(p, std=0.5)
        if "norm" in name and name.endswith("weight"):
            p.data += 1
    return module


def states(*shape: int) -> Tensor:
    return torch.randn(*(shape or (B, T, D)), dtype=torch.float64)


def layer(kind: str = "full", **options: Any) -> ReversibleLayer:
    parts: dict[str, nn.Module] = {}
    if kind == "lsh":
        parts["attention"] = LSHAttention(D, H, chunk_length=4, num_hashes=2, dropout=0.2)
    if kind == "chunked":
        parts["feed_forward"] = ChunkedFeedForward(D, F, 3, dropout=0.3)
    made: ReversibleLayer = spread(ReversibleLayer(D, H, F, **parts, **options))
    return made


def stack(
    *kinds: str, recompute: bool = True, norm: bool = True, **options: Any
) -> ReversibleStack:
    end = spread(LayerNorm(2 * D)) if norm else None
    return ReversibleStack([layer(kind, **options) for kind in kinds], end, recompute=recompute)


def twins(*kinds: str, **options: Any) -> tuple[ReversibleStack, ReversibleStack]:
    """A stack that computes anew, and one with the same weights that stores."""
    one, other = stack(*kinds, **options), stack(*kinds, recompute=False, **options)
    other.load_state_dict(one.state_dict())
    return one, other


def slopes(model: nn.Module, x: Tensor, *given: Any, seed: int = 3, **named: Any) -> list[Tensor]:
    """The output, and the gradients of input and weights."""
    torch.manual_seed(seed)
    x = x.detach().requires_grad_()
    out = model(x, *given, **named)
    found = torch.autograd.grad(out.sin().sum(), [x, *model.parameters()])
    return [out, *found]


# ------------------------------------------------------------------ what is computed


@pytest.mark.parametrize("kind", ["full", "chunked"])
def test_a_layer_by_hand_and_back(kind: str) -> None:
    part, (one, two) = layer(kind).eval(), states(2, B, T, D)
    rule = masks.causal() & masks.padding(torch.rand(B, T) < 0.8)
    first = one + part.attention(part.attention_norm(two), mask=rule)
    second = two + part.feed_forward(part.feed_forward_norm(first))
    got = part(one, two, rule)
    assert_close(got[0], first, **CLOSE)
    assert_close(got[1], second, **CLOSE)
    back = part.inverse(*got, rule)
    assert_close(back[0], one, rtol=0.0, atol=1e-12)
    assert_close(back[1], two, rtol=0.0, atol=1e-12)


def test_a_stack_begins_with_two_equal_streams_and_ends_with_both() -> None:
    made, x = stack("full", "lsh", norm=False).eval(), states()
    torch.manual_seed(1)
    first = second = x
    for part in made.layers:
        first, second = part(first, second, masks.causal())
    torch.manual_seed(1)
    with torch.no_grad():
        assert_close(made(x, masks.causal()), torch.cat([first, second], -1), **CLOSE)
    torch.manual_seed(1)
    assert_close(made(x, masks.causal()), torch.cat([first, second], -1), **CLOSE)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "kinds", [("full",), ("lsh", "lsh"), ("full", "lsh", "chunked", "lsh", "full")], ids=len
)
@pytest.mark.kills(
    "reversible: dropout falls otherwise the second time",
    "nn/_recompute.py",
    "torch.set_rng_state(self.state)",
    "torch.rand(3)",
)
@pytest.mark.kills(
    "reversible: the second stream's slope forgets the first",
    "nn/_recompute.py",
    "second, grad_first = second - added, grad_first + slope",
    "second, grad_first = second - added, slope",
)
@pytest.mark.kills(
    "reversible: the second stream is not taken back",
    "nn/_recompute.py",
    "second, grad_first = second - added, grad_first + slope",
    "second, grad_first = second, grad_first + slope",
)
def test_the_gradients_are_those_of_stored_states(kinds: tuple[str, ...], training: bool) -> None:
    """With dropout and fresh hashes: the same random numbers fall in both runs."""
    one, other = (m.train(training) for m in twins(*kinds, dropout=0.3, attention_dropout=0.2))
    x = states()
    rule = masks.causal() & masks.padding(torch.rand(B, T) < 0.9)
    mine, after = slopes(one, x, rule), torch.rand(1)
    want = slopes(other, x, rule)
    assert torch.equal(after, torch.rand(1))  # and what is drawn later is the same
    for got, wanted in zip(mine, want, strict=True):
        assert_close(got, wanted, **CLOSE)
        assert wanted.abs().max() > 0
    chance = training or "lsh" in kinds
    assert torch.equal(slopes(one, x, rule, seed=4)[0], mine[0]) != chance


def test_what_positions_have_learned_gets_its_gradient() -> None:
    one, other = twins("full", "full")
    bias = states(H, T, T).requires_grad_()
    rotation = Rotary(D // H)(torch.arange(T))
    found = []
    for made in (one, other):
        out = made(states(1, T, D) * 0 + 0.3, positions=Positions(bias=bias, rotation=rotation))
        found.append(torch.autograd.grad(out.sin().sum(), bias)[0])
    assert found[1].abs().max() > 0
    assert_close(found[0], found[1], **CLOSE)
    added = states(T, D).requires_grad_()
    (slope,) = torch.autograd.grad(one(states(), positions=Positions(states=added)).sum(), added)
    assert slope.abs().max() > 0


def test_two_layers_may_share_their_weights() -> None:
    part = layer()
    found = []
    for recompute in (True, False):
        made = ReversibleStack([part, layer(), part], recompute=recompute)
        made.layers[1] = found[0][1] if found else made.layers[1]
        found.append((slopes(made, torch.ones(B, T, D).double()), made.layers[1]))
    for got, want in zip(found[0][0], found[1][0], strict=True):
        assert_close(got, want, rtol=1e-9, atol=1e-9)


def test_frozen_weights_have_no_gradient_and_the_others_theirs() -> None:
    one, other = twins("full", "lsh", dropout=0.1)
    for made in (one, other):
        made.layers[0].requires_grad_(False)
    x, found = states(), []
    for made in (one, other):
        torch.manual_seed(1)
        made(x).sin().sum().backward()
        found.append([p.grad for p in made.parameters()])
    for got, want in zip(*found, strict=True):
        assert (got is None) == (want is None)
        if want is not None:
            assert_close(got, want, **CLOSE)


def test_hooks_of_weights_fire_once_with_the_whole_gradient() -> None:
    """As in distributed training, which waits for them."""
    made, seen = stack("full", "full", norm=False), []
    weight = made.layers[0].feed_forward.up_proj.weight
    weight.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.clone()))
    made(states()).sin().sum().backward()
    assert len(seen) == 1
    assert torch.equal(seen[0], weight.grad)


# ------------------------------------------------------------------ refusals


@pytest.mark.plain
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ReversibleLayer(D, H, F, norm_first=False), "norm_first should be True"),
        (lambda: ReversibleLayer(D, 5, F), "d_model=12 should be a multiple of num_heads=5"),
        (
            lambda: ReversibleLayer(D, H, F, attention=MultiHeadAttention(9, 3)),
            "attention should have d_model=12, got a part with d_model=9",
        ),
        (lambda: ReversibleStack([]), "layers should hold at least one layer, got none"),
        (
            lambda: ReversibleStack([layer(), EncoderLayer(D, H, F)]),
            r"layers\[1\] should be a ReversibleLayer, got EncoderLayer",
        ),
        (
            lambda: ReversibleStack([ReversibleLayer(D, H, F, feed_forward=MixtureOfExperts(
                [FeedForward(D, F)], Router(D, 1)))]),
            r"layers\[0\] should keep no auxiliary_loss",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_reversed_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.plain
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((torch.zeros(B, T, 7).double(),), r"first should have shape \(B, T, D=12\)"),
        ((torch.zeros(B, T, D),), "x should have the dtype of the weights"),
        ((states(), torch.zeros(T, T)), "mask should be a bool tensor"),
        ((states(), masks.padding(torch.ones(B, 3).bool())), "keep should have shape"),
    ],
)
def test_what_does_not_fit_is_refused(given: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stack("full")(*given)


@pytest.mark.plain
def test_streams_of_two_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"second should have shape \(B=2, T=10, D=12\)"):
        layer()(states(), states(B, 9, D))
    with pytest.raises(ValueError, match=r"second should have shape \(B=2, T=10, D=12\)"):
        layer().inverse(states(), states(B, 9, D))


def test_alibi_goes_through() -> None:
    made = stack("full")
    bias = ALiBi(H)(torch.arange(T), torch.arange(T)).double()
    assert made(states(), masks.causal(), positions=Positions(bias=bias)).shape == (B, T, 2 * D)
