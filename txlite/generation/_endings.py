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
        self.streams = [] if decode is None else [TextStream(decode, stop) for _ in range(rows)]
        self._steps: list[tuple[Tensor, Tensor | None]] = []  # who had ended, and who then did

    def take(self, token: Tensor) -> Tensor:
        """Look at the next token of each row; return it, with padding where a row had ended."""
        before, hit = self.done, None
        if self.eos or self.streams:
            token = token.masked_fill(before, self.pad_id)
        if self.eos:
            hit = self.ends(token)
            self.done = before | hit
        self._steps.append((before, hit))
        if self.streams:
            self._read(token, ~self.done)
        return token

    def ends(self, token: Tensor) -> Tensor:
        """Whether each of these is an end token."""
        if not self.eos:
            return torch.zeros_like(token, dtype=torch.bool)
        return token == self.eos[0] if self._eos is None else torch.isin(token, self._eos)

    def _read(self, token: Tensor, new: Tensor) -> None:
        for stream, number, fresh in zip(self.streams, token.tolist(), new.tolist(), strict=True):
            if fresh:
                stream.push(number)
        stopped = [stream.stopped is not None for stream in self.streams]
        self.done = self.done | torch.tensor(stopped, device=self.done.device)

    def lengths(self) -> Tensor:
        """Count the new tokens of each row, the end token included."""
        return torch.stack([~before for before, _ in self._steps]).sum(0)

    def reasons(self) -> list[str]:
        """Say of each row whether it ended by ``"eos"``, ``"stop"``, or for its ``"length"``."""
        ended = torch.zeros_like(self.done)
        for before, hit in self._steps:
            ended = ended if hit is None else ended | (hit & ~before)
        both = zip(ended.tolist(), self.done.tolist(), strict=True)
        return ["eos" if by_token else "stop" if done else "length" for by_token, done in both]

    def texts(self) -> list[str] | None:
        """Return what each row says, if it can be decoded."""
        for stream in self.streams:
            stream.finish()
        return [stream.text for stream in self.streams] or None
