"""Exercise: positions as sines and cosines.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.5.
"""

import math

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, as_given, swapped
from txlite.nn.positions import sinusoidal

__all__ = ["sinusoidal_positions"]


def _places(length: int) -> Tensor:
    return torch.arange(length, dtype=torch.float64)


def _exponents(i: Tensor, d_model: int) -> Tensor:
    return 2 * i / d_model


def _side_by_side(sines: Tensor, cosines: Tensor, d_model: int) -> Tensor:
    return torch.stack([sines, cosines], dim=-1).flatten(-2)[:, :d_model]


def _sinusoid_recipe(
    length: int,
    d_model: int,
    places: Step = _places,
    exponents: Step = _exponents,
    base: float = 10_000.0,
    unit: float = 1.0,
    first: Step = torch.sin,
    second: Step = torch.cos,
    lay: Step = _side_by_side,
    finish: Step = as_given,
) -> object:
    i = torch.arange((d_model + 1) // 2, dtype=torch.float64)
    angles = places(length)[:, None] / base ** exponents(i, d_model) * unit
    return finish(lay(first(angles), second(angles), d_model))


def _own_frequencies(length: int, d_model: int, factor: int = 1) -> Tensor:
    """Give every column, not every pair, a frequency."""
    columns = torch.arange(d_model, dtype=torch.float64)
    angles = _places(length)[:, None] / 10_000.0 ** (factor * columns / d_model)
    return torch.where(columns % 2 == 0, angles.sin(), angles.cos())


def _assigned(sines: Tensor, cosines: Tensor, d_model: int) -> Tensor:
    """Fill columns with a stride, which an odd width does not forgive."""
    table = torch.zeros(len(sines), d_model)
    table[:, ::2], table[:, 1::2] = sines, cosines
    return table


sinusoidal_positions = Exercise(
    name="sinusoidal_positions",
    signature="f(length: int, d_model: int) -> (T, D)",
    task=(
        "The positions 0 … length − 1 as sines and cosines: column 2i is "
        "sin(p / 10000^(2i/D)), column 2i + 1 its cosine. An odd D ends in a sine."
    ),
    inputs=("length", "d_model"),
    reference=lambda length, d_model: sinusoidal(torch.arange(length), d_model),
    # Small angles, even where they are multiplied: float32 is exact enough for every answer.
    cases=((2, 2), (3, 4), (2, 3), (2, 6), (7, 4)),
    bank=(
        swapped(
            _sinusoid_recipe,
            "sines first, then cosines",
            "All sines come first and all cosines after them. Several published models do so; "
            "the paper has the sine and the cosine of a pair side by side, in columns 2i and "
            "2i + 1.",
            lay=lambda a, b, d: torch.cat([a, b], dim=1)[:, :d],
        ),
        swapped(
            _sinusoid_recipe,
            "exponent i/D",
            "The exponent is i/D. It is 2i/D: the D/2 pairs together run through all wavelengths "
            "from 2π to nearly 10 000 · 2π, and yours stop at the square root of that.",
            exponents=lambda i, d: i / d,
        ),
        Mistake(
            "a frequency for every column",
            "Each column has a frequency of its own. Sine and cosine must share one: only "
            "together do they tell the angle, and only then is a shift a rotation.",
            _own_frequencies,
        ),
        Mistake(
            "2i of the column",
            "The column's number stands where the pair's should. Columns 2i and 2i + 1 are pair "
            "i, and both have the exponent 2i/D.",
            lambda length, d_model: _own_frequencies(length, d_model, 2),
        ),
        swapped(
            _sinusoid_recipe,
            "positions from 1",
            "The first position is 1. Positions count from 0, so the first row is 0, 1, 0, 1, "
            "and so on.",
            places=lambda n: _places(n) + 1,
        ),
        swapped(
            _sinusoid_recipe,
            "positions from 0 to 1",
            "The positions are divided by the length. Then the same position has another vector in "
            "every sentence, and two neighbours are nearer in a longer one.",
            places=lambda n: _places(n) / n,
        ),
        swapped(
            _sinusoid_recipe,
            "cosine before sine",
            "Sine and cosine are exchanged: even columns are sines.",
            first=torch.cos,
            second=torch.sin,
        ),
        swapped(
            _sinusoid_recipe,
            "sines only",
            "Both columns of a pair are sines. One sine is the same for an angle and its mirror "
            "image; the cosine tells them apart.",
            second=torch.sin,
        ),
        swapped(
            _sinusoid_recipe,
            "multiplied by the power",
            "The position is multiplied by 10000^(2i/D). It is divided: later pairs turn slower, "
            "not faster.",
            exponents=lambda i, d: -2 * i / d,
        ),
        swapped(
            _sinusoid_recipe,
            "the last pair at exactly 10000",
            "The exponents run from 0 to 1, i/(D/2 − 1). The authors' published code does this; "
            "the paper's formula divides by D/2, so that the last wavelength is not quite "
            "reached.",
            exponents=lambda i, d: i / max(len(i) - 1, 1),
        ),
        swapped(
            _sinusoid_recipe,
            "log of 10000 forgotten",
            "The base is e. If you write the power with exp, its argument needs the factor "
            "log 10000: exp(−2i/D · log 10000).",
            base=math.e,
        ),
        swapped(
            _sinusoid_recipe,
            "degrees",
            "The angles are taken for degrees and made smaller by π/180. Position p is p radians.",
            unit=math.pi / 180,
        ),
        swapped(
            _sinusoid_recipe,
            "an odd width ends too soon",
            "An odd width lacks its last column: there are (D + 1)/2 sines and one cosine less.",
            lay=lambda a, b, d: _side_by_side(a, b, d - d % 2),
        ),
        swapped(
            _sinusoid_recipe,
            "an odd width has one column more",
            "An odd width has a column too many: cut the last cosine off.",
            lay=lambda a, b, d: torch.stack([a, b], dim=2).flatten(1),
        ),
        swapped(
            _sinusoid_recipe,
            "an odd width raises",
            "With an odd width the cosines do not fit into their columns: there are (D + 1)/2 "
            "sines, but one cosine less.",
            lay=_assigned,
        ),
        swapped(
            _sinusoid_recipe,
            "rows and columns swapped",
            "Rows and columns are exchanged: a row for each position.",
            finish=lambda x: x.mT,
        ),
        swapped(
            _sinusoid_recipe,
            "extra axes",
            "The table is right but has an extra axis of size one. Broadcasting adds the batch "
            "axis by itself.",
            finish=lambda x: x[None],
        ),
    ),
    praise="Every position has its own pattern, and there is no last one.",
)
