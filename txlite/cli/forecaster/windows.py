"""Windows of several series, cut when they are wanted, from what lies before the test alone."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from txlite.cli.forecaster.recipe import Plan, Recipe
from txlite.data.series import Series
from txlite.training import Batches

__all__ = ["WindowBatch", "made_batches"]


@dataclass(frozen=True)
class WindowBatch:
    """Windows, and what came after each."""

    past: Float[Tensor, "B T 1"]
    future: Float[Tensor, "B N 1"]
    future_observed: Bool[Tensor, "B N 1"]
    past_observed: None = None  # gaps are filled from what lies before them


def made_batches(series: Sequence[Series], plan: Plan, recipe: Recipe, seed: int) -> Batches:
    """Return batches of windows that end before the test begins.

    Parameters
    ----------
    series : sequence of Series
        What is learned from.
    plan : Plan
        How long windows are, and how much is left for the test.
    recipe : Recipe
        How many make a batch.
    seed : int
        Decides their order.

    Returns
    -------
    Batches
        Of :class:`WindowBatch`.
    """
    known = [one[: len(one) - plan.test] for one in series]  # copies: nothing of the test is there
    whole = plan.context + plan.horizon
    counts = [len(one) - whole + 1 for one in known]
    firsts = [0, *itertools.accumulate(counts)]

    def collate(numbers: list[int]) -> WindowBatch:
        values, observed = [], []
        for number in numbers:
            which = next(i for i in range(len(known)) if number < firsts[i + 1])
            begin = number - firsts[which]
            values.append(known[which].values[begin : begin + whole])
            seen = known[which].observed
            assert seen is not None  # a Series has filled it in
            observed.append(seen[begin : begin + whole])
        cut = torch.stack(values)[..., None].float()
        seen = torch.stack(observed)[..., None]
        return WindowBatch(cut[:, : plan.context], cut[:, plan.context :], seen[:, plan.context :])

    return Batches(range(firsts[-1]), collate, batch_size=recipe.batch_size, seed=seed)
