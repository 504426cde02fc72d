"""Sizes and numbers of steps that were seen to work, for each budget, and what a series decides."""

from dataclasses import dataclass

from txlite.cli._console import WrongCall
from txlite.data.series import Series
from txlite.models import ForecasterConfig
from txlite.runtime import Budget

__all__ = ["RECIPES", "SEASONS", "Plan", "Recipe", "made_plan"]

SEASONS = {
    "s": 60, "min": 1440, "h": 24, "day": 7, "weekday": 5, "week": 52, "month": 12, "quarter": 4,
    "year": 1, "session": 5,
}  # fmt: skip
"""How many steps of one unit a season has where nothing is said: a day of minutes and hours, a week
of days, a year of months."""
FEWEST = 16  # windows to learn from


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a forecaster is trained."""

    d_model: int = 48
    num_heads: int = 4
    d_ff: int = 96
    num_layers: int = 2
    dropout: float = 0.2
    steps: int = 800
    batch_size: int = 64
    learning_rate: float = 2e-3  # at its highest
    weight_decay: float = 0.01


RECIPES: dict[Budget, Recipe] = {
    "smoke": Recipe(d_model=16, num_heads=2, d_ff=32, num_layers=1, steps=5, batch_size=16),
    "laptop": Recipe(),
    "full": Recipe(d_model=96, num_heads=8, d_ff=192, num_layers=3, steps=4000, batch_size=128),
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a series is cut up: what the model sees, what it says, and where it is tested."""

    season: int
    context: int  # values that the model sees
    horizon: int  # values that it says
    origins: int  # at how many places it is tested
    stride: int  # from one of them to the next
    test: int  # values at the end that nothing is learned from

    def config(self, recipe: Recipe) -> ForecasterConfig:
        """Return the model's config: one that others can read, with a spread."""
        patch = max(1, min(16, self.context // 8))
        return ForecasterConfig(
            context_length=self.context,
            horizon=self.horizon,
            patch_length=patch,
            stride=max(1, patch // 2),
            repeat_last=False,
            d_model=recipe.d_model,
            num_heads=recipe.num_heads,
            d_ff=recipe.d_ff,
            num_layers=recipe.num_layers,
            dropout=recipe.dropout,
            ff_dropout=recipe.dropout,
            head_dropout=recipe.dropout,
            batch_norm=False,
            norm_first=True,
            head="student_t",
            gaps="zero",
        )


def made_plan(
    series: Series,
    *,
    season: int | None = None,
    context: int | None = None,
    horizon: int | None = None,
    origins: int = 20,
) -> Plan:
    """Decide what is not said by the length of a series and its step.

    Parameters
    ----------
    series : Series
        The shortest, if there are several.
    season, context, horizon : int, optional
        What is said.
    origins : int
        At how many places it is to be tested; fewer, where there is not enough to go on.

    Returns
    -------
    Plan
        For the series.

    Raises
    ------
    WrongCall
        If the series is too short for what is said, or for anything.
    """
    usual = max(1, SEASONS[series.step.unit] // series.step.count)
    season = usual if season is None else season
    length, said = len(series), (season, context, horizon, origins)
    plan = _plan_for(length, *said)
    if plan is not None:
        return plan
    few, enough = length, 2 * length
    while _plan_for(enough, *said) is None:
        few, enough = enough, 2 * enough
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if _plan_for(middle, *said) else (middle, enough)
    told = {"season": season, "context": context, "horizon": horizon}
    options = ", ".join(f"--{name} {x}" for name, x in told.items() if x is not None)
    raise WrongCall(f"a series should have {enough} values at least for {options}, got {length}")


def _plan_for(
    length: int, season: int, context: int | None, horizon: int | None, origins: int
) -> Plan | None:
    """Return the plan for so many values; None if they are too few."""
    if horizon is None:
        horizon = max(1, min(season if season > 1 else 12, length // 20))
    test = max(horizon, min(length // 4, origins * horizon))
    room = length - test - horizon - FEWEST
    if context is None:
        context = min(max(7 * season if season > 1 else 64, 2 * horizon), room // 2, 512)
    if context < 4 or room < context or length < season + horizon + test:
        return None
    origins = min(origins, test - horizon + 1)
    stride = max(1, (test - horizon) // max(1, origins - 1))
    test = horizon + (origins - 1) * stride  # what no origin would reach is learned from
    return Plan(
        season=season, context=context, horizon=horizon, origins=origins, stride=stride, test=test
    )
