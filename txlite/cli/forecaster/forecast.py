"""``txlite forecast``: from a table of times and values to what comes, and how far off it is."""

import json
import math
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from txlite._checks import check_positive, check_rate
from txlite.cli._begun import begin, check_place, writing
from txlite.cli._console import OUT, WrongCall, report_errors, say, warn
from txlite.cli._files import steps_done
from txlite.cli._threads import few_threads
from txlite.cli.forecaster.backtest import OURS, asked, backtest, beside_best, scores_of
from txlite.cli.forecaster.begun import describe, name_series
from txlite.cli.forecaster.folder import (
    FILES,
    FORMAT,
    PICTURE,
    TABLE,
    Forecasting,
    save_forecaster,
)
from txlite.cli.forecaster.outputs import KINDS, draw, told_rows, write_table
from txlite.cli.forecaster.recipe import RECIPES, Plan, Recipe, made_plan
from txlite.cli.forecaster.table import read_columns
from txlite.cli.forecaster.train import train_model
from txlite.data.series import Series
from txlite.models import Forecaster
from txlite.runtime import budget

__all__ = ["forecast"]


@report_errors
def forecast(
    file: Annotated[
        Path,
        typer.Argument(help="A table: commas, semicolons or tabs, names in its first line."),
    ],
    out: Annotated[Path, typer.Option(help="The folder for model, forecast and picture.")],
    time: Annotated[str | None, typer.Option(help="The column of times; else found.")] = None,
    value: Annotated[
        list[str] | None,
        typer.Option(help="A column to forecast; may be said several times; else found."),
    ] = None,
    horizon: Annotated[int | None, typer.Option(min=1, help="Steps to forecast.")] = None,
    season: Annotated[
        int | None, typer.Option(min=1, help="Steps of a season; 1 for none.")
    ] = None,
    context: Annotated[int | None, typer.Option(min=4, help="Values the model sees.")] = None,
    level: Annotated[float, typer.Option(help="How much an interval is to cover.")] = 0.8,
    origins: Annotated[int, typer.Option(min=1, help="Places at which it is tested.")] = 20,
    fill: Annotated[
        str,
        typer.Option(help="What stands in a gap: refuse, last (value) or season (one before)."),
    ] = "refuse",
    zone: Annotated[str, typer.Option(help="Whose clocks: Europe/Berlin; UTC.")] = "UTC",
    step: Annotated[str | None, typer.Option(help="From row to row: 30min, h, day …")] = None,
    time_format: Annotated[
        str | None, typer.Option(help="How times are written: %d.%m.%Y; else ISO 8601.")
    ] = None,
    decimal: Annotated[
        str | None, typer.Option(help="What stands before decimals, a point or a comma; else found")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of the optimiser.")] = None,
    d_model: Annotated[int | None, typer.Option(help="Width of the model.")] = None,
    num_heads: Annotated[int | None, typer.Option(help="Attention heads.")] = None,
    d_ff: Annotated[int | None, typer.Option(help="Width of the feed-forward layers.")] = None,
    num_layers: Annotated[int | None, typer.Option(help="Layers.")] = None,
    dropout: Annotated[float | None, typer.Option(help="Probability, in [0, 1).")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Windows in a batch.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="At its highest.")] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Decides everything that is drawn.")
    ] = 0,
    picture: Annotated[
        Path | None, typer.Option(help="Where to draw; .png, .svg or .pdf. [FOLDER/forecast.png]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train a forecaster, test it on the end of the series beside others, and say what comes.

    Stopped or killed, the same command goes on where it was. What is not said is taken from the
    series and from the budget: TXLITE_BUDGET=smoke, laptop (the default) or full.
    """
    chosen = {name: given for name, given in locals().items() if name in Recipe.__annotations__}
    recipe = replace(RECIPES[budget()], **{k: v for k, v in chosen.items() if v is not None})
    picture = out / PICTURE if picture is None else picture
    _check(recipe, level, fill, season, decimal, picture)
    with _quiet(as_json):
        series = read_columns(
            file, time=time, values=value or (), zone=zone, step=step, fill=fill, season=season,
            format=time_format, decimal=decimal,
        )  # fmt: skip
        plan = made_plan(
            series[0], season=season, context=context, horizon=horizon, origins=origins
        )
        _check_config(plan, recipe)
        check_place(out, FORMAT, FILES)
        few_threads(recipe.d_model)
        _announce(series, plan, recipe, out)
        with writing(out):
            begin(out, describe(series, plan, recipe, seed), name_data=name_series)
            model, loss = train_model(series, plan, recipe, out, seed)
            told = _finish(model, loss, series, plan, recipe, out, picture, level, seed)
    if as_json:
        say(json.dumps(told, ensure_ascii=False, indent=2))
    elif sys.stdout is not None:
        OUT.print(f"Model, {TABLE} and picture: {shlex.quote(str(out))}", markup=False)


def _check(
    recipe: Recipe, level: float, fill: str, season: int | None, decimal: str | None, picture: Path
) -> None:
    """Refuse what can never be done, before anything is read."""
    try:
        check_rate("learning_rate", recipe.learning_rate)
        check_positive("batch_size", recipe.batch_size)
    except ValueError as error:
        raise WrongCall(str(error)) from None
    if not 0.0 < level < 1.0:
        raise WrongCall(f"--level should be in (0, 1), got {level}")
    if fill not in ("refuse", "last", "season"):
        raise WrongCall(f"--fill should be refuse, last or season, got {fill}")
    if fill == "season" and season is None:
        raise WrongCall("--season should be said for --fill season")
    if decimal not in (None, ".", ","):
        raise WrongCall(f"--decimal should be a point or a comma, got {decimal}")
    if picture.suffix not in KINDS:
        raise WrongCall(f"--picture should end in {', '.join(KINDS)}, got {picture}")


def _check_config(plan: Plan, recipe: Recipe) -> None:
    try:
        plan.config(recipe)
    except ValueError as error:
        raise WrongCall(str(error)) from None


@contextmanager
def _quiet(wanted: bool) -> Iterator[None]:
    """Keep words from the output, where one JSON object is to stand there alone."""
    before, OUT.quiet = OUT.quiet, OUT.quiet or wanted
    try:
        yield
    finally:
        OUT.quiet = before


def _announce(series: Sequence[Series], plan: Plan, recipe: Recipe, out: Path) -> None:
    """Say what was read, what is trained, and where it goes on."""
    for one in series:
        assert one.observed is not None  # a Series has filled it in
        filled = int((~one.observed).sum())
        gaps = f", of which {filled} were filled in" if filled else ""
        OUT.print(f"{escape(one.name)}: {len(one)} values, a step is {one.step}{gaps}.")
        if float(one.values.min()) == float(one.values.max()):
            warn(f"{one.name} never changes: there is nothing to forecast, and no scale for MASE")
    OUT.print(
        f"Forecasting {plan.horizon} steps from {plan.context}, a season has {plan.season}; tested "
        f"on the last {plan.test} at {plan.origins} origins. {recipe.steps} steps of training."
    )
    done = steps_done(out)
    if done == recipe.steps:
        OUT.print(f"{escape(str(out))} is already trained for {done} steps; tested again.")
    elif 0 < done < recipe.steps:
        OUT.print(f"Going on after step {done}.")


def _finish(
    model: Forecaster,
    loss: float,
    series: Sequence[Series],
    plan: Plan,
    recipe: Recipe,
    out: Path,
    picture: Path,
    level: float,
    seed: int,
) -> dict[str, Any]:
    """Test, forecast, draw and keep; return what was found, as plain data."""
    levels = ((1 - level) / 2, 0.5, (1 + level) / 2)
    found: list[dict[str, Any]] = []
    walked, forecasts = [], []
    for one in series:
        walks = backtest(one, model, plan, levels, lambda name: OUT.print(f"Testing {name} …"))
        scores = scores_of(walks, one, plan)
        beside = beside_best(walks, plan, seed)
        _show(one.name, scores, level)
        if beside is not None:
            OUT.print(
                f"The error is {beside.share:.2f} times that of {beside.name}, the best of the "
                f"others here (95 %: {beside.low:.2f} to {beside.high:.2f})."
            )
        forecasts.append(asked(model, levels)(one.values, plan.horizon))
        walked.append(walks)
        found.append(
            {
                "name": one.name,
                "scores": scores,
                "beside": None if beside is None else beside._asdict(),
                "forecast": told_rows(one, forecasts[-1]),
            }
        )
    write_table(out / TABLE, {one["name"]: one["forecast"] for one in found}, level)
    try:
        draw(picture, series, forecasts, walked, plan)
    except ImportError as error:
        warn(f'nothing is drawn, {error.name} is missing: pip install "txlite[notebook]"')
    about = {
        "series": {one["name"]: one["scores"] for one in found},
        "step": str(series[0].step),
        "zone": series[0].zone,
        "season": plan.season,
        "level": level,
        "steps": recipe.steps,
        "loss": loss if math.isfinite(loss) else None,
    }
    save_forecaster(Forecasting(model, about), out)
    return {"folder": str(out), "step": about["step"], "level": level, "series": found}


def _show(name: str, scores: Mapping[str, Mapping[str, float | None]], level: float) -> None:
    """Print a table of scores, a row for each forecaster."""
    table = Table(title=escape(name), title_justify="left")
    heads = {"MAE": "MAE", "MASE": "MASE", "pinball": "pinball", "coverage": f"in {level:.0%}"}
    table.add_column("")
    for head in heads.values():
        table.add_column(head, justify="right")
    for row, values in scores.items():
        cells = ["–" if (x := values[key]) is None else _cell(key, x) for key in heads]
        table.add_row(f"[bold]{row}[/]" if row == OURS else row, *cells)
    OUT.print(table)


def _cell(key: str, x: float) -> str:
    return f"{x:.0%}" if key == "coverage" else f"{x:.4g}"
