"""The closed form of each family: parts and tables, from the config alone."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from txlite import models as m
from txlite.counting._parts import (
    Counts,
    attention,
    feed_forward,
    head_width,
    layers,
    linear,
    norm,
    sparse_layers,
    table,
)

__all__ = ["FORMULAS"]


def _stacks(c: Any, *, last_norms: int) -> Counts:
    """An encoder and a decoder that attends to it."""
    above = c.num_decoder_layers or c.num_layers
    both = layers(c, c.num_layers) + layers(c, above, cross=True)
    return both + Counter(norms=last_norms * norm(c, c.d_model))


def _places(c: Any, width: int) -> int:
    """What a position scheme learns: a table, or a bias for each of 32 distances and each head."""
    if c.positions == "relative":
        return table(32, c.num_heads)
    return table(c.max_len, width) if c.positions == "learned" else 0


def _final(c: Any) -> int:
    """How many norms end a stack."""
    return int(c.norm_first if c.final_norm is None else c.final_norm)


def _transformer(c: m.TransformerConfig, kind: type) -> Counts:
    width, vocab = c.d_model, c.vocab_size
    return _stacks(c, last_norms=2 * _final(c)) + Counter(
        embeddings=table(vocab + (c.source_vocab_size or 0), width) + 2 * _places(c, width),
        head=(0 if c.tied_output else table(vocab, width)) + vocab * c.output_bias,
    )


def _gpt(c: m.GPTConfig, kind: type) -> Counts:
    width, last = c.d_model, _final(c) * norm(c, c.d_model)
    return layers(c, c.num_layers) + Counter(
        embeddings=table(c.vocab_size, width) + _places(c, width),
        norms=last,
        head=0 if c.tied_output else table(c.vocab_size, width),
    )


def _llama(c: m.LlamaConfig, kind: type) -> Counts:
    size = table(c.vocab_size, c.d_model)
    return layers(c, c.num_layers) + Counter(
        embeddings=size,
        norms=norm(c, c.d_model) * c.norm_first,
        head=0 if c.tied_output else size,
    )


def _bert(c: m.BERTConfig, kind: type) -> Counts:
    width, narrow = c.d_model, c.embedding_dim or c.d_model
    body = layers(c, 1 if c.share_layers else c.num_layers) + Counter(
        embeddings=table(c.vocab_size + c.num_segments, narrow)
        + _places(c, narrow)
        + (0 if c.embedding_dim is None else linear(narrow, width)),
        norms=norm(c, narrow) + norm(c, width) * c.norm_first,
    )
    pooler, labels = linear(width, width), linear(width, c.num_labels)
    masked = linear(width, narrow) + norm(c, narrow) + c.vocab_size
    heads = {
        m.BERT: pooler,
        m.BERTForMaskedLM: masked,
        m.BERTForPreTraining: pooler + masked + linear(width, 2),
        m.BERTForSequenceClassification: pooler + labels,
        m.BERTForTokenClassification: labels,
    }
    return body + Counter(head=heads[kind])


def _t5(c: m.T5Config, kind: type) -> Counts:
    size = table(c.vocab_size, c.d_model)
    return _stacks(c, last_norms=2) + Counter(
        embeddings=size + 2 * table(c.num_buckets, c.num_heads),
        head=0 if c.tied_output else size,
    )


def _switch(c: m.SwitchConfig, kind: type) -> Counts:
    return _t5(c, kind) + _experts(c)


def _gpt_with_experts(c: m.GPTWithExpertsConfig, kind: type) -> Counts:
    return _gpt(c, kind) + _experts(c)


def _experts(c: m.SwitchConfig | m.GPTWithExpertsConfig) -> Counts:
    """What sparse layers have more than others: all experts but one, and a router."""
    sparse = sparse_layers(c)
    more = (c.num_experts - 1) * feed_forward(c, c.d_model, c.d_ff)
    router = linear(c.d_model, c.num_experts, bias=c.router_bias)
    return Counter(feed_forward=sparse * more, routers=sparse * router)


def _reformer(c: m.ReformerConfig, kind: type) -> Counts:
    width, number = c.d_model, len(c.attention_layers)
    heads = c.num_heads * head_width(c, width, c.num_heads)
    keys = (c.num_kv_heads or c.num_heads) * head_width(c, width, c.num_heads)
    maps = {"local": 2 * width * (heads + keys), "lsh": 3 * width * heads}  # keys are queries
    axes = [(c.max_len, width)]
    if c.axial_shape:
        axes = list(zip(c.axial_shape, c.axial_widths, strict=True))
    return Counter(
        embeddings=table(c.vocab_size, width) + sum(table(*axis) for axis in axes),
        attention=sum(maps[kind] for kind in c.attention_layers),
        feed_forward=number * feed_forward(c, width, c.d_ff),
        norms=2 * number * norm(c, width) + norm(c, 2 * width),  # the last one: of both streams
        head=linear(2 * width, c.vocab_size),
    )


def _vit(c: m.ViTConfig, kind: type) -> Counts:
    width, layers_ = c.d_model, c.num_layers
    heads = head_width(c, width, c.num_heads)
    qkv = heads * (c.num_heads + 2 * (c.num_kv_heads or c.num_heads))
    tokens = c.class_token + c.distillation_token
    rows = tokens + c.grid[0] * c.grid[1] if c.positions == "learned" else 0
    counts = layers(c, layers_)
    if c.bias and not c.qkv_bias:
        counts["attention"] -= layers_ * qkv
    patch = linear(c.num_channels * c.patch_size**2, width, bias=c.patch_bias)
    counts["embeddings"] += patch + table(tokens + c.num_registers + c.mask_token + rows, width)
    counts["norms"] += (c.embedding_norm + c.norm_first) * norm(c, width)
    if c.layer_scale is not None:
        counts["norms"] += 2 * layers_ * width
    gathered = width * (1 + (c.pooling == "class_and_mean"))
    classifier = {
        m.ViT: 0,
        m.ViTForImageClassification: linear(gathered, c.num_labels),
        m.ViTWithTeacher: 2 * linear(width, c.num_labels),
    }
    counts["head"] += classifier[kind]
    return counts


def _clip(c: m.CLIPConfig, kind: type) -> Counts:
    text, seen = c.text, c.vision.d_model * (1 + (c.vision.pooling == "class_and_mean"))
    return _vit(c.vision, m.ViT) + layers(text, text.num_layers) + Counter(
        embeddings=table(text.vocab_size + text.max_len, text.d_model),
        norms=norm(text, text.d_model) * text.norm_first,
        head=linear(seen + text.d_model, c.projection_dim, bias=False) + 1,
    )  # fmt: skip


def _whisper(c: m.WhisperConfig, kind: type) -> Counts:
    width, above = c.d_model, c.num_decoder_layers or c.num_layers
    keys = (c.num_kv_heads or c.num_heads) * head_width(c, width, c.num_heads)
    convolutions = linear(3 * c.num_mels, width) + linear(3 * width, width)
    counts = _stacks(c, last_norms=2)
    counts["attention"] -= (c.num_layers + 2 * above) * keys * c.bias
    rows = c.vocab_size + c.max_source_len + c.max_len
    counts["embeddings"] += convolutions + table(rows, width)
    return counts


def _hybrid(c: m.HybridWhisperConfig, kind: type) -> Counts:
    return _whisper(c, kind) + Counter(
        norms=4 * c.d_model * c.stem_norm, head=linear(c.d_model, c.vocab_size + 1)
    )


def _resnet(c: m.ResNetConfig, kind: type = m.ResNet) -> Counts:
    def conv(inputs: int, outputs: int, size: int) -> int:
        return outputs * (inputs * size**2 + 4)  # and four vectors of a frozen batch norm

    total, inputs = conv(c.channels, c.stem_width, 7), c.stem_width
    for i, (width, depth) in enumerate(zip(c.widths, c.depths, strict=True)):
        inner = width // 4
        for block in range(depth):
            if c.bottleneck:
                total += conv(inputs, inner, 1) + conv(inner, inner, 3) + conv(inner, width, 1)
            else:
                total += conv(inputs, width, 3) + conv(width, width, 3)
            if inputs != width or (i > 0 and block == 0):
                total += conv(inputs, width, 1)
            inputs = width
    return Counter(backbone=total)


def _detr(c: m.DETRConfig, kind: type) -> Counts:
    width = c.d_model
    return _stacks(c, last_norms=1 + c.norm_first) + _resnet(c.backbone) + Counter(
        embeddings=linear(c.backbone.widths[-1], width) + table(c.num_queries, width),
        head=linear(width, c.num_classes + 1) + 2 * linear(width, width) + linear(width, 4),
    )  # fmt: skip


def _decisions(c: m.DecisionTransformerConfig, kind: type) -> Counts:
    width, actions = c.d_model, c.action_dim
    acted = table(actions, width) if c.discrete_actions else linear(actions, width)
    rows = 0 if c.num_positions is None else c.num_positions + 1
    return layers(c, c.num_layers) + Counter(
        embeddings=linear(1, width) + linear(c.state_dim, width) + acted
        + table(c.max_len + rows, width),
        norms=norm(c, width) * (1 + c.norm_first),
        head=linear(width, actions + c.state_dim + 1),
    )  # fmt: skip


def _forecaster(c: m.ForecasterConfig, kind: type) -> Counts:
    width, channels = c.d_model, c.num_channels or 0
    token = c.pooling == "class"
    rows = 0 if c.positions == "none" else c.num_patches + token
    maps = linear(c.patch_length, width) * (channels if c.channel_maps else 1)
    read = width * (c.num_patches if c.pooling == "flatten" else 1)
    said = {"point": 1, "normal": 2, "student_t": 3}.get(c.head, len(c.levels))
    one = 4 * width if c.batch_norm else norm(c, width)
    return Counter(
        embeddings=maps + table(rows + token, width),
        attention=c.num_layers * attention(c, width, c.num_heads),
        feed_forward=c.num_layers * feed_forward(c, width, c.d_ff, bias=c.ff_bias),
        norms=2 * c.num_layers * one + 2 * channels * c.channel_scales,
        head=said * linear(read, c.horizon),
    )


FORMULAS: dict[type, Callable[[Any, type], Counts]] = {
    m.TransformerConfig: _transformer,
    m.BERTConfig: _bert,
    m.GPTConfig: _gpt,
    m.GPTWithExpertsConfig: _gpt_with_experts,
    m.LlamaConfig: _llama,
    m.T5Config: _t5,
    m.SwitchConfig: _switch,
    m.ReformerConfig: _reformer,
    m.ViTConfig: _vit,
    m.CLIPConfig: _clip,
    m.WhisperConfig: _whisper,
    m.HybridWhisperConfig: _hybrid,
    m.DETRConfig: _detr,
    m.ResNetConfig: _resnet,
    m.DecisionTransformerConfig: _decisions,
    m.ForecasterConfig: _forecaster,
}
