"""The matrix products of each family's forward pass: two operations for each number and token."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from txlite import models as m
from txlite.counting._parts import head_width
from txlite.nn.feedforward import GATES

__all__ = ["PRODUCTS"]

Products = dict[str, int]
Sizes = dict[str, int]


def _attention(
    c: Any, batch: int, queries: int, keys: int, read: int | None = None
) -> Counter[str]:
    """One attention: maps of the queries' tokens and of the ``read`` ones, scores of all pairs."""
    width = head_width(c, c.d_model, c.num_heads)
    asked, kept = c.num_heads * width, (c.num_kv_heads or c.num_heads) * width
    read = keys if read is None else read
    return Counter(
        attention_maps=4 * batch * c.d_model * (queries * asked + read * kept),
        attention_scores=4 * batch * queries * keys * asked,
    )


def _feed_forward(c: Any, tokens: int) -> int:
    return int(2 * tokens * c.d_model * c.d_ff * (3 if c.activation in GATES else 2))


def _times(counts: Counter[str], number: int) -> Counter[str]:
    return Counter({name: number * count for name, count in counts.items()})


def _refuse(sizes: Sizes, *names: str) -> None:
    for name in names:
        if sizes[name]:
            raise ValueError(f"{name} belongs to another family, got {sizes[name]}")


def _reader(c: Any, batch: int, length: int, past: int = 0) -> Counter[str]:
    """A stack without a source."""
    layer = _attention(c, batch, length, past + length, length)
    layer["feed_forward"] = _feed_forward(c, batch * length)
    return _times(layer, c.num_layers)


def _decoder_only(c: Any, kind: type, sizes: Sizes) -> Products:
    _refuse(sizes, "target_length")
    batch, past, window = sizes["batch"], sizes["past"], getattr(c, "sliding_window", None)
    length = sizes["length"] or (c.max_len if window is None else min(c.max_len, window))
    if window is not None and past + length > window:
        raise ValueError(
            f"length should end within sliding_window={window}, got {past} + {length} tokens"
        )
    counts = _reader(c, batch, length, past)
    counts["head"] = 2 * batch * length * c.d_model * c.vocab_size
    return dict(counts)


def _bert(c: m.BERTConfig, kind: type, sizes: Sizes) -> Products:
    _refuse(sizes, "target_length", "past")
    batch, length = sizes["batch"], sizes["length"] or c.max_len
    counts, tokens, width = _reader(c, batch, length), batch * length, c.d_model
    narrow = c.embedding_dim or width
    pooled, masked = batch * width * width, tokens * narrow * (width + c.vocab_size)
    head = {
        m.BERT: 0,  # forward returns hidden states; pool is called apart
        m.BERTForMaskedLM: masked,
        m.BERTForPreTraining: masked + pooled + batch * width * 2,
        m.BERTForSequenceClassification: pooled + batch * width * c.num_labels,
        m.BERTForTokenClassification: tokens * width * c.num_labels,
    }
    counts["head"] = 2 * head[kind]
    if c.embedding_dim is not None:  # its input is learned, so it is no entrance
        counts["feed_forward"] += 2 * tokens * narrow * width
    return dict(counts)


def _both(c: Any, kind: type, sizes: Sizes) -> Products:
    _refuse(sizes, "past")
    batch, source = sizes["batch"], sizes["length"] or c.max_len
    target = sizes["target_length"] or source
    layer = _attention(c, batch, target, target) + _attention(c, batch, target, source)
    layer["feed_forward"] = _feed_forward(c, batch * target)
    counts = _reader(c, batch, source) + _times(layer, c.num_decoder_layers or c.num_layers)
    counts["head"] = 2 * batch * target * c.d_model * c.vocab_size
    return dict(counts)


def _switch(c: m.SwitchConfig, kind: type, sizes: Sizes) -> Products:
    counts = Counter(_both(c, kind, sizes))
    source = sizes["length"] or c.max_len
    lengths = {"encoder": source, "decoder": sizes["target_length"] or source}
    for stack, length in lengths.items():
        counts += _experts(c, len(c.sparse_layers(stack)) * sizes["batch"] * length)
    return dict(counts)


def _gpt_with_experts(c: m.GPTWithExpertsConfig, kind: type, sizes: Sizes) -> Products:
    counts = Counter(_decoder_only(c, kind, sizes))
    length = sizes["length"] or c.max_len
    return dict(counts + _experts(c, len(c.sparse_layers) * sizes["batch"] * length))


def _experts(c: m.SwitchConfig | m.GPTWithExpertsConfig, tokens: int) -> Counter[str]:
    """What experts cost more than one layer for all: further choices, and the router."""
    return Counter(
        feed_forward=(c.top_k - 1) * _feed_forward(c, tokens),
        routers=2 * tokens * c.d_model * c.num_experts,
    )


def _vit(c: m.ViTConfig, kind: type, sizes: Sizes) -> Products:
    _refuse(sizes, "length", "target_length", "past")
    batch, patches = sizes["batch"], c.grid[0] * c.grid[1]
    length = patches + c.class_token + c.distillation_token + c.num_registers
    counts = _reader(c, batch, length)
    counts["entrance"] = 2 * batch * patches * c.num_channels * c.patch_size**2 * c.d_model
    gathered = c.d_model * (1 + (c.pooling == "class_and_mean"))
    scored = {
        m.ViT: 0,
        m.ViTForImageClassification: gathered,
        m.ViTWithTeacher: 2 * c.d_model,
    }
    counts["head"] = 2 * batch * scored[kind] * c.num_labels
    return dict(counts)


PRODUCTS: dict[type, Callable[[Any, type, Sizes], Products]] = {
    m.TransformerConfig: _both,
    m.BERTConfig: _bert,
    m.GPTConfig: _decoder_only,
    m.GPTWithExpertsConfig: _gpt_with_experts,
    m.LlamaConfig: _decoder_only,
    m.T5Config: _both,
    m.SwitchConfig: _switch,
    m.ViTConfig: _vit,
}
