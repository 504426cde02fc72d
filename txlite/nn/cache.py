"""The key–value cache: what decoding remembers, so that no token is read twice.

The chapter on decoding derives it. The cache is an object of its own, passed in by the caller: no
module keeps state, so one model can serve any number of conversations at once. An attention uses
one cache; a layer, a stack or a model hands each of its attentions a child of the cache that it was
given.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from txlite._checks import check_dtype, check_shape, check_whole, dtype_name
from txlite.nn._cache_tree import register_cache
from txlite.nn._window import as_window

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
    window : int, optional
        Forget what no later query reaches: all but the last ``window - 1`` positions. The masks
        must keep to :func:`txlite.nn.masks.sliding_window` of that size or of a smaller one.
    spare : int
        How many positions more a cache with a window remembers, so that as many may be cropped.

    Raises
    ------
    ValueError
        If ``window`` is not positive or ``spare`` is negative, or a fixed cache is to have a
        window; and in use, if a mask reaches farther back.

    Examples
    --------
    >>> cache = KVCache()
    >>> keys, values = cache.update(torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 3, 4))
    >>> keys, values = cache.update(torch.ones(1, 2, 1, 4), torch.ones(1, 2, 1, 4))
    >>> len(cache), tuple(keys.shape)
    (4, (1, 2, 4, 4))

    A window of three positions: the newest one and two that are remembered.

    >>> cache = KVCache(window=3)
    >>> for _ in range(5):
    ...     keys, values = cache.update(torch.zeros(1, 2, 1, 4), torch.zeros(1, 2, 1, 4))
    >>> len(cache), tuple(keys.shape), tuple(cache.read()[0].shape)
    (5, (1, 2, 3, 4), (1, 2, 2, 4))
    """

    def __init__(self, *, fixed: bool = False, window: int | None = None, spare: int = 0) -> None:
        self.fixed = fixed
        if fixed and window is not None:
            raise ValueError(f"window should be None in a fixed cache, got {window}")
        self._window = as_window(window, spare)
        self.forgotten = 0  # positions before those that are held
        self.keys: Tensor | None = None
        self.values: Tensor | None = None
        self.children: dict[str, KVCache] = {}

    @property
    def length(self) -> int:
        """Number of positions read, those forgotten included; a fixed child does not count."""
        if self.keys is not None:
            return self.forgotten + self.keys.shape[-2]
        for child in self.children.values():
            if child.filled and not child.fixed:
                return child.length
        return 0

    @property
    def filled(self) -> bool:
        """Whether anything is in the cache."""
        return self.keys is not None or any(child.filled for child in self.children.values())

    def __len__(self) -> int:
        """Number of positions read, those forgotten included."""
        return self.length

    def __bool__(self) -> bool:
        """A cache is a cache, also while it is empty."""
        return True

    def __repr__(self) -> str:
        window = "" if self._window is None else str(self._window)
        if self.children:
            return f"KVCache({window}length={self.length}, children={len(self.children)})"
        shape = None if self.keys is None else tuple(self.keys.shape)
        return f"KVCache({window}length={self.length}, keys={shape})"

    def child(self, name: str, *, fixed: bool = False) -> "KVCache":
        """Return the cache of a part, made when it is first asked for.

        Parameters
        ----------
        name : str
            What the owner of this cache calls the part, for instance ``"layers.0"``.
        fixed : bool
            Whether a new child is filled once and then only read. Any other is of this cache's
            kind, with its window.

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
            self.children[name] = KVCache(fixed=True) if fixed else self._blank()
        return self.children[name]

    def _blank(self) -> "KVCache":
        """Return an empty cache of the same kind."""
        blank = KVCache()
        blank._window = self._window
        return blank

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
            The cached positions, then the new ones; with a window the last ones only, which the N
            queries may reach.

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
        drop = self._too_many(keys.shape[-2])
        if drop:  # copied, so that the longer memory can be given back
            self.forgotten += drop
            self.keys, self.values = (x[..., drop:, :].clone() for x in (keys, values))
        return keys, values

    def _too_many(self, held: int) -> int:
        """Return how many of the positions held, the first ones, are to be forgotten."""
        return 0 if self._window is None else self._window.too_many(held)

    def read(self) -> tuple[Float[Tensor, "B H S E"], Float[Tensor, "B H S E"]]:
        """Return the keys and values of all positions that are held.

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
            If ``length`` is negative or more than the cache holds, or the positions that a window
            reaches from there have been forgotten: ``spare`` keeps them.
        """
        wanted = f"a whole number in [0, {len(self)}]"
        length = check_whole("length", length, wanted, lambda n: 0 <= n <= len(self))
        self._check_crop(length)
        self._crop(length)

    def _crop(self, length: int) -> None:
        if self.keys is not None and self.values is not None:
            self.forgotten = min(self.forgotten, length)
            held = length - self.forgotten
            self.keys, self.values = self.keys[..., :held, :], self.values[..., :held, :]
        for child in self.children.values():
            if child.filled and not child.fixed:
                child._crop(length)

    def _check_crop(self, length: int) -> None:
        """Require that what the next query reaches is still there."""
        if self._window is not None:
            self._window.check_return(length, self.forgotten)
        for child in self.children.values():
            child._check_crop(length)

    def _peek(self, name: str) -> "KVCache":
        """Return the cache of a part, or an empty one that is not kept; for checks."""
        if self.keys is not None:
            raise ValueError(f"cache should be empty or have children, got {self} for a {name!r}")
        return self.children[name] if name in self.children else self._blank()

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
        return self.length

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


register_cache(KVCache)
