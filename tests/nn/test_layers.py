"""The encoder's layer: residual branches, the two orders of norm, dropout, and torch.nn's layer."""

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tests.nn import zoo
from tests.nn.layered import (
    CLOSE,
    EXACT,
    B,
    D,
    F,
    H,
    T,
    draw,
    encoder_layer,
    gradients_of,
    silence,
    spread,
    torch_layer,
)
from tests.nn.zoo import Sizes
from txlite.nn import EncoderLayer, FeedForward, KVCache, LayerNorm, RMSNorm, masks
from txlite.nn.positions import ALiBi, Positions, Rotary

orders = pytest.mark.parametrize("norm_first", [True, False], ids=["pre", "post"])


# ------------------------------------------------------------------ the wiring


@pytest.mark.kills(
    "one norm for both branches",
    "nn/layers.py",
    "self._feed(self.feed_forward_norm(x), mask)",
    "self._feed(self.attention_norm(x), mask)",
)
@pytest.mark.kills(
    "post-norm before the sum",
    "nn/layers.py",
    "self.feed_forward_norm(x + self.dropout(self._feed(x, mask)))",
    "x + self.feed_forward_norm(self.dropout(self._feed(x, mask)))",
)
@pytest.mark.kills(
    "pre-norm adds to the normalised",
    "nn/layers.py",
    "            x = x + self.dropout(self._feed(self.feed_forward_norm(x), mask))\n",
    "            x = self.feed_forward_norm(x)\n"
    "            x = x + self.dropout(self._feed(x, mask))\n",
)
@orders
@pytest.mark.parametrize("norm", ["layer", "rms"])
def test_the_layer_is_its_two_equations(norm_first: bool, norm: str) -> None:
    layer, x = encoder_layer(norm_first=norm_first, norm=norm), draw(B, T, D)
    got = layer(x)
    if norm_first:
        x = x + layer.attention(layer.attention_norm(x))
        x = x + layer.feed_forward(layer.feed_forward_norm(x))
    else:
        x = layer.attention_norm(x + layer.attention(x))
        x = layer.feed_forward_norm(x + layer.feed_forward(x))
    assert_close(got, x, **EXACT)


def test_the_two_orders_differ() -> None:
    pre, post = encoder_layer(), encoder_layer(norm_first=False)
    post.load_state_dict(pre.state_dict())
    x = draw(B, T, D)
    assert not torch.allclose(pre(x), post(x))


def test_silent_branches_leave_a_pre_norm_layer_the_identity() -> None:
    layer, x = encoder_layer(), draw(B, T, D).requires_grad_()
    assert not torch.allclose(layer(x), x)
    silence(layer)
    out = layer(x)
    assert_close(out, x, **EXACT)
    probe = draw(B, T, D)
    (grad,) = torch.autograd.grad(out, x, probe)
    assert_close(grad, probe, **EXACT)  # the gradient takes the same road back


def test_silent_branches_leave_a_post_norm_layer_its_norms() -> None:
    layer, x = encoder_layer(norm_first=False), draw(B, T, D)
    silence(layer)
    assert_close(layer(x), layer.feed_forward_norm(layer.attention_norm(x)), **EXACT)


def test_pre_norm_hands_a_shift_on_and_post_norm_forgets_it() -> None:
    x, shift = draw(B, T, D), draw(B, T, 1)
    pre, post = encoder_layer(), EncoderLayer(D, H, F, norm_first=False).double()
    assert_close(pre(x + shift) - pre(x), shift.expand(B, T, D), **CLOSE)
    assert_close(post(x).mean(-1), torch.zeros(B, T).double(), **CLOSE)


@orders
def test_positions_meet_in_the_attention_only(norm_first: bool) -> None:
    layer, x = encoder_layer(norm_first=norm_first), draw(B, T, D)
    order = torch.randperm(T)
    assert_close(layer(x[:, order]), layer(x)[:, order], **CLOSE)
    alone = torch.eye(T, dtype=torch.bool)
    changed = x.clone()
    changed[:, 2] += draw(D)  # a shift alike of all entries a norm would not see
    kept = torch.arange(T) != 2
    assert_close(layer(changed, alone)[:, kept], layer(x, alone)[:, kept], **EXACT)
    assert not torch.allclose(layer(changed)[:, kept], layer(x)[:, kept])


@orders
def test_mask_bias_and_rotation_reach_the_attention(norm_first: bool) -> None:
    layer, x = encoder_layer(norm_first=norm_first), draw(B, T, D)
    bias = ALiBi(H)(torch.arange(T), torch.arange(T)).double()
    turned = Positions(rotation=Rotary(D // H)(torch.arange(T)))
    for options in (
        {"mask": masks.causal()},
        {"bias": bias},
        {"positions": turned},
    ):
        assert not torch.allclose(layer(x, **options), layer(x))
        attend = layer.attention

        def gather(y: Any, attend: Any = attend, options: Any = options) -> Any:
            return attend(y, **options)

        norms, parts = (layer.attention_norm, layer.feed_forward_norm), (gather, layer.feed_forward)
        want = x
        for norm, part in zip(norms, parts, strict=True):
            want = want + part(norm(want)) if norm_first else norm(want + part(want))
        assert_close(layer(x, **options), want, **EXACT)


@orders
def test_reading_in_pieces_equals_reading_at_once(norm_first: bool) -> None:
    layer, x, cache = encoder_layer(norm_first=norm_first), draw(B, T, D), KVCache()
    pieces = [layer(p, masks.causal(), cache=cache) for p in x.split([2, 1, 2], dim=1)]
    assert_close(torch.cat(pieces, 1), layer(x, masks.causal()), **CLOSE)
    assert len(cache) == T


@orders
def test_every_weight_learns(norm_first: bool) -> None:
    layer, x = encoder_layer(norm_first=norm_first), draw(B, T, D).requires_grad_()
    for name, grad in gradients_of(layer, layer(x), x).items():
        assert grad.isfinite().all()
        assert (grad != 0).any() or name == "attention.key_proj.bias", name


# ------------------------------------------------------------------ dropout


@pytest.mark.kills(
    "dropout on the residual",
    "nn/layers.py",
    "x + self.dropout(self._feed(self.feed_forward_norm(x), mask))",
    "self.dropout(x + self._feed(self.feed_forward_norm(x), mask))",
)
@orders
def test_dropout_falls_on_the_branches_and_never_on_the_residual(norm_first: bool) -> None:
    """Both branches are made to say three; a dropped entry leaves what was there."""
    p, width = 0.25, 64
    layer = EncoderLayer(width, 1, F, dropout=p, norm_first=norm_first).double()
    silence(layer)
    with torch.no_grad():
        layer.attention.output_proj.bias.fill_(3.0)
    if not norm_first:
        layer.attention_norm = layer.feed_forward_norm = nn.Identity()
    x = draw(B, 60, width)
    added = layer(x) - x
    said = added.abs() > 1e-9
    assert_close(added[said], torch.full_like(added[said], 3.0 / (1 - p)))
    assert_close(added[~said], torch.zeros_like(added[~said]))
    assert said.double().mean().item() == pytest.approx(1 - p, abs=0.03)


def test_both_branches_are_dropped() -> None:
    layer = EncoderLayer(64, 1, F, dropout=0.25).double()
    silence(layer)
    with torch.no_grad():
        layer.feed_forward.down_proj.bias.fill_(3.0)
    x = draw(B, 60, 64)
    share = ((layer(x) - x).abs() > 1e-9).double().mean().item()
    assert share == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize("kind", ["dropout", "attention_dropout", "ff_dropout"])
@orders
def test_dropout_acts_in_training_only(norm_first: bool, kind: str) -> None:
    layer, plain = (encoder_layer(norm_first=norm_first, **{kind: p}) for p in (0.5, 0.0))
    plain.load_state_dict(layer.state_dict())
    x = draw(B, T, D)
    assert not torch.allclose(layer(x), layer(x))
    assert_close(layer.eval()(x), plain(x), **EXACT)


def test_each_dropout_is_a_switch_of_its_own() -> None:
    layer = EncoderLayer(D, H, F, dropout=0.1, attention_dropout=0.2, ff_dropout=0.3)
    assert layer.dropout.p == 0.1
    assert layer.attention.attend.dropout == 0.2
    assert layer.feed_forward.dropout.p == 0.3
    plain = EncoderLayer(D, H, F, dropout=0.1)
    assert plain.attention.attend.dropout == plain.feed_forward.dropout.p == 0.0


# ------------------------------------------------------------------ the options


def test_the_options_reach_the_parts() -> None:
    layer = EncoderLayer(
        D, H, F, norm="rms", norm_eps=0.25, bias=False, activation="swiglu", num_kv_heads=1
    )
    assert isinstance(layer.attention_norm, RMSNorm)
    assert isinstance(layer.feed_forward_norm, RMSNorm)
    assert layer.attention_norm.eps == layer.feed_forward_norm.eps == 0.25
    assert not [name for name, _ in layer.named_parameters() if name.endswith("bias")]
    assert layer.feed_forward.activation == "swiglu"
    assert layer.attention.num_kv_heads == 1


def test_the_defaults() -> None:
    layer = EncoderLayer(D, H, F)
    assert layer.norm_first
    assert layer.feed_forward.activation == "gelu"
    assert isinstance(layer.attention_norm, LayerNorm)
    assert layer.attention_norm.eps == 1e-5
    assert EncoderLayer(D, H, F, norm="rms").attention_norm.eps == 1e-6
    assert "norm_first=True" in repr(layer)


def test_the_paper_s_layer_has_the_paper_s_size() -> None:
    """4·512² + 2·512·2048 in the matrices; biases and norms beside them."""
    with torch.device("meta"):
        layer = EncoderLayer(512, 8, 2048, norm_first=False, activation="relu")
        assert layer(torch.empty(2, 9, 512)).shape == (2, 9, 512)
    matrices = sum(p.numel() for p in layer.parameters() if p.ndim == 2)
    assert matrices == 4 * 512**2 + 2 * 512 * 2048
    assert sum(p.numel() for p in layer.parameters()) == matrices + 9 * 512 + 2048


@orders
def test_layers_can_be_copied_saved_and_loaded(norm_first: bool) -> None:
    layer, other = (encoder_layer(norm_first=norm_first) for _ in range(2))
    x = draw(B, T, D)
    assert_close(copy.deepcopy(layer)(x), layer(x), **EXACT)
    other.load_state_dict(layer.state_dict())
    assert_close(other(x), layer(x), **EXACT)


# ------------------------------------------------------------------ parity with torch.nn


@orders
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ["none", "causal", "padding", "table2"])
def test_equals_torch_nn_transformer_encoder_layer(
    norm_first: bool, activation: str, bias: bool, name: str
) -> None:
    """Forward, and the gradient of the input and of every weight."""
    layer = encoder_layer(norm_first=norm_first, activation=activation, bias=bias, norm_eps=1e-3)
    theirs = torch_layer(layer, activation=activation, bias=bias)
    mask, table = zoo.make(name, Sizes(B, H, T, T), seed=5)
    table[..., 0] = True  # theirs gives NaN for a row that sees nothing
    mine = None if mask is None else mask | torch.from_numpy(table[:, 0])
    blocked = ~torch.from_numpy(table).expand(B, H, T, T).flatten(0, 1)  # theirs: True = blocked
    x, y = draw(B, T, D).requires_grad_(), draw(B, T, D)
    other = x.detach().clone().requires_grad_()
    got, want = layer(x, mine), theirs(other, src_mask=blocked)
    assert_close(got, want, **CLOSE)
    assert not torch.allclose(got, layer(y, mine))
    compare_gradients(gradients_of(layer, got, x), gradients_of(theirs, want, other))


def compare_gradients(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    pairs = {
        "input 0": "input 0",
        "attention.output_proj.weight": "self_attn.out_proj.weight",
        "attention_norm.weight": "norm1.weight",
        "feed_forward_norm.weight": "norm2.weight",
        "feed_forward.up_proj.weight": "linear1.weight",
        "feed_forward.down_proj.weight": "linear2.weight",
    }
    for mine, other in pairs.items():
        assert_close(ours[mine], theirs[other], rtol=1e-9, atol=1e-11)
    stacked = [ours[f"attention.{n}_proj.weight"] for n in ("query", "key", "value")]
    assert_close(torch.cat(stacked), theirs["self_attn.in_proj_weight"], rtol=1e-9, atol=1e-11)


def test_the_feed_forward_layer_is_used_as_it_is() -> None:
    """A part may be exchanged for another that takes and gives the same."""
    layer, x = encoder_layer(), draw(B, T, D)
    layer.feed_forward = spread(FeedForward(D, 3, activation="relu"))
    y = x + layer.attention(layer.attention_norm(x))
    assert_close(layer(x), y + layer.feed_forward(layer.feed_forward_norm(y)), **EXACT)
