r"""LSH attention: each position attends to those whose vectors point where its own does.

Softmax gives nearly all weight to the few keys that are closest to the query. Queries and keys are
one and the same projection here, hashed so that close ones share a bucket; the positions are sorted
by bucket, the sorted sequence is cut into chunks, and each chunk attends to itself and to the one
before. A chunk is a stretch of the sorted sequence: a bucket may be longer, or a small part of one.
Several rounds, each with other directions, find what one round misses.

Shape letters
    B batch    H heads    T positions    E width of one head    R rounds    N chunks, of all rounds

Source
    Kitaev et al. (2020), "Reformer: The Efficient Transformer", section 2 and appendix A.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from txlite._checks import (
    check_alike,
    check_floating,
    check_length,
    check_positive,
    check_probability,
    check_shape,
)
from txlite.nn.masks._coordinates import Coordinates
from txlite.nn.masks._parted import parted
from txlite.nn.masks._rules import Mask

__all__ = ["lsh_attention", "lsh_candidates"]

OWN = -1e5  # a position's score with itself: it counts where there is nothing else


def lsh_attention(
    query: Float[Tensor, "B H T E"],
    value: Float[Tensor, "B H T V"],
    buckets: Int[Tensor, "B H R T"],
    mask: Mask | None = None,
    *,
    chunk_length: int = 64,
    num_before: int = 1,
    num_after: int = 0,
    dropout: float = 0.0,
) -> Float[Tensor, "B H T V"]:
    r"""Average of the values, over the positions that share a chunk or stand one chunk before.

    .. math:: o_i = \sum_r e^{z_{ir} - z_i} \sum_{j \in P_{ir}} e^{q_i \cdot k_j - z_{ir}} v_j,
              \qquad k_j = \frac{q_j}{\lVert q_j \rVert}

    with :math:`P_{ir}` what position i sees in round r, :math:`z_{ir}` the logarithm of its sum of
    exponentials, and :math:`z_i` that of all rounds.

    Parameters
    ----------
    query : Tensor, shape (B, H, T, E)
        Queries, and keys once they have length one.
    value : Tensor, shape (B, H, T, V)
        What each position hands over.
    buckets : Tensor of int, shape (B, H, R, T)
        From :func:`txlite.nn.hash_buckets`.
    mask : Mask, optional
        Padding, and rules of positions such as causal, joined by ``&``. They are asked about where
        tokens stand in the text, not in the sorted order.
    chunk_length : int
        Positions in a chunk. A sequence no longer than one is attended to as a whole.
    num_before, num_after : int
        How many chunks before and after its own a chunk sees.
    dropout : float
        Probability with which each weight is dropped.

    Returns
    -------
    Tensor, shape (B, H, T, V)
        A position attends to itself only where it sees nothing else. What is seen in several
        rounds counts as often.

    Raises
    ------
    ValueError
        If a shape does not fit, a number is out of range, the mask holds a tensor other than a
        padding's, or the call is exported: what is sorted is not known then.

    Notes
    -----
    Chunks run on from round to round and around: the first chunk of a round sees the last of the
    one before, as in the authors' code. Padding is sorted behind all else in each round.

    A causal mask keeps every later *value* out. Which earlier positions share a chunk still
    depends on all positions, the later ones too, so that the output at a position may change when
    the text goes on. For that reason there is no cache of keys.

    References
    ----------
    Kitaev et al. (2020), equations (4) to (6), section 2 ("causal masking") and appendix A. Without
    the division by the number of rounds that see a pair, as in the published models.

    Examples
    --------
    >>> x = torch.randn(1, 2, 8, 4)
    >>> buckets = torch.zeros(1, 2, 1, 8, dtype=torch.int64)
    >>> lsh_attention(x, x, buckets, chunk_length=4).shape
    torch.Size([1, 2, 8, 4])
    """
    keep, rule = _check(query, value, buckets, mask)
    sizes = _sizes(chunk_length, num_before, num_after)
    dropout = check_probability("dropout", dropout)
    length, wide = query.shape[-2], torch.promote_types(query.dtype, torch.float32)
    if length == 0:
        return value
    seen = _Sorted(buckets, keep, length, *sizes)
    keys = unit_keys(query)
    scores = (seen.chunks(query) @ seen.around(seen.chunks(keys)).mT).to(wide)  # (B, H, N, C, W)
    own, allowed = seen.pairs(rule)
    scores = scores.masked_fill(~allowed, -math.inf).masked_fill(own, OWN)
    weights = functional.dropout(scores.softmax(-1), dropout).to(value.dtype)
    out = seen.unsorted((weights @ seen.around(seen.chunks(value))).flatten(2, 3))
    total = seen.unsorted(scores.logsumexp(-1).flatten(2, 3)[..., None])  # (B, H, R, T, 1)
    return (out * total.softmax(2).to(out.dtype)).sum(2)


def lsh_candidates(
    buckets: Int[Tensor, "B H R T"],
    mask: Mask | None = None,
    *,
    chunk_length: int = 64,
    num_before: int = 1,
    num_after: int = 0,
) -> Int[Tensor, "B H T T"]:
    """How often each position sees each other one, over all rounds: the picture of LSH attention.

    Parameters
    ----------
    buckets : Tensor of int, shape (B, H, R, T)
        From :func:`txlite.nn.hash_buckets`.
    mask : Mask, optional
        As for :func:`lsh_attention`.
    chunk_length : int
        Positions in a chunk.
    num_before, num_after : int
        How many chunks before and after its own a chunk sees.

    Returns
    -------
    Tensor of int64, shape (B, H, T, T)
        A count for each query and key; what the mask hides counts zero, and so does a position
        for itself unless it sees nothing else. Softmax over scores plus the logarithms of the
        counts is what :func:`lsh_attention` computes, at a cost that grows with the square.

    Raises
    ------
    ValueError
        As :func:`lsh_attention`.

    Examples
    --------
    >>> buckets = torch.tensor([[[[0, 1, 0, 1]]]])
    >>> lsh_candidates(buckets, chunk_length=2, num_before=0)[0, 0]
    tensor([[0, 0, 1, 0],
            [0, 0, 0, 1],
            [1, 0, 0, 0],
            [0, 1, 0, 0]])
    """
    size = check_shape("buckets", buckets, "B H R T")["T"]
    like = torch.zeros(1, device=buckets.device).expand(*buckets.shape[:2], size, 1)
    keep, rule = _check(like, like, buckets, mask)
    sizes = _sizes(chunk_length, num_before, num_after)
    if size == 0:
        return buckets.new_zeros(*buckets.shape[:2], 0, 0)
    seen = _Sorted(buckets, keep, size, *sizes)
    own, allowed = seen.pairs(rule)
    at, others = seen.positions, seen.around(seen.positions)
    pairs = (at[..., :, None] * seen.length + others[..., None, :]).flatten(2)
    counts = buckets.new_zeros(*buckets.shape[:2], seen.length**2)
    counts.scatter_add_(-1, pairs, (allowed & ~own).flatten(2).long())
    square = (*buckets.shape[:2], seen.length, seen.length)
    counts = counts.view(square)[..., :size, :size]
    own = torch.eye(size, dtype=counts.dtype, device=counts.device)
    return torch.where(counts.any(-1, keepdim=True), counts, own)


def unit_keys(query: Tensor, eps: float = 1e-6) -> Tensor:
    """Return the queries at length one: eps is added to the mean of the squares."""
    wide = query.to(torch.promote_types(query.dtype, torch.float32))
    mean = wide.square().mean(-1, keepdim=True)
    unit: Tensor = wide * (mean + eps).rsqrt() * query.shape[-1] ** -0.5
    return unit.to(query.dtype)


class _Sorted:
    """Positions in the order of their buckets, in chunks: there, around, and back."""

    def __init__(
        self, buckets: Tensor, keep: Tensor | None, length: int, size: int, before: int, after: int
    ) -> None:
        rounds = buckets.shape[2]
        if length <= size:  # one chunk, without hashing
            size, rounds, before, after = length, 1, 0, 0
        self.shifts = range(-before, after + 1)
        self.size, self.length, self.rounds = size, -(-length // size) * size, rounds
        self.spare, self.asked = self.length - length, length
        buckets, real = buckets[:, :, :rounds], keep
        if self.spare and keep is None:
            real = buckets.new_ones(buckets.shape[0], length, dtype=torch.bool)
        if self.spare and real is not None:
            real = functional.pad(real, (0, self.spare))
            buckets = functional.pad(buckets, (0, self.spare))
        self.keep = real
        last = buckets.amax() + 1
        if length <= size:
            buckets = torch.zeros_like(buckets)
        elif real is not None:
            buckets = torch.where(real[:, None, None], buckets, last)
        each = torch.arange(rounds, device=buckets.device)[:, None]
        self.order = (buckets + each * (last + 1)).flatten(2).argsort(dim=-1, stable=True)
        self.positions = (self.order % self.length).view(*buckets.shape[:2], -1, size)  # N, C

    def chunks(self, x: Tensor) -> Tensor:
        """(B, H, T, E) to (B, H, N, C, E), sorted."""
        x = functional.pad(x, (0, 0, 0, self.spare))
        at = self.positions.flatten(2)[..., None].expand(-1, -1, -1, x.shape[-1])
        return x.gather(2, at).view(*x.shape[:2], -1, self.size, x.shape[-1])

    def around(self, x: Tensor) -> Tensor:
        """Put the chunks that each sees beside each other: (B, H, N, W, ...)."""
        return torch.cat([x if i == 0 else x.roll(-i, dims=2) for i in self.shifts], 3)

    def pairs(self, rule: Mask | None) -> tuple[Tensor, Tensor]:
        """Which pairs are a position and itself, and which the mask allows: (B, H, N, C, W)."""
        at, others = self.positions[..., :, None], self.around(self.positions)[..., None, :]
        own = at == others
        allowed = torch.ones_like(own)
        if rule is not None:
            last = self.asked - 1
            places = at.clamp(max=last), others.clamp(max=last)
            allowed &= rule.allowed(Coordinates(*places, self.asked, self.asked))
        if self.keep is not None:
            batch = torch.arange(len(self.keep), device=at.device).view(-1, 1, 1, 1, 1)
            allowed &= self.keep[batch, others]
        return own, allowed

    def unsorted(self, x: Tensor) -> Tensor:
        """(B, H, N · C, E) to (B, H, R, T, E), each position where it stands in the text."""
        back = torch.empty_like(self.order)
        back.scatter_(-1, self.order, torch.arange(back.shape[-1], device=x.device).expand_as(back))
        x = x.gather(2, back[..., None].expand(-1, -1, -1, x.shape[-1]))
        return x.view(*x.shape[:2], self.rounds, self.length, -1)[:, :, :, : self.asked]


def _check(
    query: Tensor, value: Tensor, buckets: Tensor, mask: Mask | Tensor | None
) -> tuple[Tensor | None, Mask | None]:
    """Refuse, by name, what does not fit; return the mask's two parts."""
    if torch.compiler.is_exporting():
        raise ValueError("LSH attention should run as it is: an export cannot sort by what comes")
    sizes = check_shape("query", query, "B H T E")
    check_floating("query", query)
    sizes.pop("E")
    check_shape("value", value, "B H T V", **sizes)
    check_alike("value", value, query)
    check_shape("buckets", buckets, "B H R T", **sizes)
    if buckets.dtype != torch.int64:
        raise ValueError(f"buckets should hold int64 numbers, got {buckets.dtype}")
    keep, rule = parted(mask, "LSH attention")
    if mask is not None and isinstance(mask, Mask):
        mask.check(sizes["T"], sizes["T"], (sizes["B"], sizes["H"]), query.device)
    return keep, rule


def _sizes(chunk_length: int, num_before: int, num_after: int) -> tuple[int, int, int]:
    """Refuse sizes out of range, and return them as Python's."""
    return (
        check_positive("chunk_length", chunk_length),
        check_length("num_before", num_before),
        check_length("num_after", num_after),
    )
