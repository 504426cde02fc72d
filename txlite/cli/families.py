"""The kinds of models that the command line knows: a new one is a folder here, and a line below."""

from txlite.cli._family import Family
from txlite.cli.forecaster.family import FORECASTER
from txlite.cli.published.family import PUBLISHED
from txlite.cli.translator.family import TRANSLATOR

__all__ = ["FAMILIES"]

FAMILIES: tuple[Family, ...] = (TRANSLATOR, FORECASTER, PUBLISHED)
