"""Exercise: a window on its own scale, and a model's outputs back on that of the series.

Sources
    Kim et al. (2022), "Reversible Instance Normalization for Accurate Time-Series Forecasting
    against Distribution Shift", equations 1 to 3, without the learned scale and shift.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, normal, swapped

__all__ = ["reversible_norm"]


def _past(window: Tensor, length: int) -> Tensor:
    return window[:, :length]


def _mean(seen: Tensor) -> Tensor:
    return seen.mean(1, keepdim=True)


def _root(seen: Tensor, eps: float) -> Tensor:
    return (seen.var(1, correction=0, keepdim=True) + eps).sqrt()


def _divided(x: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    return (x - mean) / spread


def _undone(x: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    return x * spread + mean


def _reversible_recipe(
    window: Tensor,
    length: int,
    outputs: Tensor,
    eps: float,
    seen: Step = _past,
    mean: Step = _mean,
    spread: Step = _root,
    apply: Step = _divided,
    undo: Step = _undone,
) -> object:
    of = seen(window, length)
    centre, scale = mean(of), spread(of, eps)
    return torch.cat([apply(window[:, :length], centre, scale), undo(outputs, centre, scale)], 1)


def _one_mean(seen: Tensor) -> Tensor:
    return seen.mean().expand(len(seen), 1)


def _one_spread(seen: Tensor, eps: float) -> Tensor:
    return (seen.var(correction=0) + eps).sqrt().expand(len(seen), 1)


def _of_the_future(window: Tensor, length: int) -> Tensor:
    return window[:, length:]


def _case(seed: int, *sizes: int, eps: float = 0.01) -> tuple[Tensor, int, Tensor, float]:
    rows, length, horizon = sizes
    shift = 3 * normal(seed + 50, rows, 1)
    window = normal(seed, rows, length + horizon) * normal(seed + 99, rows, 1).exp() + shift
    return window, length, normal(seed + 7, rows, horizon), eps


reversible_norm = Exercise(
    name="reversible_norm",
    signature="f(window: (B, L + H), length: int, outputs: (B, H), eps: float) -> (B, L + H)",
    task=(
        "window holds B series: L = length values that the model reads, and then the H to come. "
        "outputs are what it answers to the normalised values. Return, side by side, the L values "
        "of each series less their mean, divided by the root of their variance (of all L, without "
        "Bessel's correction) plus eps, and the outputs put back on the scale of their series."
    ),
    inputs=("window", "length", "outputs", "eps"),
    reference=_reversible_recipe,
    cases=(
        (
            torch.tensor([[1.0, 3.0, 8.0]], device="cpu"),
            2,
            torch.tensor([[2.0]], device="cpu"),
            0.25,
        ),
        _case(1, 2, 4, 3),
        _case(2, 3, 6, 2, eps=0.3),
        _case(3, 4, 5, 6),
    ),
    bank=(
        swapped(
            _reversible_recipe,
            "the future is in the statistics",
            "Mean and variance are those of the whole window. Its second part is what the model "
            "is to tell: in a test it would be known, in use it is not there.",
            seen=lambda window, length: window,
        ),
        swapped(
            _reversible_recipe,
            "the statistics of the future",
            "Mean and variance are those of the values to come.",
            seen=_of_the_future,
        ),
        swapped(
            _reversible_recipe,
            "one mean for the batch",
            "The mean is taken over all series of the batch. Each has its own level, and what is "
            "forecast of it may not depend on its neighbours.",
            mean=_one_mean,
        ),
        swapped(
            _reversible_recipe,
            "one variance for the batch",
            "The variance is taken over all series of the batch.",
            spread=_one_spread,
        ),
        swapped(
            _reversible_recipe,
            "step by step over the batch",
            "Mean and variance are taken over the series for each step. The axis to average over "
            "is time.",
            mean=lambda seen: seen.mean(0, keepdim=True),
            spread=lambda seen, eps: (seen.var(0, correction=0, keepdim=True) + eps).sqrt(),
        ),
        swapped(
            _reversible_recipe,
            "not undone",
            "The outputs stay as the model gives them. They are on the scale of the normalised "
            "values, where every series looks alike.",
            undo=lambda x, mean, spread: x,
        ),
        swapped(
            _reversible_recipe,
            "undone by halves: no mean",
            "The outputs are stretched and not shifted: the series' level is lost.",
            undo=lambda x, mean, spread: x * spread,
        ),
        swapped(
            _reversible_recipe,
            "undone by halves: no scale",
            "The outputs are shifted and not stretched.",
            undo=lambda x, mean, spread: x + mean,
        ),
        swapped(
            _reversible_recipe,
            "undone in the wrong order",
            "The mean is added before the stretch. What was done last is undone first.",
            undo=lambda x, mean, spread: (x + mean) * spread,
        ),
        swapped(
            _reversible_recipe,
            "normalised once more",
            "The outputs are normalised again, and not put back.",
            undo=_divided,
        ),
        swapped(
            _reversible_recipe,
            "eps outside the root",
            "Here eps is added to the root of the variance. It stands beside the variance, below "
            "the root.",
            spread=lambda seen, eps: seen.std(1, correction=0, keepdim=True) + eps,
        ),
        swapped(
            _reversible_recipe,
            "without eps",
            "There is no eps: a constant series would be divided by zero.",
            spread=lambda seen, eps: seen.std(1, correction=0, keepdim=True),
        ),
        swapped(
            _reversible_recipe,
            "Bessel's correction",
            "The variance is divided by L - 1, which torch does unless told correction=0.",
            spread=lambda seen, eps: (seen.var(1, keepdim=True) + eps).sqrt(),
        ),
        swapped(
            _reversible_recipe,
            "by the variance",
            "The values are divided by the variance, and not by its root.",
            spread=lambda seen, eps: seen.var(1, correction=0, keepdim=True) + eps,
        ),
        swapped(
            _reversible_recipe,
            "the last value for the mean",
            "The last value is taken off in place of the mean. Some models do so, NLinear for "
            "one; here it was the mean.",
            mean=lambda seen: seen[:, -1:],
        ),
    ),
    praise="Each series on its own scale, and back.",
    differentiable=True,
)
