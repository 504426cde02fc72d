"""A sentence pair, and a batch of them as tensors: the form in which they reach a model."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor

__all__ = ["Pair", "PairBatch"]


class Pair(NamedTuple):
    """A sentence and its translation."""

    source: str
    target: str


class PairBatch(NamedTuple):
    """Sources and targets as token numbers, with what is real and what is padding.

    A source ends in the end mark; a target begins with the begin mark and ends in the end mark.
    Teacher forcing feeds ``target[:, :-1]`` and asks for ``target[:, 1:]``.

    Parameters
    ----------
    source : Tensor of int, shape (B, S)
        Token numbers, padded on the right.
    source_keep : Tensor of bool, shape (B, S)
        True where there is a token.
    target : Tensor of int, shape (B, T)
        Token numbers, padded on the right.
    target_keep : Tensor of bool, shape (B, T)
        True where there is a token.
    """

    source: Int[Tensor, "B S"]
    source_keep: Bool[Tensor, "B S"]
    target: Int[Tensor, "B T"]
    target_keep: Bool[Tensor, "B T"]

    def to(self, device: torch.device | str) -> "PairBatch":
        """Move the batch to a device.

        Parameters
        ----------
        device : torch.device or str
            Where to.

        Returns
        -------
        PairBatch
            The same numbers there.
        """
        return PairBatch(*(tensor.to(device) for tensor in self))
