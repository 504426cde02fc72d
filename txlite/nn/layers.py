r"""The layer: gather from the others, think on one's own, and add both to what was there.

The chapter on the layer derives the encoder's; the decoder's, :mod:`txlite.nn.decoder_layer`, puts
one more sublayer between the two. A sublayer F is wrapped in a residual connection and a
normalisation, in one of two orders:

.. math:: \text{post-norm: } x \leftarrow \operatorname{norm}(x + F(x)),\qquad
          \text{pre-norm: } x \leftarrow x + F(\operatorname{norm}(x))

The paper's is the first. The second trains deep stacks without a warm-up and is the default.

A layer is given its parts, or builds the usual ones from sizes and :class:`LayerOptions`.

Sources
    Vaswani et al. (2017), sections 3.1 and 5.4. Xiong et al. (2020), "On Layer Normalization in
    the Transformer Architecture", section 3.
"""

from collections.abc import Callable, Hashable
from typing import Any, Unpack

from jaxtyping import Bool, Float
from torch import Tensor, nn

from txlite._checks import check_dtype, check_module, check_positive, check_shape
from txlite.nn._edge import checked_once
from txlite.nn.cache import KVCache
from txlite.nn.masks._kept import kept_positions
from txlite.nn.masks._rules import Mask
from txlite.nn.multi_head import MultiHeadAttention
from txlite.nn.norms import LayerNorm, RMSNorm
from txlite.nn.options import LayerOptions, _LayerKeywords
from txlite.nn.positions.carrier import Positions, enter

__all__ = ["EncoderLayer"]


class _Residual(nn.Module):
    """The parts that every layer has: attention and feed-forward, a norm for each, and dropout.

    A part that is given replaces the one that the sizes would build; :class:`EncoderLayer` says
    what each is.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        d_ff: int,
        options: LayerOptions,
        attention: nn.Module | None,
        attention_norm: nn.Module | None,
        feed_forward: nn.Module | None,
        feed_forward_norm: nn.Module | None,
    ) -> None:
        super().__init__()
        d_model, num_heads, d_ff = (
            check_positive(name, size)
            for name, size in (("d_model", d_model), ("num_heads", num_heads), ("d_ff", d_ff))
        )
        self.d_model, self.norm_first = d_model, options.norm_first
        heads = {"num_heads": num_heads, "num_kv_heads": options.num_kv_heads}
        heads |= {"d_model": d_model, "head_dim": options.head_dim}
        self.attention = choose(
            "attention", attention, lambda: options._attention(d_model, num_heads), **heads
        )
        self.attention_norm = choose(
            "attention_norm", attention_norm, lambda: options._norm(d_model), d_model=d_model
        )
        self.feed_forward = choose(
            "feed_forward",
            feed_forward,
            lambda: options._feed_forward(d_model, d_ff),
            d_model=d_model,
            d_ff=d_ff,
        )
        self.feed_forward_norm = choose(
            "feed_forward_norm", feed_forward_norm, lambda: options._norm(d_model), d_model=d_model
        )
        self.dropout = nn.Dropout(options.dropout)

    def _kind(self) -> Hashable:
        """What the checks of this layer depend on, apart from the cache."""
        norm = getattr(self.attention_norm, "weight", None)
        return type(self), self.d_model, getattr(norm, "dtype", None), kind_of(self.attention)

    def _check_states(self, x: Tensor) -> None:
        """Refuse hidden states of another width than the layer's, or another dtype."""
        check_shape("x", x, "B T D", D=self.d_model)
        norm = self.attention_norm
        if isinstance(norm, LayerNorm | RMSNorm):
            check_dtype("x", x, "the weights", norm.weight)

    def _feed(self, x: Tensor, mask: Mask | Tensor | None) -> Tensor:
        """Call the feed-forward layer, and tell it which positions are padding if it asks."""
        keep = {}
        if getattr(self.feed_forward, "takes_keep", False):
            keep["keep"] = kept_positions(mask, x.shape[0], x.shape[1])
        out: Tensor = self.feed_forward(x, **keep)
        return out

    def _own(self, cache: KVCache | None) -> KVCache | None:
        """Return the self-attention's cache, or an empty one for the checks."""
        return None if cache is None else cache._peek("attention")

    def extra_repr(self) -> str:
        """Return the choice that ``print(module)`` shows."""
        return f"norm_first={self.norm_first}"


class EncoderLayer(_Residual):
    """Self-attention, then a feed-forward layer, each in a residual branch of its own.

    Parameters
    ----------
    d_model : int
        Width of the input and of the output.
    num_heads : int
        Number of attention heads.
    d_ff : int
        Width of the feed-forward layer's hidden layer.
    attention : Module, optional
        Stands in the place of the :class:`txlite.nn.MultiHeadAttention` that the sizes would
        build: called with hidden states (B, T, D) and ``mask``, ``bias``, ``positions``, ``cache``.
    feed_forward : Module, optional
        Stands in the place of the :class:`txlite.nn.FeedForward`: called with hidden states. One
        that has ``takes_keep`` is told with ``keep`` which are padding. What it has to say beside
        its output, such as a router's balance, it keeps for
        :func:`txlite.nn.take_auxiliary_losses`.
    attention_norm, feed_forward_norm : Module, optional
        Stand in the places of the two normalisations.
    options : LayerOptions, optional
        Choices, with their defaults.
    **keywords
        The fields of :class:`txlite.nn.LayerOptions`, one by one: they win over ``options``. A part
        that is given keeps its own dropout, activation and bias.

    Raises
    ------
    ValueError
        If a size is not positive, the heads do not divide, a choice does not exist, or a size
        disagrees with a part that is given.

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
        attention: nn.Module | None = None,
        feed_forward: nn.Module | None = None,
        attention_norm: nn.Module | None = None,
        feed_forward_norm: nn.Module | None = None,
        options: LayerOptions | None = None,
        **keywords: Unpack[_LayerKeywords],
    ) -> None:
        options = (options or LayerOptions())._with(keywords)
        parts = (attention, attention_norm, feed_forward, feed_forward_norm)
        super().__init__(d_model, num_heads, d_ff, options, *parts)

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
        """Return the hidden states after this layer.

        Parameters
        ----------
        x : Tensor, shape (B, T, D)
            Hidden states before it.
        mask : Mask or Tensor of bool, optional
            True where a position may attend to another.
        bias : Tensor, optional
            Added to the scaled attention scores.
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
        x, positions = enter(x, positions)
        own = None if cache is None else cache.child("attention")
        given = {"mask": mask, "bias": bias, "positions": positions, "cache": own}
        if self.norm_first:
            x = x + self.dropout(self.attention(self.attention_norm(x), **given))
            x = x + self.dropout(self._feed(self.feed_forward_norm(x), mask))
        else:
            x = self.attention_norm(x + self.dropout(self.attention(x, **given)))
            x = self.feed_forward_norm(x + self.dropout(self._feed(x, mask)))
        return x

    def _check(
        self,
        x: Tensor,
        mask: Mask | Tensor | None = None,
        *,
        bias: Tensor | None = None,
        positions: Positions | None = None,
        cache: KVCache | None = None,
    ) -> None:
        """Refuse, by name, what does not fit, before a cache grows."""
        self._check_states(x)
        positions = checked_entrance(x, positions)
        if isinstance(self.attention, MultiHeadAttention):  # another part sees to it itself
            rest: dict[str, Any] = {"mask": mask, "bias": bias, "positions": positions}
            self.attention._check_rest(x, cache=self._own(cache), **rest)


def checked_entrance(x: Tensor, positions: Positions | None) -> Positions | None:
    """Refuse positions that cannot be added to the hidden states; return what is left of them."""
    if positions is None or positions.states is None:
        return positions
    positions._check(x, None)
    return enter(x, positions)[1]


def kind_of(part: nn.Module) -> Hashable:
    """What the checks of a part depend on; one from elsewhere is a kind of its own."""
    return part._kind() if isinstance(part, MultiHeadAttention) else id(part)


def choose(
    name: str, given: nn.Module | None, build: Callable[[], nn.Module], **sizes: int | None
) -> nn.Module:
    """Return the part that is given, whose sizes must not disagree, or build the usual one."""
    if given is None:
        return build()
    check_module(name, given)
    for size, wanted in sizes.items():
        found = getattr(given, size, None)
        if wanted is not None and found is not None and found != wanted:
            raise ValueError(f"{name} should have {size}={wanted}, got a part with {size}={found}")
    return given
