"""Local attention: each position attends within its own block and the one before.

What attends in every head, for :class:`txlite.nn.MultiHeadAttention`: it narrows whatever mask
comes, and the chunks that a short reach allows do the rest.

Source
    Kitaev et al. (2020), "Reformer", section 5 (local layers beside those with hashing).
"""

from jaxtyping import Bool, Float
from torch import Tensor

from txlite._checks import check_length, check_positive
from txlite.nn.attention import Attend
from txlite.nn.masks._rules import Mask, as_mask
from txlite.nn.masks.sparse import block_window

__all__ = ["LocalAttend"]


class LocalAttend(Attend):
    """Scaled dot-product attention that no head can use to look far.

    Parameters
    ----------
    chunk_length : int
        Positions in a block.
    num_before, num_after : int
        How many blocks before and after its own a position sees.
    dropout : float
        Probability with which each weight is dropped in training mode.
    scale : float, optional
        What the scores are multiplied by. The default is 1/√E.

    Raises
    ------
    ValueError
        If ``chunk_length`` is not positive, a number of blocks is negative, or
        :class:`txlite.nn.Attend` would refuse.

    Notes
    -----
    Blocks are counted from the first key that is there: a cache that forgets would move them.

    References
    ----------
    Kitaev et al. (2020), section 5. Beltagy et al. (2020), section 3.1.

    Examples
    --------
    >>> import torch
    >>> from txlite.nn import MultiHeadAttention
    >>> attention = MultiHeadAttention(8, 2, attend=LocalAttend(4))
    >>> attention(torch.zeros(1, 10, 8)).shape
    torch.Size([1, 10, 8])
    """

    def __init__(
        self,
        chunk_length: int,
        num_before: int = 1,
        num_after: int = 0,
        *,
        dropout: float = 0.0,
        scale: float | None = None,
    ) -> None:
        super().__init__(dropout, scale=scale)
        self.window = block_window(
            check_positive("chunk_length", chunk_length),
            check_length("num_before", num_before),
            check_length("num_after", num_after),
        )

    def forward(
        self,
        query: Float[Tensor, "B H T E"],
        key: Float[Tensor, "B K S E"],
        value: Float[Tensor, "B K S V"],
        mask: Mask | Bool[Tensor, "..."] | None = None,
        bias: Float[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "B H T V"]:
        """Attend as :class:`txlite.nn.Attend` does, under the narrower mask.

        Raises
        ------
        ValueError
            If a shape disagrees, or the mask is not bool or does not fit.
        """
        return super().forward(query, key, value, self._narrow(mask), bias)

    def weights(
        self,
        query: Float[Tensor, "B H T E"],
        key: Float[Tensor, "B K S E"],
        mask: Mask | Bool[Tensor, "..."] | None = None,
        bias: Float[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "B H T S"]:
        """Return the weights by which :meth:`forward` averages, before dropout.

        Raises
        ------
        ValueError
            If a shape disagrees, or the mask is not bool or does not fit.
        """
        return super().weights(query, key, self._narrow(mask), bias)

    def _narrow(self, mask: Mask | Tensor | None) -> Mask:
        return self.window if mask is None else self.window & as_mask(mask)

    def extra_repr(self) -> str:
        """Return the choices that ``print(module)`` shows."""
        return ", ".join(filter(None, [repr(self.window), super().extra_repr()]))
