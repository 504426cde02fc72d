"""A feed-forward layer that reads a long sequence a stretch at a time.

No position looks at another one, so that nothing changes but the memory: the hidden layer, several
times as wide as the model, exists for one stretch only.

Source
    Kitaev et al. (2020), "Reformer", section 3, "Chunking".
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_positive
from txlite.nn.feedforward import FeedForward

__all__ = ["ChunkedFeedForward"]


class ChunkedFeedForward(FeedForward):
    """A feed-forward layer for stretches of the sequence, one after the other.

    Parameters
    ----------
    d_model : int
        Width of the input and of the output.
    d_ff : int
        Width of the hidden layer.
    chunk_length : int
        Positions in a stretch; the last one may be shorter.
    **keywords
        Those of :class:`txlite.nn.FeedForward`.

    Raises
    ------
    ValueError
        If ``chunk_length`` is not positive, or :class:`txlite.nn.FeedForward` would refuse.

    Notes
    -----
    In training the stretches' hidden layers are stored all the same, unless they are computed
    anew, as in a :class:`txlite.nn.ReversibleStack`, one layer at a time.

    References
    ----------
    Kitaev et al. (2020), equation (10).

    Examples
    --------
    >>> ChunkedFeedForward(8, 32, 3)(torch.zeros(2, 7, 8)).shape
    torch.Size([2, 7, 8])
    """

    def __init__(self, d_model: int, d_ff: int, chunk_length: int, **keywords: Any) -> None:
        super().__init__(d_model, d_ff, **keywords)
        self.chunk_length = check_positive("chunk_length", chunk_length)

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """Return one new vector for each position, from its old one alone.

        Raises
        ------
        ValueError
            If the last axis of ``x`` is not the model's width, or its dtype not the weights'.
        """
        if not isinstance(x, Tensor) or x.ndim < 2:
            return super().forward(x)
        stretches = [super(ChunkedFeedForward, self).forward(part)
                     for part in torch.split(x, self.chunk_length, dim=-2)]  # fmt: skip
        return torch.cat(stretches, -2)

    def extra_repr(self) -> str:
        """Return the choices that ``print(module)`` shows."""
        return f"{super().extra_repr()}, chunk_length={self.chunk_length}"
