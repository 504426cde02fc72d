"""The key–value cache: what decoding remembers, so that no token is read twice.

The chapter on decoding derives it. The cache is an object of its own, passed in by the caller: no
module keeps state, so one model can serve any number of conversations at once. An attention uses
one cache; a layer, a stack or a model hands each of its attentions a child of the cache that it was
given.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils import _pytree as pytree

from txlite._checks import check_dtype, check_shape, check_whole, dtype_name

__all__ = ["KVCache"]


class KVCache:
    """Keys and values of all positions seen so far: of one attention, or of a whole model.

    Every operation leaves tensors that were handed out earlier unchanged, so that a cache can be
    shared, reordered and cropped without surprises.

    Parameters
    ----------
    fixed : bool
        Whether the cache is filled once and then only read, as that of an attention to the
        encoder's output: the source does not grow while the target is written.

    Examples
    --------
    >>> cache = KVCache()
    >>> keys, values = cache.update(torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 3, 4))
    >>> keys, values = cache.update(torch.ones(1, 2, 1, 4), torch.ones(1, 2, 1, 4))
    >>> len(cache), tuple(keys.shape)
    (4, (1, 2, 4, 4))
    """

    def __init__(self, *, fixed: bool = False) -> None:
        self.fixed = fixed
        self.keys: Tensor | None = None
        self.values: Tensor | None = None
        self.children: dict[str, KVCache] = {}

    @property
    def length(self) -> int:
        """Number of positions in the cache; a fixed child does not count, for it does not grow."""
        if self.keys is not None:
            return self.keys.shape[-2]
        for child in self.children.values():
            if child.filled and not child.fixed:
                return child.length
        return 0

    @property
    def filled(self) -> bool:
        """Whether anything is in the cache."""
        return self.keys is not None or any(child.filled for child in self.children.values())

    def __len__(self) -> int:
        """Number of positions in the cache."""
        return self.length

    def __bool__(self) -> bool:
        """A cache is a cache, also while it is empty."""
        return True

    def __repr__(self) -> str:
        if self.children:
            return f"KVCache(length={self.length}, children={len(self.children)})"
        shape = None if self.keys is None else tuple(self.keys.shape)
        return f"KVCache(length={self.length}, keys={shape})"

    def child(self, name: str, *, fixed: bool = False) -> "KVCache":
        """Return the cache of a part, made when it is first asked for.

        Parameters
        ----------
        name : str
            What the owner of this cache calls the part, for instance ``"layers.0"``.
        fixed : bool
            Whether a new child is filled once and then only read.

        Returns
        -------
        KVCache
            The same object each time.

        Raises
        ------
        ValueError
            If this cache holds keys itself.
        """
        if self.keys is not None:
            raise ValueError(f"cache should be empty or have children, got {self} for a {name!r}")
        if name not in self.children:
            self.children[name] = KVCache(fixed=fixed)
        return self.children[name]

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
            If the batch, the heads or their width differ from what is cached, or the cache is
            fixed and filled, or has children.
        """
        self._check_open()
        sizes = check_shape("keys", keys, "B H N E", **self._sizes())
        check_shape("values", values, "B H N E", **sizes)
        for name, new in (("keys", keys), ("values", values)):
            if self.keys is not None:
                check_dtype(name, new, "what is cached", self.keys)
        return self._append(keys, values)

    def _append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Append what has been checked."""
        if self.keys is not None and self.values is not None:
            keys = torch.cat([self.keys, keys], dim=-2)
            values = torch.cat([self.values, values], dim=-2)
        self.keys, self.values = keys, values
        return keys, values

    def read(self) -> tuple[Float[Tensor, "B H S E"], Float[Tensor, "B H S E"]]:
        """Return the keys and values of all positions.

        Returns
        -------
        keys, values : Tensor, shape (B, H, S, E)
            What is cached.

        Raises
        ------
        ValueError
            If nothing is.
        """
        if self.keys is None or self.values is None:
            raise ValueError(f"cache should hold keys and values, got {self}")
        return self.keys, self.values

    def reorder(self, index: Int[Tensor, " N"]) -> None:
        """Keep the sequences that ``index`` names, in its order; beam search needs it.

        Parameters
        ----------
        index : Tensor of int, shape (N,)
            Places in the batch; one may occur several times or not at all. It may be on any device,
            and is brought to the keys and values of each part.

        Raises
        ------
        ValueError
            If ``index`` is not a vector of whole numbers within the batch, or holds no numbers
            because it is on ``meta``.
        """
        check_shape("index", index, "N")
        if index.dtype not in (torch.int32, torch.int64):
            raise ValueError(f"index should hold int32 or int64 numbers, got {dtype_name(index)}")
        if index.is_meta:
            raise ValueError("index should hold numbers, got a tensor on meta")
        batch = self._batch()
        if batch is None:
            return
        if bool(((index < 0) | (index >= batch)).any()):
            raise ValueError(f"index should name places in [0, B={batch}), got {index.tolist()}")
        self._select(index)

    def crop(self, length: int) -> None:
        """Forget all but the first ``length`` positions; speculative decoding needs it.

        Parameters
        ----------
        length : int
            How many positions to keep. Fixed children keep theirs.

        Raises
        ------
        ValueError
            If ``length`` is negative or more than the cache holds.
        """
        wanted = f"a whole number in [0, {len(self)}]"
        length = check_whole("length", length, wanted, lambda n: 0 <= n <= len(self))
        if self.keys is not None and self.values is not None:
            self.keys, self.values = self.keys[..., :length, :], self.values[..., :length, :]
        for child in self.children.values():
            if child.filled and not child.fixed:
                child.crop(length)

    def _peek(self, name: str) -> "KVCache | None":
        """Return the cache of a part if there is one; for checks, which make none."""
        if self.keys is not None:
            raise ValueError(f"cache should be empty or have children, got {self} for a {name!r}")
        return self.children.get(name)

    def _check_rows(self, batch: int) -> int:
        """Require a filled cache of that many sequences, and return its length."""
        keys, _ = self.read()
        if keys.shape[0] != batch:
            raise ValueError(f"cache should hold the keys of B={batch} sequences, got {self}")
        return keys.shape[-2]

    def _check_room(self, x: Tensor, heads: int, width: int) -> int:
        """Require that keys made of (B, T, D) vectors can be appended; return the old length."""
        if self.keys is None:
            self._check_open()
            return 0
        new = {"B": x.shape[0], "H": heads, "E": width}
        held = self._sizes()
        wrong = next((axis for axis in held if new[axis] != held[axis]), None)
        if wrong is not None:
            wanted = ", ".join(f"{axis}={n}" for axis, n in held.items()).replace("E=", "N, E=")
            got = (x.shape[0], heads, x.shape[1], width)
            raise ValueError(
                f"keys should have shape ({wanted}), got {got}; axis {wrong} disagrees"
            )
        check_dtype("keys", x, "what is cached", self.keys)
        return self.keys.shape[-2]

    def _check_open(self) -> None:
        if self.children:
            raise ValueError(f"cache should be that of one attention, got one with parts: {self}")
        if self.fixed and self.filled:
            raise ValueError(f"cache should be filled once only, got new keys for a fixed {self}")

    def _batch(self) -> int | None:
        """Return the number of sequences, or None in an empty cache."""
        if self.keys is not None:
            return self.keys.shape[0]
        batches = (child._batch() for child in self.children.values())
        return next((batch for batch in batches if batch is not None), None)

    def _select(self, index: Tensor) -> None:
        if self.keys is not None and self.values is not None:
            index = index.to(self.keys.device)
            self.keys = self.keys.index_select(0, index)
            self.values = self.values.index_select(0, index)
        for child in self.children.values():
            child._select(index)

    def _sizes(self) -> dict[str, int]:
        if self.keys is None:
            return {}
        batch, heads, _, width = self.keys.shape
        return {"B": batch, "H": heads, "E": width}


def _flatten(cache: KVCache) -> tuple[list[Any], Any]:
    return [cache.keys, cache.values, *cache.children.values()], [cache.fixed, *cache.children]


def _unflatten(parts: Any, context: Any) -> KVCache:
    cache = KVCache(fixed=context[0])
    cache.keys, cache.values, *children = parts
    cache.children = dict(zip(context[1:], children, strict=True))
    return cache


def _flatten_with_keys(cache: KVCache) -> tuple[list[tuple[Any, Any]], Any]:
    parts, context = _flatten(cache)
    names = ["keys", "values", *cache.children]
    return [(pytree.MappingKey(n), x) for n, x in zip(names, parts, strict=True)], context


# torch.export takes a cache as an input and gives it back as an output.
pytree.register_pytree_node(
    KVCache,
    _flatten,
    _unflatten,
    flatten_with_keys_fn=_flatten_with_keys,  # with names, so that its axes may be dynamic
    serialized_type_name="txlite.nn.KVCache",
    to_dumpable_context=lambda context: context,
    from_dumpable_context=lambda context: context,
)
