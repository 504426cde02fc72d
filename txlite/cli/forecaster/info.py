"""The rows of ``txlite info`` for a forecaster's folder."""

from collections.abc import Mapping
from pathlib import Path

from txlite.cli._model import model_rows
from txlite.cli._threads import threads_for
from txlite.cli.forecaster.backtest import OURS
from txlite.cli.forecaster.folder import load_forecaster

__all__ = ["describe"]


def describe(folder: Path) -> dict[str, str]:
    """Say what a folder forecasts, how well, and with which model."""
    model, about = load_forecaster(folder)
    series = about.get("series", {})
    config = model.config
    rows = {
        "forecasts": ", ".join(series) or "?",
        "step": str(about.get("step", "?")),
        "sees, says": f"{config.context_length} values, {config.horizon}",
    }
    for name, scores in series.items() if isinstance(series, Mapping) else ():
        ours = scores.get(OURS, {})
        told = ", ".join(f"{key} {x:.4g}" for key, x in ours.items() if x is not None)
        rows[f"{name} in the test"] = told or "–"
    return {**rows, **model_rows(model), "threads": str(threads_for(config.d_model))}
