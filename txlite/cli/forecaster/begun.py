"""What decides what a forecaster learns, as plain data that its folder keeps."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from txlite.cli.forecaster.recipe import Plan, Recipe
from txlite.data.series import Series

__all__ = ["describe", "name_series"]

FREE = {"steps"}  # may grow


def describe(series: Sequence[Series], plan: Plan, recipe: Recipe, seed: int) -> dict[str, Any]:
    """Return everything that decides what a step of the training does."""
    mark = hashlib.sha256()
    for one in series:
        known = one[: len(one) - plan.test]
        for tensor in (known.values, known.stamps, known.observed):
            assert tensor is not None  # a Series has filled it in
            mark.update(tensor.contiguous().numpy().tobytes())
    options = {**asdict(recipe), **asdict(plan), "seed": seed}
    return {
        "options": {name: value for name, value in options.items() if name not in FREE},
        "series": [one.name for one in series],
        "values": len(series[0]),
        "sha256": mark.hexdigest(),
    }


def name_series(begun: Mapping[str, Any]) -> str:
    """Say in a message with which other series a training was begun."""
    names = ", ".join(map(str, begun.get("series", ())))
    return f"other values ({names}: {begun.get('values')})"
