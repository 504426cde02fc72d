"""GPT: a decoder without an encoder, which writes the next token from all that came before.

The chapter on GPT assembles and trains it. What it takes away from the Transformer is the encoder
and the attention to it; positions are learned, and the norms stand before the sublayers.

Sources
    Radford et al. (2018), "Improving Language Understanding by Generative Pre-Training" (GPT-1).
    Radford et al. (2019), "Language Models are Unsupervised Multitask Learners" (GPT-2), section
    2.3. Brown et al. (2020), "Language Models are Few-Shot Learners" (GPT-3), table 2.1.
"""

from dataclasses import dataclass

from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from txlite._checks import check_shape
from txlite.models._wiring import check_config, check_keep, draw_normal
from txlite.nn import Decoder, KVCache, LayerOptions, TokenEmbedding, masks
from txlite.nn.feedforward import Activation
from txlite.nn.positions.scheme import PositionScheme, SchemeName

__all__ = ["GPT", "GPTConfig"]


@dataclass(frozen=True, kw_only=True)
class GPTConfig(LayerOptions):
    """Sizes and choices of a GPT beside :class:`txlite.nn.LayerOptions`; by default GPT-2 small.

    Raises
    ------
    ValueError
        If a size is not positive, the heads do not divide, a dropout is not in [0, 1), or there is
        no ``norm``, ``activation`` or ``positions`` of that name.
    """

    vocab_size: int
    d_model: int = 768
    num_heads: int = 12
    d_ff: int = 3072
    num_layers: int = 12
    max_len: int = 1024  # of learned positions, the only scheme with a limit
    dropout: float = 0.1  # on every residual branch, and on the embeddings
    attention_dropout: float = 0.1
    activation: Activation = "gelu_tanh"
    positions: SchemeName = "learned"
    final_norm: bool | None = None  # None: at the end of a pre-norm stack
    tied_output: bool = True  # the embedding scores the next token
    init_std: float = 0.02  # of the weights, before training

    def __post_init__(self) -> None:
        super().__post_init__()
        check_config(self)

    @classmethod
    def gpt1(cls, vocab_size: int = 40_478) -> "GPTConfig":
        """Return GPT-1: post-norm, 512 positions (section 4.1)."""
        return cls(vocab_size=vocab_size, max_len=512, norm_first=False)

    @classmethod
    def gpt2(cls, vocab_size: int = 50_257) -> "GPTConfig":
        """Return GPT-2 small (table 2, first row)."""
        return cls(vocab_size=vocab_size)

    @classmethod
    def gpt2_medium(cls, vocab_size: int = 50_257) -> "GPTConfig":
        """Return GPT-2 medium (table 2, second row)."""
        return cls._sized(vocab_size, 24, 1024, 16)

    @classmethod
    def gpt2_large(cls, vocab_size: int = 50_257) -> "GPTConfig":
        """Return GPT-2 large (table 2, third row)."""
        return cls._sized(vocab_size, 36, 1280, 20)

    @classmethod
    def gpt2_xl(cls, vocab_size: int = 50_257) -> "GPTConfig":
        """Return GPT-2 XL (table 2, last row)."""
        return cls._sized(vocab_size, 48, 1600, 25)

    @classmethod
    def gpt3(cls, vocab_size: int = 50_257) -> "GPTConfig":
        """Return the sizes of GPT-3 175B (table 2.1, last row).

        Every second layer of GPT-3 attends to a part of the positions only, which changes the
        computation and no parameter; here every layer attends to all.
        """
        return cls._sized(vocab_size, 96, 12_288, 96, max_len=2048)

    @classmethod
    def megatron_8b(cls, vocab_size: int = 51_200) -> "GPTConfig":
        """Return Megatron-LM's model of 8.3 billion parameters (Shoeybi et al. 2019, section 5).

        The vocabulary is GPT-2's, filled up to a multiple of 128 in each of eight processes.
        """
        return cls._sized(vocab_size, 72, 3072, 24)

    @classmethod
    def turing_nlg(cls, vocab_size: int = 50_257) -> "GPTConfig":
        """Return the sizes of Turing-NLG, 17 billion parameters (Rosset 2020)."""
        return cls._sized(vocab_size, 78, 4256, 28)

    @classmethod
    def _sized(
        cls, vocab_size: int, num_layers: int, d_model: int, num_heads: int, max_len: int = 1024
    ) -> "GPTConfig":
        """Return a config whose hidden layers are four times as wide as the model."""
        return cls(
            vocab_size=vocab_size, num_layers=num_layers, d_model=d_model, num_heads=num_heads,
            d_ff=4 * d_model, max_len=max_len,
        )  # fmt: skip


class GPT(nn.Module):
    """A causal stack, from tokens to the next token's scores.

    Parameters
    ----------
    config : GPTConfig
        Sizes and choices.

    Attributes
    ----------
    embedding : TokenEmbedding
        The tokens' vectors.
    positions : PositionScheme
        Where the tokens stand.
    decoder : Decoder
        The stack, without attention to an encoder.
    output : Linear or None
        Scores the next token, where the embedding does not do it.

    References
    ----------
    Radford et al. (2019), section 2.3.

    Examples
    --------
    >>> import torch
    >>> config = GPTConfig(vocab_size=50, d_model=16, num_heads=2, d_ff=64, num_layers=2)
    >>> GPT(config)(torch.tensor([[5, 6, 7, 8]])).shape
    torch.Size([1, 4, 50])
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        width, heads = config.d_model, config.num_heads
        self.embedding = TokenEmbedding(config.vocab_size, width, scale=False)
        self.positions = PositionScheme(
            config.positions, width, heads,
            head_dim=config.head_dim, max_len=config.max_len, bidirectional=False,
        )  # fmt: skip
        self.dropout = nn.Dropout(config.dropout)
        self.decoder = Decoder(
            config.num_layers, width, heads, config.d_ff,
            cross_attention=False, final_norm=config.final_norm, options=config.layer_options,
        )  # fmt: skip
        self.output = (
            None if config.tied_output else nn.Linear(width, config.vocab_size, bias=False)
        )
        # In a post-norm stack nothing sums up, and GPT-1 draws all weights alike.
        writers = 2 * config.num_layers if config.norm_first else 1
        draw_normal(self, config.init_std, writers=writers)

    def forward(
        self,
        tokens: Integer[Tensor, "B T"],
        *,
        keep: Bool[Tensor, "B L"] | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "B T V"]:
        """Score every possible next token after each position.

        Parameters
        ----------
        tokens : Tensor of int, shape (B, T)
            The text; with a cache the new tokens only.
        keep : Tensor of bool, shape (B, L), optional
            True for a real token, False for padding: of the cached positions and the new ones.
        cache : KVCache, optional
            What earlier calls have computed; it grows by T positions.

        Returns
        -------
        Tensor, shape (B, T, V)
            One score for each token of the vocabulary, before the softmax.

        Raises
        ------
        ValueError
            If a shape or the mask does not fit, or a token or its position has no row.
        """
        batch, length = check_shape("tokens", tokens, "B T").values()
        past = 0 if cache is None else cache.length
        check_keep("keep", keep, batch, past + length)
        x, positions = self.positions(self.embedding(tokens), keep, past)
        mask = None if keep is None else masks.padding(keep)
        x = self.decoder(self.dropout(x), mask=mask, positions=positions, cache=cache)
        logits: Tensor = self.embedding.logits(x) if self.output is None else self.output(x)
        return logits
