"""The same numbers as torch.nn.Transformer, Marian and T5, forward and backward.

What the switches do not reach, and the tests convert: T5 leaves its scores unscaled (folded into
W^Q) and scales its output in the tied version (folded into the last norm). Not covered at all:
heads whose width times their number is not d_model (T5 3B and 11B), Marian's bias on the logits,
which tests/interop/test_marian.py covers.
"""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from tests.models.parity import Pair, linear, parity, reordered, scaled
from tests.models.tiny import CLOSE, B, D, F, H, S, T, V, padded, redrawn, tiny, tokens
from txlite.models import Transformer
from txlite.nn.positions import sinusoidal

LAYERS = {"encoder": 2, "decoder": 3}
PARTS = ("query_proj", "key_proj", "value_proj")


# ------------------------------------------------------------------ torch.nn.Transformer


class TorchTransformer(nn.Module):
    """torch.nn.Transformer with what it leaves outside: embeddings, sines, logits."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.inner = nn.Transformer(D, H, 2, 3, F, dropout=0.0, batch_first=True, **options)
        self.embedding = nn.Parameter(torch.empty(V, D))

    def placed(self, numbers: Tensor) -> Tensor:
        places = torch.arange(numbers.shape[1])
        return self.embedding[numbers] * D**0.5 + sinusoidal(places, D, dtype=torch.float64)

    def forward(self, source: Tensor, target: Tensor, **masks: Tensor) -> Tensor:
        return self.inner(self.placed(source), self.placed(target), **masks) @ self.embedding.T


def torch_table(bias: bool) -> list[Pair]:
    kinds = ("weight", "bias")[: 1 + bias]
    table = [Pair("embedding", "embedding.weight")]
    for stack, count in LAYERS.items():
        attentions = {"attention": "self_attn"}
        if stack == "decoder":
            attentions["cross_attention"] = "multihead_attn"
        norms = [f"{name}_norm" for name in (*attentions, "feed_forward")]
        table += linear(f"inner.{stack}.norm", f"{stack}.norm", bias=bias)
        for i in range(count):
            mine, theirs = f"{stack}.layers.{i}", f"inner.{stack}.layers.{i}"
            for ours, name in attentions.items():
                for kind in kinds:
                    parts = tuple(f"{mine}.{ours}.{part}.{kind}" for part in PARTS)
                    table.append(Pair(f"{theirs}.{name}.in_proj_{kind}", parts))
                output = f"{mine}.{ours}.output_proj"
                table += linear(f"{theirs}.{name}.out_proj", output, bias=bias)
            for k, norm in enumerate(norms, start=1):
                table += linear(f"{theirs}.norm{k}", f"{mine}.{norm}", bias=bias)
            for k, name in ((1, "up_proj"), (2, "down_proj")):
                table += linear(f"{theirs}.linear{k}", f"{mine}.feed_forward.{name}", bias=bias)
    return table


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("norm_first", [True, False], ids=["pre-norm", "post-norm"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_equals_torch_nn_transformer(norm_first: bool, bias: bool, activation: str) -> None:
    """Theirs has a norm at the end of each stack in either order; embeddings stay outside."""
    options = {"norm_first": norm_first, "bias": bias, "activation": activation}
    ours, theirs = tiny(final_norm=True, **options), TorchTransformer(**options)
    batch = padded()
    masks = {
        "tgt_mask": ~torch.ones(T, T, dtype=torch.bool).tril(),  # torch: True = blocked
        "src_key_padding_mask": ~batch.source_keep,
        "tgt_key_padding_mask": ~batch.target_keep,
        "memory_key_padding_mask": ~batch.source_keep,
    }

    def outputs() -> tuple[Tensor, Tensor]:
        got = ours(batch.source, batch.target, **batch.keep)
        want = theirs(batch.source, batch.target, **masks)
        return got[batch.target_keep], want[batch.target_keep]

    parity(ours, theirs, torch_table(bias), outputs)
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())


# ------------------------------------------------------------------ Hugging Face


def marian_table() -> list[Pair]:
    """Our column 2i of the model's D coordinates is their column i; the heads keep their own."""
    order = torch.arange(D).reshape(2, -1).T.flatten()
    across, down = reordered(order, 1), reordered(order, 0)
    table = [Pair("model.shared.weight", "embedding.weight", across)]

    def reads(theirs: str, ours: str) -> list[Pair]:
        bias = Pair(f"{theirs}.bias", f"{ours}.bias")  # of heads or hidden units
        return [Pair(f"{theirs}.weight", f"{ours}.weight", across), bias]

    def writes(theirs: str, ours: str) -> list[Pair]:
        return [Pair(p.theirs, p.ours, down) for p in linear(theirs, ours)]

    for stack, count in LAYERS.items():
        attentions = {"attention": "self_attn"}
        if stack == "decoder":
            attentions["cross_attention"] = "encoder_attn"
        for i in range(count):
            mine, theirs = f"{stack}.layers.{i}", f"model.{stack}.layers.{i}"
            for ours, name in attentions.items():
                for letter, part in zip("qkv", PARTS, strict=True):
                    table += reads(f"{theirs}.{name}.{letter}_proj", f"{mine}.{ours}.{part}")
                table += writes(f"{theirs}.{name}.out_proj", f"{mine}.{ours}.output_proj")
                table += writes(f"{theirs}.{name}_layer_norm", f"{mine}.{ours}_norm")
            table += reads(f"{theirs}.fc1", f"{mine}.feed_forward.up_proj")
            table += writes(f"{theirs}.fc2", f"{mine}.feed_forward.down_proj")
            table += writes(f"{theirs}.final_layer_norm", f"{mine}.feed_forward_norm")
    return table


def hugging_face(theirs: nn.Module, batch: Any) -> Tensor:
    """Their logits where a token stands."""
    logits = theirs(
        input_ids=batch.source,
        attention_mask=batch.source_keep.long(),
        decoder_input_ids=batch.target,
        decoder_attention_mask=batch.target_keep.long(),
        use_cache=False,
    ).logits
    return logits[batch.target_keep]


def test_equals_marian() -> None:
    """The published translators: post-norm, one shared matrix, scaled; all sines come first."""
    from transformers import MarianConfig, MarianMTModel

    theirs = MarianMTModel(
        MarianConfig(
            vocab_size=V, d_model=D, encoder_layers=2, decoder_layers=3, pad_token_id=3,
            encoder_attention_heads=H, decoder_attention_heads=H, encoder_ffn_dim=F,
            decoder_ffn_dim=F, max_position_embeddings=32, scale_embedding=True,
            activation_function="swish", decoder_start_token_id=3, attn_implementation="eager",
        )
    ).double()  # fmt: skip
    exact = sinusoidal(torch.arange(32), D, dtype=torch.float64)
    for stack in (theirs.model.encoder, theirs.model.decoder):  # theirs is rounded to float32
        table = torch.cat([exact[:, 0::2], exact[:, 1::2]], 1)
        assert_close(stack.embed_positions.weight, table, rtol=0, atol=1e-6)
        stack.embed_positions.weight.data.copy_(table)
    ours, batch = tiny(activation="silu"), padded()
    parity(
        ours,
        theirs,
        marian_table(),
        lambda: (
            ours(batch.source, batch.target, **batch.keep)[batch.target_keep],
            hugging_face(theirs, batch),
        ),
    )


def t5_table(gated: bool) -> list[Pair]:
    """They do not scale scores, and scale the tied output: W^Q and the last norm hold it here."""
    table = [Pair("shared.weight", "embedding.weight")]
    dense = {"wi_0": "gate_proj", "wi_1": "up_proj"} if gated else {"wi": "up_proj"}
    for stack, count in LAYERS.items():
        last = scaled(1.0 if gated or stack == "encoder" else D**-0.5)
        table.append(Pair(f"{stack}.final_layer_norm.weight", f"{stack}.norm.weight", last))
        bias = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        table.append(Pair(bias, f"{stack}_positions.biased.table.weight"))
        kinds = {"attention": "SelfAttention"}
        if stack == "decoder":
            kinds["cross_attention"] = "EncDecAttention"
        for i in range(count):
            mine, theirs = f"{stack}.layers.{i}", f"{stack}.block.{i}.layer"
            for place, (ours, kind) in enumerate(kinds.items()):
                here = f"{theirs}.{place}.{kind}"
                query = Pair(f"{here}.q.weight", f"{mine}.{ours}.query_proj.weight")
                table.append(replace(query, transform=scaled((D // H) ** 0.5)))
                for letter, part in zip("kvo", (*PARTS[1:], "output_proj"), strict=True):
                    table += linear(f"{here}.{letter}", f"{mine}.{ours}.{part}", bias=False)
                table += linear(f"{theirs}.{place}.layer_norm", f"{mine}.{ours}_norm", bias=False)
            here = f"{theirs}.{len(kinds)}"
            for name, part in {**dense, "wo": "down_proj"}.items():
                table += linear(
                    f"{here}.DenseReluDense.{name}", f"{mine}.feed_forward.{part}", bias=False
                )
            table += linear(f"{here}.layer_norm", f"{mine}.feed_forward_norm", bias=False)
    return table


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
    theirs = T5ForConditionalGeneration(config)
    ours = tiny(
        norm_first=True, norm="rms", bias=False, positions="relative", scale_embedding=False,
        activation="geglu_tanh" if gated else "relu",
    )  # fmt: skip
    batch = padded()
    parity(
        ours,
        theirs,
        t5_table(gated),
        lambda: (
            ours(batch.source, batch.target, **batch.keep)[batch.target_keep],
            hugging_face(theirs, batch),
        ),
    )
    far = tokens(B, 19)  # the decoder's buckets differ from the encoder's from 8 places on
    want_far = theirs(input_ids=batch.source, decoder_input_ids=far, use_cache=False).logits
    assert_close(ours(batch.source, far), want_far, **CLOSE)


def test_a_wrong_order_of_norms_would_be_noticed() -> None:
    """The negative control: the two orders are two functions."""
    post, source, target = tiny(final_norm=True), tokens(B, S), tokens(B, T)
    pre = redrawn(Transformer(type(post.config)(**{**vars(post.config), "norm_first": True})))
    pre.load_state_dict(post.state_dict())
    assert not torch.allclose(pre(source, target), post(source, target), rtol=0.1, atol=0.1)
