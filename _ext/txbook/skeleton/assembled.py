"""One skeleton: as its switches stand, it is the Transformer, BERT, GPT, Llama or T5.

The page “One skeleton” shows the class as it stands here. It knows neither padding nor a cache nor
dropout, which the models of txlite know; what they compute for whole texts, it computes too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from txlite.nn import (
    Attend,
    DecoderLayer,
    EncoderLayer,
    LayerOptions,
    MultiHeadAttention,
    Stack,
    TokenEmbedding,
)
from txlite.nn.positions import Rotary
from txlite.nn.positions.scheme import PositionScheme


@dataclass(frozen=True, kw_only=True)
class Switches:
    """What makes one model of the family another.

    Parameters
    ----------
    stacks : tuple of str
        Which stacks there are. A decoder is causal; behind an encoder it attends to it, too.
    positions : str
        How a model knows where a token stands.
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
    norm : str
        The kind of norm.
    norm_eps : float
        What the norm adds to the variance or to the mean square.
    activation : str
        The feed-forward layer's activation.
    bias : bool
        Whether maps and norms add a bias.
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
    positions: Any
    theta: float | None
    segments: int
    embedding_norm: bool
    scale_embedding: bool
    norm_first: bool
    norm: Any
    norm_eps: float
    activation: Any
    bias: bool
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
    max_len: int


class Skeleton(nn.Module):
    """Embedding, positions, one stack or two, scores."""

    def __init__(self, switches: Switches, sizes: Sizes) -> None:
        super().__init__()
        self.switches, self.sizes = switches, sizes
        vocabulary, width = sizes.vocab_size, sizes.d_model
        self.embedding = TokenEmbedding(vocabulary, width, scale=switches.scale_embedding)
        if switches.segments:
            self.segments = nn.Embedding(switches.segments, width)
        if switches.embedding_norm:
            self.embedding_norm = self._options()._norm(width)
        for stack in switches.stacks:
            layers = [self._layer(stack) for _ in range(sizes.num_layers)]
            last = self._options()._norm(width) if switches.norm_first else None
            self.add_module(f"{stack}_positions", self._positions(stack))
            self.add_module(stack, Stack(layers, last))
        if switches.scores == "own":
            self.output = nn.Linear(width, vocabulary, bias=False)

    def forward(self, *texts: Tensor) -> Tensor:
        """Read one text for each stack; return the scores, or hidden states where none scores."""
        hidden: Any = None
        for stack, tokens in zip(self.switches.stacks, texts, strict=True):
            x = self.embedding(tokens)
            if self.switches.segments:
                x = x + self.segments.weight[0]
            x, positions = self.get_submodule(f"{stack}_positions")(x)
            if self.switches.embedding_norm:
                x = self.embedding_norm(x)
            memory: Sequence[Any] = [hidden] if stack == "decoder" else []
            hidden = self.get_submodule(stack)(x, *memory, positions=positions)
        if self.switches.scores == "none":
            return hidden
        if self.switches.scale_output:
            hidden = hidden * self.sizes.d_model**-0.5
        own = self.switches.scores == "own"
        return self.output(hidden) if own else self.embedding.logits(hidden)

    def _layer(self, stack: str) -> nn.Module:
        sizes = (self.sizes.d_model, self.sizes.num_heads, self.sizes.d_ff)
        options = self._options()
        if stack == "encoder":
            return EncoderLayer(*sizes, attention=self._attention(), options=options)
        cross = self._attention() if "encoder" in self.switches.stacks else False
        return DecoderLayer(
            *sizes, attention=self._attention(), cross_attention=cross, options=options
        )

    def _attention(self) -> MultiHeadAttention:
        return MultiHeadAttention(
            self.sizes.d_model,
            self.sizes.num_heads,
            num_kv_heads=self.sizes.num_heads // self.switches.queries_per_key,
            head_dim=self.sizes.head_dim,
            bias=self.switches.bias,
            attend=Attend(scale=None if self.switches.scaled_scores else 1.0),
        )

    def _options(self) -> LayerOptions:
        names = ("norm_first", "norm", "norm_eps", "activation", "bias")
        chosen: dict[str, Any] = {name: getattr(self.switches, name) for name in names}
        return LayerOptions(**chosen, head_dim=self.sizes.head_dim)

    def _positions(self, stack: str) -> PositionScheme:
        width, turned = self.sizes.head_dim, self.switches.positions == "rotary"
        theta = self.switches.theta or 10_000.0
        return PositionScheme(
            self.switches.positions,
            self.sizes.d_model,
            self.sizes.num_heads,
            head_dim=width,
            max_len=self.sizes.max_len,
            bidirectional=stack == "encoder",
            part=Rotary(width, base=theta) if turned else None,
        )
