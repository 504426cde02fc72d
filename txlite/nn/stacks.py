"""Stacks: the same layer several times over, each with weights of its own.

The chapters on the encoder and the decoder derive them. Positions are computed once outside and
handed to every layer; a cache holds one child for each layer. :class:`Stack` takes any layers; the
encoder and the decoder fill one with the usual ones.

Sources
    Vaswani et al. (2017), section 3.1. Xiong et al. (2020), section 3 (the norm at a pre-norm
    stack's end).
"""

from collections.abc import Hashable, Iterable
from typing import Any, Unpack

from jaxtyping import Bool, Float
from torch import Tensor, nn

from txlite._checks import check_positive
from txlite.nn._edge import checked_once
from txlite.nn.cache import KVCache
from txlite.nn.decoder_layer import DecoderLayer
from txlite.nn.layers import EncoderLayer, _Residual
from txlite.nn.masks._one_call import for_one_call
from txlite.nn.masks._rules import Mask
from txlite.nn.options import LayerOptions, _LayerKeywords
from txlite.nn.positions.carrier import Positions, enter

__all__ = ["Decoder", "Encoder", "Stack"]


class Stack(nn.Module):
    """Layers, one after the other, and a normalisation at the end.

    Parameters
    ----------
    layers : iterable of Module
        At least one. Each is called with the hidden states and whatever else the stack is given;
        with a cache, each gets a child of its own.
    norm : Module, optional
        Applied to the last layer's output.

    Raises
    ------
    ValueError
        If there is no layer.

    Examples
    --------
    >>> import torch
    >>> stack = Stack([EncoderLayer(8, 2, 16), EncoderLayer(8, 4, 32, norm_first=False)])
    >>> stack(torch.zeros(1, 5, 8)).shape
    torch.Size([1, 5, 8])
    """

    def __init__(self, layers: Iterable[nn.Module], norm: nn.Module | None = None) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        if not self.layers:
            raise ValueError("layers should hold at least one layer, got none")
        self.norm: nn.Module | None = norm

    @checked_once
    def forward(
        self, x: Float[Tensor, "B T D"], *given: Any, **named: Any
    ) -> Float[Tensor, "B T D"]:
        """Return the hidden states after all layers.

        Parameters
        ----------
        x : Tensor, shape (B, T, D)
            Hidden states before them.
        *given, **named
            Handed to every layer: a mask, ``positions=``, and so on. ``cache=`` is handed out in
            parts, one for each layer.

        Returns
        -------
        Tensor, shape (B, T, D)
            The new hidden states.

        Raises
        ------
        ValueError
            If a layer cannot use what it is given.
        """
        return self._run(x, *given, **named)

    def _run(
        self,
        x: Tensor,
        *given: Any,
        positions: Positions | None = None,
        cache: KVCache | None = None,
        **named: Any,
    ) -> Tensor:
        x, positions = enter(x, positions)
        given = tuple(map(for_one_call, given))
        named = {name: for_one_call(value) for name, value in named.items()}
        if positions is not None:
            named["positions"] = positions
        for i, layer in enumerate(self.layers):
            if cache is not None:
                named["cache"] = cache.child(f"layers.{i}")
            x = layer(x, *given, **named)
        out: Tensor = x if self.norm is None else self.norm(x)
        return out

    def _check(
        self,
        x: Tensor,
        *given: Any,
        positions: Positions | None = None,
        cache: KVCache | None = None,
        **named: Any,
    ) -> None:
        """Let one layer of each kind refuse what does not fit; others see to it when called."""
        kinds: dict[Hashable, tuple[int, Any]] = {
            layer._kind(): (i, layer)
            for i, layer in reversed(list(enumerate(self.layers)))
            if isinstance(layer, _Residual)
        }
        for i, layer in kinds.values():
            part = None if cache is None else cache._peek(f"layers.{i}")
            layer._check(x, *given, positions=positions, cache=part, **named)


class Encoder(Stack):
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
    options : LayerOptions, optional
        The choices that the layers share, with their defaults.
    **keywords
        The fields of :class:`txlite.nn.LayerOptions`, one by one: they win over ``options``.

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
        options: LayerOptions | None = None,
        **keywords: Unpack[_LayerKeywords],
    ) -> None:
        num_layers = check_positive("num_layers", num_layers)
        options = (options or LayerOptions())._with(keywords)
        layers = [
            EncoderLayer(d_model, num_heads, d_ff, options=options) for _ in range(num_layers)
        ]
        super().__init__(layers, _final_norm(final_norm, d_model, options))

    @checked_once
    def forward(
        self,
        x: Float[Tensor, "B T D"],
        mask: Mask | Bool[Tensor, "..."] | None = None,
        *,
        bias: Float[Tensor, "..."] | None = None,
        positions: Positions | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Return the hidden states after all layers.

        Parameters
        ----------
        x : Tensor, shape (B, T, D)
            Hidden states before them: embeddings, with positions if the scheme adds them.
        mask : Mask or Tensor of bool, optional
            True where a position may attend to another.
        bias : Tensor, optional
            Added to the scaled attention scores of every layer.
        positions : Positions, optional
            Where ``x`` stands.
        cache : KVCache, optional
            Earlier positions, if ``x`` holds the new ones only.

        Returns
        -------
        Tensor, shape (B, T, D)
            The new hidden states.

        Raises
        ------
        ValueError
            If a shape disagrees, or the mask is not bool or does not fit.
        """
        return self._run(x, mask, bias=bias, positions=positions, cache=cache)


class Decoder(Stack):
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
    options : LayerOptions, optional
        The choices that the layers share, with their defaults.
    **keywords
        The fields of :class:`txlite.nn.LayerOptions`, one by one: they win over ``options``.

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
        options: LayerOptions | None = None,
        **keywords: Unpack[_LayerKeywords],
    ) -> None:
        num_layers = check_positive("num_layers", num_layers)
        options = (options or LayerOptions())._with(keywords)
        sizes = (d_model, num_heads, d_ff)
        layers = [
            DecoderLayer(*sizes, causal=causal, cross_attention=cross_attention, options=options)
            for _ in range(num_layers)
        ]
        super().__init__(layers, _final_norm(final_norm, d_model, options))

    @checked_once
    def forward(
        self,
        x: Float[Tensor, "B T D"],
        memory: Float[Tensor, "B S D"] | None = None,
        mask: Mask | Bool[Tensor, "..."] | None = None,
        memory_mask: Mask | Bool[Tensor, "..."] | None = None,
        *,
        bias: Float[Tensor, "..."] | None = None,
        positions: Positions | None = None,
        memory_positions: Positions | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Return the target's hidden states after all layers.

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
        positions : Positions, optional
            Where ``x`` stands.
        memory_positions : Positions, optional
            Where ``memory`` stands, for the attention to it.
        cache : KVCache, optional
            Earlier target positions, if ``x`` holds the new ones only, and the source's keys.

        Returns
        -------
        Tensor, shape (B, T, D)
            The new hidden states.

        Raises
        ------
        ValueError
            If a shape disagrees, a mask is not bool or does not fit, or there is no memory.
        """
        return self._run(
            x,
            memory,
            mask,
            memory_mask,
            bias=bias,
            positions=positions,
            memory_positions=memory_positions,
            cache=cache,
        )


def _final_norm(final_norm: bool | None, d_model: int, options: LayerOptions) -> nn.Module | None:
    """Return the normalisation at a stack's end, if there is one."""
    wanted = options.norm_first if final_norm is None else final_norm
    return options._norm(d_model) if wanted else None
