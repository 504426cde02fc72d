"""Tables as people have them: what is found, what is asked for, and what is refused."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.cli.forecaster.made import hours, level, table
from txlite.cli._console import WrongCall
from txlite.cli.forecaster.table import read_columns
from txlite.data.stamps import local_time, zone_named

pytestmark = pytest.mark.plain


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"between": ";", "sign": ","},
        {"between": "\t", "end": "\r\n"},
        {"mark": "\ufeff", "end": "\r\n", "between": ";", "sign": ","},
    ],
    ids=["plain", "decimal comma", "tabs", "a spreadsheet's"],
)
def test_the_same_numbers_however_they_are_written(tmp_path: Path, written: Any) -> None:
    (found,) = read_columns(table(tmp_path / "a.csv", 40, **written))
    assert (found.name, len(found), str(found.step)) == ("load", 40, "h")
    wanted = torch.tensor([level(i) for i in range(40)], dtype=torch.float64)
    torch.testing.assert_close(found.values, wanted, rtol=0, atol=1e-4)
    assert int(found.stamps[0]) == datetime.fromisoformat("2024-03-01T00:00+00:00").timestamp()


def test_columns_are_found_or_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"x{i},{i},{time},{10 * i}.5,north" for i, time in enumerate(hours(9))]
    path.write_text("\n".join(["id,number,when,load,place", *rows]))
    with pytest.raises(WrongCall, match="to forecast: one of number, load, or several: --value"):
        read_columns(path)
    (load,) = read_columns(path, values=["load"])
    assert load.values.tolist() == [10 * i + 0.5 for i in range(9)]
    both = read_columns(path, time="when", values=["load", "number"])
    assert [one.name for one in both] == ["load", "number"]
    assert both[1].values.tolist() == list(range(9))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time": "day"}, "--time should be one of when, load, got day"),
        ({"values": ["when"]}, "--value should be one of load, got when"),
        ({"values": ["load", "load"]}, "--value should name a column once, got load, load"),
        ({"time": "load"}, "--value should name the column to forecast: none holds numbers"),
        ({"format": "%d.%m.%Y"}, "--time should name the column of times: none of when, load hol"),
    ],
)
def test_what_was_called_wrongly(tmp_path: Path, options: Any, message: str) -> None:
    with pytest.raises(WrongCall) as caught:
        read_columns(table(tmp_path / "a.csv", 9), **options)
    assert str(caught.value).startswith(message)


def test_times_of_another_kind_are_asked_for(tmp_path: Path) -> None:
    days = [f"{d:02d}.01.2024" for d in range(1, 29)]
    path = table(tmp_path / "a.csv", times=days)
    with pytest.raises(WrongCall, match=r"--time-format says how others are written, such as %d"):
        read_columns(path)
    (found,) = read_columns(path, format="%d.%m.%Y")
    assert str(found.step) == "day"
    assert len(found) == 28


def broken(kind: str) -> list[str]:
    times = hours(40)
    if kind == "missing":
        del times[7:9]
    elif kind == "twice":
        times[7] = times[6]
    elif kind == "unsorted":
        times[7], times[8] = times[8], times[7]
    elif kind == "uneven":
        times[7] = times[7][:-2] + "20"
    elif kind == "no time":
        times[7] = "noon"
    return times


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "values should be there at every step: 2 of 40 missing, the first at 2024-03-"
                    "01 07:00:00+00:00; --fill says how gaps are filled"),
        ("twice", "times should be in order, each once: number 7, 2024-03-01 06:00:00+00:00, come"),
        ("unsorted", "times should be in order, each once: number 8, 2024-03-01 07:00:00+00:00, f"),
        ("uneven", "times should be a whole number of steps of h apart: number 7, 2024-03-01 07:2"),
        ("no time", "times should be ISO 8601, such as '2000-06-05 00:30', got 'noon' (number 7);"),
    ],
)  # fmt: skip
def test_rows_that_make_no_series(tmp_path: Path, kind: str, message: str) -> None:
    path = table(tmp_path / "a.csv", times=broken(kind))
    with pytest.raises(ValueError, match=r"a\.csv: ") as caught:
        read_columns(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "fill=" not in str(caught.value)


@pytest.mark.parametrize(("fill", "back"), [("last", 1), ("season", 4)])
def test_a_gap_is_filled_from_what_lies_before(tmp_path: Path, fill: str, back: int) -> None:
    path = table(tmp_path / "a.csv", times=broken("missing"), value=lambda i: float(i))
    (found,) = read_columns(path, fill=fill, season=4)
    assert found.observed is not None
    assert (~found.observed).nonzero().flatten().tolist() == [7, 8]
    assert len(found) == 40
    assert found.values[7] == found.values[7 - back]
    assert found.values[8] == found.values[8 - back]
    assert found.values[9] == 7.0


def test_days_of_23_and_25_hours(tmp_path: Path) -> None:
    """In a zone's clocks an hour comes twice in October, and one never in March."""
    for start, twice in (("2024-10-26", True), ("2024-03-30", False)):
        times = hours(72, start, "Europe/Berlin")
        path = table(tmp_path / f"{start}.csv", times=times)
        (found,) = read_columns(path, zone="Europe/Berlin")
        assert len(found) == 72
        assert bool((found.stamps.diff() == 3600).all())
        assert len(set(times)) == 72 - twice
        walls = [local_time(int(s), zone_named("Europe/Berlin")) for s in found.stamps]
        assert [w.strftime("%Y-%m-%d %H:%M") for w in walls] == times
        message = "comes twice; --zone says whose clocks" if twice else "2 of|1 of 73 missing"
        with pytest.raises(ValueError, match=message):
            read_columns(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "text should have names and at least one row, got 0 lines"),
        ("when,load\n", "text should have names and at least one row, got 1 lines"),
        ("when,when\n2024-01-01,1\n", "the first line should name each column once"),
        ("when,load\n2024-01-01,1\n2024-01-02\n", "line 3 should have 2 cells, got 1"),
    ],
)
def test_a_file_that_is_no_table(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_columns(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no file .*nowhere\.csv"):
        read_columns(tmp_path / "nowhere.csv")
    path = tmp_path / "a.csv"
    path.write_bytes(b"when,load\n2024-01-01,\xff\xfe\n")
    with pytest.raises(ValueError, match="should be a file in UTF-8"):
        read_columns(path)
