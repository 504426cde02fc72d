"""Exercise: to move on by k positions is to turn, by the same matrix everywhere.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.5.
"""

import math

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, as_given, swapped

__all__ = ["shift_rotation"]


def _turn(c: float, s: float) -> list[list[float]]:
    return [[c, s], [-s, c]]


def _diagonal(blocks: Tensor) -> Tensor:
    matrix: Tensor = torch.block_diag(*blocks)  # type: ignore[no-untyped-call]
    return matrix


def _rotation_recipe(
    k: int,
    d_model: int,
    angle: Step = lambda k, i, d: k / 10_000.0 ** (2 * i / d),
    block: Step = _turn,
    assemble: Step = _diagonal,
) -> object:
    angles = [angle(k, i, d_model) for i in range(d_model // 2)]
    blocks = [block(math.cos(a), math.sin(a)) for a in angles]
    return assemble(torch.tensor(blocks, dtype=torch.float64))


def _halves(blocks: Tensor) -> Tensor:
    """Lay the blocks out for all sines first and all cosines after them."""
    return torch.cat([torch.cat([b.diag() for b in row], dim=1) for row in blocks.permute(1, 2, 0)])


def _first_only(blocks: Tensor) -> Tensor:
    eye = torch.eye(2, dtype=blocks.dtype)
    return _diagonal(torch.stack([blocks[0], *([eye] * (len(blocks) - 1))]))


shift_rotation = Exercise(
    name="shift_rotation",
    signature="f(k: int, d_model: int) -> (D, D)",
    task=(
        "The matrix R with PE(p + k) = R @ PE(p) at every position p, where PE has its sines in "
        "the even columns and its cosines in the odd ones. D is even."
    ),
    inputs=("k", "d_model"),
    reference=_rotation_recipe,
    cases=((1, 2), (2, 4), (-3, 4), (40, 6), (0, 2)),
    bank=(
        swapped(
            _rotation_recipe,
            "turns backwards",
            "The matrix turns the wrong way: it leads from p + k to p. A pair is (sin, cos), in "
            "this order, and sin(a + b) = sin a · cos b + cos a · sin b: the first row is "
            "cos, +sin.",
            block=lambda c, s: [[c, -s], [s, c]],
        ),
        swapped(
            _rotation_recipe,
            "no minus sign",
            "A minus sign is missing: cos(a + b) = cos a · cos b − sin a · sin b. Without it the "
            "matrix stretches instead of turning.",
            block=lambda c, s: [[c, s], [s, c]],
        ),
        swapped(
            _rotation_recipe,
            "sine on the diagonal",
            "Sine and cosine are exchanged: for a shift by nothing the matrix must be the "
            "identity, and cos 0 = 1.",
            block=lambda c, s: [[s, c], [-c, s]],
        ),
        swapped(
            _rotation_recipe,
            "one angle for all pairs",
            "All pairs turn by the same angle. Each has its own speed: pair i turns by "
            "k / 10000^(2i/D).",
            angle=lambda k, i, d: float(k),
        ),
        swapped(
            _rotation_recipe,
            "exponent i/D",
            "The exponent is i/D. Pair i turns by k / 10000^(2i/D).",
            angle=lambda k, i, d: k / 10_000.0 ** (i / d),
        ),
        swapped(
            _rotation_recipe,
            "multiplied by the power",
            "The shift is multiplied by 10000^(2i/D). It is divided: later pairs turn slower.",
            angle=lambda k, i, d: k * 10_000.0 ** (2 * i / d),
        ),
        swapped(
            _rotation_recipe,
            "k ignored",
            "The matrix is always that of one step. A shift by k turns k times as far.",
            angle=lambda k, i, d: 1 / 10_000.0 ** (2 * i / d),
        ),
        swapped(
            _rotation_recipe,
            "only the first pair turns",
            "Only the first pair turns. Every pair has a block of its own on the diagonal.",
            assemble=_first_only,
        ),
        swapped(
            _rotation_recipe,
            "sines first, then cosines",
            "This is the matrix for vectors that hold all sines first. Here a pair's sine and "
            "cosine stand side by side, so its four numbers are a 2 × 2 block on the diagonal.",
            assemble=_halves,
        ),
        swapped(
            _rotation_recipe,
            "blocks not put together",
            "These are the blocks, one for each pair. Put them on the diagonal of one D × D "
            "matrix: torch.block_diag(*blocks).",
            assemble=as_given,
        ),
    ),
    praise="Moving on is turning, and it does not matter from where.",
)
