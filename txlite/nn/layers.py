r"""The layer: gather from the others, think on one's own, and add both to what was there.

Chapter 7 derives the encoder's layer, chapter 9 the decoder's. A sublayer F is wrapped in a
residual connection and a normalisation, in one of two orders:

.. math:: \text{post-norm: } x \leftarrow \operatorname{norm}(x + F(x)),\qquad
          \text{pre-norm: } x \leftarrow x + F(\operatorname{norm}(x))

The paper's is the first. The second trains deep stacks without a warm-up and is the default.

Sources
    Vaswani et al. (2017), sections 3.1 and 5.4. Xiong et al. (2020), "On Layer Normalization in
    the Transformer Architecture", section 3.
"""

from collections.abc import Callable
from typing import TypedDict, Unpack

from jaxtyping import Bool, Float
from torch import Tensor, nn

from txlite._checks import check_probability
from txlite.nn import masks
from txlite.nn._rules import Mask, as_mask
from txlite.nn.attention import MultiHeadAttention
from txlite.nn.cache import KVCache
from txlite.nn.feedforward import Activation, FeedForward
from txlite.nn.norms import NormName, make_norm
from txlite.nn.positions.rotary import Rotation

__all__ = ["DecoderLayer", "EncoderLayer", "LayerOptions"]


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


class DecoderLayer(EncoderLayer):
    """Causal self-attention, attention to the encoder's output, then a feed-forward layer.

    Parameters
    ----------
    d_model : int
        Width of the input and of the output.
    num_heads : int
        Number of attention heads.
    d_ff : int
        Width of the feed-forward layer's hidden layer.
    causal : bool
        Whether a position may attend to itself and to earlier positions only, whatever the mask.
    cross_attention : bool
        Whether the layer attends to an encoder's output. Without it this is the layer of a
        decoder-only model.
    **options
        The choices of :class:`EncoderLayer`, by name: dropout, norm_first, activation and so on.

    Raises
    ------
    ValueError
        If a size is not positive, the heads do not divide, or a choice does not exist.

    References
    ----------
    Vaswani et al. (2017), sections 3.1 and 3.2.3.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        d_ff: int,
        *,
        causal: bool = True,
        cross_attention: bool = True,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(d_model, num_heads, d_ff, **options)
        self.causal = causal
        self.cross_attention: MultiHeadAttention | None = None
        self.cross_attention_norm: nn.Module | None = None
        if cross_attention:
            bias = options.get("bias", True)
            self.cross_attention = MultiHeadAttention(
                d_model,
                num_heads,
                num_kv_heads=options.get("num_kv_heads"),
                bias=bias,
                dropout=options.get("attention_dropout", 0.0),
            )
            self.cross_attention_norm = make_norm(
                options.get("norm", "layer"), d_model, eps=options.get("norm_eps"), bias=bias
            )

    def forward(  # type: ignore[override]  # a decoder's layer hears of the encoder's output too
        self,
        x: Float[Tensor, "B T D"],
        memory: Float[Tensor, "B S D"] | None = None,
        mask: Mask | Bool[Tensor, "..."] | None = None,
        memory_mask: Mask | Bool[Tensor, "..."] | None = None,
        *,
        bias: Float[Tensor, "..."] | None = None,
        rotation: Rotation | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Return what every target position says after this layer.

        Parameters
        ----------
        x : Tensor, shape (B, T, D)
            What every target position says before.
        memory : Tensor, shape (B, S, D), optional
            The encoder's output. A cache keeps its keys and values, so that it may be left out
            once the cache is filled.
        mask : Mask or Tensor of bool, optional
            True where a target position may attend to another, in addition to the causal rule.
        memory_mask : Mask or Tensor of bool, optional
            True where a target position may attend to a source position: the *source's* padding.
        bias : Tensor, optional
            Added to the scaled scores of the self-attention, for instance a position bias.
        rotation : Rotation, optional
            Rotary positions of ``x``.
        cache : KVCache, optional
            Earlier target positions, if ``x`` holds the new ones only, and the source's keys.

        Returns
        -------
        Tensor, shape (B, T, D)
            The new vectors.

        Raises
        ------
        ValueError
            If a shape disagrees, a mask is not bool or does not fit, or there is no memory to
            attend to, or one that nobody attends to.
        """
        self._check_memory(memory, memory_mask, cache)
        own = None if cache is None else cache.child("attention")
        their = None if cache is None else cache.child("cross_attention", fixed=True)
        allowed = _and_causal(mask) if self.causal else mask

        def gather(x: Tensor) -> Tensor:
            out: Tensor = self.attention(x, mask=allowed, bias=bias, rotation=rotation, cache=own)
            return out

        def look_up(x: Tensor) -> Tensor:
            assert self.cross_attention is not None
            out: Tensor = self.cross_attention(x, memory, mask=memory_mask, cache=their)
            return out

        x = self._branch(x, gather, self.attention_norm)
        if self.cross_attention_norm is not None:
            x = self._branch(x, look_up, self.cross_attention_norm)
        return self._branch(x, self.feed_forward, self.feed_forward_norm)

    def _check_memory(
        self, memory: Tensor | None, memory_mask: object, cache: KVCache | None
    ) -> None:
        """Refuse a missing memory, and one that nobody attends to."""
        if self.cross_attention is None:
            for name, given in (("memory", memory), ("memory_mask", memory_mask)):
                if given is not None:
                    raise ValueError(f"{name} should be None: cross_attention=False")
        elif memory is None and (cache is None or not cache.filled):
            raise ValueError("memory should be given, or a cache that holds its keys; got None")

    def extra_repr(self) -> str:
        """Return the choices that ``print(module)`` shows."""
        return f"{super().extra_repr()}, causal={self.causal}"


def _and_causal(mask: Mask | Tensor | None) -> Mask:
    return masks.causal() if mask is None else masks.causal() & as_mask(mask)
