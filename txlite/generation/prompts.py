"""Prompts of unequal length in one batch: they are padded on the left.

Every row goes on at its last token, so that the last tokens have to stand in one column.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from txlite.generation._arguments import as_token

__all__ = ["Prompts", "pad_left"]


class Prompts(NamedTuple):
    """A batch of prompts, and which of their tokens are real.

    Parameters
    ----------
    tokens : Tensor of int, shape (B, T)
        The prompts, as long as the longest.
    keep : Tensor of bool, shape (B, T)
        False where a token is padding; the ``prompt_keep`` of :func:`txlite.generation.generate`.
    """

    tokens: Int[Tensor, "B T"]
    keep: Bool[Tensor, "B T"]


def pad_left(prompts: Sequence[Sequence[int] | Int[Tensor, " _"]], pad_id: int = 0) -> Prompts:
    """Put prompts of any length into one batch.

    Parameters
    ----------
    prompts : sequence of sequence of int
        At least one prompt, each of at least one token: lists of numbers or vectors.
    pad_id : int
        What fills the shorter ones up. It is masked, and changes nothing.

    Returns
    -------
    Prompts
        The tokens, and which of them are real.

    Raises
    ------
    ValueError
        If there is no prompt, or one is empty or does not hold whole numbers.

    Examples
    --------
    >>> pad_left([[5, 6, 7], [8]]).tokens
    tensor([[5, 6, 7],
            [0, 0, 8]])
    """
    rows = [[as_token(token) for token in prompt] for prompt in prompts]
    if not rows:
        raise ValueError("prompts should hold at least one prompt, got none")
    for number, row in enumerate(rows):
        if not row or any(type(token) is not int for token in row):
            raise ValueError(
                f"prompts should hold rows of at least one whole number, got {prompts[number]!r} "
                f"as row {number}"
            )
    pad_id = as_token(pad_id)
    if type(pad_id) is not int:
        raise ValueError(f"pad_id should be a whole number, got {pad_id!r}")
    width = max(map(len, rows))
    empty = [width - len(row) for row in rows]
    tokens = [[pad_id] * n + row for n, row in zip(empty, rows, strict=True)]
    keep = [[False] * n + [True] * len(row) for n, row in zip(empty, rows, strict=True)]
    return Prompts(torch.tensor(tokens), torch.tensor(keep))
