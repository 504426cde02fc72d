"""What a mask is, and how masks combine.

Attention asks a mask three things: do you fit these sizes (``check``), how far can a query look
(``reach``), and who is allowed at these positions (``allowed``). A T×S table exists only when
somebody asks for one. The single rules are in :mod:`txlite.nn.masks._kinds`, and
:mod:`txlite.nn.masks` makes them.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from txlite._checks import check_bool, check_device, check_length
from txlite.nn.masks._coordinates import (
    Coordinates,
    Reach,
    align,
    farther,
    nearer,
    register,
)

__all__ = ["And", "Mask", "Not", "Or", "Over", "TableRule", "as_mask", "as_rule"]


class Mask(ABC):
    """A rule that says which query may attend to which key; True = may attend.

    Make one with :func:`~txlite.nn.masks.causal`, :func:`~txlite.nn.masks.padding`,
    :func:`~txlite.nn.masks.sliding_window` or :func:`~txlite.nn.masks.blocks`, and combine rules
    with ``&`` (both), ``|`` (either) and ``~`` (not). A bool tensor may stand on either side.

    Notes
    -----
    A mask may be an argument of a compiled or exported function, or be made within it. Only ``~``
    has to stand outside: torch.compile does not trace it for objects.

    Examples
    --------
    >>> from txlite.nn import masks
    >>> (masks.causal() & masks.sliding_window(2)).to_tensor(3, 3).int()
    tensor([[1, 0, 0],
            [1, 1, 0],
            [0, 1, 1]], dtype=torch.int32)
    """

    @abstractmethod
    def allowed(self, at: Coordinates) -> Bool[Tensor, "..."]:
        """Evaluate the rule.

        Parameters
        ----------
        at : Coordinates
            Absolute positions, for instance of shapes (T, 1) and (1, S).

        Returns
        -------
        Tensor of bool
            The mask's own batch axes if it has any, then the positions' axes, some perhaps 1.
        """

    @property
    def reach(self) -> Reach:
        """A bound on how far a query may look, from which banded kernels follow."""
        return Reach(None, None)

    def check(  # noqa: B027 - most rules fit every size
        self,
        num_queries: int,
        num_keys: int,
        batch: Sequence[int] | None = None,
        device: torch.device | None = None,
    ) -> None:
        """Refuse, by name, sizes that the mask does not fit.

        Parameters
        ----------
        num_queries, num_keys : int
            T and S of the scores.
        batch : sequence of int, optional
            The scores' leading axes, (B, H) for instance. The default leaves them unchecked.
        device : torch.device, optional
            Where the scores are. The default leaves it unchecked.

        Raises
        ------
        ValueError
            If a tensor that the mask holds has another length or batch size, or is elsewhere.
        """

    def to_tensor(
        self, num_queries: int, num_keys: int, *, device: torch.device | str | None = None
    ) -> Bool[Tensor, "... {num_queries} {num_keys}"]:
        """Write the rule out as a table.

        Parameters
        ----------
        num_queries, num_keys : int
            T and S. The last query stands at the last key.
        device : torch.device or str, optional
            Where the table is made. A mask that holds a tensor makes it where that tensor lives.

        Returns
        -------
        Tensor of bool, shape (T, S), (B, T, S) or (B, H, T, S)
            True where the query may attend to the key.

        Raises
        ------
        ValueError
            If the mask holds a tensor of another length.
        """
        num_queries = check_length("num_queries", num_queries)
        num_keys = check_length("num_keys", num_keys)
        self.check(num_queries, num_keys, device=self.device)
        table = self.table(num_queries, num_keys, device)
        return table.expand(*table.shape[:-2], num_queries, num_keys)

    def table(
        self, num_queries: int, num_keys: int, device: torch.device | str | None
    ) -> Bool[Tensor, "..."]:
        """Write the rule out unchecked; axes of size one are left to broadcast."""
        device = self.device or device
        keys = torch.arange(num_keys, device=device)
        queries = torch.arange(num_queries, device=device) + (num_keys - num_queries)
        return self.allowed(Coordinates(queries[:, None], keys[None, :], num_queries, num_keys))

    @property
    def device(self) -> torch.device | None:
        """Where the mask's tensor lives; None for a mask that holds none."""
        return None

    def __and__(self, other: "Mask | Tensor") -> "Mask":
        return And(self, as_mask(other))

    def __rand__(self, other: Tensor) -> "Mask":
        return And(as_mask(other), self)

    def __or__(self, other: "Mask | Tensor") -> "Mask":
        return Or(self, as_mask(other))

    def __ror__(self, other: Tensor) -> "Mask":
        return Or(as_mask(other), self)

    def __invert__(self) -> "Mask":
        return Not(self)

    def __bool__(self) -> bool:
        raise ValueError(
            "mask should be combined with &, | and ~, got it where one truth value is needed, "
            "as in `mask and mask`"
        )


def as_mask(mask: "Mask | Tensor") -> Mask:
    """Make a mask of a bool tensor; leave a mask as it is.

    Parameters
    ----------
    mask : Mask or Tensor of bool
        A tensor has shape (T, S), (B, T, S) or (B, H, T, S): its leading axes are the scores'
        leading axes, in order. An axis of size one stands for any size.

    Returns
    -------
    Mask
        The rule.

    Raises
    ------
    ValueError
        If ``mask`` is a float or int tensor, has fewer than two axes, or is no mask at all.
    """
    if isinstance(mask, Mask):
        return mask
    check_bool("mask", mask)
    if mask.ndim < 2:
        raise ValueError(
            f"mask should have shape (T, S), (B, T, S) or (B, H, T, S), got {tuple(mask.shape)}; "
            "for padding, use txlite.nn.masks.padding(keep)"
        )
    return TableRule(mask)


def as_rule(mask: "Mask | Tensor | None") -> "Mask | None":
    """Make a mask of a tensor that has been checked; None, which allows everything, stays."""
    return TableRule(mask) if isinstance(mask, Tensor) else mask


@register
@dataclass(frozen=True, eq=False)
class TableRule(Mask):
    """A rule that somebody has already written out, with axes of size one for any size."""

    values: Tensor

    def allowed(self, at: Coordinates) -> Tensor:
        """Look the positions up."""
        rows = at.queries - (at.num_keys - at.num_queries)
        num_rows, num_columns = self.values.shape[-2:]
        return self.values[
            ..., rows if num_rows > 1 else rows * 0, at.keys if num_columns > 1 else at.keys * 0
        ]

    def table(self, num_queries: int, num_keys: int, device: torch.device | str | None) -> Tensor:
        """Return the table itself."""
        return self.values

    def check(
        self,
        num_queries: int,
        num_keys: int,
        batch: Sequence[int] | None = None,
        device: torch.device | None = None,
    ) -> None:
        """Require (T, S), (B, T, S) or (B, H, T, S), each axis right or one."""
        shape = self.values.shape
        lead = len(shape) - 2
        wanted = (*(shape[:lead] if batch is None else batch[:lead]), num_queries, num_keys)
        fits = len(shape) == len(wanted) and all(
            n in (1, w) for n, w in zip(shape, wanted, strict=True)
        )
        if not fits:
            names = ["B", "H"] if batch is None or len(batch) <= 2 else ["*B"] * len(batch)
            sizes = zip(names, batch or (), strict=False)
            axes = [*(f"{a}={n}" for a, n in sizes), f"T={num_queries}", f"S={num_keys}"]
            raise ValueError(
                f"mask should have shape ({', '.join(axes)}), or fewer of its leading axes, "
                f"got {tuple(shape)}"
            )
        check_device("mask", self.values, device)

    @property
    def device(self) -> torch.device | None:
        """Where the table lives."""
        return self.values.device

    def __repr__(self) -> str:
        return f"tensor{tuple(self.values.shape)}"


@dataclass(frozen=True, eq=False)
class Over(Mask):
    """A rule made of one other: it fits what that one fits, and lives where that one does."""

    rule: Mask

    def check(
        self,
        num_queries: int,
        num_keys: int,
        batch: Sequence[int] | None = None,
        device: torch.device | None = None,
    ) -> None:
        """Check the rule."""
        self.rule.check(num_queries, num_keys, batch, device)

    @property
    def device(self) -> torch.device | None:
        """Where the rule's tensor lives."""
        return self.rule.device


@dataclass(frozen=True, eq=False)
class _Pair(Mask):
    """Two rules: what And and Or share."""

    left: Mask
    right: Mask

    def check(
        self,
        num_queries: int,
        num_keys: int,
        batch: Sequence[int] | None = None,
        device: torch.device | None = None,
    ) -> None:
        """Check both rules."""
        self.left.check(num_queries, num_keys, batch, device)
        self.right.check(num_queries, num_keys, batch, device)

    def both(self, at: Coordinates) -> tuple[Tensor, Tensor]:
        """Evaluate both rules and line up their batch axes."""
        left, right = self.left.allowed(at), self.right.allowed(at)
        batch_axes = max(left.ndim, right.ndim) - at.axes
        return align(left, batch_axes, at.axes), align(right, batch_axes, at.axes)

    @property
    def device(self) -> torch.device | None:
        """Where either rule's tensor lives."""
        return self.left.device or self.right.device


@register
@dataclass(frozen=True, eq=False)
class And(_Pair):
    """Both rules."""

    def allowed(self, at: Coordinates) -> Tensor:
        """Evaluate left and right."""
        left, right = self.both(at)
        return left & right

    @property
    def reach(self) -> Reach:
        """The nearer bound on each side."""
        back, ahead = zip(self.left.reach, self.right.reach, strict=True)
        return Reach(nearer(*back), nearer(*ahead))

    def __repr__(self) -> str:
        return f"{_term(self.left, Or)} & {_term(self.right, Or, And)}"


@register
@dataclass(frozen=True, eq=False)
class Or(_Pair):
    """Either rule."""

    def allowed(self, at: Coordinates) -> Tensor:
        """Evaluate left or right."""
        left, right = self.both(at)
        return left | right

    @property
    def reach(self) -> Reach:
        """The farther bound on each side."""
        back, ahead = zip(self.left.reach, self.right.reach, strict=True)
        return Reach(farther(*back), farther(*ahead))

    def __repr__(self) -> str:
        return f"{self.left} | {_term(self.right, Or)}"


@register
@dataclass(frozen=True, eq=False)
class Not(Over):
    """The opposite rule."""

    def allowed(self, at: Coordinates) -> Tensor:
        """Evaluate the opposite."""
        return ~self.rule.allowed(at)

    def __repr__(self) -> str:
        return f"~{_term(self.rule, _Pair)}"


def _term(rule: Mask, *weaker: type) -> str:
    """Write a rule as an operand, in parentheses if its own operator binds no tighter."""
    return f"({rule})" if isinstance(rule, weaker) else str(rule)
