"""Exercise: the exponent of a power law, from models of a few sizes.

Sources
    Kaplan et al. (2020), "Scaling Laws for Neural Language Models", equation 1.1; Hoffmann et al.
    (2022), "Training Compute-Optimal Large Language Models", equation 2, with a floor that no
    size goes below.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, swapped

__all__ = ["power_law"]


def _above(losses: Tensor, floor: float) -> Tensor:
    return losses - floor


def _least_squares(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    across = x - x.mean()
    slope = across @ y / (across @ across)
    return y.mean() - slope * x.mean(), slope


def _falling(slope: Tensor) -> Tensor:
    return -slope


def _law_recipe(
    sizes: Tensor,
    losses: Tensor,
    floor: float,
    above: Step = _above,
    across: Step = torch.log,
    up: Step = torch.log,
    line: Step = _least_squares,
    undone: Step = torch.exp,
    sign: Step = _falling,
) -> object:
    intercept, slope = line(across(sizes), up(above(losses, floor)))
    return torch.stack([undone(intercept), sign(slope)])


def _through_the_origin(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return torch.zeros_like(x[0]), x @ y / (x @ x)


def _turned_round(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    intercept, slope = _least_squares(y, x)
    return -intercept / slope, 1 / slope


def _ends(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    slope = (y[-1] - y[0]) / (x[-1] - x[0])
    return y[0] - slope * x[0], slope


def _mean_of_slopes(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    slope = (y.diff() / x.diff()).mean()
    return y.mean() - slope * x.mean(), slope


def _through_the_first(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    slope = _least_squares(x, y)[1]
    return y[0] - slope * x[0], slope


def _case(
    seed: int, sizes: list[float], factor: float, exponent: float, floor: float
) -> tuple[Tensor, Tensor, float]:
    draw = torch.Generator().manual_seed(seed)
    x = torch.tensor(sizes, dtype=torch.float64, device="cpu")
    noise = 0.08 * torch.randn(len(sizes), generator=draw, device="cpu").double()
    return x, floor + factor * x**-exponent * noise.exp(), floor


power_law = Exercise(
    name="power_law",
    signature="f(sizes: (N,), losses: (N,), floor: float) -> [factor, exponent]",
    task=(
        "losses are those of models of N sizes. Above the floor they fall as a power of the size: "
        "loss - floor = factor / size^exponent. Return both, by least squares between the "
        "logarithms; the exponent is positive where the losses fall."
    ),
    inputs=("sizes", "losses", "floor"),
    reference=_law_recipe,
    cases=(
        _case(1, [2.0, 4.0, 16.0], 3.0, 0.5, 0.25),
        _case(2, [5.0, 10.0, 30.0, 50.0], 8.0, 0.25, 0.5),
        _case(3, [20.0, 70.0, 100.0, 400.0, 900.0], 5.0, 0.125, 1.5),
    ),
    bank=(
        swapped(
            _law_recipe,
            "not in logarithms",
            "A straight line is fitted to sizes and losses as they are, and not between their "
            "logarithms: in a plane with two logarithmic axes a power law is straight.",
            across=lambda x: x,
            up=lambda y: y,
            undone=lambda c: c,
        ),
        swapped(
            _law_recipe,
            "only the sizes in logarithms",
            "The losses are not in logarithms. That would be a loss that falls by a fixed amount "
            "for each doubling, and below zero in the end.",
            up=lambda y: y,
            undone=lambda c: c,
        ),
        swapped(
            _law_recipe,
            "only the losses in logarithms",
            "The sizes are not in logarithms. That would be an exponential, which falls by a "
            "fixed share for each parameter more.",
            across=lambda x: x,
        ),
        swapped(
            _law_recipe,
            "intercept lost",
            "The line is forced through the origin, so that the factor is 1 and the slope has to "
            "make up for it.",
            line=_through_the_origin,
        ),
        swapped(
            _law_recipe,
            "the factor as a logarithm",
            "The intercept is the factor's logarithm. Take its exponential.",
            undone=lambda c: c,
        ),
        swapped(
            _law_recipe,
            "ten and e mixed",
            "The logarithms are those to base ten, and the exponential is that of e, or the "
            "other way round.",
            across=torch.log10,
            up=torch.log10,
        ),
        swapped(
            _law_recipe,
            "the sign",
            "The slope is negative, for the losses fall. Asked was the exponent that divides.",
            sign=lambda slope: slope,
        ),
        swapped(
            _law_recipe,
            "the floor left in",
            "The floor is not taken off. With it the line bends, and the exponent is too small.",
            above=lambda losses, floor: losses,
        ),
        swapped(
            _law_recipe,
            "the floor added",
            "The floor is added to the losses. It is what they cannot go below: take it off.",
            above=lambda losses, floor: losses + floor,
        ),
        swapped(
            _law_recipe,
            "the floor as a share",
            "The losses are divided by the floor. It is a loss, and is taken off.",
            above=lambda losses, floor: losses / floor,
        ),
        swapped(
            _law_recipe,
            "the ends alone",
            "The line runs through the first and the last point, and looks at no other.",
            line=_ends,
        ),
        swapped(
            _law_recipe,
            "the mean of the slopes",
            "The slopes between neighbours are averaged. Near neighbours have the most noise in "
            "theirs, and count here as much as others.",
            line=_mean_of_slopes,
        ),
        swapped(
            _law_recipe,
            "turned round",
            "The sizes are fitted to the losses. The noise is in the losses: they belong on the "
            "left, or the line is too steep.",
            line=_turned_round,
        ),
        swapped(
            _law_recipe,
            "through the first point",
            "The slope is right, the line is laid through the first point. It runs through the "
            "means.",
            line=_through_the_first,
        ),
    ),
    praise="With three sizes the exponent has an interval, and a wide one: draw it too.",
)
