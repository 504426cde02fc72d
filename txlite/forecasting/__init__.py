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
from txlite.forecasting.intervals import coverage, crps, interval_width, pinball
from txlite.forecasting.leaks import Leak, find_leaks
from txlite.forecasting.pipeline import Market, Pipeline, Run, noise_market
from txlite.forecasting.planted import HONEST, PLANTED
from txlite.forecasting.scores import (
    Scored,
    mae,
    mape,
    mase,
    rmse,
    skill,
    smape,
)
from txlite.forecasting.selection import Chosen, Selected, choose
from txlite.forecasting.sharpe import (
    Moments,
    bars_per_year,
    best_of_nothing,
    deflated_sharpe,
    probabilistic_sharpe,
    return_moments,
    sharpe,
    sharpe_interval,
)
from txlite.forecasting.statistical import ARMA, ExponentialSmoothing
from txlite.forecasting.trading import Backtest, backtest, buy_and_hold, drawdown
from txlite.forecasting.volatility import (
    EWMA,
    HAR,
    garman_klass,
    out_of_sample_r2,
    parkinson,
    qlike,
)
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
    "EWMA",
    "HAR",
    "HONEST",
    "PLANTED",
    "Backtest",
    "Calibrated",
    "Chosen",
    "Climatology",
    "DieboldMariano",
    "ExponentialSmoothing",
    "Forecast",
    "Forecaster",
    "Interval",
    "Leak",
    "Market",
    "Moments",
    "Parts",
    "Pipeline",
    "Ridge",
    "Run",
    "Scored",
    "SeasonalNaive",
    "Selected",
    "Trained",
    "Walk",
    "backtest",
    "bars_per_year",
    "best_of_nothing",
    "block_bootstrap",
    "block_places",
    "buy_and_hold",
    "choose",
    "coverage",
    "crps",
    "deflated_sharpe",
    "diebold_mariano",
    "drawdown",
    "drift",
    "find_leaks",
    "garman_klass",
    "interval_width",
    "mae",
    "mape",
    "mase",
    "naive",
    "noise_market",
    "origins",
    "out_of_sample_r2",
    "parkinson",
    "pinball",
    "probabilistic_sharpe",
    "qlike",
    "return_moments",
    "rmse",
    "sharpe",
    "sharpe_interval",
    "skill",
    "smape",
    "split_parts",
    "walk_forward",
]
