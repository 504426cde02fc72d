"""Where batches come from: a source that knows where it stands, and can be set there again.

``fit`` takes any iterable. To be resumed after a crash it wants one with the two methods of
:class:`Resumable`, which keep to the names of torch: ``torchdata``'s loaders have them too.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import torch

from txlite._checks import check_length, check_positive

__all__ = ["Batches", "Resumable", "epoch_seed"]


@runtime_checkable
class Resumable(Protocol):
    """A source of batches that knows where it stands.

    ``iter(source)`` yields what is left of the epoch and then ends; the next ``iter`` begins the
    next epoch.
    """

    def __iter__(self) -> Iterator[Any]:
        """Yield what is left of the epoch."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Say which batch comes next, in numbers, strings, lists and dicts: what JSON can hold."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to the place that ``state_dict`` said; refuse any other before moving."""
        ...


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
    """
    return random.Random(f"{seed} {epoch}").getrandbits(31)


class Batches:
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
        If there is no example, or the batch size is not positive.

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
        check_positive("batch_size", batch_size)
        if len(examples) == 0:
            raise ValueError("examples should hold at least one example, got none")
        self.examples, self.collate = examples, collate
        self.batch_size, self.seed, self.shuffle = batch_size, seed, shuffle
        self.epoch, self.position = 0, 0

    def __len__(self) -> int:
        return -(-len(self.examples) // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        order = self._order()
        while self.position < len(self):
            begin = self.position * self.batch_size
            chosen = [self.examples[i] for i in order[begin : begin + self.batch_size]]
            self.position += 1  # whoever saves while this batch is used wants the next one
            yield self.collate(chosen)
        self.epoch, self.position = self.epoch + 1, 0

    def _order(self) -> list[int]:
        if not self.shuffle:
            return list(range(len(self.examples)))
        generator = torch.Generator().manual_seed(epoch_seed(self.seed, self.epoch))
        return list(torch.randperm(len(self.examples), generator=generator).tolist())

    def state_dict(self) -> dict[str, Any]:
        """Say which batch comes next.

        Returns
        -------
        dict
            The epoch and the position in it, and what the order hangs on.
        """
        return {"epoch": self.epoch, "position": self.position, **self._identity()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to the place that ``state_dict`` said.

        Parameters
        ----------
        state : mapping
            What :meth:`state_dict` returned.

        Raises
        ------
        ValueError
            If it belongs to other examples, another seed, batch size or way of ordering, or names
            no place; the source then stays where it is.
        """
        for name, mine in self._identity().items():
            if state.get(name) != mine:
                raise ValueError(f"batches should have {name} {state.get(name)!r}, got {mine!r}")
        for name in ("epoch", "position"):
            place: Any = state.get(name)
            check_length(name, place)
        self.epoch, self.position = state["epoch"], state["position"]

    def _identity(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "size": len(self.examples),
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
        }
