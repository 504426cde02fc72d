"""Where batches come from: a source that knows where it stands, and can be set there again.

``fit`` takes any iterable. To be resumed after a crash it wants one with the two methods of
:class:`Resumable`, which keep to the names of torch: ``torchdata``'s loaders have them too.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any

import torch

from txlite._checks import check_length, check_positive, check_whole
from txlite._epochs import Epochs, Resumable

__all__ = ["Batches", "Resumable", "epoch_seed"]


def epoch_seed(seed: int, epoch: int) -> int:
    """Return a seed of its own for every epoch.

    Parameters
    ----------
    seed : int
        The source's seed.
    epoch : int
        Which pass over the examples, from 0.

    Returns
    -------
    int
        In [0, 2**31), well mixed: neighbouring seeds and epochs give unrelated ones.

    Raises
    ------
    ValueError
        If one of them is no whole number, or the epoch is negative.
    """
    mixed = f"{check_whole('seed', seed)} {check_length('epoch', epoch)}"
    return random.Random(mixed).getrandbits(31)


class Batches(Epochs):
    """Batches of examples, in a new order every epoch.

    Parameters
    ----------
    examples : sequence
        What there is to learn from.
    collate : callable
        Makes a batch of a list of examples.
    batch_size : int
        Examples in a batch; the last one of an epoch may have fewer.
    seed : int
        Decides all orders. The same seed gives the same batches on every machine.
    shuffle : bool
        Whether examples are put in a new order every epoch.

    Raises
    ------
    ValueError
        If there is no example, the batch size is not positive, or the seed no whole number.

    Examples
    --------
    >>> source = Batches(range(5), list, batch_size=2, shuffle=False)
    >>> [batch for batch in source]
    [[0, 1], [2, 3], [4]]
    >>> source.state_dict()
    {'epoch': 1, 'position': 0, 'seed': 0, 'size': 5, 'batch_size': 2, 'shuffle': False}
    """

    def __init__(
        self,
        examples: Sequence[Any],
        collate: Callable[[list[Any]], Any],
        *,
        batch_size: int,
        seed: int = 0,
        shuffle: bool = True,
    ) -> None:
        batch_size = check_positive("batch_size", batch_size)
        if len(examples) == 0:
            raise ValueError("examples should hold at least one example, got none")
        super().__init__(seed, shuffle)
        self.examples, self.collate, self.batch_size = examples, collate, batch_size

    def __len__(self) -> int:
        return -(-len(self.examples) // self.batch_size)

    def _plan(self) -> list[list[int]]:
        order, size = self._order(), self.batch_size
        return [order[begin : begin + size] for begin in range(0, len(order), size)]

    def _batch(self, rows: Sequence[int]) -> Any:
        return self.collate([self.examples[row] for row in rows])

    def _order(self) -> list[int]:
        if not self.shuffle:
            return list(range(len(self.examples)))
        generator = torch.Generator().manual_seed(epoch_seed(self.seed, self.epoch))
        order = torch.randperm(len(self.examples), generator=generator, device="cpu")
        return list(order.tolist())

    def _identity(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "size": len(self.examples),
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
        }
