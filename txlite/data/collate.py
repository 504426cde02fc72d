"""From pairs of sentences to batches: padding, and buckets of like length under a token budget.

A batch is as wide as its longest sentence, so short sentences beside a long one are mostly padding.
Sentences of like length go together, and as many as a budget of tokens allows: every step then
costs about the same.

Sources
    Vaswani et al. (2017), section 5.1: "sentence pairs were batched together by approximate
    sequence length".
"""

import random
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from txlite._checks import check_positive
from txlite._epochs import Epochs
from txlite.data.pairs import PairBatch
from txlite.data.tokenizers import BOS_ID, BPE, EOS_ID, PAD_ID

__all__ = ["BucketBatches", "encode_pairs", "pad", "pair_batch"]

_POOL = 32  # batches that are sorted by length together

Encoded = tuple[list[int], list[int]]


def pad(
    sequences: Sequence[Sequence[int]], pad_id: int = PAD_ID
) -> tuple[Int[Tensor, "B T"], Bool[Tensor, "B T"]]:
    """Make a rectangle of sequences by filling up on the right.

    Parameters
    ----------
    sequences : sequence of sequence of int
        At least one.
    pad_id : int
        What fills up.

    Returns
    -------
    tokens : Tensor of int, shape (B, T)
        As long as the longest.
    keep : Tensor of bool, shape (B, T)
        True where there was a token.

    Raises
    ------
    ValueError
        If there is no sequence.

    Examples
    --------
    >>> tokens, keep = pad([[5, 6, 7], [8]])
    >>> tokens.tolist(), keep.sum(1).tolist()
    ([[5, 6, 7], [8, 0, 0]], [3, 1])
    """
    if not sequences:
        raise ValueError("sequences should hold at least one sequence, got none")
    longest = max(map(len, sequences))
    tokens = torch.tensor([[*row, *[pad_id] * (longest - len(row))] for row in sequences])
    lengths = torch.tensor([len(row) for row in sequences])
    return tokens.long(), torch.arange(longest) < lengths[:, None]


def encode_pairs(
    pairs: Sequence[tuple[str, str]], source: BPE, target: BPE
) -> list[tuple[list[int], list[int]]]:
    """Turn sentence pairs into token numbers with their marks.

    Parameters
    ----------
    pairs : sequence of (str, str)
        Sentences and their translations.
    source, target : BPE
        Their encodings.

    Returns
    -------
    list of (list of int, list of int)
        The source and its end mark; begin mark, target and end mark.
    """
    return [([*source.encode(a), EOS_ID], [BOS_ID, *target.encode(b), EOS_ID]) for a, b in pairs]


def pair_batch(encoded: Sequence[tuple[Sequence[int], Sequence[int]]]) -> PairBatch:
    """Pad encoded pairs to one batch.

    Parameters
    ----------
    encoded : sequence of (sequence of int, sequence of int)
        What :func:`encode_pairs` returns, or some of it.

    Returns
    -------
    PairBatch
        On the CPU.

    Raises
    ------
    ValueError
        If there is no pair.
    """
    if not encoded:
        raise ValueError("encoded should hold at least one pair, got none")
    return PairBatch(*pad([a for a, _ in encoded]), *pad([b for _, b in encoded]))


class BucketBatches(Epochs):
    """Batches of pairs of like length, in a new order every epoch; they know where they stand.

    Parameters
    ----------
    encoded : sequence of (sequence of int, sequence of int)
        What :func:`encode_pairs` returns.
    tokens_per_batch : int
        Budget: rows times the width of the padded source and the padded target together.
    seed : int
        Decides all orders. The same seed gives the same batches on every machine.
    shuffle : bool
        Whether the order changes every epoch; without, the pairs come in buckets from the shortest
        to the longest.

    Raises
    ------
    ValueError
        If there is no pair, or a pair alone is over the budget.

    Examples
    --------
    >>> pairs = [([5, 2], [1, 6, 2]), ([5, 7, 2], [1, 6, 8, 2]), ([7, 2], [1, 8, 2])]
    >>> batches = BucketBatches(pairs, 10, shuffle=False)
    >>> [len(batch.source) for batch in batches]
    [2, 1]
    """

    def __init__(
        self,
        encoded: Sequence[tuple[Sequence[int], Sequence[int]]],
        tokens_per_batch: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
    ) -> None:
        check_positive("tokens_per_batch", tokens_per_batch)
        if not encoded:
            raise ValueError("encoded should hold at least one pair, got none")
        longest = max(len(a) + len(b) for a, b in encoded)
        if longest > tokens_per_batch:
            raise ValueError(
                f"tokens_per_batch should have room for the longest pair, {longest} tokens, got "
                f"{tokens_per_batch}"
            )
        super().__init__(seed, shuffle)
        self.encoded, self.tokens_per_batch = encoded, tokens_per_batch

    def _batch(self, rows: Sequence[int]) -> PairBatch:
        return pair_batch([self.encoded[row] for row in rows])

    def _plan(self) -> list[list[int]]:
        order = list(range(len(self.encoded)))
        if not self.shuffle:
            return self._cut(sorted(order, key=self._widths))
        dice = random.Random(f"{self.seed} {self.epoch}")
        dice.shuffle(order)
        mean = sum(sum(self._widths(row)) for row in order) / len(order)
        pool = max(1, int(_POOL * self.tokens_per_batch / mean))
        batches = []
        for begin in range(0, len(order), pool):
            batches += self._cut(sorted(order[begin : begin + pool], key=self._widths))
        dice.shuffle(batches)
        return batches

    def _widths(self, row: int) -> tuple[int, int]:
        source, target = self.encoded[row]
        return len(target), len(source)

    def _cut(self, rows: Sequence[int]) -> list[list[int]]:
        """Fill batches one after the other, each as far as the budget goes."""
        batches: list[list[int]] = []
        widest = (0, 0)
        for row in rows:
            target, source = self._widths(row)
            wider = max(widest[0], target), max(widest[1], source)
            if batches and (len(batches[-1]) + 1) * sum(wider) <= self.tokens_per_batch:
                batches[-1].append(row)
                widest = wider
            else:
                batches.append([row])
                widest = target, source
        return batches

    def _identity(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "size": len(self.encoded),
            "tokens_per_batch": self.tokens_per_batch,
            "shuffle": self.shuffle,
        }
