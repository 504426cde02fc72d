"""How a row ends: by an end token, by a stop in its text, or because there is no more room."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from txlite.generation.text import TextStream

__all__ = ["Endings", "Step"]


class Step(NamedTuple):
    """What one step has written: one token in each row, and how probable it was."""

    tokens: Tensor  # (N,), padding where a row has ended before
    model: Tensor | None = None  # log-probability under the model
    sampler: Tensor | None = None  # and under the distribution it was taken from


class Endings:
    """Which rows have ended, and why.

    Parameters
    ----------
    prompt : Tensor of int, shape (N, T)
        Only its rows and its device matter.
    eos : tuple of int
        Tokens that end a row.
    pad_id : int
        What is written after the end.
    stop : str or sequence of str
        Texts that end a row.
    decode : callable, optional
        From token numbers to text.
    """

    def __init__(
        self,
        prompt: Tensor,
        eos: tuple[int, ...],
        pad_id: int,
        stop: str | Sequence[str],
        decode: Callable[[list[int]], str] | None,
    ) -> None:
        if stop and decode is None:
            raise ValueError(f"decode should be given with stop={stop!r}, got none")
        rows = len(prompt)
        self.eos, self.pad_id = eos, pad_id
        self._eos = torch.tensor(eos, device=prompt.device) if len(eos) > 1 else None
        self.done = torch.zeros_like(prompt[:, 0], dtype=torch.bool)
        self.lengths = torch.zeros_like(prompt[:, 0], dtype=torch.long)
        self.streams = [] if decode is None else [TextStream(decode, stop) for _ in range(rows)]
        self._ended = self.done  # by an end token

    def take(self, token: Tensor) -> Tensor:
        """Look at the next token of each row; return it, with padding where a row had ended."""
        token = token.masked_fill(self.done, self.pad_id)
        going = ~self.done
        self.lengths = self.lengths + going
        if self.eos:
            hit = token == self.eos[0] if self._eos is None else torch.isin(token, self._eos)
            self._ended = self._ended | (hit & going)
            self.done = self.done | hit
        if self.streams:
            self._read(token, going & ~self._ended)
        return token

    def _read(self, token: Tensor, new: Tensor) -> None:
        for stream, number, fresh in zip(self.streams, token.tolist(), new.tolist(), strict=True):
            if fresh:
                stream.push(number)
        stopped = torch.tensor([stream.stopped is not None for stream in self.streams])
        self.done = self.done | stopped.to(self.done.device)

    def reasons(self) -> list[str]:
        """Say of each row whether it ended by ``"eos"``, ``"stop"``, or for its ``"length"``."""
        both = zip(self._ended.tolist(), self.done.tolist(), strict=True)
        return ["eos" if ended else "stop" if done else "length" for ended, done in both]

    def texts(self) -> list[str] | None:
        """Return what each row says, if it can be decoded."""
        for stream in self.streams:
            stream.finish()
        return [stream.text for stream in self.streams] or None
