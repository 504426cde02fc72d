"""The decoder's layer: no look ahead, the source's own mask, and torch.nn's layer."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.nn.layered import (
    CLOSE,
    EXACT,
    B,
    D,
    F,
    H,
    S,
    T,
    decoder_layer,
    draw,
    gradients_of,
    silence,
    torch_layer,
)
from txlite.nn import DecoderLayer, EncoderLayer, KVCache, masks
from txlite.nn.positions import Positions, Rotary

orders = pytest.mark.parametrize("norm_first", [True, False], ids=["pre", "post"])


def source_keep() -> Tensor:
    keep = torch.ones(B, S, dtype=torch.bool)
    keep[0, 4:] = False
    keep[1, 1] = False
    return keep


@orders
def test_the_layer_is_its_three_equations(norm_first: bool) -> None:
    layer, x, memory = decoder_layer(norm_first=norm_first), draw(B, T, D), draw(B, S, D)
    own, their = masks.causal(), masks.padding(source_keep())
    got = layer(x, memory, None, their)
    branches = (
        (layer.attention_norm, lambda y: layer.attention(y, mask=own)),
        (layer.cross_attention_norm, lambda y: layer.cross_attention(y, memory, mask=their)),
        (layer.feed_forward_norm, layer.feed_forward),
    )
    for norm, branch in branches:
        x = x + branch(norm(x)) if norm_first else norm(x + branch(x))
    assert_close(got, x, **EXACT)


@orders
def test_the_future_cannot_change_the_past_whatever_the_mask(norm_first: bool) -> None:
    layer, x, memory = decoder_layer(norm_first=norm_first), draw(B, T, D), draw(B, S, D)
    later = x.clone()
    later[:, 3:] += draw(D)
    for mask in (None, torch.ones(T, T, dtype=torch.bool), masks.padding(torch.ones(B, T) > 0)):
        assert_close(layer(later, memory, mask)[:, :3], layer(x, memory, mask)[:, :3], **EXACT)
    free = decoder_layer(norm_first=norm_first, causal=False)
    assert not torch.allclose(free(later, memory)[:, :3], free(x, memory)[:, :3])


def test_a_target_mask_is_added_to_the_causal_rule() -> None:
    layer, x, memory = decoder_layer(), draw(B, T, D), draw(B, S, D)
    keep = torch.ones(B, T, dtype=torch.bool)
    keep[:, 1] = False
    changed = x.clone()
    changed[:, 1] += draw(D)
    others = torch.arange(T) != 1
    got = layer(changed, memory, masks.padding(keep))[:, others]
    assert_close(got, layer(x, memory, masks.padding(keep))[:, others], **EXACT)
    assert not torch.allclose(layer(changed, memory)[:, others], layer(x, memory)[:, others])


@orders
def test_a_padded_source_position_changes_nothing_and_a_real_one_does(norm_first: bool) -> None:
    """The mask of the source must reach the cross-attention, and no other."""
    layer, x, memory = decoder_layer(norm_first=norm_first), draw(B, T, D), draw(B, S, D)
    keep = source_keep()
    want = layer(x, memory, None, masks.padding(keep))
    padded = torch.where(keep[..., None], memory, memory + 100)
    assert_close(layer(x, padded, None, masks.padding(keep)), want, **EXACT)
    real = torch.where(keep[..., None], memory + 1, memory)
    assert not torch.allclose(layer(x, real, None, masks.padding(keep)), want)
    assert not torch.allclose(layer(x, memory), want)


def test_the_source_gets_its_gradient_where_it_is_real() -> None:
    layer, x, memory = decoder_layer(), draw(B, T, D), draw(B, S, D).requires_grad_()
    keep = source_keep()
    out = layer(x, memory, None, masks.padding(keep))
    (grad,) = torch.autograd.grad(out.sin().sum(), memory)
    assert (grad[~keep] == 0).all()
    assert (grad[keep] != 0).any(-1).all()


def test_rotation_and_bias_are_the_self_attention_s() -> None:
    layer, x, memory = decoder_layer(), draw(B, T, D), draw(B, S, D)
    turned = Positions(rotation=Rotary(D // H)(torch.arange(T)))
    for options in ({"positions": turned}, {"bias": draw(H, T, T)}):
        assert not torch.allclose(layer(x, memory, **options), layer(x, memory))


# ------------------------------------------------------------------ without a source


def test_without_cross_attention_it_is_a_causal_encoder_layer() -> None:
    layer, x = decoder_layer(cross_attention=False), draw(B, T, D)
    twin = EncoderLayer(D, H, F).double()
    twin.load_state_dict(layer.state_dict())  # the same names, and no more
    assert layer.cross_attention is None
    assert layer.cross_attention_norm is None
    assert_close(layer(x), twin(x, masks.causal()), **EXACT)


def test_silent_branches_leave_the_identity() -> None:
    layer, x = decoder_layer(), draw(B, T, D)
    silence(layer)
    assert_close(layer(x, draw(B, S, D)), x, **EXACT)


# ------------------------------------------------------------------ the cache


@orders
def test_writing_token_by_token_equals_reading_at_once(norm_first: bool) -> None:
    layer, x, memory = decoder_layer(norm_first=norm_first), draw(B, T, D), draw(B, S, D)
    their, cache = masks.padding(source_keep()), KVCache()
    first = layer(x[:, :2], memory, None, their, cache=cache)
    rest = [layer(x[:, t : t + 1], None, None, their, cache=cache) for t in range(2, T)]
    assert_close(torch.cat([first, *rest], 1), layer(x, memory, None, their), **CLOSE)
    assert len(cache) == T
    assert cache.child("cross_attention").length == S


@pytest.mark.kills(
    "half a cache accepted for a memory",
    "nn/decoder_layer.py",
    "        elif memory is not None:\n            check_shape(",
    "        elif memory is None:\n            num_keys = x.shape[1]\n"
    "        elif memory is not None:\n            check_shape(",
)
def test_a_refusal_leaves_the_cache_as_it_was() -> None:
    layer, x, memory, cache = decoder_layer(), draw(B, T, D), draw(B, S, D), KVCache()
    layer(x[:, :2], memory, cache=cache)
    for wrong in ({"memory_mask": torch.ones(T, T) > 0}, {"mask": torch.ones(S, S) > 0}):
        with pytest.raises(ValueError, match="mask"):
            layer(x[:, 2:], memory, cache=cache, **wrong)
        assert len(cache) == 2
    for lost in (KVCache(), cache_without_source(layer, x)):
        with pytest.raises(ValueError, match="memory should be given"):
            layer(x[:, 2:], cache=lost)


def cache_without_source(layer: DecoderLayer, x: Tensor) -> KVCache:
    """Return a cache that knows the target's beginning and nothing of the source."""
    cache = KVCache()
    layer.attention(x[:, :2], mask=masks.causal(), cache=cache.child("attention"))
    return cache


# ------------------------------------------------------------------ options and parity


def test_the_options_reach_the_cross_attention() -> None:
    layer = DecoderLayer(
        D, H, F, norm="rms", norm_eps=0.25, bias=False, num_kv_heads=1, attention_dropout=0.2
    )
    assert not [name for name, _ in layer.named_parameters() if name.endswith("bias")]
    assert layer.cross_attention.num_kv_heads == 1
    assert layer.cross_attention.attend.dropout == 0.2
    assert layer.cross_attention_norm.eps == 0.25
    assert "causal=True" in repr(layer)
    with pytest.raises(TypeError, match="colour"):
        DecoderLayer(D, H, F, colour="red")


def test_dropout_falls_on_the_cross_attention_s_branch_too() -> None:
    layer = DecoderLayer(64, 1, F, dropout=0.25).double()
    silence(layer)
    with torch.no_grad():
        layer.cross_attention.output_proj.bias.fill_(3.0)
    x = draw(B, 60, 64)
    share = ((layer(x, draw(B, S, 64)) - x).abs() > 1e-9).double().mean().item()
    assert share == pytest.approx(0.75, abs=0.03)


@orders
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("padded", [True, False])
def test_equals_torch_nn_transformer_decoder_layer(
    norm_first: bool, activation: str, bias: bool, padded: bool
) -> None:
    """Masks of target and source; theirs say True = blocked."""
    layer = decoder_layer(norm_first=norm_first, activation=activation, bias=bias, norm_eps=1e-3)
    theirs = torch_layer(layer, activation=activation, bias=bias)
    mine = [draw(B, n, D).requires_grad_() for n in (T, S)]
    other = [x.detach().clone().requires_grad_() for x in mine]
    own, their = torch.ones(B, T, dtype=torch.bool), source_keep()
    own[1, 3:] = False
    ahead = torch.ones(T, T, dtype=torch.bool).triu(1)
    if padded:
        got = layer(*mine, masks.padding(own), masks.padding(their))
        blocked = {"tgt_key_padding_mask": ~own, "memory_key_padding_mask": ~their}
    else:
        got, blocked = layer(*mine), {}
    want = theirs(*other, tgt_mask=ahead, **blocked)
    assert_close(got, want, **CLOSE)
    compare_gradients(gradients_of(layer, got, *mine), gradients_of(theirs, want, *other))


def compare_gradients(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    pairs = {
        "input 0": "input 0",
        "input 1": "input 1",
        "attention.output_proj.weight": "self_attn.out_proj.weight",
        "cross_attention.output_proj.weight": "multihead_attn.out_proj.weight",
        "attention_norm.weight": "norm1.weight",
        "cross_attention_norm.weight": "norm2.weight",
        "feed_forward_norm.weight": "norm3.weight",
        "feed_forward.up_proj.weight": "linear1.weight",
        "feed_forward.down_proj.weight": "linear2.weight",
    }
    for mine, other in pairs.items():
        assert_close(ours[mine], theirs[other], rtol=1e-9, atol=1e-11)
    for mine, other in (("attention", "self_attn"), ("cross_attention", "multihead_attn")):
        stacked = [ours[f"{mine}.{n}_proj.weight"] for n in ("query", "key", "value")]
        assert_close(torch.cat(stacked), theirs[f"{other}.in_proj_weight"], rtol=1e-9, atol=1e-11)
