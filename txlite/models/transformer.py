"""The Transformer: an encoder that reads, a decoder that writes, and attention between them.

The chapter on the 6+6 Transformer assembles it. The file only wires parts of :mod:`txlite.nn`
together; it knows nothing of training, of search or of files. The defaults are the paper's choices,
and each is a switch.

Source
    Vaswani et al. (2017), "Attention Is All You Need", section 3 and table 3.
"""

from dataclasses import dataclass
from functools import partial
from typing import get_args

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from txlite._checks import check_choice, check_divides, check_positive, check_shape
from txlite.models._wiring import check_keep
from txlite.nn import Decoder, Encoder, KVCache, LayerOptions, TokenEmbedding, masks
from txlite.nn.feedforward import Activation
from txlite.nn.positions.scheme import PositionScheme, SchemeName

__all__ = ["Transformer", "TransformerConfig"]


@dataclass(frozen=True, kw_only=True)
class TransformerConfig(LayerOptions):
    """Sizes and choices of a Transformer; the defaults are those of the paper's base model.

    The choices that layers share are those of :class:`txlite.nn.LayerOptions`, each a field here.

    Raises
    ------
    ValueError
        If a size is not positive, the heads do not divide, a dropout is not in [0, 1), or there is
        no ``norm``, ``activation`` or ``positions`` of that name.
    """

    vocab_size: int  # tokens of the target, and of the source if it has no vocabulary of its own
    source_vocab_size: int | None = None  # None: one vocabulary and one embedding for both
    d_model: int = 512
    num_heads: int = 8
    d_ff: int = 2048
    num_layers: int = 6
    num_decoder_layers: int | None = None  # None: as many as the encoder has
    dropout: float = 0.1  # on every residual branch, and on the embeddings
    norm_first: bool = False  # pre-norm instead of the paper's post-norm
    final_norm: bool | None = None  # None: at the end of pre-norm stacks only
    activation: Activation = "relu"
    positions: SchemeName = "sinusoidal"
    max_len: int = 512  # of learned positions, the only scheme with a limit
    scale_embedding: bool = True  # times √d_model, section 3.4
    tied_output: bool = True  # the target's embedding scores the next token
    output_bias: bool = False  # a learned bias of every token's score, as Marian has

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("vocab_size", "d_model", "num_heads", "d_ff", "num_layers", "max_len"):
            self._keep(name, check_positive(name, getattr(self, name)))
        for name in ("source_vocab_size", "num_decoder_layers"):
            if getattr(self, name) is not None:
                self._keep(name, check_positive(name, getattr(self, name)))
        check_choice("positions", self.positions, get_args(SchemeName))
        if self.head_dim is None:
            check_divides("num_heads", self.num_heads, "d_model", self.d_model)
        if self.num_kv_heads is not None:
            check_divides("num_kv_heads", self.num_kv_heads, "num_heads", self.num_heads)

    @classmethod
    def base(cls, vocab_size: int = 37_000) -> "TransformerConfig":
        """Return the paper's base model (table 3, first row; section 5.1 for the vocabulary)."""
        return cls(vocab_size=vocab_size)

    @classmethod
    def big(cls, vocab_size: int = 37_000) -> "TransformerConfig":
        """Return the paper's big model (table 3, last row)."""
        return cls(vocab_size=vocab_size, d_model=1024, num_heads=16, d_ff=4096, dropout=0.3)


class Transformer(nn.Module):
    """Encoder and decoder, from source tokens and target tokens to the next token's scores.

    Parameters
    ----------
    config : TransformerConfig
        Sizes and choices.

    Attributes
    ----------
    embedding : TokenEmbedding
        The target's tokens, and the source's where they share a vocabulary.
    source_embedding : TokenEmbedding or None
        The source's tokens, where they have a vocabulary of their own.
    encoder, decoder : Encoder, Decoder
        The two stacks.
    output : Linear or None
        Scores the next token, where the embedding does not do it.
    output_bias : Parameter or None
        Added to the scores, where there is one.

    References
    ----------
    Vaswani et al. (2017), figure 1 and section 3.

    Examples
    --------
    >>> import torch
    >>> config = TransformerConfig(vocab_size=50, d_model=16, num_heads=2, d_ff=32, num_layers=2)
    >>> source, target = torch.tensor([[5, 6, 7, 8]]), torch.tensor([[1, 9, 4]])
    >>> Transformer(config)(source, target).shape
    torch.Size([1, 3, 50])
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        width, heads = config.d_model, config.num_heads
        sizes = (width, heads, config.d_ff)
        options = config.layer_options
        self.embedding = TokenEmbedding(config.vocab_size, width, scale=config.scale_embedding)
        self.source_embedding = (
            TokenEmbedding(config.source_vocab_size, width, scale=config.scale_embedding)
            if config.source_vocab_size is not None
            else None
        )
        scheme = partial(
            PositionScheme, config.positions, width, heads,
            head_dim=config.head_dim, max_len=config.max_len,
        )  # fmt: skip
        self.encoder_positions = scheme()
        self.decoder_positions = scheme(bidirectional=False)
        self.dropout = nn.Dropout(config.dropout)
        self.encoder = Encoder(
            config.num_layers, *sizes, final_norm=config.final_norm, options=options
        )
        decoder_layers = config.num_decoder_layers or config.num_layers
        self.decoder = Decoder(
            decoder_layers, *sizes, final_norm=config.final_norm, options=options
        )
        self.output = (
            None if config.tied_output else nn.Linear(width, config.vocab_size, bias=False)
        )
        self.output_bias = (
            nn.Parameter(torch.zeros(config.vocab_size)) if config.output_bias else None
        )

    def forward(
        self,
        source: Integer[Tensor, "B S"] | None,
        target: Integer[Tensor, "B T"],
        *,
        source_keep: Bool[Tensor, "B S"] | None = None,
        target_keep: Bool[Tensor, "B L"] | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "B T V"]:
        """Score every possible next token after each target position.

        Training passes whole targets, decoding passes the newest tokens and a cache.

        Parameters
        ----------
        source : Tensor of int, shape (B, S), optional
            Tokens of the sentence to read. Not needed, and not read again, once the cache is
            filled.
        target : Tensor of int, shape (B, T)
            Tokens of the sentence that is written; with a cache the new ones only.
        source_keep : Tensor of bool, shape (B, S), optional
            True for a real source token, False for padding. Needed at every step.
        target_keep : Tensor of bool, shape (B, L), optional
            The same of the target: of the cached positions and the new ones.
        cache : KVCache, optional
            What earlier calls have computed; it grows by T positions.

        Returns
        -------
        Tensor, shape (B, T, V)
            One score for each token of the vocabulary, before the softmax.

        Raises
        ------
        ValueError
            If a shape or a mask does not fit, or there is neither a source nor a filled cache.
        """
        if cache is not None and cache.filled:
            return self.decode(
                target, None, source_keep=source_keep, target_keep=target_keep, cache=cache
            )
        if source is None:
            raise ValueError("source should be given, or a filled cache; got None")
        check_keep("source_keep", source_keep, *check_shape("source", source, "B S").values())
        memory = self.encode(source, source_keep)
        return self.decode(
            target, memory, source_keep=source_keep, target_keep=target_keep, cache=cache
        )

    def encode(
        self, source: Integer[Tensor, "B S"], keep: Bool[Tensor, "B S"] | None = None
    ) -> Float[Tensor, "B S D"]:
        """Read a sentence: one vector for each token, in the light of all others.

        Parameters
        ----------
        source : Tensor of int, shape (B, S)
            Tokens of the sentence.
        keep : Tensor of bool, shape (B, S), optional
            True for a real token, False for padding.

        Returns
        -------
        Tensor, shape (B, S, D)
            The encoder's output, which the decoder attends to.

        Raises
        ------
        ValueError
            If a shape or the mask does not fit.
        """
        check_shape("source", source, "B S")
        embedding = self.source_embedding or self.embedding
        x, positions = self.encoder_positions(embedding(source), keep)
        mask = None if keep is None else masks.padding(keep)
        memory: Tensor = self.encoder(self.dropout(x), mask, positions=positions)
        return memory

    def decode(
        self,
        target: Integer[Tensor, "B T"],
        memory: Float[Tensor, "B S D"] | None,
        *,
        source_keep: Bool[Tensor, "B S"] | None = None,
        target_keep: Bool[Tensor, "B L"] | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "B T V"]:
        """Score every possible next token, given what the encoder has read.

        Parameters
        ----------
        target : Tensor of int, shape (B, T)
            Tokens of the sentence that is written; with a cache the new ones only.
        memory : Tensor, shape (B, S, D), optional
            The encoder's output; may be None once the cache is filled.
        source_keep : Tensor of bool, shape (B, S), optional
            True for a real source token, False for padding.
        target_keep : Tensor of bool, shape (B, L), optional
            The same of the target: of the cached positions and the new ones.
        cache : KVCache, optional
            What earlier calls have computed; it grows by T positions.

        Returns
        -------
        Tensor, shape (B, T, V)
            One score for each token of the vocabulary, before the softmax.

        Raises
        ------
        ValueError
            If a shape or a mask does not fit, or there is no memory to attend to.
        """
        batch, length = check_shape("target", target, "B T").values()
        past = 0 if cache is None else cache.length
        check_keep("target_keep", target_keep, batch, past + length)
        x, positions = self.decoder_positions(self.embedding(target), target_keep, past)
        x = self.decoder(
            self.dropout(x),
            memory,
            None if target_keep is None else masks.padding(target_keep),
            None if source_keep is None else masks.padding(source_keep),
            positions=positions,
            cache=cache,
        )
        logits: Tensor = self.embedding.logits(x) if self.output is None else self.output(x)
        return logits if self.output_bias is None else logits + self.output_bias
