"""Reformer: a language model for long texts, whose layers attend by hashing and keep no states.

Every second layer attends locally, the others to what hashing brings together. The layers are
reversible, positions are axial, and the feed-forward layer reads a stretch at a time.

Source
    Kitaev et al. (2020), "Reformer: The Efficient Transformer", sections 2 to 4. Of the published
    models, of which the paper's tables say nothing, their configurations.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn
from torch.nn.functional import pad

from txlite._checks import check_choice, check_length, check_positive, check_probability, check_shape
from txlite.models._wiring import check_config, check_keep, draw_normal
from txlite.nn import (
    ChunkedFeedForward,
    KVCache,
    LayerOptions,
    LocalAttend,
    LSHAttention,
    MultiHeadAttention,
    ReversibleLayer,
    ReversibleStack,
    TokenEmbedding,
    masks,
)
from txlite.nn.feedforward import Activation
from txlite.nn.hashing import bucket_factors
from txlite.nn.positions import Axial
from txlite.nn.positions.axial import check_pair
from txlite.nn.positions.scheme import PositionScheme

__all__ = ["Reformer", "ReformerConfig"]

KINDS = ("local", "lsh")


@dataclass(frozen=True, kw_only=True)
class ReformerConfig(LayerOptions):
    """Sizes and choices of a Reformer beside :class:`txlite.nn.LayerOptions`.

    By default the smaller published model, which reads half a million characters.

    Raises
    ------
    ValueError
        If a size is not positive, a layer is neither ``"local"`` nor ``"lsh"``, the axial widths do
        not add up to the model's, a number of buckets is odd, a dropout is not in [0, 1), or the
        norms do not come first.
    """

    vocab_size: int = 320
    d_model: int = 256
    num_heads: int = 2
    head_dim: int | None = 64
    d_ff: int = 512
    attention_layers: tuple[str, ...] = ("local", "lsh") * 3  # from the first layer to the last
    max_len: int = 524_288
    axial_shape: tuple[int, int] | None = (512, 1024)  # None: a row for each of max_len positions
    axial_widths: tuple[int, int] = (64, 192)
    local_chunk_length: int = 64
    local_chunks_before: int = 1
    lsh_chunk_length: int = 64
    lsh_chunks_before: int = 1
    lsh_chunks_after: int = 0  # in the sorted order: what the mask hides stays hidden
    num_hashes: int = 1
    num_buckets: int | tuple[int, ...] | None = (64, 128)  # None: to suit each length
    hash_seed: int | None = None  # None: other directions in each call
    feed_forward_chunk: int = 0  # positions in a stretch; 0: all at once
    dropout: float = 0.05
    attention_dropout: float = 0.05  # of the local layers
    lsh_dropout: float = 0.0
    ff_dropout: float = 0.05
    activation: Activation = "relu"
    norm_eps: float | None = 1e-12
    recompute: bool = True  # in the backward pass; False stores all hidden states
    init_std: float = 0.02

    def __post_init__(self) -> None:
        super().__post_init__()
        chunks = ("local_chunk_length", "lsh_chunk_length", "num_hashes")
        check_config(self, *chunks)
        for name in ("local_chunks_before", "lsh_chunks_before", "lsh_chunks_after"):
            self._keep(name, check_length(name, getattr(self, name)))
        self._keep("feed_forward_chunk", check_length("feed_forward_chunk", self.feed_forward_chunk))
        self._keep("lsh_dropout", check_probability("lsh_dropout", self.lsh_dropout))
        object.__setattr__(self, "attention_layers", tuple(self.attention_layers))
        check_positive("the number of attention_layers", len(self.attention_layers))
        for kind in self.attention_layers:
            check_choice("attention_layers", kind, KINDS)
        for name, wanted in (("norm_first", True), ("num_kv_heads", None)):
            if getattr(self, name) is not wanted:
                raise ValueError(
                    f"{name} should be {wanted} in a Reformer, got {getattr(self, name)!r}"
                )
        if self.hash_seed is not None:
            self._keep("hash_seed", check_length("hash_seed", self.hash_seed))
        if self.num_buckets is not None:
            object.__setattr__(self, "num_buckets", bucket_factors(self.num_buckets))
        if self.axial_shape is not None:
            object.__setattr__(self, "axial_shape", check_pair("axial_shape", self.axial_shape))
            object.__setattr__(self, "axial_widths", check_pair("axial_widths", self.axial_widths))
            if sum(self.axial_widths) != self.d_model:
                raise ValueError(
                    f"axial_widths should add up to d_model={self.d_model}, got {self.axial_widths}"
                )

    @classmethod
    def crime_and_punishment(cls) -> "ReformerConfig":
        """Return the published model of one novel: 320 pieces of words, 3 million parameters."""
        return cls()

    @classmethod
    def enwik8(cls) -> "ReformerConfig":
        """Return the published model of bytes, 12 layers, 149 million parameters."""
        four = ("local", "local", "lsh", "local")
        return cls(
            vocab_size=258, d_model=1024, num_heads=8, head_dim=128, d_ff=4096,
            attention_layers=four * 2 + ("local", "local", "lsh", "local"), max_len=65_536,
            axial_shape=(128, 512), axial_widths=(256, 768), local_chunk_length=128,
            lsh_chunk_length=256, num_hashes=4, num_buckets=512,
        )  # fmt: skip


class Reformer(nn.Module):
    """A causal reversible stack, from tokens to the next token's scores.

    Parameters
    ----------
    config : ReformerConfig
        Sizes and choices.

    Attributes
    ----------
    embedding : TokenEmbedding
        The tokens' vectors.
    positions : PositionScheme
        Where the tokens stand.
    decoder : ReversibleStack
        The layers, whose two streams come out beside each other.
    output : Linear
        Scores the next token from both.

    Notes
    -----
    A text that is longer than the shortest chunk is filled up to whole chunks with padding, which
    is taken off again. Chunks are counted with the padding that a text brings: on its left it moves
    them. Which keys a position sees by hashing depends on the whole text: see
    :func:`txlite.nn.lsh_attention`. So there is no cache, and ``generate`` is told
    ``use_cache=False``.

    References
    ----------
    Kitaev et al. (2020), sections 2 to 4.

    Examples
    --------
    >>> config = ReformerConfig(
    ...     vocab_size=50, d_model=16, num_heads=2, head_dim=4, d_ff=32, axial_shape=(8, 16),
    ...     axial_widths=(4, 12), max_len=128, local_chunk_length=4, lsh_chunk_length=8,
    ...     num_buckets=None,
    ... )
    >>> Reformer(config)(torch.randint(50, (2, 37))).shape
    torch.Size([2, 37, 50])
    """

    def __init__(self, config: ReformerConfig) -> None:
        super().__init__()
        self.config = config
        width = config.d_model
        self.embedding = TokenEmbedding(config.vocab_size, width, scale=False)
        axial = config.axial_shape and Axial(config.axial_shape, config.axial_widths)
        self.positions = PositionScheme(
            "learned", width, config.num_heads,
            head_dim=config.head_dim, max_len=config.max_len, part=axial,
        )  # fmt: skip
        self.dropout = nn.Dropout(config.dropout)
        layers = [self._layer(kind) for kind in config.attention_layers]
        norm = config.layer_options._norm(2 * width)
        self.decoder = ReversibleStack(layers, norm, recompute=config.recompute)
        self.output = nn.Linear(2 * width, config.vocab_size)
        draw_normal(self, config.init_std)

    def forward(
        self,
        tokens: Integer[Tensor, "B T"],
        *,
        keep: Bool[Tensor, "B T"] | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "B T V"]:
        """Score every possible next token after each position.

        Parameters
        ----------
        tokens : Tensor of int, shape (B, T)
            The text.
        keep : Tensor of bool, shape (B, T), optional
            True for a real token, False for padding.
        cache : None
            There is none; it is an argument so that it can be refused.

        Returns
        -------
        Tensor, shape (B, T, V)
            One score for each token of the vocabulary, before the softmax.

        Raises
        ------
        ValueError
            If a shape or the mask does not fit, the text is too long, a token has no row, or a
            cache is given.
        """
        batch, length = check_shape("tokens", tokens, "B T").values()
        check_keep("keep", keep, batch, length)
        if cache is not None:
            raise ValueError("cache should be None for a Reformer: generate with use_cache=False")
        if length > self.config.max_len:
            raise ValueError(f"tokens should be at most {self.config.max_len} long, got {length}")
        x, _ = self.positions(self.dropout(self.embedding(tokens)), keep)
        spare = self._spare(length)
        if spare:
            keep = torch.ones_like(tokens, dtype=torch.bool) if keep is None else keep
            x, keep = pad(x, (0, 0, 0, spare)), pad(keep, (0, spare))
        mask = masks.causal() if keep is None else masks.causal() & masks.padding(keep)
        x = self.dropout(self.decoder(x, mask)[:, :length])
        logits: Tensor = self.output(x)
        return logits

    def _spare(self, length: int) -> int:
        """How many positions are missing to whole chunks of both kinds."""
        config = self.config
        lengths = {"local": config.local_chunk_length, "lsh": config.lsh_chunk_length}
        sizes = [lengths[kind] for kind in set(config.attention_layers)]
        return -length % math.lcm(*sizes) if length > min(sizes) else 0

    def _layer(self, kind: str) -> ReversibleLayer:
        config, width, heads = self.config, self.config.d_model, self.config.num_heads
        options = config.layer_options
        attention: nn.Module
        if kind == "local":
            attend = LocalAttend(
                config.local_chunk_length, config.local_chunks_before,
                dropout=config.attention_dropout,
            )  # fmt: skip
            attention = MultiHeadAttention(
                width, heads, head_dim=config.head_dim, bias=False, attend=attend
            )
        else:
            attention = LSHAttention(
                width, heads, head_dim=config.head_dim, chunk_length=config.lsh_chunk_length,
                num_hashes=config.num_hashes, num_buckets=config.num_buckets,
                num_before=config.lsh_chunks_before, num_after=config.lsh_chunks_after,
                seed=config.hash_seed, max_len=config.max_len, dropout=config.lsh_dropout,
            )  # fmt: skip
        part = None
        if config.feed_forward_chunk:
            part = ChunkedFeedForward(
                width, config.d_ff, config.feed_forward_chunk,
                activation=config.activation, bias=config.bias, dropout=config.ff_dropout,
            )  # fmt: skip
        return ReversibleLayer(
            width, heads, config.d_ff, attention=attention, feed_forward=part, options=options
        )
