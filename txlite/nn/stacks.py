"""Stacks: the same layer several times over, each with weights of its own.

Chapter 8 derives the encoder, chapter 9 the decoder. A position bias or rotation is computed once
outside and handed to every layer; a cache holds one child for each layer.

Sources
    Vaswani et al. (2017), section 3.1. Xiong et al. (2020), section 3 (the norm at a pre-norm
    stack's end).
"""

from typing import Unpack

from jaxtyping import Bool, Float
from torch import Tensor, nn

from txlite._checks import check_positive
from txlite.nn._rules import Mask
from txlite.nn.cache import KVCache
from txlite.nn.decoder_layer import DecoderLayer
from txlite.nn.layers import EncoderLayer, LayerOptions
from txlite.nn.norms import make_norm
from txlite.nn.positions.rotary import Rotation

__all__ = ["Decoder", "Encoder"]


class Encoder(nn.Module):
    """Encoder layers, one after the other.

    Parameters
    ----------
    num_layers : int
        How many layers there are.
    d_model : int
        Width of the input and of the output.
    num_heads : int
        Number of attention heads in each layer.
    d_ff : int
        Width of the feed-forward layers' hidden layers.
    final_norm : bool, optional
        Whether the last layer's output is normalised. The default is to do so in a pre-norm
        stack, whose sums grow from layer to layer, and not in a post-norm stack (the paper's),
        whose last layer has done it.
    **options
        The choices of :class:`txlite.nn.EncoderLayer`, by name.

    Raises
    ------
    ValueError
        If a size is not positive, the heads do not divide, or a choice does not exist.

    References
    ----------
    Vaswani et al. (2017), section 3.1.
    """

    def __init__(
        self,
        num_layers: int,
        d_model: int,
        num_heads: int,
        d_ff: int,
        *,
        final_norm: bool | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__()
        check_positive("num_layers", num_layers)
        self.layers = nn.ModuleList(
            EncoderLayer(d_model, num_heads, d_ff, **options) for _ in range(num_layers)
        )
        self.norm = _final_norm(final_norm, d_model, options)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        mask: Mask | Bool[Tensor, "..."] | None = None,
        *,
        bias: Float[Tensor, "..."] | None = None,
        rotation: Rotation | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Return what every position says after all layers.

        Parameters
        ----------
        x : Tensor, shape (B, T, D)
            What every position says before: embeddings, with positions if the scheme adds them.
        mask : Mask or Tensor of bool, optional
            True where a position may attend to another.
        bias : Tensor, optional
            Added to the scaled attention scores of every layer.
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
        for i, layer in enumerate(self.layers):
            part = None if cache is None else cache.child(f"layers.{i}")
            x = layer(x, mask, bias=bias, rotation=rotation, cache=part)
        return self.norm(x) if self.norm is not None else x


class Decoder(nn.Module):
    """Decoder layers, one after the other, all attending to the same encoder output.

    Parameters
    ----------
    num_layers : int
        How many layers there are.
    d_model : int
        Width of the input and of the output.
    num_heads : int
        Number of attention heads in each attention.
    d_ff : int
        Width of the feed-forward layers' hidden layers.
    causal : bool
        Whether a position may attend to itself and to earlier positions only, whatever the mask.
    cross_attention : bool
        Whether the layers attend to an encoder's output. Without it this is the stack of a
        decoder-only model.
    final_norm : bool, optional
        Whether the last layer's output is normalised. The default is to do so in a pre-norm stack.
    **options
        The choices of :class:`txlite.nn.EncoderLayer`, by name.

    Raises
    ------
    ValueError
        If a size is not positive, the heads do not divide, or a choice does not exist.

    References
    ----------
    Vaswani et al. (2017), section 3.1.
    """

    def __init__(
        self,
        num_layers: int,
        d_model: int,
        num_heads: int,
        d_ff: int,
        *,
        causal: bool = True,
        cross_attention: bool = True,
        final_norm: bool | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__()
        check_positive("num_layers", num_layers)
        self.layers = nn.ModuleList(
            DecoderLayer(
                d_model,
                num_heads,
                d_ff,
                causal=causal,
                cross_attention=cross_attention,
                **options,
            )
            for _ in range(num_layers)
        )
        self.norm = _final_norm(final_norm, d_model, options)

    def forward(
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
        """Return what every target position says after all layers.

        Parameters
        ----------
        x : Tensor, shape (B, T, D)
            Embeddings of the target, with positions if the scheme adds them.
        memory : Tensor, shape (B, S, D), optional
            The encoder's output; may be left out once a cache is filled.
        mask : Mask or Tensor of bool, optional
            True where a target position may attend to another, in addition to the causal rule.
        memory_mask : Mask or Tensor of bool, optional
            True where a target position may attend to a source position: the *source's* padding.
        bias : Tensor, optional
            Added to the scaled scores of every self-attention.
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
            If a shape disagrees, a mask is not bool or does not fit, or there is no memory.
        """
        for i, layer in enumerate(self.layers):
            part = None if cache is None else cache.child(f"layers.{i}")
            x = layer(x, memory, mask, memory_mask, bias=bias, rotation=rotation, cache=part)
        return self.norm(x) if self.norm is not None else x


def _final_norm(final_norm: bool | None, d_model: int, options: LayerOptions) -> nn.Module | None:
    """Return the normalisation at a stack's end, if there is one."""
    wanted = options.get("norm_first", True) if final_norm is None else final_norm
    if not wanted:
        return None
    norm, eps = options.get("norm", "layer"), options.get("norm_eps")
    return make_norm(norm, d_model, eps=eps, bias=options.get("bias", True))
