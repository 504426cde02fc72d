"""A memory test: notes are told, and each is asked for again some steps later.

A page has one entry per step. An entry tells a note (*F is 2*), asks for one (*F is what?*), or is
blank. Every note on a page has a name of its own, is told once and asked for once. How many steps
lie between telling and asking is the *distance*: the dial of the test.

Sources
    Arora et al. (2024), "Zoology", section 3.1 (multi-query associative recall), with blank steps
    and with questions anywhere on the page.
"""

from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from txlite._checks import check_generator, check_positive

__all__ = ["NOT_ASKED", "Recall", "sample_recall"]

NOT_ASKED = -100
"""The target of a step that asks nothing: what ``torch.nn.functional.cross_entropy`` ignores."""


@dataclass(frozen=True)
class Recall:
    """Pages of notes, one row each, with what is to be remembered.

    Parameters
    ----------
    names : Tensor of int, shape (B, T)
        The name that a step tells or asks for, ``num_names`` where the step is blank.
    values : Tensor of int, shape (B, T)
        The value that a step tells, ``num_values`` where it tells none.
    targets : Tensor of int, shape (B, T)
        The value that a step asks for, :data:`NOT_ASKED` where it asks for none.
    distances : Tensor of int, shape (B, T)
        How many steps ago the answer was told, 0 where nothing is asked.
    """

    names: Int[Tensor, "B T"]
    values: Int[Tensor, "B T"]
    targets: Int[Tensor, "B T"]
    distances: Int[Tensor, "B T"]

    @property
    def asked(self) -> Bool[Tensor, "B T"]:
        """True at the steps that ask."""
        return self.distances > 0

    def to(self, device: torch.device) -> "Recall":
        """Move the pages to a device.

        Returns
        -------
        Recall
            The same pages there.
        """
        return Recall(*(getattr(self, field.name).to(device) for field in fields(self)))

    def spell(self, row: int) -> str:
        """Write a page as people would: ``"B=2 · A=0 · B?"``.

        Parameters
        ----------
        row : int
            Which page.

        Returns
        -------
        str
            One word per step, a dot for a blank one. Names are letters from A on.
        """
        return " ".join(self._word(row, step) for step in range(self.names.shape[1]))

    def _word(self, row: int, step: int) -> str:
        letter = chr(ord("A") + int(self.names[row, step]))
        if self.asked[row, step]:
            return f"{letter}?"
        told = bool((self.names[row, self.asked[row]] == self.names[row, step]).any())
        return f"{letter}={int(self.values[row, step])}" if told else "·"


def sample_recall(
    batch_size: int,
    generator: torch.Generator | None = None,
    *,
    distance: int | None = None,
    length: int = 48,
    num_notes: int = 8,
    num_names: int = 10,
    num_values: int = 4,
) -> Recall:
    """Draw pages at random.

    Without a ``distance``, every way to place the tellings and the askings is equally likely, so
    that a distance d comes up in proportion to T − d. With one, the last step of every page asks
    for a note that was told exactly that many steps before; the same generator state then gives the
    same pages for every distance, with that one note moved.

    Parameters
    ----------
    batch_size : int
        Number of pages.
    generator : torch.Generator, optional
        A CPU generator. The default is torch's own.
    distance : int, optional
        How far back the answer to the last question lies, from 1 to ``length - 1``.
    length : int
        Steps on a page, at least twice ``num_notes``.
    num_notes : int
        Notes on a page, each told once and asked for once.
    num_names : int
        Size of the alphabet of names, at least ``num_notes``.
    num_values : int
        How many values a note may have. Guessing is right one time in ``num_values``.

    Returns
    -------
    Recall
        The pages, on the CPU.

    Raises
    ------
    ValueError
        If a size is not positive, the notes do not fit, or the distance is out of range.

    Examples
    --------
    >>> page = sample_recall(1, torch.Generator().manual_seed(3), length=9, num_notes=3)
    >>> page.spell(0)
    'F=0 D=0 H=1 F? H? D? · · ·'
    """
    _check_sizes(batch_size, distance, length, num_notes, num_names, num_values)
    if generator is not None:
        check_generator("generator", generator)
    slots = _slots(batch_size, generator, distance, length, num_notes)  # (B, notes, 2)
    tell, ask = slots.amin(-1), slots.amax(-1)
    name = _draw(batch_size, num_names, num_notes, generator)
    value = torch.randint(num_values, (batch_size, num_notes), generator=generator)
    blank = torch.zeros(batch_size, length, dtype=torch.long)
    return Recall(
        names=(blank + num_names).scatter(1, tell, name).scatter(1, ask, name),
        values=(blank + num_values).scatter(1, tell, value),
        targets=(blank + NOT_ASKED).scatter(1, ask, value),
        distances=blank.scatter(1, ask, ask - tell),
    )


def _slots(
    batch_size: int,
    generator: torch.Generator | None,
    distance: int | None,
    length: int,
    num_notes: int,
) -> Tensor:
    """Draw the two steps of every note."""
    if distance is None:
        return _draw(batch_size, length, 2 * num_notes, generator).view(-1, num_notes, 2)
    told = length - 1 - distance
    others = _draw(batch_size, length - 2, 2 * num_notes - 2, generator)
    others = others + (others >= told)  # make room for the one whose distance is set
    chosen = torch.tensor([told, length - 1]).expand(batch_size, 2)
    return torch.cat([others, chosen], dim=1).view(-1, num_notes, 2)


def _draw(rows: int, size: int, count: int, generator: torch.Generator | None) -> Tensor:
    """Draw, in each row, ``count`` different numbers below ``size``."""
    return torch.rand(rows, size, generator=generator).argsort(dim=-1)[:, :count]


def _check_sizes(
    batch_size: int,
    distance: int | None,
    length: int,
    num_notes: int,
    num_names: int,
    num_values: int,
) -> None:
    check_positive("batch_size", batch_size)
    check_positive("num_notes", num_notes)
    check_positive("num_values", num_values)
    if length < 2 * num_notes:
        raise ValueError(f"length should be at least 2 * num_notes = {2 * num_notes}, got {length}")
    if num_names < num_notes:
        raise ValueError(f"num_names should be at least num_notes={num_notes}, got {num_names}")
    if distance is not None and not 1 <= distance < length:
        raise ValueError(f"distance should be from 1 to length - 1 = {length - 1}, got {distance}")
