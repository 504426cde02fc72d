"""Forecasting: any function from a past to what comes next, walked forward, scored and compared.

Nothing here knows a model: whatever maps a past and a horizon to numbers is a forecaster.
"""

from txlite.forecasting.classical import (
    Calibrated,
    Climatology,
    Ridge,
    SeasonalNaive,
    drift,
    naive,
)
from txlite.forecasting.comparing import (
    DieboldMariano,
    Interval,
    block_bootstrap,
    block_places,
    diebold_mariano,
)
from txlite.forecasting.forecast import Forecast, Forecaster
from txlite.forecasting.scores import (
    Scored,
    coverage,
    crps,
    interval_width,
    mae,
    mape,
    mase,
    pinball,
    rmse,
    skill,
    smape,
)
from txlite.forecasting.selection import Chosen, Selected, choose
from txlite.forecasting.statistical import ARMA, ExponentialSmoothing
from txlite.forecasting.walk_forward import (
    Parts,
    Trained,
    Walk,
    origins,
    split_parts,
    walk_forward,
)

__all__ = [
    "ARMA",
    "Calibrated",
    "Chosen",
    "Climatology",
    "DieboldMariano",
    "ExponentialSmoothing",
    "Forecast",
    "Forecaster",
    "Interval",
    "Parts",
    "Ridge",
    "Scored",
    "SeasonalNaive",
    "Selected",
    "Trained",
    "Walk",
    "block_bootstrap",
    "block_places",
    "choose",
    "coverage",
    "crps",
    "diebold_mariano",
    "drift",
    "interval_width",
    "mae",
    "mape",
    "mase",
    "naive",
    "origins",
    "pinball",
    "rmse",
    "skill",
    "smape",
    "split_parts",
    "walk_forward",
]
