"""Other families from the same parts: each layer is assembled here, outside of ``txlite.nn``.

A Switch layer (a router in the place of the feed-forward), a reversible pair, DETR's positions on
queries and keys only, and a layer of T5: at most thirty lines each, with cache, masks and compiler
as any other layer. The references are written out by hand, or are Hugging Face's.
"""

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.nn import (
    Attend,
    Decoder,
    DecoderLayer,
    Encoder,
    EncoderLayer,
    FeedForward,
    KVCache,
    LayerNorm,
    MultiHeadAttention,
    Stack,
    masks,
    take_auxiliary_losses,
)
from txlite.nn.positions import Positions, RelativeBias

B, T, S, D, H, F, EXPERTS = 2, 5, 7, 12, 3, 10, 4  # all different
CLOSE = {"rtol": 0.0, "atol": 1e-11}


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64)


def spread(module: Any) -> Any:
    for p in module.double().parameters():
        nn.init.normal_(p, std=0.5)
    return module


# ------------------------------------------------------------------ the families


class Router(nn.Module):
    """One expert for each token (Fedus et al. 2022, equations 1 to 4)."""

    def __init__(self, d_model: int, d_ff: int, experts: int) -> None:
        super().__init__()
        self.gate = nn.Linear(d_model, experts, bias=False)
        self.experts = nn.ModuleList(FeedForward(d_model, d_ff) for _ in range(experts))
        self.auxiliary_loss: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        chances = self.gate(x).softmax(-1)  # (B, T, N)
        best, chosen = chances.max(-1)
        sent = nn.functional.one_hot(chosen, len(self.experts)).to(x.dtype)
        self.auxiliary_loss = len(self.experts) * (sent.mean((0, 1)) * chances.mean((0, 1))).sum()
        outs = torch.stack([expert(x) for expert in self.experts], dim=-2)  # (B, T, N, D)
        return (outs * (sent * best[..., None])[..., None]).sum(-2)


def switch_stack(num_layers: int, d_model: int, num_heads: int, d_ff: int, experts: int) -> Stack:
    """A router in every second layer."""
    sizes = (d_model, num_heads, d_ff)
    layers = [
        EncoderLayer(*sizes, feed_forward=Router(d_model, d_ff, experts) if i % 2 else None)
        for i in range(num_layers)
    ]
    return Stack(layers, LayerNorm(d_model))


class ReversiblePair(nn.Module):
    """Two streams, each of which is changed by the other (Kitaev et al. 2020, equations 7 to 9)."""

    def __init__(self, d_model: int, num_heads: int, d_ff: int) -> None:
        super().__init__()
        self.attention, self.attention_norm = (
            MultiHeadAttention(d_model, num_heads),
            LayerNorm(d_model),
        )
        self.feed_forward, self.feed_forward_norm = FeedForward(d_model, d_ff), LayerNorm(d_model)

    def forward(self, x: Tensor, mask: Any = None, *, cache: Any = None, **given: Any) -> Tensor:
        one, two = x.chunk(2, dim=-1)
        one = one + self.attention(self.attention_norm(two), mask=mask, cache=cache, **given)
        two = two + self.feed_forward(self.feed_forward_norm(one))
        return torch.cat([one, two], dim=-1)

    def inverse(self, y: Tensor, mask: Any = None, **given: Any) -> Tensor:
        one, two = y.chunk(2, dim=-1)
        two = two - self.feed_forward(self.feed_forward_norm(one))
        one = one - self.attention(self.attention_norm(two), mask=mask, **given)
        return torch.cat([one, two], dim=-1)


def detr(num_layers: int, d_model: int, num_heads: int, d_ff: int) -> nn.ModuleDict:
    """Positions go in with every call: ``positions=Positions(query_key=...)``."""
    paper = {"norm_first": False, "activation": "relu"}
    sizes = (num_layers, d_model, num_heads, d_ff)
    return nn.ModuleDict(
        {
            "encoder": Encoder(*sizes, **paper),
            "decoder": Decoder(*sizes, causal=False, final_norm=True, **paper),
        }
    )


def t5_layer(d_model: int, num_heads: int, head_dim: int, d_ff: int) -> EncoderLayer:
    """Narrow heads, unscaled scores, RMS norms, no bias anywhere."""
    attention = MultiHeadAttention(
        d_model, num_heads, head_dim=head_dim, bias=False, attend=Attend(scale=1.0)
    )
    return EncoderLayer(
        d_model, num_heads, d_ff, attention=attention, norm="rms", norm_eps=1e-6, bias=False,
        activation="relu",
    )  # fmt: skip


def test_each_family_is_at_most_thirty_lines() -> None:
    for family in ([Router, switch_stack], [ReversiblePair], [detr], [t5_layer]):
        lines = "\n".join(inspect.getsource(part) for part in family).splitlines()
        assert sum(bool(line.strip()) for line in lines) <= 30


# ------------------------------------------------------------------ Switch


def switch() -> Stack:
    stack: Stack = spread(switch_stack(4, D, H, F, EXPERTS))
    return stack


def test_a_router_sends_each_token_to_its_best_expert() -> None:
    router, x = spread(Router(D, F, EXPERTS)), draw(B, T, D)
    out = router(x)
    for b in range(B):
        for t in range(T):
            chances = (router.gate.weight @ x[b, t]).softmax(0)
            best = int(chances.argmax())
            assert_close(out[b, t], chances[best] * router.experts[best](x[b, t]), **CLOSE)


def test_every_second_layer_s_balance_is_collected_and_learns() -> None:
    stack, x = switch(), draw(B, T, D)
    out = stack(x)
    losses = take_auxiliary_losses(stack)
    assert list(losses) == ["layers.1.feed_forward", "layers.3.feed_forward"]
    assert take_auxiliary_losses(stack) == {}
    bare = torch.autograd.grad(
        out.sum(), stack.layers[3].feed_forward.gate.weight, retain_graph=True
    )
    both = torch.autograd.grad(
        out.sum() + sum(losses.values()), stack.layers[3].feed_forward.gate.weight
    )
    assert not torch.allclose(bare[0], both[0])


def test_a_balanced_router_loses_one() -> None:
    router = Router(EXPERTS, F, EXPERTS).double()
    nn.init.zeros_(router.gate.weight)
    with torch.no_grad():
        router.gate.weight.copy_(1e-9 * torch.eye(EXPERTS))  # nearly equal chances, one expert each
    router(torch.eye(EXPERTS, dtype=torch.float64)[None])
    assert_close(take_auxiliary_losses(router)[""].item(), 1.0, rtol=0, atol=1e-6)


def test_a_loss_that_is_no_number_is_refused() -> None:
    part = nn.Linear(2, 2)
    part.auxiliary_loss = torch.ones(3)
    with pytest.raises(
        ValueError, match=r"auxiliary_loss of 'the model' should be a scalar.*\(3,\)"
    ):
        take_auxiliary_losses(part)
    assert part.auxiliary_loss is not None


# ------------------------------------------------------------------ reversible


def test_a_reversible_stack_is_undone_from_its_output() -> None:
    stack = spread(Stack(ReversiblePair(D, H, F) for _ in range(3)))
    x, mask = draw(B, T, 2 * D), masks.causal()
    y = stack(x, mask)
    for pair in reversed(stack.layers):
        y = pair.inverse(y, mask)
    assert_close(y, x, rtol=0, atol=1e-10)


# ------------------------------------------------------------------ what all of them keep


def families() -> dict[str, tuple[nn.Module, int]]:
    t5 = Stack(t5_layer(D, H, 6, F) for _ in range(2))
    pairs = Stack(ReversiblePair(D, H, F) for _ in range(2))
    return {
        "switch": (switch(), D),
        "reversible": (spread(pairs), 2 * D),
        "detr": (spread(detr(2, D, H, F)["encoder"]), D),
        "t5": (spread(t5), D),
    }


NAMES = ["switch", "reversible", "detr", "t5"]


@pytest.mark.parametrize("name", NAMES)
def test_in_steps_with_a_cache_as_at_once(name: str) -> None:
    stack, width = families()[name]
    x, cache = draw(B, T, width), KVCache()
    whole = stack(x, masks.causal())
    steps = [stack(part, masks.causal(), cache=cache) for part in x.split([3, 1, 1], dim=1)]
    assert_close(torch.cat(steps, dim=1), whole, **CLOSE)
    assert len(cache) == T


@pytest.mark.parametrize("name", NAMES)
def test_a_masked_position_is_not_heard(name: str) -> None:
    stack, width = families()[name]
    x = draw(B, T, width)
    keep = torch.ones(B, T, dtype=torch.bool)
    keep[:, 2] = False
    loud = torch.where(keep[..., None], x, 1e3)
    got, want = (stack(y, masks.padding(keep))[keep] for y in (loud, x))
    assert_close(got, want, **CLOSE)
    assert not torch.allclose(stack(loud)[keep], stack(x)[keep])


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_mask_is_refused_before_the_cache_grows(name: str) -> None:
    stack, width = families()[name]
    cache = KVCache()
    with pytest.raises(ValueError, match=r"^keep should have shape"):
        stack(draw(B, T, width), masks.padding(torch.ones(B, T + 1, dtype=torch.bool)), cache=cache)
    assert len(cache) == 0
    assert not cache.filled


@pytest.mark.plain
@pytest.mark.parametrize("name", NAMES)
def test_compiled_it_is_the_same(name: str) -> None:
    torch._dynamo.reset()
    stack, width = families()[name]
    x = draw(B, T, width).requires_grad_()
    want = stack(x, masks.causal())
    got = torch.compile(stack, fullgraph=True, backend="aot_eager")(x, masks.causal())
    assert_close(got, want, **CLOSE)
    grads = (torch.autograd.grad(out.sin().sum(), x)[0] for out in (got, want))
    assert_close(*grads, **CLOSE)


# ------------------------------------------------------------------ DETR


def attention_by_hand(m: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    q, k, v = (
        proj(x).unflatten(-1, (H, -1)).transpose(1, 2)
        for proj, x in ((m.query_proj, query), (m.key_proj, key), (m.value_proj, value))
    )
    weights = (q @ k.mT / (D // H) ** 0.5).softmax(-1)
    out: Tensor = m.output_proj((weights @ v).transpose(1, 2).flatten(2))
    return out


def test_detr_s_positions_are_on_queries_and_keys_and_not_on_values() -> None:
    model = spread(detr(1, D, H, F))
    image, objects, places, slots = draw(B, S, D), draw(B, T, D), draw(B, S, D), draw(T, D)
    at, of = Positions(query_key=places), Positions(query_key=slots)
    memory = model["encoder"](image, positions=at)
    got = model["decoder"](objects, memory, positions=of, memory_positions=at)

    layer, x = model["encoder"].layers[0], image
    x = layer.attention_norm(x + attention_by_hand(layer.attention, x + places, x + places, x))
    x = layer.feed_forward_norm(x + layer.feed_forward(x))
    assert_close(memory, x, **CLOSE)
    layer, y = model["decoder"].layers[0], objects
    y = layer.attention_norm(y + attention_by_hand(layer.attention, y + slots, y + slots, y))
    cross = attention_by_hand(layer.cross_attention, y + slots, x + places, x)
    y = layer.cross_attention_norm(y + cross)
    y = model["decoder"].norm(layer.feed_forward_norm(y + layer.feed_forward(y)))
    assert_close(got, y, **CLOSE)


# ------------------------------------------------------------------ T5


def test_a_layer_of_t5_is_hugging_face_s() -> None:
    from transformers import T5Config
    from transformers.models.t5.modeling_t5 import T5Stack

    config = T5Config(
        d_model=D, num_heads=H, d_kv=6, d_ff=F, num_layers=2, vocab_size=9, dropout_rate=0.0,
        is_decoder=False, use_cache=False, attn_implementation="eager",
    )  # fmt: skip
    theirs = spread(T5Stack(config)).eval()
    ours = Stack([t5_layer(D, H, 6, F) for _ in range(2)], nn.RMSNorm(D, eps=1e-6)).double()
    bias = RelativeBias(H).double()
    bias.table.load_state_dict(
        theirs.block[0].layer[0].SelfAttention.relative_attention_bias.state_dict()
    )
    for mine, block in zip(ours.layers, theirs.block, strict=True):
        attention, dense = block.layer[0].SelfAttention, block.layer[1].DenseReluDense
        pairs = [
            (mine.attention.query_proj, attention.q), (mine.attention.key_proj, attention.k),
            (mine.attention.value_proj, attention.v), (mine.attention.output_proj, attention.o),
            (mine.attention_norm, block.layer[0].layer_norm),
            (mine.feed_forward.up_proj, dense.wi), (mine.feed_forward.down_proj, dense.wo),
            (mine.feed_forward_norm, block.layer[1].layer_norm),
        ]  # fmt: skip
        for part, other in pairs:
            part.load_state_dict(other.state_dict())
    ours.norm.load_state_dict(theirs.final_layer_norm.state_dict())
    x, at = draw(B, T, D).requires_grad_(), torch.arange(T)
    got = ours(x, positions=Positions(bias=bias(at, at)))
    want = theirs(inputs_embeds=x, attention_mask=torch.ones(B, T)).last_hidden_state
    assert_close(got, want, rtol=0, atol=1e-6)  # their norm works in float32
    grads = (torch.autograd.grad(out.sin().sum(), x)[0] for out in (got, want))
    assert_close(*grads, rtol=0, atol=1e-5)


# ------------------------------------------------------------------ given parts


def test_a_size_that_disagrees_with_a_given_part_is_named() -> None:
    with pytest.raises(ValueError, match=r"^attention should have num_heads=3, got"):
        EncoderLayer(D, H, F, attention=MultiHeadAttention(D, 2))
    with pytest.raises(ValueError, match=r"^feed_forward should have d_ff=10, got"):
        DecoderLayer(D, H, F, feed_forward=FeedForward(D, 11))
    with pytest.raises(ValueError, match=r"^cross_attention_norm should be None"):
        DecoderLayer(D, H, F, cross_attention=False, cross_attention_norm=LayerNorm(D))
    with pytest.raises(ValueError, match=r"^dropout should be that of the given attend"):
        MultiHeadAttention(D, H, dropout=0.1, attend=Attend())


def test_states_are_added_once_and_by_the_outermost() -> None:
    stack, x, places = spread(Encoder(2, D, H, F)), draw(B, T, D), draw(T, D)
    assert_close(stack(x, positions=Positions(states=places)), stack(x + places), **CLOSE)
    layer = stack.layers[0]
    assert_close(layer(x, positions=Positions(states=places)), layer(x + places), **CLOSE)
    with pytest.raises(ValueError, match=r"^positions\.states should be added"):
        layer.attention(x, positions=Positions(states=places))
