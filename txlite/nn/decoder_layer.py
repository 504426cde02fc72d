"""The decoder's layer: look back, look across to the source, then think on one's own.

Chapter 9 derives it. It is the encoder's layer, made causal, with one more residual branch in the
middle: attention from the target's positions to what the encoder made of the source.

Sources
    Vaswani et al. (2017), sections 3.1 and 3.2.3.
"""

from typing import Unpack

from jaxtyping import Bool, Float
from torch import Tensor, nn

from txlite._checks import check_alike, check_shape
from txlite.nn import masks
from txlite.nn._rules import Mask, as_mask
from txlite.nn.attention import MultiHeadAttention
from txlite.nn.cache import KVCache
from txlite.nn.layers import EncoderLayer, LayerOptions
from txlite.nn.norms import make_norm
from txlite.nn.positions.rotary import Rotation

__all__ = ["DecoderLayer"]


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
        check_shape("x", x, "B T D", D=self.attention.d_model)
        own = None if cache is None else cache.child("attention")
        their = None if cache is None else cache.child("cross_attention", fixed=True)
        self._check_memory(x, memory, memory_mask, their)
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
        self,
        x: Tensor,
        memory: Tensor | None,
        memory_mask: Mask | Tensor | None,
        their: KVCache | None,
    ) -> None:
        """Refuse, before any cache grows, what the attention to the memory could not use."""
        if self.cross_attention is None:
            for name, given in (("memory", memory), ("memory_mask", memory_mask)):
                if given is not None:
                    raise ValueError(f"{name} should be None: cross_attention=False")
            return
        if their is not None and their.keys is not None:
            num_keys = their.keys.shape[-2]
        elif memory is not None:
            check_shape("memory", memory, "B S D", B=x.shape[0], D=x.shape[2])
            check_alike("memory", memory, x)
            num_keys = memory.shape[1]
        else:
            raise ValueError("memory should be given, or a cache that holds its keys; got None")
        if memory_mask is not None:
            _check_memory_mask(memory_mask, x, self.cross_attention.num_heads, num_keys)

    def extra_repr(self) -> str:
        """Return the choices that ``print(module)`` shows."""
        return f"{super().extra_repr()}, causal={self.causal}"


def _and_causal(mask: Mask | Tensor | None) -> Mask:
    return masks.causal() if mask is None else masks.causal() & as_mask(mask)


def _check_memory_mask(mask: Mask | Tensor, x: Tensor, num_heads: int, num_keys: int) -> None:
    """Check the source's mask here, where it can be told from the target's."""
    try:
        as_mask(mask).check(x.shape[1], num_keys, (x.shape[0], num_heads), x.device)
    except ValueError as error:
        raise ValueError(f"memory_mask does not fit the source: {error}") from None
