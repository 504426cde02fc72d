"""A series: one number at every step, with the time at which it was measured.

A series is regular, or it is none: no stamp is missing, comes twice or stands in the wrong order.
What arrives otherwise is refused by name, or a gap is filled as the caller says, and only from what
lies before it. To draw a line between the two neighbours of a gap is not offered: the right end of
that line is the future.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from txlite._checks import check_choice, check_positive, check_shape
from txlite.data.stamps import said, seconds_since_1970, zone_named
from txlite.data.steps import Step, infer_step

__all__ = ["FILLS", "Series", "build_series"]

FILLS = ("refuse", "nan", "last", "season")
"""How a gap is filled: not at all, by NaN, by the last value, by the value one season before."""

_YEAR = 365 * 86_400  # seconds


@dataclass(frozen=True, eq=False)
class Series:
    """Numbers that were measured one step apart.

    Parameters
    ----------
    values : Tensor, shape (T,)
        What was measured, float64. NaN stands for what was not.
    stamps : Tensor, shape (T,)
        When, in seconds since 1970, universal time, int64.
    step : Step
        From one stamp to the next.
    zone : str
        Whose clocks and calendar count, by the IANA's name.
    name, unit : str
        What was measured, and in what.
    observed : Tensor, shape (T,), optional
        False where a value was filled in. By default, where a value is no NaN.

    Raises
    ------
    ValueError
        If there is no value, one is infinite, the shapes differ, or a stamp does not lie one step
        after the one before it.
    """

    values: Float[Tensor, " T"]
    stamps: Int[Tensor, " T"]
    step: Step
    zone: str = "UTC"
    name: str = ""
    unit: str = ""
    observed: Bool[Tensor, " T"] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "step", Step.read(self.step))
        check_shape("stamps", self.stamps, "T", **check_shape("values", self.values, "T"))
        if not self.values.numel():
            raise ValueError("values should hold at least one number, got none")
        if self.values.isinf().any():
            raise ValueError(
                f"values should be finite, or NaN where nothing was measured, got "
                f"{float(self.values[self.values.isinf()][0])}"
            )
        object.__setattr__(self, "values", self.values.detach().double())
        if self.observed is None:
            object.__setattr__(self, "observed", ~self.values.isnan())
        else:
            check_shape("observed", self.observed, "T", T=len(self.values))
        zone = zone_named(self.zone)
        if self.step.unit == "session":
            _check_order(self.stamps.tolist(), self.zone)
            return
        wanted = self.step.grid(int(self.stamps[0]), len(self.stamps), zone)
        wrong = (wanted != self.stamps).nonzero()
        if len(wrong):
            place = int(wrong[0])
            raise ValueError(
                f"stamps should be one step of {self.step} apart: number {place} should be "
                f"{said(int(wanted[place]), zone)}, got {said(int(self.stamps[place]), zone)}"
            )

    @classmethod
    def regular(
        cls,
        values: Float[Tensor, " T"] | Sequence[float | int],
        start: str | datetime,
        step: str | Step,
        *,
        zone: str = "UTC",
        name: str = "",
        unit: str = "",
    ) -> "Series":
        """Return a series of which only the first time is said.

        Parameters
        ----------
        values : Tensor, shape (T,), or sequence of float
            What was measured.
        start : str or datetime
            The first time, as :func:`seconds_since_1970` reads it.
        step : str or Step
            From one value to the next.
        zone, name, unit : str
            As :class:`Series` has them.

        Raises
        ------
        ValueError
            If ``start`` is no time, or ``step`` has no rule.
        """
        held = torch.as_tensor(values, dtype=torch.double)
        check_shape("values", held, "T")
        (first,) = seconds_since_1970([start], zone)
        stamps = Step.read(step).grid(first, len(held), zone_named(zone))
        return cls(held, stamps, Step.read(step), zone, name, unit)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, part: slice) -> "Series":
        """Return a part without holes, as a copy that shares no memory with the whole."""
        if not isinstance(part, slice) or part.step not in (None, 1):
            raise ValueError(f"a series is cut by a slice such as [:100], got {part!r}")
        cut = {name: getattr(self, name)[part].clone() for name in ("values", "stamps", "observed")}
        return replace(self, **cut)

    def future_stamps(self, horizon: int) -> Int[Tensor, " H"]:
        """Return the stamps of the steps that follow: known in advance, as a calendar is.

        Parameters
        ----------
        horizon : int
            How many steps.

        Raises
        ------
        ValueError
            If ``horizon`` is not positive, or the step is a session: an exchange's calendar is
            not known here.
        """
        horizon = check_positive("horizon", horizon)
        zone = zone_named(self.zone)
        return self.step.grid(int(self.stamps[0]), len(self) + horizon, zone)[len(self) :]

    @property
    def per_year(self) -> float:
        """How many steps a year of 365 days has, from the stamps themselves."""
        if len(self) < 2:
            raise ValueError("a series should have two stamps to count steps a year, got one")
        return (len(self) - 1) * _YEAR / int(self.stamps[-1] - self.stamps[0])


def build_series(
    values: Float[Tensor, " T"] | Sequence[float | int],
    times: Sequence[str | datetime],
    *,
    zone: str = "UTC",
    step: str | Step | None = None,
    fill: str = "refuse",
    season: int | None = None,
    name: str = "",
    unit: str = "",
    format: str | None = None,
) -> Series:
    """Return a series from values and the times beside them.

    Parameters
    ----------
    values : Tensor, shape (T,), or sequence of float
        NaN where nothing was measured.
    times : sequence of str or datetime
        One for each value, as :func:`seconds_since_1970` reads them, in order.
    zone : str
        Whose clocks have shown those times.
    step : str or Step, optional
        By default the one that most neighbours are apart (:func:`infer_step`).
    fill : str
        What is done where a stamp is missing or a value is NaN. ``"refuse"`` names the first such
        stamp. ``"nan"`` keeps NaN. ``"last"`` repeats the last value. ``"season"`` repeats the
        value one season before. Whatever is filled in is marked in ``observed``.
    season : int, optional
        How many steps a season has, for ``fill="season"``.
    name, unit : str
        As :class:`Series` has them.
    format : str, optional
        How times are written, where it is not ISO 8601.

    Returns
    -------
    Series
        Regular.

    Raises
    ------
    ValueError
        If there are not as many times as values, a time comes twice or stands before its
        predecessor, a stamp lies between two steps, or a gap cannot be filled as asked.
    """
    check_choice("fill", fill, FILLS)
    if (fill == "season") != (season is not None):
        raise ValueError(f"season should be given for fill='season' and only there, got {season!r}")
    season = season if season is None else check_positive("season", season)
    held = torch.as_tensor(values, dtype=torch.double)
    check_shape("values", held, "T")
    if len(times) != len(held):
        raise ValueError(
            f"times should hold one for each of T={len(held)} values, got {len(times)}"
        )
    stamps = seconds_since_1970(times, zone, format=format)
    _check_order(stamps, zone)
    step = infer_step(stamps, zone) if step is None else Step.read(step)
    there = torch.tensor(stamps)
    if step.unit != "session":
        grid = _grid(stamps, step, zone)
        spread = torch.full((len(grid),), torch.nan, dtype=torch.double)
        spread[torch.searchsorted(grid, there)] = held
        held, there = spread, grid
    observed = ~held.isnan()
    filled = _filled(held, there, zone, fill, season)
    return Series(filled, there, step, zone, name, unit, observed)


def _check_order(stamps: Sequence[int], zone: str) -> None:
    """Require that every stamp comes after the one before it."""
    for number, (before, stamp) in enumerate(itertools.pairwise(stamps), 1):
        if stamp <= before:
            place = zone_named(zone)
            wrong = "comes twice" if stamp == before else f"follows {said(before, place)}"
            wrong += "; zone= says whose clocks went back" if zone == "UTC" else ""
            raise ValueError(
                f"times should be in order, each once: number {number}, "
                f"{said(stamp, place)}, {wrong}"
            )


def _grid(stamps: Sequence[int], step: Step, zone: str) -> Int[Tensor, " T"]:
    """Return every stamp from the first to the last, if those that came are among them."""
    place = zone_named(zone)
    length = len(stamps)
    while step.at(stamps[0], length - 1, place) < stamps[-1]:
        length *= 2
    grid = step.grid(stamps[0], length, place)
    grid = grid[grid <= stamps[-1]]
    there = torch.tensor(stamps)
    found = torch.isin(there, grid)
    if not found.all():
        number = int((~found).nonzero()[0])
        raise ValueError(
            f"times should be a whole number of steps of {step} apart: number {number}, "
            f"{said(stamps[number], place)}, lies between two"
        )
    return grid


def _filled(
    values: Float[Tensor, " T"],
    stamps: Int[Tensor, " T"],
    zone: str,
    fill: str,
    season: int | None,
) -> Float[Tensor, " T"]:
    """Return the values without gaps, each filled from what lies before it."""
    gaps = values.isnan().nonzero().flatten().tolist()
    if fill == "nan" or not gaps:
        return values
    first = said(int(stamps[gaps[0]]), zone_named(zone))
    if fill == "refuse":
        raise ValueError(
            f"values should be there at every step: {len(gaps)} of {len(values)} missing, the "
            f"first at {first}; fill= says how gaps are filled"
        )
    back = 1 if fill == "last" else season or 1
    out = values.clone()
    for gap in gaps:
        if gap < back or out[gap - back].isnan():
            raise ValueError(
                f"fill={fill!r} should find a value {back} steps before each gap, got none before "
                f"{said(int(stamps[gap]), zone_named(zone))}"
            )
        out[gap] = out[gap - back]
    return out
