"""The decoder's layer: look back, look across to the source, then think on one's own.

The chapter on the decoder derives it. It is the encoder's layer, made causal, with one more
residual branch in the middle: attention from the target's positions to what the encoder made of the
source.

Sources
    Vaswani et al. (2017), sections 3.1 and 3.2.3.
"""

from collections.abc import Hashable
from typing import Any, Unpack

from jaxtyping import Bool, Float
from torch import Tensor, nn

from txlite._checks import check_alike, check_shape
from txlite.nn._edge import checked_once
from txlite.nn.cache import KVCache
from txlite.nn.layers import _Residual, checked_entrance, choose, kind_of
from txlite.nn.masks._kinds import Causal
from txlite.nn.masks._rules import Mask, as_mask, as_rule
from txlite.nn.multi_head import MultiHeadAttention
from txlite.nn.options import LayerOptions, _LayerKeywords
from txlite.nn.positions.carrier import Positions, across, enter

__all__ = ["DecoderLayer"]


class DecoderLayer(_Residual):
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
    cross_attention : bool or Module
        Whether the layer attends to an encoder's output; a module stands in the place of the
        :class:`txlite.nn.MultiHeadAttention` that the sizes would build. Without it this is the
        layer of a decoder-only model.
    attention, feed_forward : Module, optional
        Parts, as those of :class:`txlite.nn.EncoderLayer`.
    attention_norm, cross_attention_norm, feed_forward_norm : Module, optional
        Stand in the places of the three normalisations.
    options : LayerOptions, optional
        Choices, with their defaults.
    **keywords
        The fields of :class:`txlite.nn.LayerOptions`, one by one: they win over ``options``.

    Raises
    ------
    ValueError
        If a size is not positive, the heads do not divide, a choice does not exist, or a size
        disagrees with a part that is given.

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
        cross_attention: bool | nn.Module = True,
        attention: nn.Module | None = None,
        feed_forward: nn.Module | None = None,
        attention_norm: nn.Module | None = None,
        cross_attention_norm: nn.Module | None = None,
        feed_forward_norm: nn.Module | None = None,
        options: LayerOptions | None = None,
        **keywords: Unpack[_LayerKeywords],
    ) -> None:
        chosen = (options or LayerOptions())._with(keywords)
        parts = (attention, attention_norm, feed_forward, feed_forward_norm)
        super().__init__(d_model, num_heads, d_ff, chosen, *parts)
        self.causal = causal
        self.cross_attention: nn.Module | None = None
        self.cross_attention_norm: nn.Module | None = None
        if cross_attention is False:
            if cross_attention_norm is not None:
                raise ValueError("cross_attention_norm should be None: cross_attention=False")
            return
        self.cross_attention = choose(
            "cross_attention",
            cross_attention if isinstance(cross_attention, nn.Module) else None,
            lambda: chosen._attention(d_model, num_heads),
            d_model=d_model,
            num_heads=num_heads,
        )
        self.cross_attention_norm = choose(
            "cross_attention_norm",
            cross_attention_norm,
            lambda: chosen._norm(d_model),
            d_model=d_model,
        )

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
        """Return the hidden states after this layer.

        Parameters
        ----------
        x : Tensor, shape (B, T, D)
            Hidden states of the target before it.
        memory : Tensor, shape (B, S, D), optional
            The encoder's output. A cache keeps its keys and values, so that it may be left out
            once the cache is filled.
        mask : Mask or Tensor of bool, optional
            True where a target position may attend to another, in addition to the causal rule.
        memory_mask : Mask or Tensor of bool, optional
            True where a target position may attend to a source position: the *source's* padding.
        bias : Tensor, optional
            Added to the scaled scores of the self-attention, for instance a position bias.
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
            If a shape disagrees, a mask is not bool or does not fit, or there is no memory to
            attend to, or one that nobody attends to.
        """
        x, positions = enter(x, positions)
        own = None if cache is None else cache.child("attention")
        theirs = None if cache is None else cache.child("cross_attention", fixed=True)
        allowed = _and_causal(as_rule(mask)) if self.causal else mask
        given: dict[str, Any] = {
            "mask": allowed,
            "bias": bias,
            "positions": positions,
            "cache": own,
        }
        source: dict[str, Any] = {"key": memory, "mask": memory_mask, "cache": theirs}
        source["positions"] = across(positions, memory_positions)
        source["key_positions"] = None if memory is None else memory_positions
        look_up, look_up_norm = self.cross_attention, self.cross_attention_norm
        if self.norm_first:
            x = x + self.dropout(self.attention(self.attention_norm(x), **given))
            if look_up is not None and look_up_norm is not None:
                x = x + self.dropout(look_up(look_up_norm(x), **source))
            x = x + self.dropout(self._feed(self.feed_forward_norm(x), mask))
        else:
            x = self.attention_norm(x + self.dropout(self.attention(x, **given)))
            if look_up is not None and look_up_norm is not None:
                x = look_up_norm(x + self.dropout(look_up(x, **source)))
            x = self.feed_forward_norm(x + self.dropout(self._feed(x, mask)))
        return x

    def _kind(self) -> Hashable:
        """What the checks of this layer depend on, apart from the cache."""
        across = None if self.cross_attention is None else kind_of(self.cross_attention)
        return super()._kind(), self.causal, across

    def _check(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        mask: Mask | Tensor | None = None,
        memory_mask: Mask | Tensor | None = None,
        *,
        bias: Tensor | None = None,
        positions: Positions | None = None,
        memory_positions: Positions | None = None,
        cache: KVCache | None = None,
    ) -> None:
        """Refuse, by name, what does not fit, before a cache grows."""
        self._check_states(x)
        positions = checked_entrance(x, positions)
        if isinstance(self.attention, MultiHeadAttention):  # another part sees to it itself
            rest: dict[str, Any] = {"mask": mask, "bias": bias, "positions": positions}
            self.attention._check_rest(x, cache=self._own(cache), **rest)
        theirs = None if cache is None else cache._peek("cross_attention")
        if self.cross_attention is None:
            for name, given in (
                ("memory", memory),
                ("memory_mask", memory_mask),
                ("memory_positions", memory_positions),
            ):
                if given is not None:
                    raise ValueError(f"{name} should be None: cross_attention=False")
            return
        if theirs is not None and theirs.keys is not None:
            num_keys = theirs._check_rows(x.shape[0])
        elif memory is not None:
            check_shape("memory", memory, "B S D", B=x.shape[0], D=x.shape[2])
            check_alike("memory", memory, x)
            num_keys = memory.shape[1]
            if memory_positions is not None:
                memory_positions._check(memory, None, "memory_positions")
        else:
            raise ValueError("memory should be given, or a cache that holds its keys; got None")
        if memory_mask is not None and isinstance(self.cross_attention, MultiHeadAttention):
            _check_memory_mask(memory_mask, x, self.cross_attention.num_heads, num_keys)

    def extra_repr(self) -> str:
        """Return the choices that ``print(module)`` shows."""
        return f"{super().extra_repr()}, causal={self.causal}"


def _and_causal(mask: Mask | None) -> Mask:
    return Causal() if mask is None else Causal() & mask


def _check_memory_mask(mask: Mask | Tensor, x: Tensor, num_heads: int, num_keys: int) -> None:
    """Check the source's mask here, where it can be told from the target's."""
    try:
        as_mask(mask).check(x.shape[1], num_keys, (x.shape[0], num_heads), x.device)
    except ValueError as error:
        raise ValueError(f"memory_mask does not fit the source: {error}") from None
