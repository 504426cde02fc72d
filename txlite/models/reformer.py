"""Reformer: a language model for long texts, whose layers attend by hashing and keep no states.

Every second layer attends locally, the others to what hashing brings together. The layers are
reversible, positions are axial, and the feed-forward layer reads a stretch at a time.

Source
    Kitaev et al. (2020), "Reformer: The Efficient Transformer", sections 2 to 4.
"""

import math

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn
from torch.nn.functional import pad

from txlite._checks import check_shape
from txlite.models._wiring import check_keep, draw_normal
from txlite.models.reformer_config import ReformerConfig
from txlite.nn import (
    ChunkedFeedForward,
    KVCache,
    LocalAttend,
    LSHAttention,
    MultiHeadAttention,
    ReversibleLayer,
    ReversibleStack,
    TokenEmbedding,
    masks,
)
from txlite.nn.positions import Axial
from txlite.nn.positions.scheme import PositionScheme

__all__ = ["Reformer"]


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
                width, heads, num_kv_heads=config.num_kv_heads, head_dim=config.head_dim,
                bias=False, attend=attend,
            )  # fmt: skip
        else:
            attention = LSHAttention(
                width, heads, head_dim=config.head_dim, chunk_length=config.lsh_chunk_length,
                num_hashes=config.num_hashes, num_buckets=config.num_buckets,
                num_before=config.lsh_chunks_before, seed=config.hash_seed, max_len=config.max_len,
                dropout=config.lsh_dropout,
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
