"""Where batches come from: a source that knows where it stands, and can be set there again."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from txlite._checks import check_length, check_whole

__all__ = ["Epochs", "Resumable"]


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


class Epochs(ABC):
    """A :class:`Resumable` whose epochs are planned: which rows make which batch, in which order.

    Parameters
    ----------
    seed : int
        Decides all orders.
    shuffle : bool
        Whether the order changes every epoch.
    """

    def __init__(self, seed: int, shuffle: bool) -> None:
        self.seed, self.shuffle = check_whole("seed", seed), shuffle
        self.epoch, self.position = 0, 0

    @abstractmethod
    def _plan(self) -> Sequence[Sequence[int]]:
        """Return the rows of every batch of the epoch that has begun."""

    @abstractmethod
    def _batch(self, rows: Sequence[int]) -> Any:
        """Make a batch of some rows."""

    @abstractmethod
    def _identity(self) -> dict[str, Any]:
        """Return what the plans hang on."""

    def __iter__(self) -> Iterator[Any]:
        plan = self._plan()
        while self.position < len(plan):
            rows = plan[self.position]
            self.position += 1  # whoever saves while this batch is used wants the next one
            yield self._batch(rows)
        self.epoch, self.position = self.epoch + 1, 0

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
            If it belongs to other examples or to batches that are made in another way, or names no
            place; the source then stays where it is.
        """
        for name, mine in self._identity().items():
            if state.get(name) != mine:
                raise ValueError(f"batches should have {name} {state.get(name)!r}, got {mine!r}")
        names: tuple[str, str] = ("epoch", "position")
        self.epoch, self.position = (check_length(name, state.get(name, "none")) for name in names)
