"""BERT: an encoder that reads a text from both sides; what answers is in ``bert_heads``.

What it adds to the Transformer's encoder is a row for each segment, a norm on the embeddings, and
heads. ALBERT is a choice of it: narrow embeddings, and one layer that is applied again and again.

Sources
    Devlin et al. (2019), "BERT: Pre-training of Deep Bidirectional Transformers for Language
    Understanding", section 3. Lan et al. (2020), "ALBERT: A Lite BERT", section 3.1.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from txlite._checks import check_choice, check_shape
from txlite.models._wiring import check_config, check_keep, check_rows, draw_normal
from txlite.nn import Encoder, LayerOptions, TokenEmbedding, masks
from txlite.nn.feedforward import ACTIVATIONS, Activation
from txlite.nn.positions.scheme import PositionScheme, SchemeName

__all__ = ["BERT", "BERTConfig"]

Tokens = Integer[Tensor, "B T"]
Hidden = Float[Tensor, "B T D"]
Segments = Integer[Tensor, "B T"] | None
Keep = Bool[Tensor, "B T"] | None


@dataclass(frozen=True, kw_only=True)
class BERTConfig(LayerOptions):
    """Sizes and choices of a BERT beside :class:`txlite.nn.LayerOptions`; by default BERT base.

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
    max_len: int = 512  # of learned positions, the only scheme with a limit
    num_segments: int = 2  # sentence A and sentence B
    num_labels: int = 2  # of the two classifiers
    embedding_dim: int | None = None  # narrower embeddings, and a map to d_model: ALBERT
    share_layers: bool = False  # one layer in the places of all: ALBERT
    dropout: float = 0.1  # on every residual branch, the embeddings, and before a classifier
    attention_dropout: float = 0.1
    norm_first: bool = False
    norm_eps: float | None = 1e-12
    activation: Activation = "gelu"  # of the layers, and of the masked-LM head
    positions: SchemeName = "learned"
    init_std: float = 0.02  # of the weights, before training

    def __post_init__(self) -> None:
        super().__post_init__()
        check_config(self, "num_segments", "num_labels", optional=("embedding_dim",))
        check_choice("activation", self.activation, ACTIVATIONS)  # a head has no gate

    @classmethod
    def base(cls, vocab_size: int = 30_522) -> "BERTConfig":
        """Return BERT base (section 3), by default with the vocabulary of its uncased model."""
        return cls(vocab_size=vocab_size)

    @classmethod
    def large(cls, vocab_size: int = 30_522) -> "BERTConfig":
        """Return BERT large (section 3)."""
        return cls(vocab_size=vocab_size, d_model=1024, num_heads=16, d_ff=4096, num_layers=24)

    @classmethod
    def albert_base(cls, vocab_size: int = 30_000) -> "BERTConfig":
        """Return ALBERT base (Lan et al. 2020, table 1) as its second version was released."""
        return cls(
            vocab_size=vocab_size, embedding_dim=128, share_layers=True, activation="gelu_tanh",
            dropout=0.0, attention_dropout=0.0,
        )  # fmt: skip


class BERT(nn.Module):
    """Embeddings and an encoder (Devlin et al., section 3): a hidden state for each token.

    Parameters
    ----------
    config : BERTConfig
        Sizes and choices.
    pooler : bool
        Whether there is a map for :meth:`pool`.

    Attributes
    ----------
    embedding : TokenEmbedding
        The tokens' vectors.
    segments : Embedding
        A row for each segment.
    positions : PositionScheme
        Where the tokens stand.
    embedding_norm : LayerNorm
        Applied to the sum of the three.
    projection : Linear or None
        From narrow embeddings to the model's width.
    encoder : Encoder
        The stack.
    pooler : Linear or None
        Makes a vector of the whole text from that of its first token.

    Examples
    --------
    >>> config = BERTConfig(vocab_size=50, d_model=16, num_heads=2, d_ff=32, num_layers=2)
    >>> model, tokens = BERT(config), torch.tensor([[2, 6, 7, 3]])
    >>> hidden = model(tokens)
    >>> hidden.shape, model.pool(hidden).shape
    (torch.Size([1, 4, 16]), torch.Size([1, 16]))
    """

    def __init__(self, config: BERTConfig, *, pooler: bool = True) -> None:
        super().__init__()
        self.config = config
        width, heads = config.d_model, config.num_heads
        narrow = config.embedding_dim or width
        self.embedding = TokenEmbedding(config.vocab_size, narrow, scale=False)
        self.segments = nn.Embedding(config.num_segments, narrow)
        self.positions = PositionScheme(
            config.positions, narrow, heads,
            head_dim=config.head_dim or width // heads, max_len=config.max_len,
        )  # fmt: skip
        self.embedding_norm = config._norm(narrow)
        self.dropout = nn.Dropout(config.dropout)
        self.projection = None if config.embedding_dim is None else nn.Linear(narrow, width)
        layers = 1 if config.share_layers else config.num_layers
        self.encoder = Encoder(layers, width, heads, config.d_ff, options=config.layer_options)
        self.encoder.layers.extend(list(self.encoder.layers) * (config.num_layers - layers))
        self.pooler = nn.Linear(width, width) if pooler else None
        draw_normal(self, config.init_std)

    def forward(self, tokens: Tokens, *, segments: Segments = None, keep: Keep = None) -> Hidden:
        """Read a text: one vector for each token, in the light of all others.

        Parameters
        ----------
        tokens : Tensor of int, shape (B, T)
            The text.
        segments : Tensor of int, shape (B, T), optional
            Which segment each token belongs to. The default is segment 0 for all.
        keep : Tensor of bool, shape (B, T), optional
            True for a real token, False for padding.

        Returns
        -------
        Tensor, shape (B, T, D)
            The hidden states after the last layer.

        Raises
        ------
        ValueError
            If a shape or the mask does not fit, or a token, a segment or a position has no row.
        """
        batch, length = check_shape("tokens", tokens, "B T").values()
        check_keep("keep", keep, batch, length)
        if segments is not None:
            check_rows("segments", segments, batch, length, num_segments=self.config.num_segments)
        rows = self.segments.weight[0] if segments is None else self.segments(segments)
        x, positions = self.positions(self.embedding(tokens) + rows, keep)
        x = self.dropout(self.embedding_norm(x))
        x = x if self.projection is None else self.projection(x)
        mask = None if keep is None else masks.padding(keep)
        hidden: Tensor = self.encoder(x, mask, positions=positions)
        return hidden

    def pool(self, hidden: Hidden, keep: Keep = None) -> Float[Tensor, "B D"]:
        """Return one vector for each text, made of the hidden state of its first real token.

        Parameters
        ----------
        hidden : Tensor, shape (B, T, D)
            What :meth:`forward` returned.
        keep : Tensor of bool, shape (B, T), optional
            True for a real token, as in :meth:`forward`.

        Returns
        -------
        Tensor, shape (B, D)
            Between −1 and 1.

        Raises
        ------
        ValueError
            If a shape does not fit, or the model has been made without a pooler.
        """
        check_shape("hidden", hidden, "B T D", D=self.config.d_model)
        batch, length, _ = hidden.shape
        check_keep("keep", keep, batch, length)
        if self.pooler is None:
            raise ValueError("pooler should be True for a model that pools, got pooler=False")
        first = 0 if keep is None else keep.int().argmax(-1)
        return torch.tanh(self.pooler(hidden[torch.arange(batch, device=hidden.device), first]))
