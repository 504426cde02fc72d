"""Measured series are what their sources say they are."""

import pytest

from txlite.data.fetched import missing_data
from txlite.data.real_series import (
    Bars,
    air_temperature,
    electricity_demand,
    sea_temperature,
    share_index,
)
from txlite.data.stamps import local_time, zone_named

demand = pytest.mark.skipif(bool(missing_data("demand")), reason=missing_data("demand"))
air = pytest.mark.skipif(bool(missing_data("air")), reason=missing_data("air"))
shares = pytest.mark.skipif(bool(missing_data("shares")), reason=missing_data("shares"))


@demand
def test_demand_is_twelve_weeks_of_half_hours():
    series = electricity_demand()
    assert (len(series), len(series) / 336, series.unit) == (4032, 12, "MW")
    assert series.values[[0, 1, 2, -1]].tolist() == [22262, 21756, 22247, 23132]
    last = local_time(int(series.stamps[-1]), zone_named(series.zone))
    assert f"{last:%A %Y-%m-%d %H:%M}" == "Sunday 2000-08-27 23:30"


@air
def test_the_typical_year_has_every_hour():
    series = air_temperature()
    assert (len(series), series.unit) == (8760, "°C")
    assert series.values[[0, 1, -1]].tolist() == pytest.approx([10.0, 10.0, 2.2])
    last = local_time(int(series.stamps[-1]), zone_named(series.zone))
    assert f"{last:%Y-%m-%d %H:%M}" == "2002-01-01 00:00"
    day = series.values.reshape(365, 24).mean(0)
    assert int(day.argmin()) in (4, 5, 6)  # the hour that ends at six is among the coldest
    assert int(day.argmax()) in (13, 14, 15)


def test_the_sea_has_61_years():
    series = sea_temperature()
    assert (len(series), str(series.step)) == (61 * 12, "month")
    assert series.values[[0, 12, -1]].tolist() == pytest.approx([23.11, 24.19, 22.07], abs=0.5)


@shares
@pytest.mark.parametrize("name", ["sp500", "nasdaq"])
def test_prices_lie_between_low_and_high(name: str):
    bars = share_index(name)
    assert isinstance(bars, Bars)
    assert len(bars) == 5031
    assert ((bars.low <= bars.open) & (bars.open <= bars.high)).all()
    assert ((bars.low <= bars.close) & (bars.close <= bars.high)).all()
    assert (bars.volume >= 0).all()
    assert (bars.volume == 0).sum() <= 2  # two sessions of the NASDAQ have none there
    assert (bars.stamps.diff() > 0).all()
    first = local_time(int(bars.stamps[0]), zone_named(bars.zone))
    assert f"{first:%A %Y-%m-%d %H:%M}" == "Monday 1999-01-04 00:00"


@shares
def test_the_last_close_of_2018():
    assert float(share_index("sp500").close[-1]) == 2506.850098


@pytest.mark.plain
def test_what_is_missing_is_said_with_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("TXLITE_DATA", str(tmp_path))
    for read in (electricity_demand, air_temperature, share_index):
        with pytest.raises(ValueError, match=r"make data .* MB by pip"):
            read()
    with pytest.raises(ValueError, match="name should be one of sp500, nasdaq, got 'dax'"):
        share_index("dax")
    monkeypatch.setattr("txlite.data.real_series.find_spec", lambda name: None)
    with pytest.raises(
        ImportError, match=r"needs statsmodels: pip install 'txlite\[forecasting\]'"
    ):
        sea_temperature()
