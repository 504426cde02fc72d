"""Many heads of LSH attention: one projection for queries and keys, one for values.

It stands where :class:`txlite.nn.MultiHeadAttention` does; :mod:`txlite.nn.lsh` says what attends.

Shape letters
    B batch    T positions    D model width    H heads    E width of one head    R rounds of hashing

Source
    Kitaev et al. (2020), "Reformer: The Efficient Transformer", section 2.
"""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from txlite._checks import (
    check_divides,
    check_dtype,
    check_length,
    check_positive,
    check_probability,
    check_shape,
)
from txlite.nn._decided import decided
from txlite.nn.cache import KVCache
from txlite.nn.hashing import (
    Buckets,
    bucket_factors,
    choose_num_buckets,
    hash_buckets,
    random_rotations,
)
from txlite.nn.lsh import lsh_attention
from txlite.nn.masks._rules import Mask
from txlite.nn.positions.carrier import Positions

__all__ = ["LSHAttention"]


class LSHAttention(nn.Module):
    """Several LSH attentions side by side, each in a subspace of its own.

    Parameters
    ----------
    d_model : int
        Width of the input and of the output.
    num_heads : int
        Number of heads.
    head_dim : int, optional
        Width of one head. The default is ``d_model / num_heads``.
    chunk_length : int
        Positions in a chunk of the sorted sequence. A sequence no longer than one is attended to
        as a whole.
    num_hashes : int
        Rounds of hashing.
    num_buckets : int or sequence of int, optional
        An even number of buckets, or its even factors. The default suits each length:
        :func:`txlite.nn.choose_num_buckets`.
    num_before, num_after : int
        How many chunks before and after its own a chunk sees.
    seed : int, optional
        Lets every call hash alike. The default draws other directions in each call, from torch's
        own random numbers, in training and after it.
    max_len : int, optional
        Longest sequence, by which many buckets become two factors.
    bias : bool
        Whether the three projections add a bias.
    dropout : float
        Probability with which an attention weight is dropped in training.

    Raises
    ------
    ValueError
        If a size is not positive, the heads do not divide, a number of buckets is odd, or dropout
        is not in [0, 1).

    References
    ----------
    Kitaev et al. (2020), section 2, "Shared-QK attention" and "LSH attention".

    Examples
    --------
    >>> from txlite.nn import masks
    >>> attention = LSHAttention(8, 2, chunk_length=4, num_hashes=2)
    >>> attention(torch.zeros(1, 10, 8), masks.causal()).shape
    torch.Size([1, 10, 8])
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        *,
        head_dim: int | None = None,
        chunk_length: int = 64,
        num_hashes: int = 1,
        num_buckets: Buckets | None = None,
        num_before: int = 1,
        num_after: int = 0,
        seed: int | None = None,
        max_len: int | None = None,
        bias: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.d_model = check_positive("d_model", d_model)
        self.num_heads = check_positive("num_heads", num_heads)
        if head_dim is None:
            check_divides("num_heads", self.num_heads, "d_model", self.d_model)
            head_dim = self.d_model // self.num_heads
        self.head_dim = check_positive("head_dim", head_dim)
        self.chunk_length = check_positive("chunk_length", chunk_length)
        self.num_hashes = check_positive("num_hashes", num_hashes)
        self.num_buckets = None if num_buckets is None else bucket_factors(num_buckets)
        self.num_before = check_length("num_before", num_before)
        self.num_after = check_length("num_after", num_after)
        self.seed = None if seed is None else check_length("seed", seed)
        self.max_len = None if max_len is None else check_positive("max_len", max_len)
        self.dropout = check_probability("dropout", dropout)
        inner = self.num_heads * self.head_dim
        self.query_key_proj = nn.Linear(self.d_model, inner, bias=bias)
        self.value_proj = nn.Linear(self.d_model, inner, bias=bias)
        self.output_proj = nn.Linear(inner, self.d_model, bias=bias)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew: Xavier uniform, biases zero."""
        for proj in (self.query_key_proj, self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(proj.weight)
            if proj.bias is not None:
                nn.init.zeros_(proj.bias)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        mask: Mask | Bool[Tensor, "..."] | None = None,
        *,
        bias: Float[Tensor, "..."] | None = None,
        positions: Positions | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Let every position gather from those that it shares a chunk with.

        Parameters
        ----------
        x : Tensor, shape (B, T, D)
            Hidden states.
        mask : Mask, optional
            Padding, and rules of positions such as causal, joined by ``&``; no table.
        bias : None
            Not here: scores of most pairs do not exist.
        positions : Positions, optional
            Where ``x`` stands, with nothing for queries, keys and scores.
        cache : None
            Not here: the order depends on all positions.

        Returns
        -------
        Tensor, shape (B, T, D)
            One vector for each position.

        Raises
        ------
        ValueError
            If a shape disagrees, the mask is a table, or a bias, rotation or cache is given.
        """
        self._check(x, mask, bias=bias, positions=positions, cache=cache)
        query, value = self._heads(self.query_key_proj(x)), self._heads(self.value_proj(x))
        out = lsh_attention(
            query, value, self._buckets(query), mask if isinstance(mask, Mask) else None,
            chunk_length=self.chunk_length, num_before=self.num_before, num_after=self.num_after,
            dropout=self.dropout if self.training else 0.0,
        )  # fmt: skip
        mixed: Tensor = self.output_proj(out.transpose(1, 2).flatten(2))
        return mixed

    def _heads(self, x: Tensor) -> Tensor:
        """(B, T, H·E) to (B, H, T, E)."""
        return x.view(*x.shape[:2], self.num_heads, self.head_dim).transpose(1, 2)

    def _buckets(self, query: Tensor) -> Tensor:
        """Return the bucket of each query in each round, (B, H, R, T)."""
        length = query.shape[-2]
        if length <= self.chunk_length:  # one chunk: there is nothing to sort
            return torch.zeros_like(query[..., 0], dtype=torch.int64)[:, :, None]
        num_buckets: Any = self.num_buckets
        if num_buckets is None:
            num_buckets = choose_num_buckets(length, self.chunk_length, self.max_len)
        generator = None if self.seed is None else torch.Generator().manual_seed(self.seed)
        sizes = (self.num_heads, self.head_dim, self.num_hashes, num_buckets)
        turns = random_rotations(*sizes, generator=generator, dtype=query.dtype).to(query.device)
        return decided(lambda: hash_buckets(query, turns, num_buckets))

    def _check(
        self,
        x: Tensor,
        mask: Mask | Tensor | None = None,
        *,
        bias: Tensor | None = None,
        positions: Positions | None = None,
        cache: KVCache | None = None,
    ) -> None:
        check_shape("x", x, "B T D", D=self.d_model)
        if isinstance(self.query_key_proj, nn.Linear):  # anything else may take another dtype
            check_dtype("x", x, "the weights", self.query_key_proj.weight)
        if isinstance(mask, Tensor):
            raise ValueError(
                "mask should be made of rules, such as masks.causal() & masks.padding(keep), for "
                f"LSH attention, got a table of shape {tuple(mask.shape)}"
            )
        if bias is not None:
            raise ValueError("bias should be None for LSH attention: most scores do not exist")
        if cache is not None:
            raise ValueError(
                "cache should be None for LSH attention, which sorts the whole sequence anew"
            )
        for name in ("states", "query_key", "bias", "rotation"):
            if getattr(positions, name, None) is not None:
                raise ValueError(
                    f"positions.{name} should be None for LSH attention, whose queries are hashed"
                )

    def extra_repr(self) -> str:
        """Return the sizes that ``print(module)`` shows."""
        names = ("d_model", "num_heads", "head_dim", "chunk_length", "num_hashes", "num_buckets")
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)
