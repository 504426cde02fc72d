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
    window, spare : int, optional
        As those of :class:`txlite.nn.KVCache`. With a window ``max_len`` bounds the memory and not
        the length: where it is full, what a window still reaches moves to its front. Twice the
        window makes that rare.

    Raises
    ------
    ValueError
        If ``max_len`` is not positive, or less than ``window + spare``; and in use, if there is no
        room for the new positions or they ask for gradients.

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

    def __init__(self, max_len: int, *, window: int | None = None, spare: int = 0) -> None:
        super().__init__(window=window, spare=spare)
        self.max_len = check_positive("max_len", max_len)
        if self._window is not None and self.max_len < self._window.size + self._window.spare:
            raise ValueError(
                f"max_len should be at least window={self._window.size} + "
                f"spare={self._window.spare}, got {self.max_len}"
            )
        self._memory: tuple[Tensor, Tensor] | None = None  # (B, H, max_len, E) each
        self._start = 0  # of the positions held, in memory

    def __repr__(self) -> str:
        return super().__repr__().replace("KVCache(", f"StaticKVCache(max_len={self.max_len}, ", 1)

    def _blank(self) -> KVCache:
        blank = StaticKVCache(self.max_len)
        blank._window = self._window
        return blank

    def _append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write what has been checked behind what is written."""
        new = keys.shape[-2]
        self._check_space(self.length, new)
        if torch.is_grad_enabled() and (keys.requires_grad or values.requires_grad):
            raise ValueError(
                "keys and values should need no gradient in a static cache, which overwrites what "
                "a backward pass would read, got some that do; use torch.no_grad() or a KVCache"
            )
        if self._memory is None:
            self._memory = self._room_for(keys, values, keys.shape[0])
        held = 0 if self.keys is None else self.keys.shape[-2]
        drop = self._too_many(held + new)
        if held + new > self.max_len and self.keys is not None and self.values is not None:
            keys, values = (
                torch.cat(x, dim=-2) for x in ((self.keys, keys), (self.values, values))
            )
        if held + new > self.max_len:  # more at once than there is room for, and some to forget
            self._write(0, keys[..., drop:, :], values[..., drop:, :])
        else:
            if self._start + held + new > self.max_len:  # to the front; the two may overlap
                self._write(0, *(x.clone() for x in self.read()))
            self._write(self._start, keys, values, after=held)
            keys, values = self.read()
            self._start += drop
            self.keys, self.values = keys[..., drop:, :], values[..., drop:, :]
        self.forgotten += drop
        return keys, values

    def _write(self, start: int, keys: Tensor, values: Tensor, *, after: int = 0) -> None:
        """Write behind the ``after`` first of the positions held, which begin at ``start``."""
        assert self._memory is not None
        begin, end = start + after, start + after + keys.shape[-2]
        for room, new in zip(self._memory, (keys, values), strict=True):
            room[..., begin:end, :] = new
        self._start = start
        self.keys, self.values = (room[..., start:end, :] for room in self._memory)

    def _check_room(self, x: Tensor, heads: int, width: int) -> int:
        start = super()._check_room(x, heads, width)
        self._check_space(start, x.shape[1])
        return start

    def _check_space(self, start: int, new: int) -> None:
        if self._window is None and start + new > self.max_len:
            raise ValueError(
                f"cache should have room for max_len={self.max_len} positions, got {new} new ones "
                f"after {start}"
            )

    def _select(self, index: Tensor) -> None:
        if self.keys is not None and self.values is not None:
            index = index.to(self.keys.device)
            keys, values = self.keys.index_select(0, index), self.values.index_select(0, index)
            if len(index) != self.keys.shape[0]:
                self._memory = self._room_for(keys, values, len(index))
            self._write(0, keys, values)
        for child in self.children.values():
            child._select(index)

    def _room_for(self, keys: Tensor, values: Tensor, batch: int) -> tuple[Tensor, Tensor]:
        heads = keys.shape[1]
        sizes = ((batch, heads, self.max_len, x.shape[-1]) for x in (keys, values))
        room_keys, room_values = (
            x.new_zeros(s) for x, s in zip((keys, values), sizes, strict=True)
        )
        return room_keys, room_values
