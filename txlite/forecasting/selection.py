"""Choosing among forecasters: by what they score on a validation that the past itself ends with.

To choose is to fit. So it is done like every other fitting: on the past that is known at an origin,
and anew where another origin wants it. Whoever is compared gets as many candidates.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_callable, check_positive
from txlite.forecasting.forecast import Forecaster
from txlite.forecasting.scores import mae
from txlite.forecasting.walk_forward import walk_forward

__all__ = ["Chosen", "Selected", "choose"]

Score = Callable[[Float[Tensor, "N H"], Float[Tensor, "N H"]], float]


@dataclass(frozen=True)
class Chosen:
    """The outcome of a choice.

    Parameters
    ----------
    name : str
        The candidate with the lowest score; of several, the first.
    scores : dict of str to float
        What each scored on the validation.
    """

    name: str
    scores: dict[str, float] = field(default_factory=dict)


def choose(
    candidates: Mapping[str, Forecaster],
    past: Float[Tensor, " T"],
    *,
    horizon: int,
    valid: int,
    stride: int = 1,
    score: Score = mae,
) -> Chosen:
    """Choose a forecaster by its forecasts of the last values of a past.

    Parameters
    ----------
    candidates : mapping of str to callable
        ``forecaster(past, horizon)`` by its name.
    past : Tensor, shape (T,)
        All that is known.
    horizon : int
        How many steps are forecast.
    valid : int
        How many values at its end are the validation.
    stride : int
        From one origin in it to the next.
    score : callable
        From truths and forecasts, shape (N, H), to a number; lower is better.

    Returns
    -------
    Chosen
        Its name, and every score.

    Raises
    ------
    ValueError
        If there is no candidate, the validation leaves no past, or a score is NaN.
    """
    if not candidates:
        raise ValueError("candidates should hold at least one forecaster, got none")
    valid = check_positive("valid", valid)
    check_callable("score", score, "from truths and forecasts to a number")
    if valid >= len(past):
        raise ValueError(f"valid should leave a past of the {len(past)} values, got {valid}")
    scores: dict[str, float] = {}
    for name, forecaster in candidates.items():
        walk = walk_forward(
            past, forecaster, context=len(past) - valid, horizon=horizon, stride=stride,
        )  # fmt: skip
        scores[name] = float(score(walk.truth, walk.values))
        if scores[name] != scores[name]:
            raise ValueError(f"score should be a number for {name!r}, got NaN")
    return Chosen(min(scores, key=lambda name: scores[name]), scores)


@dataclass(frozen=True)
class Selected:
    """A forecaster that chooses among others at every origin, on what is known there.

    Parameters
    ----------
    candidates : mapping of str to callable
        ``forecaster(past, horizon)`` by its name.
    valid : int
        How many values at the end of the past are the validation.
    stride : int
        From one origin in it to the next.
    """

    candidates: Mapping[str, Forecaster]
    valid: int
    stride: int = 1

    def __post_init__(self) -> None:
        if not self.candidates:
            raise ValueError("candidates should hold at least one forecaster, got none")
        object.__setattr__(self, "valid", check_positive("valid", self.valid))
        object.__setattr__(self, "stride", check_positive("stride", self.stride))

    def __call__(self, past: Float[Tensor, " T"], horizon: int) -> object:
        """Choose, then ask the chosen one with all that is known."""
        chosen = choose(
            self.candidates, past, horizon=horizon, valid=self.valid, stride=self.stride
        )
        return self.candidates[chosen.name](past, horizon)
