"""What a forecast leaves behind: a table of the steps to come, and a picture."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from txlite._atomic import whole
from txlite.cli.forecaster.backtest import OURS
from txlite.cli.forecaster.recipe import Plan
from txlite.data.series import Series
from txlite.data.stamps import local_time, zone_named
from txlite.forecasting import Forecast, Walk

__all__ = ["KINDS", "draw", "told_rows", "write_table"]

KINDS = (".png", ".svg", ".pdf")
SHOWN = 6  # horizons of the past in the picture


def told_rows(series: Series, forecast: Forecast) -> list[dict[str, Any]]:
    """Return a row for each step to come: its time, the value and the ends of the interval."""
    assert forecast.quantiles is not None
    if series.step.unit == "session":
        times = [str(n + 1) for n in range(len(forecast.values))]
    else:
        zone = zone_named(series.zone)
        stamps = series.future_stamps(len(forecast.values)).tolist()
        times = [_time(stamp, zone, series.zone) for stamp in stamps]
    rows = zip(times, forecast.values.tolist(), forecast.quantiles.tolist(), strict=True)
    return [
        {"time": time, "value": value, "low": spread[0], "high": spread[-1]}
        for time, value, spread in rows
    ]


def _time(stamp: int, zone: Any, name: str) -> str:
    """Return a time as the file has it: with its distance from universal time in a named zone."""
    wall = local_time(stamp, zone)
    return wall.replace(tzinfo=None if name == "UTC" else wall.tzinfo).isoformat(sep=" ")


def write_table(path: Path, named: Mapping[str, Sequence[Mapping[str, Any]]], level: float) -> None:
    """Write the steps to come of all series beside one another.

    Parameters
    ----------
    path : Path
        The file.
    named : mapping of str to sequence of mapping
        What :func:`told_rows` returned for each series, by its name.
    level : float
        How much the interval is to cover.
    """
    ends = f"{(1 - level) / 2:.3g}", f"{(1 + level) / 2:.3g}"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heads = [head for name in named for head in (name, *(f"{name} {end}" for end in ends))]
    writer.writerow(["time", *heads])
    for rows in zip(*named.values(), strict=True):
        numbers = [f"{row[part]:.9g}" for row in rows for part in ("value", "low", "high")]
        writer.writerow([rows[0]["time"], *numbers])
    with whole(path) as draft:
        draft.write_text(text.getvalue(), encoding="utf-8")


def draw(
    path: Path,
    series: Sequence[Series],
    forecasts: Sequence[Forecast],
    walks: Sequence[Mapping[str, Walk]],
    plan: Plan,
) -> None:
    """Draw the end of each series, what the model said of it in the test, and what comes.

    Parameters
    ----------
    path : Path
        The file; its ending says the kind.
    series : sequence of Series
        A panel for each.
    forecasts : sequence of Forecast
        Of the steps after each.
    walks : sequence of mapping
        What :func:`backtest` returned for each.
    plan : Plan
        How far the picture goes back.

    Raises
    ------
    ImportError
        If matplotlib is missing.
    """
    from matplotlib import pyplot as plt
    from matplotlib.figure import Figure

    from txlite.viz import style

    with style():
        fig: Figure
        fig, axes = plt.subplots(
            len(series), 1, figsize=(8.0, 2.6 * len(series) + 0.4), squeeze=False,
            layout="constrained",
        )  # fmt: skip
        try:
            for ax, one, forecast, walk in zip(axes[:, 0], series, forecasts, walks, strict=True):
                _panel(ax, one, forecast, walk[OURS], plan)
            axes[0, 0].legend(loc="upper left", fontsize=8)
            with whole(path) as draft:
                fig.savefig(draft, format=path.suffix[1:], dpi=150, facecolor="white")
        finally:
            plt.close(fig)


def _panel(ax: Any, series: Series, forecast: Forecast, walk: Walk, plan: Plan) -> None:
    """Draw one series; steps count from its end."""
    back = min(len(series), SHOWN * plan.horizon)
    past = torch.arange(-back, 0)
    ahead = torch.arange(plan.horizon)
    assert forecast.quantiles is not None
    ax.plot(past, series.values[-back:], color="0.35", linewidth=1.0, label="measured")
    for spread, values, steps, label in (
        (_spread(walk), walk.values[-1], ahead - plan.horizon, "said in the test"),
        (forecast.quantiles, forecast.values, ahead, "to come"),
    ):
        (line,) = ax.plot(steps, values, linewidth=1.4, label=label)
        ax.fill_between(
            steps, spread[:, 0], spread[:, -1], color=line.get_color(), alpha=0.2, linewidth=0
        )
    ax.set_ylabel(" ".join(part for part in (series.name, series.unit) if part))
    ax.set_xlabel(f"steps of {series.step} from the end")


def _spread(walk: Walk) -> torch.Tensor:
    assert walk.quantiles is not None
    return walk.quantiles[-1]
