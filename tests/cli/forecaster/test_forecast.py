"""``txlite forecast`` from the outside: what it leaves, prints, refuses, and how it goes on."""

import csv
import json
import os
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.cli.forecaster.made import QUICK, hours, table
from tests.cli.running import run, unfinished
from txlite.cli.forecaster import train
from txlite.cli.forecaster.backtest import OURS
from txlite.cli.forecaster.folder import load_forecaster
from txlite.interop import load
from txlite.models import Forecaster
from txlite.training import History, latest_checkpoint

pytestmark = pytest.mark.plain


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """Return a table, the folder that was made of it, and what was printed."""
    place = tmp_path_factory.mktemp("done")
    path = table(place / "a.csv")
    result = run("forecast", path, "--out", place / "m", *QUICK)
    assert result.exit_code == 0, result.output
    return path, place / "m", result.output


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# ------------------------------------------------------------------ what it leaves and prints


def test_what_is_printed(done: tuple[Path, Path, str]) -> None:
    said = done[2]
    assert "load: 150 values, a step is h." in said
    assert "Forecasting 6 steps from 24, a season has 12; tested on the last 18 at 3" in said
    for name in (OURS, "naive", "seasonal naive", "ridge", "ETS", "MAE", "MASE", "in 80%"):
        assert name in said
    assert "step 4 of 4: loss" in said


def test_the_folder_is_whole_and_others_can_read_it(done: tuple[Path, Path, str]) -> None:
    from transformers import PatchTSTForPrediction

    _, folder, _ = done
    names = {p.name for p in folder.iterdir()}
    assert {"config.json", "model.safetensors", "forecast.csv", "forecast.png"} <= names
    assert unfinished(folder) == [".held"] or not unfinished(folder)
    model, about = load_forecaster(folder)
    assert list(about["series"]) == ["load"]
    mine = load(folder)
    assert isinstance(mine, Forecaster)
    theirs = PatchTSTForPrediction.from_pretrained(folder).eval()
    x = torch.randn(2, 24, 1)
    wanted = theirs(past_values=x)
    _, loc, scale = wanted.prediction_outputs
    torch.testing.assert_close(mine(x).point, loc * wanted.scale + wanted.loc)
    torch.testing.assert_close(model(x).scale, scale * wanted.scale)


def test_the_table_goes_on_where_the_series_ends(done: tuple[Path, Path, str]) -> None:
    found = rows(done[1] / "forecast.csv")
    assert list(found[0]) == ["time", "load", "load 0.1", "load 0.9"]
    assert len(found) == 6
    first = datetime.fromisoformat(found[0]["time"])
    last = datetime.fromisoformat(hours(150)[-1])
    assert (first - last).total_seconds() == 3600
    for row in found:
        assert float(row["load 0.1"]) < float(row["load"]) < float(row["load 0.9"])


def test_info_knows_the_folder(done: tuple[Path, Path, str]) -> None:
    result = run("info", done[1])
    assert result.exit_code == 0
    for words in ("forecasts", "load", "24 values, 6", "load in the test", "MAE", "pre-norm"):
        assert words in result.output
    assert run("generate", done[1], "x").exit_code == 1


def test_one_object_of_json(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", names=("when", "load", "heat"))
    words = [
        "forecast",
        path,
        "--out",
        tmp_path / "m",
        *QUICK,
        "--value",
        "heat",
        "--value",
        "load",
    ]
    result = run(*words, "--json", "--level", 0.5)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert [one["name"] for one in told["series"]] == ["heat", "load"]
    assert told["level"] == 0.5
    for one in told["series"]:
        assert set(one["scores"]) == {OURS, "naive", "seasonal naive", "ridge", "ETS"}
        assert len(one["forecast"]) == 6
        assert one["forecast"][0].keys() == {"time", "value", "low", "high"}
    found = rows(tmp_path / "m" / "forecast.csv")
    assert list(found[0])[1:] == [
        "heat",
        "heat 0.25",
        "heat 0.75",
        "load",
        "load 0.25",
        "load 0.75",
    ]
    assert float(found[2]["load"]) == pytest.approx(told["series"][1]["forecast"][2]["value"])


def test_a_picture_of_each_kind(tmp_path: Path) -> None:
    path, begins = (
        table(tmp_path / "a.csv"),
        {".svg": b"<?xml", ".pdf": b"%PDF", ".png": b"\x89PNG"},
    )
    for kind, begin in begins.items():
        drawn = tmp_path / f"p{kind}"
        assert run(
            "forecast", path, "--out", tmp_path / "m", *QUICK, "--picture", drawn
        ).exit_code == 0  # fmt: skip
        assert drawn.read_bytes().startswith(begin)
    assert (
        "to come" in (tmp_path / "p.svg").read_text() or (tmp_path / "p.svg").stat().st_size > 9000
    )


def test_times_of_a_zone_come_out_as_they_came_in(tmp_path: Path) -> None:
    """The night on which clocks are put back lies among the steps to come."""
    times = hours(150, "2024-10-20 19:00", "Europe/Berlin")
    path = table(tmp_path / "a.csv", times=times)
    result = run("forecast", path, "--out", tmp_path / "m", *QUICK, "--zone", "Europe/Berlin")
    assert result.exit_code == 0, result.output
    found = [row["time"] for row in rows(tmp_path / "m" / "forecast.csv")]
    assert found[:3] == [
        "2024-10-27 02:00:00+01:00", "2024-10-27 03:00:00+01:00", "2024-10-27 04:00:00+01:00",
    ]  # fmt: skip


def test_times_that_say_their_distance_come_out_with_one(tmp_path: Path) -> None:
    """Without it, 06:00+02:00 would be followed by 05:00."""
    times = [f"{time}+02:00" for time in hours(150)]
    path = table(tmp_path / "a.csv", times=times)
    assert run("forecast", path, "--out", tmp_path / "m", *QUICK).exit_code == 0
    found = [row["time"] for row in rows(tmp_path / "m" / "forecast.csv")]
    last = datetime.fromisoformat(times[-1])
    for number, time in enumerate(found, 1):
        assert datetime.fromisoformat(time) == last + timedelta(hours=number)


def test_gaps_are_filled_if_that_is_said(tmp_path: Path) -> None:
    times = hours(160)
    del times[40:43]
    path = table(tmp_path / "a.csv", times=times)
    words = ["forecast", path, "--out", tmp_path / "m", *QUICK]
    refused = run(*words)
    assert refused.exit_code == 1
    assert "3 of 160 missing" in refused.stderr
    assert "--fill says how gaps are filled" in refused.stderr
    assert not (tmp_path / "m").exists()
    result = run(*words, "--fill", "season")
    assert result.exit_code == 0, result.output
    unsaid = run("forecast", path, "--out", tmp_path / "n", "--fill", "season")
    assert (unsaid.exit_code, unsaid.stderr) == (
        2,
        "error: --season should be said for --fill season\n",
    )
    assert "160 values, a step is h, of which 3 were filled in." in result.output


def test_a_constant_series_is_said_to_be_one(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", value=lambda i: 7.5)
    result = run("forecast", path, "--out", tmp_path / "m", *QUICK)
    assert result.exit_code == 0, result.output
    assert "warning: load never changes" in result.stderr
    for row in rows(tmp_path / "m" / "forecast.csv"):
        assert float(row["load"]) == pytest.approx(7.5, abs=0.05)


# ------------------------------------------------------------------ what it refuses


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (["--level", 1.0], "--level should be in (0, 1), got 1.0", 2),
        (["--fill", "spline"], "--fill should be refuse, last or season, got spline", 2),
        (["--decimal", ";"], "--decimal should be a point or a comma, got ;", 2),
        (["--picture", "a.gif"], "--picture should end in .png, .svg, .pdf, got a.gif", 2),
        (["--num-heads", 3], "d_model=8 should be a multiple of num_heads=3", 2),
        (["--learning-rate", 0], "learning_rate should be a positive number, got 0.0", 2),
        (["--batch-size", 0], "batch_size should be a positive whole number, got 0", 2),
        (
            ["--context", 140],
            "a series should have 180 values at least for --season 12, --context 140",
            2,
        ),
        (["--value", "heat"], "--value should be one of load, got heat", 2),
        (["--zone", "Mars"], "zone should be a name of the IANA's", 1),
        (["--step", "fortnight"], "step should be a number and one of s, min, h", 1),
        (["--time-format", "%d"], "--time should name the column of times", 2),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    tmp_path: Path, words: list[Any], message: str, code: int
) -> None:
    path = table(tmp_path / "a.csv")
    result = run("forecast", path, "--out", tmp_path / "m", *QUICK, *words)
    assert result.exit_code == code, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert not (tmp_path / "m").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv")
    for name, content in (("config.json", '{"format": "txlite translator"}'), ("forecast.csv", "")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_text(content)
        before = contents(folder)
        result = run("forecast", path, "--out", folder, *QUICK)
        assert result.exit_code == 1
        assert contents(folder) == before
    assert run("forecast", path, "--out", path, *QUICK).exit_code == 1


# ------------------------------------------------------------------ how it goes on


def test_the_same_command_tests_again_and_another_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv")
    words = ["forecast", path, "--out", tmp_path / "m", *QUICK]
    assert run(*words).exit_code == 0
    before = contents(tmp_path / "m")
    again = run(*words)
    assert again.exit_code == 0
    assert "is already trained for 4 steps; tested again." in again.output
    assert contents(tmp_path / "m") == before
    other = table(tmp_path / "b.csv", value=lambda i: 1.5 * i)
    for changed, message in (
        (["forecast", other, *words[2:]], "was begun with other values (load: 150): repeat that"),
        ([*words, "--dropout", 0.5], "was begun with dropout 0.2: repeat that"),
        ([*words, "--seed", 1], "was begun with seed 0: repeat that"),
    ):
        refused = run(*changed)
        assert refused.exit_code == 1
        assert message in refused.stderr
        assert contents(tmp_path / "m") == before
    assert run(*words, "--steps", 6).exit_code == 0


def stopping(at: int, sent: signal.Signals) -> Callable[..., object]:
    """Return a ``fit`` in whose step a signal comes."""
    kept = train.fit

    def fit(*args: object, **options: object) -> History:
        after = options.pop("on_step")

        def on_step(history: History) -> None:
            if len(history.losses) == at:
                signal.raise_signal(sent)
            after(history)  # type: ignore[operator]

        return kept(*args, **options, on_step=on_step)  # type: ignore[arg-type]

    return fit


@pytest.mark.skipif(os.name == "nt", reason="a console's signals cannot be sent to one process")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("at", [3, 5, 20])
def test_stopped_it_keeps_its_step_and_goes_on_to_the_same_end(
    tmp_path: Path, sent: signal.Signals, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(sent)
    signal.signal(sent, signal.default_int_handler)
    path = table(tmp_path / "a.csv")
    words = ["forecast", path, *QUICK, "--steps", 20, "--out"]
    try:
        with monkeypatch.context() as patch:
            patch.setattr(train, "fit", stopping(at, sent))
            result = run(*words, tmp_path / "m")
    finally:
        signal.signal(sent, before)
    assert result.exit_code == 128 + sent
    by = "from the keyboard" if sent == signal.SIGINT else "by SIGTERM"
    assert result.stderr.endswith(
        f"error: stopped {by} after step {at}, which is kept: the same command goes on there\n"
    )
    newest = latest_checkpoint(tmp_path / "m" / "checkpoints")
    assert newest is not None
    assert newest.name == f"step-{at:08d}"
    assert not (tmp_path / "m" / "config.json").exists()
    assert "unfinished training" in run("info", tmp_path / "m").stderr
    again = run(*words, tmp_path / "m")
    assert again.exit_code == 0, again.output
    assert run(*words, tmp_path / "straight").exit_code == 0
    got, want = (load_file(tmp_path / n / "model.safetensors") for n in ("m", "straight"))
    assert all(torch.equal(got[name], want[name]) for name in want)
    tables = [(tmp_path / n / "forecast.csv").read_bytes() for n in ("m", "straight")]
    assert tables[0] == tables[1]
