"""The Transformer: an encoder that reads, a decoder that writes, and attention between them.

The chapter on the 6+6 Transformer assembles it. The file only wires parts of :mod:`txlite.nn`
together; it knows nothing of training, of search or of files. The defaults are the paper's choices,
and each is a switch.

Source
    Vaswani et al. (2017), "Attention Is All You Need", section 3 and table 3.
"""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from txlite.models._wiring import check_config
from txlite.models.encoder_decoder import EncoderDecoder
from txlite.nn import Decoder, Encoder, LayerOptions, TokenEmbedding
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
        check_config(self, optional=("source_vocab_size", "num_decoder_layers"))

    @classmethod
    def base(cls, vocab_size: int = 37_000) -> "TransformerConfig":
        """Return the paper's base model (table 3, first row; section 5.1 for the vocabulary)."""
        return cls(vocab_size=vocab_size)

    @classmethod
    def big(cls, vocab_size: int = 37_000) -> "TransformerConfig":
        """Return the paper's big model (table 3, last row)."""
        return cls(vocab_size=vocab_size, d_model=1024, num_heads=16, d_ff=4096, dropout=0.3)


class Transformer(EncoderDecoder):
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

    def _scores(self, x: Tensor) -> Tensor:
        logits: Tensor = self.embedding.logits(x) if self.output is None else self.output(x)
        return logits if self.output_bias is None else logits + self.output_bias
