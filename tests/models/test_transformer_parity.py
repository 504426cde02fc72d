"""The same numbers as torch.nn.Transformer, Marian and T5, forward and backward.

What the switches do not reach, and the tests convert: T5 leaves its scores unscaled (folded into
W^Q) and scales its output in the tied version (folded into the last norm). Not covered at all:
heads whose width times their number is not d_model (T5 3B and 11B), Marian's bias on the logits,
which is zero in what is published.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from tests.models.tiny import CLOSE, B, D, F, H, S, T, V, padded, redrawn, tiny, tokens
from txlite.models import Transformer
from txlite.nn.positions import sinusoidal

Named = dict[str, Tensor]
ATTENTION = ("query_proj", "key_proj", "value_proj")


def grown(model: nn.Module) -> nn.Module:
    """Redraw the parameters with a large spread, in float64."""
    for name, p in model.named_parameters():
        if p.requires_grad:
            nn.init.normal_(p, std=0.5)
            if "norm" in name and name.endswith("weight"):
                p.data.add_(1.0)
    return model.double().eval()


def loss(logits: Tensor, keep: Tensor) -> Tensor:
    return logits[keep].sin().sum()


# ------------------------------------------------------------------ torch.nn.Transformer


def torch_names(name: str) -> list[tuple[str, int | None]]:
    """Where torch.nn keeps a parameter of ours: its name, and which third of it."""
    stack, _, rest = name.partition(".")
    if rest.startswith("norm"):
        return [(f"{stack}.{rest}", None)]
    _, i, part, *rest = rest.split(".")
    here = f"{stack}.layers.{i}"
    attention = {"attention": "self_attn", "cross_attention": "multihead_attn"}
    norms = {"attention_norm": "norm1", "cross_attention_norm": "norm2"}
    norms["feed_forward_norm"] = "norm2" if stack == "encoder" else "norm3"
    if part in norms:
        return [(f"{here}.{norms[part]}.{rest[0]}", None)]
    if part == "feed_forward":
        linear = "linear1" if rest[0] == "up_proj" else "linear2"
        return [(f"{here}.{linear}.{rest[1]}", None)]
    if rest[0] == "output_proj":
        return [(f"{here}.{attention[part]}.out_proj.{rest[1]}", None)]
    return [(f"{here}.{attention[part]}.in_proj_{rest[1]}", ATTENTION.index(rest[0]))]


def theirs_of(name: str, tensors: Named) -> Tensor:
    """Pick what belongs to a parameter of ours out of torch's parameters or gradients."""
    [(theirs, third)] = torch_names(name)
    whole = tensors[theirs]
    return whole if third is None else whole.chunk(3)[third]


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("norm_first", [True, False], ids=["pre-norm", "post-norm"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_equals_torch_nn_transformer(norm_first: bool, bias: bool, activation: str) -> None:
    """Theirs has a norm at the end of each stack in either order; embeddings stay outside."""
    options = {"norm_first": norm_first, "bias": bias, "activation": activation}
    ours = tiny(final_norm=True, **options)
    theirs = nn.Transformer(
        D, H, 2, 3, F, dropout=0.0, batch_first=True, dtype=torch.float64, **options
    ).eval()
    held = dict(theirs.named_parameters())
    inner = [n for n, _ in ours.named_parameters() if n.startswith(("encoder.", "decoder."))]
    with torch.no_grad():
        for name in inner:
            theirs_of(name, held).copy_(ours.get_parameter(name))
    batch = padded()
    twin = ours.embedding.weight.detach().clone().requires_grad_()

    def placed(numbers: Tensor) -> Tensor:
        places = torch.arange(numbers.shape[1])
        return twin[numbers] * D**0.5 + sinusoidal(places, D, dtype=torch.float64)

    out = theirs(
        placed(batch.source),
        placed(batch.target),
        tgt_mask=~torch.ones(T, T, dtype=torch.bool).tril(),  # torch: True = blocked
        src_key_padding_mask=~batch.source_keep,
        tgt_key_padding_mask=~batch.target_keep,
        memory_key_padding_mask=~batch.source_keep,
    )
    got, want = ours(batch.source, batch.target, **batch.keep), out @ twin.T
    assert_close(got[batch.target_keep], want[batch.target_keep], **CLOSE)
    loss(got, batch.target_keep).backward()
    loss(want, batch.target_keep).backward()
    assert_close(ours.embedding.weight.grad, twin.grad, rtol=1e-8, atol=1e-9)
    gradients = {name: p.grad for name, p in held.items()}
    for name in inner:
        mine, other = ours.get_parameter(name).grad, theirs_of(name, gradients)
        assert_close(mine, other, rtol=1e-8, atol=1e-9, msg=lambda m, n=name: f"{n}: {m}")
    assert sum(ours.get_parameter(name).numel() for name in inner) == sum(
        p.numel() for p in held.values()
    )


# ------------------------------------------------------------------ Hugging Face


def linear(ours: str, theirs: str, source: Named) -> Named:
    """A linear map with or without a bias, under our name."""
    names = [n for n in ("weight", "bias") if f"{theirs}.{n}" in source]
    return {f"{ours}.{n}": source[f"{theirs}.{n}"] for n in names}


def marian_state(theirs: nn.Module, layers: dict[str, int]) -> Named:
    source = {n.removeprefix("model."): p for n, p in theirs.state_dict().items()}
    state = {"embedding.weight": source["shared.weight"]}
    for stack, count in layers.items():
        for i in range(count):
            pairs = {"fc1": "feed_forward.up_proj", "fc2": "feed_forward.down_proj"}
            pairs["final_layer_norm"] = "feed_forward_norm"
            for attention, named in (
                ("self_attn", "attention"),
                ("encoder_attn", "cross_attention"),
            ):
                pairs[f"{attention}_layer_norm"] = f"{named}_norm"
                for k, part in (("q", "query"), ("k", "key"), ("v", "value"), ("out", "output")):
                    pairs[f"{attention}.{k}_proj"] = f"{named}.{part}_proj"
            for name, mine in pairs.items():
                here = f"{stack}.layers.{i}."
                state |= linear(here + mine, here + name, source)
    return state


def reordered(state: Named, order: Tensor) -> Named:
    """Renumber the model's D coordinates: what reads them, what writes them, what norms them."""
    reads = ("query_proj", "key_proj", "value_proj", "up_proj")
    out = {}
    for name, p in state.items():
        part, kind = name.split(".")[-2:]
        if part == "embedding" or (part in reads and kind == "weight"):
            out[name] = p[:, order]
        elif part in reads:
            out[name] = p  # a bias of heads or hidden units
        else:
            out[name] = p[order]  # the rows of output_proj and down_proj, biases, norms
    return out


def test_equals_marian() -> None:
    """The published translators: post-norm, one shared matrix, scaled; all sines come first."""
    from transformers import MarianConfig, MarianMTModel

    theirs = grown(
        MarianMTModel(
            MarianConfig(
                vocab_size=V, d_model=D, encoder_layers=2, decoder_layers=3, pad_token_id=3,
                encoder_attention_heads=H, decoder_attention_heads=H, encoder_ffn_dim=F,
                decoder_ffn_dim=F, max_position_embeddings=32, scale_embedding=True,
                activation_function="swish", decoder_start_token_id=3, attn_implementation="eager",
            )
        )
    )  # fmt: skip
    exact = sinusoidal(torch.arange(32), D, dtype=torch.float64)
    for stack in (theirs.model.encoder, theirs.model.decoder):  # theirs is rounded to float32
        table = torch.cat([exact[:, 0::2], exact[:, 1::2]], 1)
        assert_close(stack.embed_positions.weight, table, rtol=0, atol=1e-6)
        stack.embed_positions.weight.data.copy_(table)
    ours = tiny(activation="silu")
    order = torch.arange(D).reshape(2, -1).T.flatten()  # our column 2i is their column i
    state = reordered(marian_state(theirs, {"encoder": 2, "decoder": 3}), order)
    ours.load_state_dict(state, strict=True)
    batch = padded()
    got = ours(batch.source, batch.target, **batch.keep)
    want = theirs(
        input_ids=batch.source,
        attention_mask=batch.source_keep.long(),
        decoder_input_ids=batch.target,
        decoder_attention_mask=batch.target_keep.long(),
        use_cache=False,
    ).logits
    assert_close(got[batch.target_keep], want[batch.target_keep], **CLOSE)
    loss(got, batch.target_keep).backward()
    loss(want, batch.target_keep).backward()
    mine = ours.embedding.weight.grad
    assert_close(mine, theirs.model.shared.weight.grad[:, order], rtol=1e-8, atol=1e-9)
    hidden = "decoder.layers.1.feed_forward.up_proj.weight"
    other = theirs.model.decoder.layers[1].fc1.weight.grad[:, order]
    assert_close(ours.get_parameter(hidden).grad, other, rtol=1e-8, atol=1e-9)


def t5_state(theirs: nn.Module, layers: dict[str, int], gated: bool) -> Named:
    source = theirs.state_dict()
    state = {"embedding.weight": source["shared.weight"]}
    dense = {"wi_0": "gate_proj", "wi_1": "up_proj"} if gated else {"wi": "up_proj"}
    for stack, count in layers.items():
        bias = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        state[f"{stack}_positions.biased.table.weight"] = source[bias]
        scale = theirs.model_dim**-0.5 if stack == "decoder" and not gated else 1.0
        state[f"{stack}.norm.weight"] = source[f"{stack}.final_layer_norm.weight"] * scale
        kinds = ["SelfAttention", *(["EncDecAttention"] if stack == "decoder" else [])]
        for i in range(count):
            here, there = f"{stack}.layers.{i}", f"{stack}.block.{i}.layer"
            for place, (kind, part) in enumerate(
                zip(kinds, ("attention", "cross_attention"), strict=False)
            ):
                for letter, name in zip("qkvo", (*ATTENTION, "output_proj"), strict=True):
                    p = source[f"{there}.{place}.{kind}.{letter}.weight"]
                    fold = (D // H) ** 0.5 if letter == "q" else 1.0  # they do not scale scores
                    state[f"{here}.{part}.{name}.weight"] = p * fold
                norm = source[f"{there}.{place}.layer_norm.weight"]
                state[f"{here}.{part}_norm.weight"] = norm
            for name, mine in {**dense, "wo": "down_proj"}.items():
                p = source[f"{there}.{len(kinds)}.DenseReluDense.{name}.weight"]
                state[f"{here}.feed_forward.{mine}.weight"] = p
            norm = source[f"{there}.{len(kinds)}.layer_norm.weight"]
            state[f"{here}.feed_forward_norm.weight"] = norm
    return state


@pytest.mark.parametrize("gated", [False, True], ids=["t5", "t5 v1.1"])
def test_equals_t5(gated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pre-norm with RMS norms, relative biases, no other biases, unscaled embeddings."""
    from transformers import T5Config, T5ForConditionalGeneration
    from transformers.models.t5.modeling_t5 import T5LayerNorm

    def in_float64(self: Any, x: Tensor) -> Tensor:  # theirs rounds the mean square to float32
        return self.weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)

    monkeypatch.setattr(T5LayerNorm, "forward", in_float64)
    config = T5Config(
        vocab_size=V, d_model=D, d_kv=D // H, d_ff=F, num_layers=2, num_decoder_layers=3,
        num_heads=H, dropout_rate=0.0, pad_token_id=3, decoder_start_token_id=3,
        feed_forward_proj="gated-gelu" if gated else "relu",
    )  # fmt: skip
    config.scale_decoder_outputs = not gated
    theirs = grown(T5ForConditionalGeneration(config))
    ours = tiny(
        norm_first=True, norm="rms", bias=False, positions="relative", scale_embedding=False,
        activation="geglu_tanh" if gated else "relu",
    )  # fmt: skip
    ours.load_state_dict(t5_state(theirs, {"encoder": 2, "decoder": 3}, gated), strict=True)
    batch = padded()
    got = ours(batch.source, batch.target, **batch.keep)
    want = theirs(
        input_ids=batch.source,
        attention_mask=batch.source_keep.long(),
        decoder_input_ids=batch.target,
        decoder_attention_mask=batch.target_keep.long(),
        use_cache=False,
    ).logits
    assert_close(got[batch.target_keep], want[batch.target_keep], **CLOSE)
    far = tokens(B, 19)  # the decoder's buckets differ from the encoder's from 8 places on
    want_far = theirs(input_ids=batch.source, decoder_input_ids=far, use_cache=False).logits
    assert_close(ours(batch.source, far), want_far, **CLOSE)
    loss(got, batch.target_keep).backward()
    loss(want, batch.target_keep).backward()
    relative = "block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    for stack in ("encoder", "decoder"):
        mine = ours.get_parameter(f"{stack}_positions.biased.table.weight").grad
        other = theirs.get_parameter(f"{stack}.{relative}").grad
        assert other.abs().max() > 0
        assert_close(mine, other, rtol=1e-8, atol=1e-9)
    other = theirs.shared.weight.grad
    assert_close(ours.embedding.weight.grad, other, rtol=1e-8, atol=1e-9)


def test_a_wrong_order_of_norms_would_be_noticed() -> None:
    """The negative control: the two orders are two functions."""
    post, source, target = tiny(final_norm=True), tokens(B, S), tokens(B, T)
    pre = redrawn(Transformer(type(post.config)(**{**vars(post.config), "norm_first": True})))
    pre.load_state_dict(post.state_dict())
    assert not torch.allclose(pre(source, target), post(source, target), rtol=0.1, atol=0.1)
