r"""The layer: gather from the others, think on one's own, and add both to what was there.

Chapter 7 derives the encoder's layer; the decoder's, :mod:`txlite.nn.decoder_layer`, puts one more
sublayer between the two. A sublayer F is wrapped in a
residual connection and a normalisation, in one of two orders:

.. math:: \text{post-norm: } x \leftarrow \operatorname{norm}(x + F(x)),\qquad
          \text{pre-norm: } x \leftarrow x + F(\operatorname{norm}(x))

The paper's is the first. The second trains deep stacks without a warm-up and is the default.

Sources
    Vaswani et al. (2017), sections 3.1 and 5.4. Xiong et al. (2020), "On Layer Normalization in
    the Transformer Architecture", section 3.
"""

from collections.abc import Callable
from typing import TypedDict

from jaxtyping import Bool, Float
from torch import Tensor, nn

from txlite._checks import check_probability, check_shape
from txlite.nn._rules import Mask
from txlite.nn.attention import MultiHeadAttention
from txlite.nn.cache import KVCache
from txlite.nn.feedforward import Activation, FeedForward
from txlite.nn.norms import NormName, make_norm
from txlite.nn.positions.rotary import Rotation

__all__ = ["EncoderLayer", "LayerOptions"]


class LayerOptions(TypedDict, total=False):
    """Choices that every layer of a stack shares; :class:`EncoderLayer` says what they mean."""

    dropout: float
    attention_dropout: float
    ff_dropout: float
    norm_first: bool
    activation: Activation
    norm: NormName
    norm_eps: float | None
    bias: bool
    num_kv_heads: int | None


class EncoderLayer(nn.Module):
    """Self-attention, then a feed-forward layer, each in a residual branch of its own.

    Parameters
    ----------
    d_model : int
        Width of the input and of the output.
    num_heads : int
        Number of attention heads.
    d_ff : int
        Width of the feed-forward layer's hidden layer.
    dropout : float
        Probability with which an entry of a residual branch is dropped in training, before the
        branch is added (section 5.4 of the paper).
    attention_dropout : float
        Probability with which an attention weight is dropped in training.
    ff_dropout : float
        Probability with which a hidden unit of the feed-forward layer is dropped in training.
    norm_first : bool
        Whether each sublayer's input is normalised (pre-norm), or the sum after it (post-norm,
        the paper's).
    activation : str
        The feed-forward layer's activation, see :class:`txlite.nn.FeedForward`.
    norm : str
        ``"layer"`` or ``"rms"``.
    norm_eps : float, optional
        Added to the variance, or to the mean square. The default is the normalisation's own.
    bias : bool
        Whether projections and normalisations add a bias.
    num_kv_heads : int, optional
        Number of key and value heads, see :class:`txlite.nn.MultiHeadAttention`.

    Raises
    ------
    ValueError
        If a size is not positive, the heads do not divide, or a choice does not exist.

    References
    ----------
    Vaswani et al. (2017), section 3.1. Xiong et al. (2020), section 3.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        d_ff: int,
        *,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        ff_dropout: float = 0.0,
        norm_first: bool = True,
        activation: Activation = "gelu",
        norm: NormName = "layer",
        norm_eps: float | None = None,
        bias: bool = True,
        num_kv_heads: int | None = None,
    ) -> None:
        super().__init__()
        check_probability("dropout", dropout)
        self.norm_first = norm_first
        self.attention = MultiHeadAttention(
            d_model, num_heads, num_kv_heads=num_kv_heads, bias=bias, dropout=attention_dropout
        )
        self.attention_norm = make_norm(norm, d_model, eps=norm_eps, bias=bias)
        self.feed_forward = FeedForward(
            d_model, d_ff, activation=activation, bias=bias, dropout=ff_dropout
        )
        self.feed_forward_norm = make_norm(norm, d_model, eps=norm_eps, bias=bias)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        mask: Mask | Bool[Tensor, "..."] | None = None,
        *,
        bias: Float[Tensor, "..."] | None = None,
        rotation: Rotation | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Return what every position says after this layer.

        Parameters
        ----------
        x : Tensor, shape (B, T, D)
            What every position says before.
        mask : Mask or Tensor of bool, optional
            True where a position may attend to another.
        bias : Tensor, optional
            Added to the scaled attention scores, for instance a position bias.
        rotation : Rotation, optional
            Rotary positions of ``x``.
        cache : KVCache, optional
            Earlier positions, if ``x`` holds the new ones only.

        Returns
        -------
        Tensor, shape (B, T, D)
            The new vectors.

        Raises
        ------
        ValueError
            If a shape disagrees, or the mask is not bool or does not fit.
        """
        check_shape("x", x, "B T D", D=self.attention.d_model)
        part = None if cache is None else cache.child("attention")

        def gather(x: Tensor) -> Tensor:
            out: Tensor = self.attention(x, mask=mask, bias=bias, rotation=rotation, cache=part)
            return out

        x = self._branch(x, gather, self.attention_norm)
        return self._branch(x, self.feed_forward, self.feed_forward_norm)

    def _branch(self, x: Tensor, sublayer: Callable[[Tensor], Tensor], norm: nn.Module) -> Tensor:
        """Add a sublayer's output to its input, and normalise before or after."""
        out: Tensor
        if self.norm_first:
            out = x + self.dropout(sublayer(norm(x)))
        else:
            out = norm(x + self.dropout(sublayer(x)))
        return out

    def extra_repr(self) -> str:
        """Return the choice that ``print(module)`` shows."""
        return f"norm_first={self.norm_first}"
