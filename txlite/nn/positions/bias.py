r"""Biases that depend on the distance: a number for every pair, added to the scaled score.

Nothing is added to the words here. :class:`ALiBi` takes off what grows with the distance, at
another rate in each head. :class:`RelativeBias` learns one number for each head and each range of
distances. Both are functions of j − i alone, so they are defined at every length.

Sources
    Press et al. (2022), "Train Short, Test Long" (ALiBi), section 3.
    Raffel et al. (2020), "Exploring the Limits of Transfer Learning" (T5), section 2.1.
    Shaw et al. (2018), "Self-Attention with Relative Position Representations" (the ancestor).
"""

import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor, nn

from txlite._checks import check_positive
from txlite.nn._edge import checked_once
from txlite.nn.positions._whole import check_positions

__all__ = ["ALiBi", "RelativeBias"]


def _offsets(query_positions: Tensor, key_positions: Tensor) -> Tensor:
    """Return j − i for every query i and key j: (T, S), or (B, T, S) where either has a batch."""
    return key_positions[..., None, :] - query_positions[..., :, None]


class _ByDistance(nn.Module):
    """What both biases ask of their arguments."""

    def _check(self, query_positions: Tensor, key_positions: Tensor) -> None:
        check_positions("query_positions", query_positions)
        check_positions("key_positions", key_positions)
        both = query_positions.ndim == key_positions.ndim == 2
        if both and query_positions.shape[0] != key_positions.shape[0]:
            raise ValueError(
                f"key_positions should have shape (B={query_positions.shape[0]}, S), got "
                f"{tuple(key_positions.shape)}"
            )


class ALiBi(_ByDistance):
    r"""Attention with linear biases: the farther a key, the less of it is heard.

    .. math:: \text{bias}_{h,ij} = -m_h\,|i - j|, \qquad m_h = 2^{-8h/H}, \quad h = 1, \dots, H

    Parameters
    ----------
    num_heads : int
        Number of heads, H. Where it is no power of two, the slopes are those of the next smaller
        power n, and then every other slope of 2n heads, as in the authors' code.

    Raises
    ------
    ValueError
        If ``num_heads`` is not positive.

    Notes
    -----
    Nothing is learned. Some implementations (Hugging Face's Bloom) add :math:`m_h\,j` instead: a
    causal row then differs by :math:`m_h\,i`, one number for the whole row, which softmax does not
    see.

    References
    ----------
    Press et al. (2022), section 3.

    Examples
    --------
    >>> ALiBi(2)(torch.arange(3), torch.arange(3))[0] * 16
    tensor([[ 0., -1., -2.],
            [-1.,  0., -1.],
            [-2., -1.,  0.]])
    """

    def __init__(self, num_heads: int) -> None:
        super().__init__()
        self.num_heads = check_positive("num_heads", num_heads)
        self.slopes = _slopes(self.num_heads)

    @checked_once
    def forward(
        self, query_positions: Int[Tensor, "*B T"], key_positions: Int[Tensor, "*C S"]
    ) -> Float[Tensor, "*D H T S"]:
        """Compute the bias of every query and key.

        Parameters
        ----------
        query_positions : Tensor of int, shape (T,) or (B, T)
            Where the queries stand; with a cache, after the keys it holds.
        key_positions : Tensor of int, shape (S,) or (B, S)
            Where the keys stand.

        Returns
        -------
        Tensor, shape (H, T, S), or (B, H, T, S) where either has a batch
            Zero where a query meets itself, negative elsewhere; torch's default dtype.

        Raises
        ------
        ValueError
            If positions are not whole numbers of such shapes.
        """
        offsets = _offsets(query_positions, key_positions)
        dtype = torch.get_default_dtype()
        slopes = torch.tensor(self.slopes, device=offsets.device, dtype=dtype)
        return slopes[:, None, None] * offsets.abs().neg().to(dtype).unsqueeze(-3)

    def extra_repr(self) -> str:
        """Return what ``print(module)`` shows."""
        return f"{self.num_heads}"


def _slopes(num_heads: int) -> list[float]:
    """Return one slope for each head, geometric where their number is a power of two."""
    power = 1 << (num_heads.bit_length() - 1)  # the largest power of two within num_heads
    slopes = [2.0 ** (-8 * h / power) for h in range(1, power + 1)]
    between = [2.0 ** (-4 * h / power) for h in range(1, 2 * power + 1, 2)]
    return slopes + between[: num_heads - power]


class RelativeBias(_ByDistance):
    """One learned number for each head and each bucket of distances, as in T5.

    Small distances have a bucket each. Larger ones share buckets, whose sizes grow geometrically up
    to ``max_distance``; all that is farther falls into the last.

    Parameters
    ----------
    num_heads : int
        Number of heads, H.
    num_buckets : int
        Number of buckets. With ``bidirectional`` half are for keys at or before the query, and half
        for keys after it; the first half of either is for single distances.
    max_distance : int
        From here on all distances share the last bucket.
    bidirectional : bool
        Whether keys after the query are told apart. False is for causal attention, and puts all of
        them with the query's own position.

    Raises
    ------
    ValueError
        If a size is not positive, there are fewer than two buckets in a direction, or
        ``max_distance`` is not beyond the single distances.

    Notes
    -----
    T5 has one table for all layers of a stack: compute the bias once, and hand it to each of them.
    The buckets' borders are computed in whole numbers, so that no logarithm is rounded.

    References
    ----------
    Raffel et al. (2020), section 2.1; the borders are those of their code.

    Examples
    --------
    >>> bias = RelativeBias(3, num_buckets=8, max_distance=16, bidirectional=False)
    >>> bias.bucket(-torch.arange(18))
    tensor([0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7])
    """

    def __init__(
        self,
        num_heads: int,
        *,
        num_buckets: int = 32,
        max_distance: int = 128,
        bidirectional: bool = True,
    ) -> None:
        super().__init__()
        num_heads = check_positive("num_heads", num_heads)
        num_buckets = check_positive("num_buckets", num_buckets)
        max_distance = check_positive("max_distance", max_distance)
        if bidirectional and num_buckets % 2:
            raise ValueError(f"num_buckets should be even in both directions, got {num_buckets}")
        self.num_heads, self.bidirectional = num_heads, bidirectional
        self.num_buckets, self.max_distance = num_buckets, max_distance
        self.borders = _borders(num_buckets // (1 + bidirectional), max_distance)
        self.table = nn.Embedding(num_buckets, num_heads)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the biases anew: normal, with a standard deviation of 0.02."""
        nn.init.normal_(self.table.weight, std=0.02)

    def bucket(self, offsets: Integer[Tensor, "*B"]) -> Int[Tensor, "*B"]:
        """Sort offsets into buckets.

        Parameters
        ----------
        offsets : Tensor of int
            Position of the key minus position of the query.

        Returns
        -------
        Tensor of int64
            A bucket in [0, num_buckets) for each.
        """
        borders = torch.tensor(self.borders, device=offsets.device, dtype=offsets.dtype)
        if not self.bidirectional:
            return torch.bucketize((-offsets).clamp(min=0), borders, right=True)
        after = (offsets > 0) * (self.num_buckets // 2)
        return after + torch.bucketize(offsets.abs(), borders, right=True)

    @checked_once
    def forward(
        self, query_positions: Int[Tensor, "*B T"], key_positions: Int[Tensor, "*C S"]
    ) -> Float[Tensor, "*D H T S"]:
        """Look up the bias of every query and key.

        Parameters
        ----------
        query_positions : Tensor of int, shape (T,) or (B, T)
            Where the queries stand; with a cache, after the keys it holds.
        key_positions : Tensor of int, shape (S,) or (B, S)
            Where the keys stand.

        Returns
        -------
        Tensor, shape (H, T, S), or (B, H, T, S) where either has a batch
            The learned number of each pair's bucket.

        Raises
        ------
        ValueError
            If positions are not whole numbers of such shapes.
        """
        buckets = self.bucket(_offsets(query_positions, key_positions))  # (..., T, S)
        bias: Tensor = self.table(buckets)  # (..., T, S, H)
        return bias.movedim(-1, -3)

    def extra_repr(self) -> str:
        """Return what ``print(module)`` shows."""
        sizes = f"num_buckets={self.num_buckets}, max_distance={self.max_distance}"
        return f"{self.num_heads}, {sizes}, bidirectional={self.bidirectional}"


def _borders(num_buckets: int, max_distance: int) -> list[int]:
    r"""Return the smallest distance of every bucket but the first.

    With m = ⌊num_buckets / 2⌋ single distances and n = num_buckets − m ranges, range k begins at
    the first whole number that is at least :math:`m\,(\text{max\_distance}/m)^{k/n}`.
    """
    single = num_buckets // 2
    if num_buckets < 2:
        raise ValueError(f"num_buckets should be at least 2 in each direction, got {num_buckets}")
    if max_distance <= single:
        raise ValueError(
            f"max_distance should be more than the {single} distances with a bucket of their own, "
            f"got {max_distance}"
        )
    ranges = num_buckets - single
    borders = list(range(1, single + 1))
    for k in range(1, ranges):
        # compared in whole numbers: d ≥ m (M/m)^(k/n)  ⟺  dⁿ mᵏ ≥ Mᵏ mⁿ
        wanted = max_distance**k * single**ranges
        d = max(1, int(single * (max_distance / single) ** (k / ranges)) - 1)
        while d**ranges * single**k < wanted:
            d += 1
        borders.append(d)
    return borders
