"""LayerScale: a branch begins as a whisper, and learns of every number how loud it should be.

It is a part around a part. A layer is given it in the place of the attention or the feed-forward
layer that it holds, and need not know.

Source
    Touvron et al. (2021), "Going Deeper with Image Transformers", section 2.2, equation (6).
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from txlite._checks import check_finite, check_module, check_positive

__all__ = ["LayerScale"]


class LayerScale(nn.Module):
    """A part whose output is multiplied by a learned vector.

    Parameters
    ----------
    part : Module
        What stands in a layer's residual branch, such as :class:`txlite.nn.MultiHeadAttention`.
    d_model : int
        Width of its output.
    start : float
        Every factor at the start. The paper's are 0.1 to 10⁻⁶, smaller in deeper stacks.

    Raises
    ------
    ValueError
        If ``part`` is no module, ``d_model`` is not positive, or ``start`` is not finite.

    References
    ----------
    Touvron et al. (2021), equation (6).

    Examples
    --------
    >>> from txlite.nn import EncoderLayer, FeedForward, MultiHeadAttention
    >>> attention = LayerScale(MultiHeadAttention(8, 2), 8, start=0.1)
    >>> feed_forward = LayerScale(FeedForward(8, 16), 8, start=0.1)
    >>> layer = EncoderLayer(8, 2, 16, attention=attention, feed_forward=feed_forward)
    >>> layer(torch.zeros(1, 5, 8)).shape
    torch.Size([1, 5, 8])
    """

    def __init__(self, part: nn.Module, d_model: int, *, start: float = 1e-5) -> None:
        super().__init__()
        check_module("part", part)
        self.part = part
        self.takes_keep = bool(getattr(part, "takes_keep", False))  # a layer asks
        self.d_model = check_positive("d_model", d_model)
        self.start = check_finite("start", start)
        self.scale = nn.Parameter(torch.empty(self.d_model))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Begin anew: every factor is ``start``."""
        nn.init.constant_(self.scale, self.start)

    def forward(self, x: Float[Tensor, "*B T D"], **given: Any) -> Float[Tensor, "*B T D"]:
        """Return what the part returns, scaled.

        Parameters
        ----------
        x : Tensor, shape (..., T, D)
            Hidden states.
        **given
            Handed to the part.

        Returns
        -------
        Tensor, shape (..., T, D)
            Its output times the vector.
        """
        scaled: Tensor = self.part(x, **given) * self.scale
        return scaled

    def extra_repr(self) -> str:
        """Return the sizes that ``print(module)`` shows."""
        return f"d_model={self.d_model}, start={self.start:g}"
