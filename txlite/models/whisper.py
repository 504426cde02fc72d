"""Whisper: the Transformer with sound on one side and text on the other.

The encoder reads a log-mel spectrogram (:func:`txlite.data.audio.log_mel`): two convolutions along
time turn each pair of frames into one vector, and a table of sines and cosines says when it sounds.
The decoder writes tokens as any other. Keys have no bias; the norms stand before the sublayers.

Sources
    Radford et al. (2023), "Robust Speech Recognition via Large-Scale Weak Supervision", section 2.2
    and table 1. Details that the paper does not tell are those of the authors' code.
"""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from txlite._checks import check_floating, check_shape
from txlite.models._wiring import check_config, draw_normal
from txlite.models.encoder_decoder import EncoderDecoder
from txlite.nn import (
    DecoderLayer,
    EncoderLayer,
    LayerOptions,
    MultiHeadAttention,
    Stack,
    TokenEmbedding,
)
from txlite.nn.positions import Learned, Positions, sinusoidal
from txlite.nn.positions.scheme import PositionScheme

__all__ = ["Whisper", "WhisperConfig"]


@dataclass(frozen=True, kw_only=True)
class WhisperConfig(LayerOptions):
    """Sizes and choices of a Whisper beside :class:`txlite.nn.LayerOptions`; by default tiny.

    Raises
    ------
    ValueError
        If a size is not positive, the heads do not divide, the width is odd or below 4, a dropout
        is not in [0, 1), or there is no ``norm`` or ``activation`` of that name.
    """

    vocab_size: int = 51_865  # 51 864 of the English models, 51 866 of the third large one
    d_model: int = 384
    num_heads: int = 6
    d_ff: int = 1536
    num_layers: int = 4
    num_decoder_layers: int | None = None  # None: as many as the encoder has
    num_mels: int = 80  # bands of the spectrogram; 128 of the third large model
    max_source_len: int = 1500  # vectors of 20 ms that the encoder has positions for: 30 s
    max_len: int = 448  # tokens that the decoder has positions for
    init_std: float = 0.02  # of the weights, before training

    def __post_init__(self) -> None:
        super().__post_init__()
        check_config(self, "num_mels", "max_source_len", optional=("num_decoder_layers",))
        if self.d_model % 2 or self.d_model < 4:
            raise ValueError(f"d_model should be even and at least 4, got {self.d_model}")

    @classmethod
    def tiny(cls, vocab_size: int = 51_865) -> "WhisperConfig":
        """Return Whisper tiny, 39 million parameters (table 1)."""
        return cls(vocab_size=vocab_size)

    @classmethod
    def base(cls, vocab_size: int = 51_865) -> "WhisperConfig":
        """Return Whisper base, 74 million parameters (table 1)."""
        return cls(vocab_size=vocab_size, d_model=512, num_heads=8, d_ff=2048, num_layers=6)

    @classmethod
    def small(cls, vocab_size: int = 51_865) -> "WhisperConfig":
        """Return Whisper small, 244 million parameters (table 1)."""
        return cls(vocab_size=vocab_size, d_model=768, num_heads=12, d_ff=3072, num_layers=12)

    @classmethod
    def medium(cls, vocab_size: int = 51_865) -> "WhisperConfig":
        """Return Whisper medium, 769 million parameters (table 1)."""
        return cls(vocab_size=vocab_size, d_model=1024, num_heads=16, d_ff=4096, num_layers=24)

    @classmethod
    def large(cls, vocab_size: int = 51_866, num_mels: int = 128) -> "WhisperConfig":
        """Return Whisper large, 1550 million parameters; the first two have 80 bands."""
        return cls(
            vocab_size=vocab_size, num_mels=num_mels,
            d_model=1280, num_heads=20, d_ff=5120, num_layers=32,
        )  # fmt: skip


class Whisper(EncoderDecoder):
    """Encoder and decoder (section 2.2), from a spectrogram and target tokens to the next's scores.

    A source has shape (B, M, F): M bands, and F frames of 10 ms, at most 2 × ``max_source_len``.
    The encoder makes S = ⌈F/2⌉ vectors of them, and ``source_keep``, of shape (B, S), may hide
    some: those that are heard keep their place in time.

    Parameters
    ----------
    config : WhisperConfig
        Sizes and choices.

    Attributes
    ----------
    conv1, conv2 : Conv1d
        From the bands of three frames to a vector; the second takes every other place.
    embedding : TokenEmbedding
        The target's tokens; it scores the next one too.
    encoder_positions, decoder_positions : PositionScheme
        A table of sines and cosines, which is stored with the weights and wants no gradient, and a
        learned one.
    encoder, decoder : Stack
        The two stacks.

    Examples
    --------
    >>> sizes = {"d_model": 16, "num_heads": 2, "d_ff": 32, "num_layers": 2, "num_mels": 8}
    >>> model = Whisper(WhisperConfig(vocab_size=50, **sizes))
    >>> model(torch.zeros(1, 8, 30), torch.tensor([[1, 9, 4]])).shape
    torch.Size([1, 3, 50])
    """

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__()
        self.config = config
        width = config.d_model
        common = (width, config.num_heads, config.d_ff)
        reading = partial(EncoderLayer, *common, options=config.layer_options)
        writing = partial(DecoderLayer, *common, options=config.layer_options)
        self.conv1 = nn.Conv1d(config.num_mels, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.embedding = TokenEmbedding(config.vocab_size, width, scale=False)
        self.source_embedding = None  # the source has no tokens
        scheme = partial(PositionScheme, "learned", width, config.num_heads)
        self.encoder_positions = scheme(part=Learned(config.max_source_len, width))
        self.decoder_positions = scheme(max_len=config.max_len)
        self.dropout = nn.Dropout(config.dropout)
        part = partial(_attention, config)
        below = range(config.num_layers)
        above = range(config.num_decoder_layers or config.num_layers)
        encoder = [reading(attention=part()) for _ in below]
        decoder = [writing(attention=part(), cross_attention=part()) for _ in above]
        self.encoder = Stack(encoder, config._norm(width))
        self.decoder = Stack(decoder, config._norm(width))
        draw_normal(self, config.init_std)
        table = self.encoder_positions.get_parameter("added.table.weight").requires_grad_(False)
        table.copy_(_sines_then_cosines(config.max_source_len, width))

    def _size(self, source: Tensor) -> tuple[int, int]:
        sizes = check_shape("source", source, "B M F", M=self.config.num_mels)
        check_floating("source", source)
        frames, longest = sizes["F"], 2 * self.config.max_source_len
        if not torch.compiler.is_compiling() and frames > longest:
            raise ValueError(f"source should have at most F={longest} frames, got {frames}")
        return sizes["B"], (frames + 1) // 2

    def _enter(self, source: Tensor, keep: Tensor | None) -> tuple[Tensor, Positions]:
        """Hear three frames at a time; what is hidden keeps its place in time."""
        x = gelu(self.conv2(gelu(self.conv1(source)))).mT  # (B, S, D)
        placed: tuple[Tensor, Positions] = self.encoder_positions(x)
        return placed

    def _scores(self, x: Tensor) -> Tensor:
        return self.embedding.logits(x)


def _attention(config: WhisperConfig) -> MultiHeadAttention:
    """Return an attention whose keys have no bias."""
    attention = config._attention(config.d_model, config.num_heads)
    assert isinstance(attention, MultiHeadAttention)
    key = attention.key_proj
    attention.key_proj = nn.Linear(key.in_features, key.out_features, bias=False)
    return attention


def _sines_then_cosines(rows: int, width: int) -> Tensor:
    """Return the encoder's table, whose last hand turns 10 000 times more slowly than its first."""
    half = width // 2
    table = sinusoidal(torch.arange(rows), width, 10_000.0 ** (half / (half - 1)))
    return torch.cat([table[:, 0::2], table[:, 1::2]], 1)
