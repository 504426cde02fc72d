"""T5: the Transformer with both stacks, where every task is a text that becomes another text.

Positions are a learned bias of the scores, one table for all layers of a stack and none for the
attention to the source. The scores are not divided by the root of the width. The norms stand before
the sublayers and leave the mean where it is. No map has a bias.

Sources
    Raffel et al. (2020), "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
    Transformer", section 2.1 and table 14. Shazeer (2020), "GLU Variants Improve Transformer" (the
    gate of version 1.1). Details that no paper tells are those of the authors' code.
"""

from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from txlite.models._wiring import check_config, draw_by_inputs
from txlite.models.encoder_decoder import EncoderDecoder
from txlite.nn import (
    Attend,
    DecoderLayer,
    EncoderLayer,
    LayerOptions,
    MultiHeadAttention,
    Stack,
    TokenEmbedding,
)
from txlite.nn.feedforward import Activation
from txlite.nn.norms import NormName
from txlite.nn.positions import RelativeBias
from txlite.nn.positions.scheme import PositionScheme

__all__ = ["T5", "T5Config"]


@dataclass(frozen=True, kw_only=True)
class T5Config(LayerOptions):
    """Sizes and choices of a T5 beside :class:`txlite.nn.LayerOptions`; by default the base model.

    Raises
    ------
    ValueError
        If a size is not positive, a dropout is not in [0, 1), or there is no ``norm`` or
        ``activation`` of that name.
    """

    vocab_size: int = 32_128
    d_model: int = 768
    num_heads: int = 12
    head_dim: int | None = 64  # times num_heads need not be d_model
    d_ff: int = 3072
    num_layers: int = 12
    num_decoder_layers: int | None = None  # None: as many as the encoder has
    num_buckets: int = 32  # of distances, half of them for each side in the encoder
    max_distance: int = 128  # from here on all distances share a bucket
    max_len: int = 512  # of the texts that it was trained on; nothing here has a limit
    dropout: float = 0.1  # on every residual branch, the embeddings, and both stacks' ends
    attention_dropout: float = 0.1
    ff_dropout: float = 0.1
    activation: Activation = "relu"
    norm: NormName = "rms"
    norm_eps: float | None = 1e-6
    bias: bool = False
    tied_output: bool = True  # the embedding scores the next token
    scale_output: bool = True  # times 1/√d_model before the scores

    def __post_init__(self) -> None:
        super().__post_init__()
        check_config(self, "num_buckets", "max_distance", optional=("num_decoder_layers",))

    @classmethod
    def small(cls, vocab_size: int = 32_128) -> "T5Config":
        """Return T5 small, 60 million parameters."""
        return cls(vocab_size=vocab_size, d_model=512, num_heads=8, d_ff=2048, num_layers=6)

    @classmethod
    def base(cls, vocab_size: int = 32_128) -> "T5Config":
        """Return T5 base, 220 million parameters (section 3.1.1)."""
        return cls(vocab_size=vocab_size)

    @classmethod
    def large(cls, vocab_size: int = 32_128) -> "T5Config":
        """Return T5 large, 770 million parameters."""
        return cls(vocab_size=vocab_size, d_model=1024, num_heads=16, d_ff=4096, num_layers=24)

    @classmethod
    def v1_1_base(cls, vocab_size: int = 32_128) -> "T5Config":
        """Return the base model of version 1.1: a gate, narrower, and an output of its own."""
        return cls(
            vocab_size=vocab_size, d_ff=2048, activation="geglu_tanh",
            tied_output=False, scale_output=False,
        )  # fmt: skip


class T5(EncoderDecoder):
    """Encoder and decoder (section 2.1), from source and target tokens to the next one's scores.

    Parameters
    ----------
    config : T5Config
        Sizes and choices.

    Attributes
    ----------
    embedding : TokenEmbedding
        The tokens' vectors, of both sides.
    encoder_positions, decoder_positions : PositionScheme
        The biases of either stack, by distance.
    encoder, decoder : Stack
        The two stacks.
    output : Linear or None
        Scores the next token, where the embedding does not do it.

    Examples
    --------
    >>> import torch
    >>> sizes = {"d_model": 16, "num_heads": 2, "head_dim": 4, "d_ff": 32, "num_layers": 2}
    >>> source, target = torch.tensor([[5, 6, 7, 8]]), torch.tensor([[0, 9, 4]])
    >>> T5(T5Config(vocab_size=50, **sizes))(source, target).shape
    torch.Size([1, 3, 50])
    """

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.config = config
        width, heads = config.d_model, config.num_heads
        common = (width, heads, config.d_ff)
        reading = partial(EncoderLayer, *common, options=config.layer_options)
        writing = partial(DecoderLayer, *common, options=config.layer_options)
        self.embedding = TokenEmbedding(config.vocab_size, width, scale=False)
        self.source_embedding = None  # both sides have one vocabulary
        table = partial(
            RelativeBias, heads, num_buckets=config.num_buckets, max_distance=config.max_distance
        )
        scheme = partial(PositionScheme, "relative", width, heads)
        self.encoder_positions = scheme(part=table())
        self.decoder_positions = scheme(part=table(bidirectional=False))
        self.dropout = nn.Dropout(config.dropout)
        part = partial(_attention, config)
        below = range(config.num_layers)
        above = range(config.num_decoder_layers or config.num_layers)
        encoder = [
            reading(attention=part(), feed_forward=self._feed_forward("encoder", i)) for i in below
        ]
        decoder = [
            writing(
                attention=part(),
                cross_attention=part(),
                feed_forward=self._feed_forward("decoder", i),
            )
            for i in above
        ]
        self.encoder = Stack(encoder, config._norm(width))
        self.decoder = Stack(decoder, config._norm(width))
        output = partial(nn.Linear, width, config.vocab_size, bias=False)
        self.output = None if config.tied_output else output()
        draw_by_inputs(self)
        nn.init.normal_(self.embedding.weight)
        for module in self.modules():
            if isinstance(module, RelativeBias):
                nn.init.normal_(module.table.weight, std=width**-0.5)
            elif isinstance(module, MultiHeadAttention):  # instead of dividing the scores
                nn.init.normal_(module.query_proj.weight, std=(width * module.head_dim) ** -0.5)

    def _feed_forward(self, stack: str, layer: int) -> nn.Module | None:
        """Return what stands in the place of a layer's feed-forward; None: what the sizes build."""
        return None

    def _leave(self, x: Tensor) -> Tensor:
        dropped: Tensor = self.dropout(x)
        return dropped

    def _scores(self, x: Tensor) -> Tensor:
        x = x * (self.config.d_model**-0.5 if self.config.scale_output else 1.0)
        logits: Tensor = self.embedding.logits(x) if self.output is None else self.output(x)
        return logits


def _attention(config: T5Config) -> MultiHeadAttention:
    """Return an attention whose scores are as large as they come."""
    return MultiHeadAttention(
        config.d_model, config.num_heads,
        num_kv_heads=config.num_kv_heads, head_dim=config.head_dim, bias=config.bias,
        attend=Attend(config.attention_dropout, scale=1.0),
    )  # fmt: skip
