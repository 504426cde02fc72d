r"""Reversible layers: two streams, from whose end the beginning can be computed.

.. math:: y_1 = x_1 + \operatorname{Attention}(x_2),\qquad y_2 = x_2 + \operatorname{FFN}(y_1)

Read backwards, :math:`x_2 = y_2 - \operatorname{FFN}(y_1)` and
:math:`x_1 = y_1 - \operatorname{Attention}(x_2)`. So a stack keeps the streams at its end and
nothing of what lies between: the backward pass computes each layer's input from its output, and
the memory for hidden states does not grow with the number of layers.

Sources
    Gomez et al. (2017), "The Reversible Residual Network", section 3.
    Kitaev et al. (2020), "Reformer: The Efficient Transformer", section 3, equations (7) to (9).
"""

from collections.abc import Iterable
from typing import Any, Unpack

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from txlite._checks import check_shape
from txlite.nn._edge import checked_once
from txlite.nn._recompute import recomputed
from txlite.nn.layers import _Residual, checked_entrance
from txlite.nn.masks._one_call import for_one_call
from txlite.nn.masks._rules import Mask
from txlite.nn.multi_head import MultiHeadAttention
from txlite.nn.options import LayerOptions, _LayerKeywords
from txlite.nn.positions.carrier import Positions, enter

__all__ = ["ReversibleLayer", "ReversibleStack"]


class ReversibleLayer(_Residual):
    """Attention and a feed-forward layer, each of which changes the other's stream.

    Parameters
    ----------
    d_model : int
        Width of each stream.
    num_heads : int
        Number of attention heads.
    d_ff : int
        Width of the feed-forward layer's hidden layer.
    attention, feed_forward, attention_norm, feed_forward_norm : Module, optional
        Stand in the places of the parts that the sizes would build, as in
        :class:`txlite.nn.EncoderLayer`.
    options : LayerOptions, optional
        Choices, with their defaults.
    **keywords
        The fields of :class:`txlite.nn.LayerOptions`, one by one: they win over ``options``.

    Raises
    ------
    ValueError
        If ``norm_first`` is False, for a norm after the sum cannot be undone, or
        :class:`txlite.nn.EncoderLayer` would refuse.

    References
    ----------
    Kitaev et al. (2020), equation (9). Gomez et al. (2017), equations (6) to (8).

    Examples
    --------
    >>> layer = ReversibleLayer(8, 2, 16).eval()
    >>> one, two = torch.randn(2, 1, 5, 8)
    >>> back = layer.inverse(*layer(one, two))
    >>> torch.allclose(back[0], one, atol=1e-5), torch.allclose(back[1], two, atol=1e-5)
    (True, True)
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
        if not options.norm_first:
            raise ValueError("norm_first should be True in a reversible layer, got False")
        parts = (attention, attention_norm, feed_forward, feed_forward_norm)
        super().__init__(d_model, num_heads, d_ff, options, *parts)

    @checked_once
    def forward(
        self,
        first: Float[Tensor, "B T D"],
        second: Float[Tensor, "B T D"],
        mask: Mask | Bool[Tensor, "..."] | None = None,
        *,
        positions: Positions | None = None,
    ) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B T D"]]:
        """Return both streams after this layer.

        Parameters
        ----------
        first, second : Tensor, shape (B, T, D)
            The stream that attention adds to, and the one that it reads.
        mask : Mask or Tensor of bool, optional
            True where a position may attend to another.
        positions : Positions, optional
            Where the tokens stand.

        Returns
        -------
        first, second : Tensor, shape (B, T, D)
            The new streams.

        Raises
        ------
        ValueError
            If a shape disagrees, or the mask is not bool or does not fit.
        """
        first = first + self._attend(second, mask, positions)
        return first, second + self._think(first, mask)

    def inverse(
        self,
        first: Float[Tensor, "B T D"],
        second: Float[Tensor, "B T D"],
        mask: Mask | Bool[Tensor, "..."] | None = None,
        *,
        positions: Positions | None = None,
    ) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B T D"]]:
        """Return the streams from which :meth:`forward` would make these.

        Parameters
        ----------
        first, second : Tensor, shape (B, T, D)
            Streams after this layer.
        mask : Mask or Tensor of bool, optional
            As it was given to :meth:`forward`.
        positions : Positions, optional
            As they were given to :meth:`forward`.

        Returns
        -------
        first, second : Tensor, shape (B, T, D)
            The streams before it, but for rounding: without dropout, and with the same hashes.

        Raises
        ------
        ValueError
            If a shape disagrees, or the mask is not bool or does not fit.
        """
        self._check(first, second, mask, positions=positions)
        second = second - self._think(first, mask)
        return first - self._attend(second, mask, positions), second

    def _attend(self, x: Tensor, mask: Any, positions: Positions | None) -> Tensor:
        """What attention adds to the first stream."""
        given = {} if positions is None else {"positions": positions}
        out: Tensor = self.dropout(self.attention(self.attention_norm(x), mask=mask, **given))
        return out

    def _think(self, x: Tensor, mask: Any) -> Tensor:
        """What the feed-forward layer adds to the second stream."""
        out: Tensor = self.dropout(self._feed(self.feed_forward_norm(x), mask))
        return out

    def _check(
        self,
        first: Tensor,
        second: Tensor,
        mask: Mask | Tensor | None = None,
        *,
        positions: Positions | None = None,
    ) -> None:
        """Refuse, by name, what does not fit."""
        check_shape("first", first, "B T D", D=self.d_model)
        sizes = dict(zip("BTD", first.shape, strict=True))
        check_shape("second", second, "B T D", **sizes)
        self._check_states(second)
        positions = checked_entrance(second, positions)
        if isinstance(self.attention, MultiHeadAttention):  # another part sees to it itself
            self.attention._check_rest(second, mask=mask, positions=positions)


class ReversibleStack(nn.Module):
    """Reversible layers, one after the other, of which training keeps the end only.

    Parameters
    ----------
    layers : iterable of ReversibleLayer
        At least one.
    norm : Module, optional
        Applied to both streams beside each other, at width 2 · D.
    recompute : bool
        Whether the backward pass computes hidden states anew, at about a third more work. False
        stores them, as other stacks do; the gradients are the same but for rounding.

    Raises
    ------
    ValueError
        If there is no layer, one is not reversible, or a part keeps an ``auxiliary_loss``, whose
        gradient would be lost.

    Notes
    -----
    What does grow with the layers: their decisions (the buckets of LSH attention, whole numbers)
    and the state of the random numbers before each part (10 kB for a layer), so that dropout falls
    alike again. Every part is called twice in training: one that changes itself when it is called,
    such as a batch norm, does so twice. A compiled stack stores, and leaves it to the compiler.

    Subtracting in low precision does not quite undo an addition: in bfloat16 the error grows from
    layer to layer. Keep the streams in float32, and let autocast narrow what is inside the parts.

    References
    ----------
    Kitaev et al. (2020), section 3. Gomez et al. (2017), algorithm 1.

    Examples
    --------
    >>> stack = ReversibleStack([ReversibleLayer(8, 2, 16) for _ in range(3)])
    >>> stack(torch.zeros(1, 5, 8)).shape
    torch.Size([1, 5, 16])
    """

    def __init__(
        self,
        layers: Iterable[nn.Module],
        norm: nn.Module | None = None,
        *,
        recompute: bool = True,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        if not self.layers:
            raise ValueError("layers should hold at least one layer, got none")
        for i, layer in enumerate(self.layers):
            if not isinstance(layer, ReversibleLayer):
                raise ValueError(f"layers[{i}] should be a ReversibleLayer, got {layer!r}")
            if any(hasattr(part, "auxiliary_loss") for part in layer.modules()):
                raise ValueError(f"layers[{i}] should keep no auxiliary_loss: it is run twice")
        self.norm: nn.Module | None = norm
        self.recompute = recompute

    @checked_once
    def forward(
        self,
        x: Float[Tensor, "B T D"],
        mask: Mask | Bool[Tensor, "..."] | None = None,
        *,
        positions: Positions | None = None,
    ) -> Float[Tensor, "B T D2"]:
        """Return both streams after all layers, beside each other.

        Parameters
        ----------
        x : Tensor, shape (B, T, D)
            Hidden states, with which both streams begin.
        mask : Mask or Tensor of bool, optional
            True where a position may attend to another.
        positions : Positions, optional
            Where ``x`` stands.

        Returns
        -------
        Tensor, shape (B, T, 2 D)
            The first stream, then the second.

        Raises
        ------
        ValueError
            If a shape disagrees, or the mask is not bool or does not fit.
        """
        x, positions = enter(x, positions)
        given = (for_one_call(mask), positions)
        if self.recompute and torch.is_grad_enabled() and not torch.compiler.is_compiling():
            first, second = recomputed(list(self.layers), x, given)
        else:
            first = second = x
            for layer in self.layers:
                first, second = layer(first, second, given[0], positions=positions)
        out = torch.cat([first, second], -1)
        return out if self.norm is None else self.norm(out)

    def _check(
        self,
        x: Tensor,
        mask: Mask | Tensor | None = None,
        *,
        positions: Positions | None = None,
    ) -> None:
        """Let every layer refuse what does not fit."""
        for layer in self.layers:
            assert isinstance(layer, ReversibleLayer)
            layer._check(x, x, mask, positions=positions)
