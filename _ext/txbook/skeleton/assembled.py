"""One skeleton: as its switches stand, it is the Transformer, BERT, ViT, or another model.

The page “One skeleton” shows the class as it stands here. It knows neither padding nor a cache nor
dropout, which the models of txlite know; what they compute for whole texts, it computes too. Where
a model reads pictures or sound, what makes vectors of them stands beside the skeleton.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from txlite.nn import (
    Attend,
    BatchNorm,
    DecoderLayer,
    EncoderLayer,
    LayerOptions,
    MultiHeadAttention,
    Stack,
    TokenEmbedding,
)
from txlite.nn.positions import Positions, Rotary, sinusoidal_grid
from txlite.nn.positions.scheme import PositionScheme


@dataclass(frozen=True, kw_only=True)
class Switches:
    """What makes one model of the family another.

    Parameters
    ----------
    stacks : tuple of str
        Which stacks there are. A decoder that stands behind an encoder attends to it, too.
    source : str
        What the first stack reads. Vectors are made of pictures or sound beside the skeleton.
    queries : bool
        Whether the decoder starts from learned queries, and not from tokens.
    causal : bool
        Whether a position of the decoder attends to none after it.
    positions : str
        How a model knows where a token stands. A grid has rows and columns, and enters each layer.
    theta : float, optional
        How slowly the slowest plane turns, where positions are rotations.
    segments : int
        How many vectors say to which text of a pair a token belongs.
    embedding_norm : bool
        Whether a norm stands before the first layer.
    scale_embedding : bool
        Whether the embedding is multiplied by √D.
    norm_first : bool
        Whether the norms stand in the branches, with one more at the stack's end.
    decoder_norm : bool
        Whether a norm ends the decoder although the norms stand behind the branches.
    norm : str
        The kind of norm: along a vector, or across a batch.
    norm_eps : float
        What the norm adds to the variance or to the mean square.
    activation : str
        The feed-forward layer's activation.
    bias : bool
        Whether maps and norms add a bias.
    unbiased_keys : bool
        Whether the maps of keys add none where the other maps do.
    queries_per_key : int
        How many query heads share one key and value head.
    scaled_scores : bool
        Whether attention scores are divided by √E.
    scores : str
        What scores the next token: the embedding, a matrix of its own, or nothing in the skeleton.
    scale_output : bool
        Whether the last hidden states are divided by √D before they are scored.
    """

    stacks: tuple[str, ...]
    source: str
    queries: bool
    causal: bool
    positions: Any
    theta: float | None
    segments: int
    embedding_norm: bool
    scale_embedding: bool
    norm_first: bool
    decoder_norm: bool
    norm: Any
    norm_eps: float
    activation: Any
    bias: bool
    unbiased_keys: bool
    queries_per_key: int
    scaled_scores: bool
    scores: str
    scale_output: bool


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large it is, in the words of the configs."""

    vocab_size: int
    d_model: int
    num_heads: int
    head_dim: int
    d_ff: int
    num_layers: int
    max_len: int  # of the last stack: tokens, patches or queries
    max_source_len: int | None = None  # of the first one, where it has its own


class Skeleton(nn.Module):
    """Embedding, positions, one stack or two, scores."""

    def __init__(self, switches: Switches, sizes: Sizes) -> None:
        super().__init__()
        self.switches, self.sizes = switches, sizes
        vocabulary, width = sizes.vocab_size, sizes.d_model
        if self._reads_tokens():
            self.embedding = TokenEmbedding(vocabulary, width, scale=switches.scale_embedding)
        if switches.queries:
            self.queries = nn.Embedding(sizes.max_len, width)
        if switches.segments:
            self.segments = nn.Embedding(switches.segments, width)
        if switches.embedding_norm:
            self.embedding_norm = self._norm()
        for stack in switches.stacks:
            layers = [self._layer(stack) for _ in range(sizes.num_layers)]
            ends = switches.norm_first or (switches.decoder_norm and stack == "decoder")
            last = self._norm() if ends else None
            self.add_module(f"{stack}_positions", self._positions(stack))
            self.add_module(stack, Stack(layers, last))
        if switches.scores == "own":
            self.output = nn.Linear(width, vocabulary, bias=False)

    def forward(self, *texts: Tensor) -> Tensor:
        """Read one text for each stack; return the scores, or hidden states where none scores."""
        hidden: Any = None
        behind: dict[str, Any] = {}
        for stack, text in zip(self.switches.stacks, texts, strict=True):
            x, positions = self._enter(stack, text)
            if self.switches.embedding_norm:
                x = self.embedding_norm(x)
            if stack == "decoder":
                behind = {"memory": hidden, **behind}
            hidden = self.get_submodule(stack)(x, **behind, positions=positions)
            behind = {"memory_positions": positions} if self._on_a_grid() else {}
        if self.switches.scores == "none":
            return hidden
        if self.switches.scale_output:
            hidden = hidden * self.sizes.d_model**-0.5
        own = self.switches.scores == "own"
        return self.output(hidden) if own else self.embedding.logits(hidden)

    def _enter(self, stack: str, text: Tensor) -> tuple[Tensor, Positions]:
        """Return the vectors that a stack reads, and what it is told of their positions."""
        asks = self.switches.queries and stack == "decoder"
        vectors = self.switches.source == "vectors" and stack == self.switches.stacks[0]
        if asks:
            x = self.queries.weight.new_zeros(len(text), *self.queries.weight.shape)
        else:
            x = text if vectors else self.embedding(text)
        grid = x.shape[1:-1]  # a row of tokens, or rows and columns
        x = x.flatten(1, -2)
        if self.switches.segments:
            x = x + self.segments.weight[0]
        x, positions = self.get_submodule(f"{stack}_positions")(x)
        if asks:
            positions = replace(positions, query_key=self.queries.weight)
        elif self._on_a_grid():
            there = torch.ones(len(x), *((1,) * (2 - len(grid))), *grid, device=x.device).bool()
            table = sinusoidal_grid(there, self.sizes.d_model, dtype=x.dtype)
            positions = replace(positions, query_key=table.flatten(1, 2))
        return x, positions

    def _on_a_grid(self) -> bool:
        return bool(self.switches.positions == "grid")

    def _reads_tokens(self) -> bool:
        alone = len(self.switches.stacks) == 1
        decoder_does = not self.switches.queries and not alone
        return (
            self.switches.source == "tokens" or decoder_does or self.switches.scores == "embedding"
        )

    def _layer(self, stack: str) -> nn.Module:
        sizes = (self.sizes.d_model, self.sizes.num_heads, self.sizes.d_ff)
        options = self._options()
        if stack == "encoder":
            return EncoderLayer(
                *sizes, attention=self._attention(), options=options, **self._norms(False)
            )
        cross = self._attention() if "encoder" in self.switches.stacks else False
        return DecoderLayer(
            *sizes,
            attention=self._attention(),
            cross_attention=cross,
            causal=self.switches.causal,
            options=options,
            **self._norms("encoder" in self.switches.stacks),
        )

    def _norms(self, crossed: bool) -> dict[str, Any]:
        """Return the norms of a layer where its options do not build them."""
        if self.switches.norm != "batch":
            return {}
        sublayers = ["attention", *["cross_attention"] * crossed, "feed_forward"]
        return {f"{name}_norm": self._norm() for name in sublayers}

    def _norm(self) -> nn.Module:
        if self.switches.norm == "batch":
            return BatchNorm(self.sizes.d_model, eps=self.switches.norm_eps)
        return self._options()._norm(self.sizes.d_model)

    def _attention(self) -> MultiHeadAttention:
        attention = MultiHeadAttention(
            self.sizes.d_model,
            self.sizes.num_heads,
            num_kv_heads=self.sizes.num_heads // self.switches.queries_per_key,
            head_dim=self.sizes.head_dim,
            bias=self.switches.bias,
            attend=Attend(scale=None if self.switches.scaled_scores else 1.0),
        )
        if self.switches.unbiased_keys:
            attention.key_proj.register_parameter("bias", None)
        return attention

    def _options(self) -> LayerOptions:
        names = ("norm_first", "norm", "norm_eps", "activation", "bias")
        chosen: dict[str, Any] = {name: getattr(self.switches, name) for name in names}
        if chosen["norm"] == "batch":  # a part of its own, which a layer is given
            chosen["norm"] = "layer"
        return LayerOptions(**chosen, head_dim=self.sizes.head_dim)

    def _positions(self, stack: str) -> PositionScheme:
        width, turned = self.sizes.head_dim, self.switches.positions == "rotary"
        theta = self.switches.theta or 10_000.0
        first = stack == "encoder" and self.sizes.max_source_len
        return PositionScheme(
            "none" if self._on_a_grid() else self.switches.positions,
            self.sizes.d_model,
            self.sizes.num_heads,
            head_dim=width,
            max_len=first or self.sizes.max_len,
            bidirectional=stack == "encoder",
            part=Rotary(width, base=theta) if turned else None,
        )
