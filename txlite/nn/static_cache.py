"""The static cache: room for all positions, taken once, and written from its start.

A growing cache lays its keys and values anew at every step. This one asks for its memory at the
first call and writes each new position into it. What attention is given is the part that is
written, so that every mask, every position and every check means the same as with
:class:`txlite.nn.KVCache`: a model cannot tell the two apart.
"""

import torch
from torch import Tensor

from txlite._checks import check_positive
from txlite.nn.cache import KVCache

__all__ = ["StaticKVCache"]


class StaticKVCache(KVCache):
    """Keys and values in memory of a fixed size, of one attention or of a whole model.

    Unlike the growing cache it overwrites: after ``crop`` or ``reorder`` and a new ``update``,
    tensors that were handed out earlier hold the new numbers. So it serves where nothing is
    learned, under ``torch.no_grad()`` or ``torch.inference_mode()``.

    Parameters
    ----------
    max_len : int
        Most positions that it holds. A fixed child, for the keys of a source, is filled once and
        has the length of the source.

    Raises
    ------
    ValueError
        If ``max_len`` is not positive; and in use, if there is no room for the new positions or
        they ask for gradients.

    Notes
    -----
    A compiled step (``torch.compile(model, fullgraph=True)``) is compiled for the prompt, for the
    first token, and once more for every other length: the length of the written part is a size
    that the compiler keeps open. Memory and its address stay what they are, as long as the batch
    does.

    Examples
    --------
    >>> cache = StaticKVCache(max_len=5)
    >>> keys, values = cache.update(torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 3, 4))
    >>> keys, values = cache.update(torch.ones(1, 2, 1, 4), torch.ones(1, 2, 1, 4))
    >>> len(cache), tuple(keys.shape)
    (4, (1, 2, 4, 4))
    >>> cache.update(torch.ones(1, 2, 2, 4), torch.ones(1, 2, 2, 4))
    Traceback (most recent call last):
    ValueError: cache should have room for max_len=5 positions, got 2 new ones after 4
    """

    def __init__(self, max_len: int) -> None:
        super().__init__()
        self.max_len = check_positive("max_len", max_len)
        self._memory: tuple[Tensor, Tensor] | None = None  # (B, H, max_len, E) each

    def __repr__(self) -> str:
        return super().__repr__().replace("KVCache(", f"StaticKVCache(max_len={self.max_len}, ", 1)

    def child(self, name: str, *, fixed: bool = False) -> KVCache:
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
            The same object each time: a static one, unless it is ``fixed``.

        Raises
        ------
        ValueError
            If this cache holds keys itself.
        """
        if not fixed and self.keys is None and name not in self.children:
            self.children[name] = StaticKVCache(self.max_len)
        return super().child(name, fixed=fixed)

    def _append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write what has been checked behind what is written."""
        start = 0 if self.keys is None else self.keys.shape[-2]
        end = start + keys.shape[-2]
        self._check_space(start, keys.shape[-2])
        if torch.is_grad_enabled() and (keys.requires_grad or values.requires_grad):
            raise ValueError(
                "keys and values should need no gradient in a static cache, which overwrites what "
                "a backward pass would read, got some that do; use torch.no_grad() or a KVCache"
            )
        if self._memory is None:
            self._memory = self._room_for(keys, values, keys.shape[0])
        room_keys, room_values = self._memory
        room_keys[..., start:end, :] = keys
        room_values[..., start:end, :] = values
        self.keys, self.values = room_keys[..., :end, :], room_values[..., :end, :]
        return self.keys, self.values

    def _check_room(self, x: Tensor, heads: int, width: int) -> int:
        start = super()._check_room(x, heads, width)
        self._check_space(start, x.shape[1])
        return start

    def _check_space(self, start: int, new: int) -> None:
        if start + new > self.max_len:
            raise ValueError(
                f"cache should have room for max_len={self.max_len} positions, got {new} new ones "
                f"after {start}"
            )

    def _select(self, index: Tensor) -> None:
        if self.keys is not None and self.values is not None and self._memory is not None:
            index, end = index.to(self.keys.device), self.keys.shape[-2]
            keys, values = self.keys.index_select(0, index), self.values.index_select(0, index)
            if len(index) != self.keys.shape[0]:
                self._memory = self._room_for(keys, values, len(index))
            room_keys, room_values = self._memory
            room_keys[..., :end, :] = keys
            room_values[..., :end, :] = values
            self.keys, self.values = room_keys[..., :end, :], room_values[..., :end, :]
        for child in self.children.values():
            child._select(index)

    def _room_for(self, keys: Tensor, values: Tensor, batch: int) -> tuple[Tensor, Tensor]:
        heads = keys.shape[1]
        sizes = ((batch, heads, self.max_len, x.shape[-1]) for x in (keys, values))
        room_keys, room_values = (
            x.new_zeros(s) for x, s in zip((keys, values), sizes, strict=True)
        )
        return room_keys, room_values
