"""The key–value cache: what decoding remembers, so that no token is read twice.

Chapter 12 derives it. The cache is an object of its own, passed in by the caller: no module keeps
state, so one model can serve any number of conversations at once.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from txlite._checks import check_dtype, check_shape, dtype_name

__all__ = ["KVCache"]


class KVCache:
    """Keys and values of one attention, of all positions seen so far.

    Every operation leaves tensors that were handed out earlier unchanged, so that a cache can be
    shared, reordered and cropped without surprises.

    Examples
    --------
    >>> cache = KVCache()
    >>> keys, values = cache.update(torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 3, 4))
    >>> keys, values = cache.update(torch.ones(1, 2, 1, 4), torch.ones(1, 2, 1, 4))
    >>> len(cache), tuple(keys.shape)
    (4, (1, 2, 4, 4))
    """

    def __init__(self) -> None:
        self.keys: Tensor | None = None
        self.values: Tensor | None = None

    def __len__(self) -> int:
        """Number of positions in the cache."""
        return 0 if self.keys is None else self.keys.shape[-2]

    def __bool__(self) -> bool:
        """A cache is a cache, also while it is empty."""
        return True

    def __repr__(self) -> str:
        shape = None if self.keys is None else tuple(self.keys.shape)
        return f"KVCache(length={len(self)}, keys={shape})"

    def update(
        self, keys: Float[Tensor, "B H N E"], values: Float[Tensor, "B H N E"]
    ) -> tuple[Float[Tensor, "B H S E"], Float[Tensor, "B H S E"]]:
        """Append the keys and values of new positions, and return those of all positions.

        Parameters
        ----------
        keys, values : Tensor, shape (B, H, N, E)
            N new positions.

        Returns
        -------
        keys, values : Tensor, shape (B, H, S, E)
            The cached positions, then the new ones.

        Raises
        ------
        ValueError
            If the batch, the heads or their width differ from what is cached.
        """
        sizes = check_shape("keys", keys, "B H N E", **self._sizes())
        check_shape("values", values, "B H N E", **sizes)
        for name, new in (("keys", keys), ("values", values)):
            if self.keys is not None:
                check_dtype(name, new, "what is cached", self.keys)
        if self.keys is not None and self.values is not None:
            keys = torch.cat([self.keys, keys], dim=-2)
            values = torch.cat([self.values, values], dim=-2)
        self.keys, self.values = keys, values
        return keys, values

    def reorder(self, index: Int[Tensor, " N"]) -> None:
        """Keep the sequences that ``index`` names, in its order; beam search needs it.

        Parameters
        ----------
        index : Tensor of int, shape (N,)
            Places in the batch; one may occur several times or not at all.

        Raises
        ------
        ValueError
            If ``index`` is not a vector of whole numbers within the batch.
        """
        check_shape("index", index, "N")
        if index.dtype not in (torch.int32, torch.int64):
            raise ValueError(f"index should hold int32 or int64 numbers, got {dtype_name(index)}")
        if self.keys is None or self.values is None:
            return
        batch = self.keys.shape[0]
        if bool(((index < 0) | (index >= batch)).any()):
            raise ValueError(f"index should name places in [0, B={batch}), got {index.tolist()}")
        self.keys = self.keys.index_select(0, index)
        self.values = self.values.index_select(0, index)

    def crop(self, length: int) -> None:
        """Forget all but the first ``length`` positions; speculative decoding needs it.

        Parameters
        ----------
        length : int
            How many positions to keep.

        Raises
        ------
        ValueError
            If ``length`` is negative or more than the cache holds.
        """
        if not isinstance(length, int) or not 0 <= length <= len(self):
            raise ValueError(f"length should be a whole number in [0, {len(self)}], got {length}")
        if self.keys is not None and self.values is not None:
            self.keys, self.values = self.keys[..., :length, :], self.values[..., :length, :]

    def _sizes(self) -> dict[str, int]:
        if self.keys is None:
            return {}
        batch, heads, _, width = self.keys.shape
        return {"B": batch, "H": heads, "E": width}
