"""The fan chart: a trained forecaster in the page, and an origin that a hand moves along a series.

The figure carries the series, the whole model, and what simpler rules forecast from the same
origins. At each origin the page computes what ``txlite.models.Forecaster`` says of the values to
come, as quantiles, and from which patches of the past it was read. What really came is shown when
it is asked for.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
import traitlets
from ipywidgets import widget_serialization
from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_shape
from txlite.viz.widgets._weights import CHOICES, TRAINING, Weights
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.tensors import Tensors

__all__ = ["FanChart", "Score"]

_LEFT_OUT = (*TRAINING, "embedding_dropout", "head_dropout", "init_std")
MODEL = "the model"


class Score(NamedTuple):
    """How far a forecast was off."""

    here: float
    """The mean absolute error from the chosen origin, in the series' unit."""
    mean: float
    """The mean of it over all origins."""


class FanChart(Widget):
    """Move the origin of a forecast, and see what was said and what came.

    Parameters
    ----------
    config : mapping
        The config of a :class:`txlite.models.Forecaster` whose head has quantiles, as
        ``dataclasses.asdict`` gives it.
    weights : mapping of str to Tensor
        The model's ``state_dict()``, of numbers that float16 holds.
    series : Tensor, shape (T,)
        The series, in its own unit.
    origins : sequence of int
        From where it can be forecast, rising: the positions of the first value that is told.
        Before each there is a whole window, behind it a whole horizon.
    medians : Tensor, shape (N, H)
        What the model says from every origin, at the level nearest to one half: for its score over
        all of them.
    others : mapping of str to Tensor of shape (N, H), optional
        What other rules forecast from every origin, by their names; three at most.
    stamps : sequence of str, optional
        What each origin is called, for instance a date; by default its position in the series.
    unit : str
        Of the series.
    step : str
        What a step is called, for instance ``"half-hours"``.
    **traits : object
        Where the figure starts: ``origin``, its position among the origins; ``reveal``, whether
        what came is shown; whose attention: of a ``patch`` (−1: averaged over all), a ``layer`` and
        a ``head`` (−1: averaged).

    Raises
    ------
    ValueError
        If shapes do not fit each other and the model, an origin has no whole window or horizon, the
        page cannot compute the model, or float16 would change a weight.
    """

    title = traitlets.Unicode("Move the origin, and see what was said and what came").tag(sync=True)
    config = traitlets.Dict().tag(sync=True)
    weights = traitlets.Instance(Weights).tag(sync=True, **widget_serialization)
    numbers = Tensors()
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    stamps = traitlets.List(traitlets.Unicode()).tag(sync=True)
    unit = traitlets.Unicode().tag(sync=True)
    step = traitlets.Unicode().tag(sync=True)
    origin = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    reveal = traitlets.Bool(False).tag(sync=True, choice=True)
    patch = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    layer = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    head = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    parts: ClassVar[tuple[str, ...]] = ("picture",)
    uses: ClassVar[tuple[str, ...]] = (
        "attended", "controls", "forecaster", "handle", "pictures", "weights",
    )  # fmt: skip

    def __init__(
        self,
        config: Mapping[str, Any],
        weights: Mapping[str, Float[Tensor, "..."]],
        series: Float[Tensor, " T"],
        origins: Sequence[int],
        medians: Float[Tensor, "N H"],
        *,
        others: Mapping[str, Float[Tensor, "N H"]] | None = None,
        stamps: Sequence[str] | None = None,
        unit: str = "",
        step: str = "steps",
        **traits: Any,
    ) -> None:
        _check_config(config)
        others = dict(others or {})
        _check_origins(series, origins, config)
        if len(others) > _MOST or MODEL in others:
            raise ValueError(
                f"others should be at most {_MOST} and none {MODEL!r}, got {[*others]}"
            )
        size = {"N": len(origins), "H": config["horizon"]}
        for name, table in {"medians": medians, **others}.items():
            check_shape(name, table, "N H", **size)
        names = [*(stamps if stamps is not None else map(str, origins))]
        if len(names) != len(origins):
            raise ValueError(
                f"stamps should be {len(origins)}, one for each origin, got {len(names)}"
            )
        kept = {name: value for name, value in config.items() if name not in _LEFT_OUT}
        super().__init__(
            config=kept | {"levels": [*config["levels"]]},
            weights=Weights(weights),
            numbers={
                "series": series.detach().cpu().float(),
                "origins": torch.tensor([*origins], dtype=torch.int32),
                "medians": medians.detach().cpu().float(),
                **{f"other.{n}": t.detach().cpu().float() for n, t in enumerate(others.values())},
            },
            names=[*others],
            stamps=names,
            unit=unit,
            step=step,
            **traits,
        )

    def position(self) -> int:
        """Return where the chosen origin lies in the series.

        Returns
        -------
        int
            The position of the first value that is told.
        """
        origins = self.numbers["origins"]
        return int(origins[min(self.origin, len(origins) - 1)])

    def window(self) -> Float[Tensor, "1 T 1"]:
        """Return what the model reads at the chosen origin.

        Returns
        -------
        Tensor, shape (1, context_length, 1)
            In float64, as the page computes.
        """
        at = self.position()
        return self.numbers["series"][at - self.config["context_length"] : at].double()[
            None, :, None
        ]

    def future(self) -> Float[Tensor, " H"]:
        """Return what came.

        Returns
        -------
        Tensor, shape (horizon,)
            In float64.
        """
        at = self.position()
        return self.numbers["series"][at : at + self.config["horizon"]].double()

    def scores(self) -> dict[str, Score]:
        """Return how far each forecast was off.

        Returns
        -------
        dict of str to Score
            Of the model and the others.
        """
        origins, horizon = self.numbers["origins"].tolist(), self.config["horizon"]
        series = self.numbers["series"].double()
        came = torch.stack([series[at : at + horizon] for at in origins])
        at = min(self.origin, len(origins) - 1)
        found = {}
        for name, key in [
            (MODEL, "medians"),
            *((n, f"other.{k}") for k, n in enumerate(self.names)),
        ]:
            errors = (self.numbers[key].double() - came).abs().mean(1)
            found[name] = Score(float(errors[at]), float(errors.mean()))
        return found

    def part(self) -> dict[str, Float[Tensor, "..."]]:
        """Return all weights in float64, as the model names them."""
        return {name: tensor.double() for name, tensor in self.weights.tensors.items()}


_MOST = 3


def _check_config(config: Mapping[str, Any]) -> None:
    if config["head"] != "quantiles":
        raise ValueError(f"head should be 'quantiles', which a fan shows, got {config['head']!r}")
    for name in ("channel_maps", "channel_scales"):
        if config[name]:
            raise ValueError(f"{name} should be False in a page, got {config[name]!r}")
    missing = [name for name in CHOICES if name not in config]
    if missing:
        raise ValueError(f"config should be that of a Forecaster, got none of {missing}")


def _check_origins(series: Tensor, origins: Sequence[int], config: Mapping[str, Any]) -> None:
    length = check_shape("series", series, "T")["T"]
    first, last = config["context_length"], length - config["horizon"]
    rising = all(a < b for a, b in itertools.pairwise(origins))
    if not origins or not rising or origins[0] < first or origins[-1] > last:
        ends = f"{origins[0]} to {origins[-1]}" if origins else "none"
        raise ValueError(
            f"origins should rise from {first} to {last} at most, so that each has a window and a "
            f"horizon, got {ends}"
        )
    if not bool(torch.isfinite(series).all()):
        raise ValueError("series should be finite, got values that are not")
