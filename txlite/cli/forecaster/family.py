"""How the forecaster meets the command line."""

from txlite.cli._family import Family
from txlite.cli.forecaster.folder import FORMAT
from txlite.cli.forecaster.forecast import forecast
from txlite.cli.forecaster.info import describe

__all__ = ["FORECASTER"]

FORECASTER = Family(format=FORMAT, commands={"forecast": forecast}, describe=describe)
