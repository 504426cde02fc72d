"""Llama: a GPT with four other choices, by which most open language models are built.

The chapter on GPT takes the four one at a time: positions turn queries and keys instead of being
added, several query heads share one key and value head, the feed-forward layer has a gate, and the
norm leaves the mean where it is. No map has a bias.

Sources
    Touvron et al. (2023), "LLaMA: Open and Efficient Foundation Language Models", section 2.2, and
    "Llama 2", section 2.2. Grattafiori et al. (2024), "The Llama 3 Herd of Models", section 3.2.
    Allal et al. (2025), "SmolLM2: When Smol Goes Big". Jiang et al. (2023), "Mistral 7B".
"""

from dataclasses import dataclass

from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from txlite._checks import check_rate, check_shape
from txlite.models._wiring import check_config, check_keep, draw_normal
from txlite.nn import Decoder, KVCache, LayerOptions, TokenEmbedding, masks
from txlite.nn.feedforward import Activation
from txlite.nn.norms import NormName
from txlite.nn.positions.rotary import Rotary, RotaryScaling
from txlite.nn.positions.scheme import PositionScheme

__all__ = ["Llama", "LlamaConfig"]


@dataclass(frozen=True, kw_only=True)
class LlamaConfig(LayerOptions):
    """Sizes and choices of a Llama; the defaults are those of Llama 2 with 7 billion parameters.

    The choices that layers share are those of :class:`txlite.nn.LayerOptions`, each a field here.

    Raises
    ------
    ValueError
        If a size, the window or ``rope_theta`` is not positive, the heads do not divide, a dropout
        is not in [0, 1), ``rope_scaling`` is anything else, or there is no ``norm`` or
        ``activation`` of that name.
    """

    vocab_size: int
    d_model: int = 4096
    num_heads: int = 32
    d_ff: int = 11_008
    num_layers: int = 32
    max_len: int = 4096  # of the texts that it was trained on; nothing here has a limit
    activation: Activation = "swiglu"
    norm: NormName = "rms"
    norm_eps: float | None = 1e-5
    bias: bool = False
    rope_theta: float = 10_000.0  # the slowest plane turns almost as many times slower
    rope_scaling: RotaryScaling | None = None
    sliding_window: int | None = None  # how many positions one attends to, itself included
    tied_output: bool = False  # the embedding scores the next token
    init_std: float = 0.02  # of the weights, before training

    def __post_init__(self) -> None:
        super().__post_init__()
        check_config(self, optional=["sliding_window"])
        self._keep("rope_theta", check_rate("rope_theta", self.rope_theta))
        if not isinstance(self.rope_scaling, RotaryScaling | None):
            raise ValueError(
                f"rope_scaling should be a RotaryScaling, or None, got {self.rope_scaling!r}"
            )

    @classmethod
    def smollm2_135m(cls, vocab_size: int = 49_152) -> "LlamaConfig":
        """Return SmolLM2 with 135 million parameters: deep, narrow and tied."""
        return cls(
            vocab_size=vocab_size, d_model=576, num_heads=9, num_kv_heads=3, d_ff=1536,
            num_layers=30, max_len=8192, rope_theta=100_000.0, tied_output=True,
        )  # fmt: skip

    @classmethod
    def llama2_7b(cls, vocab_size: int = 32_000) -> "LlamaConfig":
        """Return the smallest Llama 2 (Touvron et al. 2023, table 1)."""
        return cls(vocab_size=vocab_size)

    @classmethod
    def mistral_7b(cls, vocab_size: int = 32_000) -> "LlamaConfig":
        """Return Mistral 7B: a Llama whose positions attend to the last 4096 only (table 1)."""
        return cls(
            vocab_size=vocab_size, num_kv_heads=8, d_ff=14_336, max_len=8192, sliding_window=4096
        )

    @classmethod
    def llama3_8b(cls, vocab_size: int = 128_256) -> "LlamaConfig":
        """Return the smallest Llama 3 (Grattafiori et al. 2024, table 3)."""
        return cls(
            vocab_size=vocab_size, num_kv_heads=8, d_ff=14_336, max_len=8192, rope_theta=500_000.0
        )


class Llama(nn.Module):
    """A causal stack, from tokens to the next token's scores.

    Parameters
    ----------
    config : LlamaConfig
        Sizes and choices.

    Attributes
    ----------
    embedding : TokenEmbedding
        The tokens' vectors.
    positions : PositionScheme
        By how much each position turns its queries and keys.
    decoder : Decoder
        The stack, without attention to an encoder.
    output : Linear or None
        Scores the next token, where the embedding does not do it.
    sliding_window : int or None
        How many positions one attends to; a cache may forget what is farther back.

    References
    ----------
    Touvron et al. (2023), section 2.2. Jiang et al. (2023), section 2 (the window).

    Examples
    --------
    >>> import torch
    >>> sizes = {"d_model": 16, "num_heads": 4, "num_kv_heads": 2, "d_ff": 48, "num_layers": 2}
    >>> Llama(LlamaConfig(vocab_size=50, **sizes))(torch.tensor([[5, 6, 7, 8]])).shape
    torch.Size([1, 4, 50])
    """

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.config = config
        width, heads = config.d_model, config.num_heads
        self.embedding = TokenEmbedding(config.vocab_size, width, scale=False)
        head_dim = config.head_dim or width // heads
        rotary = Rotary(head_dim, base=config.rope_theta, scaling=config.rope_scaling)
        self.positions = PositionScheme("rotary", width, heads, head_dim=head_dim, part=rotary)
        self.dropout = nn.Dropout(config.dropout)
        self.sliding_window = config.sliding_window
        self.decoder = Decoder(
            config.num_layers, width, heads, config.d_ff,
            cross_attention=False, options=config.layer_options,
        )  # fmt: skip
        self.output = (
            None if config.tied_output else nn.Linear(width, config.vocab_size, bias=False)
        )
        draw_normal(self, config.init_std)

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
            If a shape or the mask does not fit, or a token is not in the vocabulary.
        """
        batch, length = check_shape("tokens", tokens, "B T").values()
        past = 0 if cache is None else cache.length
        check_keep("keep", keep, batch, past + length)
        x, positions = self.positions(self.embedding(tokens), keep, past)
        mask = None if keep is None else masks.padding(keep)
        if self.sliding_window is not None:
            near = masks.sliding_window(self.sliding_window)
            mask = near if mask is None else near & mask
        x = self.decoder(self.dropout(x), mask=mask, positions=positions, cache=cache)
        logits: Tensor = self.embedding.logits(x) if self.output is None else self.output(x)
        return logits
