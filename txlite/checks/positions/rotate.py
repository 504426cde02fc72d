"""Exercise: turn every pair of numbers by its position's angle.

Sources
    Su et al. (2024), "RoFormer", section 3.2.2 and equation (34).
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, as_given, halves, normal, swapped
from txlite.nn.positions import Rotary

__all__ = ["rotate"]


def _speeds(width: int) -> Tensor:
    return 10_000.0 ** (-torch.arange(0, width, 2) / width)


def _interleaved(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[..., 0::2], x[..., 1::2]


def _halves(x: Tensor) -> tuple[Tensor, Tensor]:
    first, second = x.chunk(2, dim=-1)
    return first, second


def _turn(a: Tensor, b: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    return a * cos - b * sin, a * sin + b * cos


def _woven(a: Tensor, b: Tensor) -> Tensor:
    return torch.stack([a, b], dim=-1).flatten(-2)


def _recipe(
    x: Tensor,
    positions: Tensor,
    place: Step = as_given,
    speeds: Step = _speeds,
    pairs: Step = _interleaved,
    turn: Step = _turn,
    join: Step = _woven,
) -> object:
    angles = place(positions)[:, None] * speeds(x.shape[-1]).to(x.device)  # (T, E/2)
    return join(*turn(*pairs(x), angles.cos(), angles.sin()))


def _right(x: Tensor, positions: Tensor) -> Tensor:
    out: Tensor = Rotary(x.shape[-1])(positions).apply(x)
    return out


def _half_split(x: Tensor, positions: Tensor) -> object:
    return _recipe(x, positions, pairs=_halves, join=lambda a, b: torch.cat([a, b], dim=-1))


def _tiled(x: Tensor, positions: Tensor) -> Tensor:
    angles = positions[:, None] * _speeds(x.shape[-1])
    angles = torch.cat([angles, angles], dim=1)
    partner = _woven(-x[..., 1::2], x[..., 0::2])
    return x * angles.cos() + partner * angles.sin()


rotate = Exercise(
    name="rotate",
    signature="f(x: (*B, T, E), positions: (T,) int) -> (*B, T, E)",
    task=(
        "Turn the pair (x₀, x₁), then (x₂, x₃), … counter-clockwise: pair f at position p by the "
        "angle p·10000^(−2f/E)."
    ),
    inputs=("x", "positions"),
    reference=_right,
    cases=(
        (torch.tensor([[1.0, 0.0]]), torch.tensor([1])),
        (halves(1, 2, 4), torch.tensor([0, 1])),
        (halves(2, 2, 4), torch.tensor([5, 3])),
        (halves(3, 2, 2, 6), torch.tensor([2, 7])),
        (normal(4, 2, 3, 4, 8), torch.tensor([0, 9, 40, 11])),
    ),
    bank=(
        swapped(
            _recipe,
            "turns the other way",
            "The pairs turn clockwise. Scores would be the same if all did so, but this is the "
            "opposite of the published weights: (a, b) goes to (a cos − b sin, a sin + b cos).",
            turn=lambda a, b, cos, sin: _turn(a, b, cos, -sin),
        ),
        swapped(
            _recipe,
            "no turn at all",
            "Both signs are the same, so this stretches and mirrors instead of turning: one of "
            "the two sines has a minus.",
            turn=lambda a, b, cos, sin: (a * cos + b * sin, a * sin + b * cos),
        ),
        swapped(
            _recipe,
            "sine and cosine swapped",
            "Sine and cosine are exchanged. At position 0 nothing should move.",
            turn=lambda a, b, cos, sin: _turn(a, b, sin, cos),
        ),
        swapped(
            _recipe,
            "each number by itself",
            "Each number is multiplied by its own cosine, and nothing comes over from its "
            "partner. A turn mixes the two numbers of a pair.",
            turn=lambda a, b, cos, sin: (a * cos, b * cos),
        ),
        swapped(
            _recipe,
            "first number changed too soon",
            "The second number is computed from the first one's new value. Keep the old one: both "
            "lines of the turn use the pair as it was.",
            turn=lambda a, b, cos, sin: (
                a * cos - b * sin,
                (a * cos - b * sin) * sin + b * cos,
            ),
        ),
        swapped(
            _recipe,
            "pairs pulled apart",
            "The turned numbers are put back in another order: all first ones, then all second "
            "ones. Weave them: stack on a new last axis, then flatten.",
            join=lambda a, b: torch.cat([a, b], dim=-1),
        ),
        swapped(
            _recipe,
            "exponent f/E",
            "The speeds fall half as fast as they should: the exponent of pair f is −2f/E, since "
            "there are only E/2 pairs.",
            speeds=lambda width: 10_000.0 ** (-torch.arange(width // 2) / width),
        ),
        swapped(
            _recipe,
            "faster and faster",
            "The exponent's sign is lost: later pairs turn 10000 times faster, not slower.",
            speeds=lambda width: 10_000.0 ** (torch.arange(0, width, 2) / width),
        ),
        swapped(
            _recipe,
            "one speed for all",
            "All pairs turn at the same speed. A clock with one hand cannot tell the hour from "
            "the minute: each pair has its own speed.",
            speeds=lambda width: torch.ones(width // 2),
        ),
        swapped(
            _recipe,
            "slowest pair first",
            "The speeds are in reverse order. Pair 0 is the fastest, with one radian a position.",
            speeds=lambda width: _speeds(width).flip(0),
        ),
        swapped(
            _recipe,
            "counted from zero",
            "The positions are counted from 0 in the order in which the vectors come, whatever was "
            "given. With a cache the new word does not stand at 0, and its scores would be wrong.",
            place=lambda positions: torch.arange(len(positions)),
        ),
        swapped(
            _recipe,
            "counted from one",
            "The positions are one too large. Scores do not see it, but position 0 should leave "
            "everything as it is.",
            place=lambda positions: positions + 1,
        ),
        swapped(
            _recipe,
            "added, not turned",
            "Cosines and sines are added to the pairs. That is the other scheme, positions "
            "added to words; here the pair is turned.",
            turn=lambda a, b, cos, sin: (a + cos, b + sin),
        ),
        Mistake(
            "half-split pairs",
            "The first half is paired with the second, (x₀, x_{E/2}), as in Llama's published "
            "weights. The same idea, but another order of the entries: here neighbours are "
            "pairs.",
            _half_split,
        ),
        Mistake(
            "angles of the half-split, pairs of neighbours",
            "The angles are laid out for half-split pairs, θ₀ θ₁ … θ₀ θ₁ …, while the numbers "
            "are paired as neighbours. Then two numbers of a pair turn by different angles, "
            "which is no turn: repeat_interleave, not cat.",
            _tiled,
        ),
    ),
    praise="Lengths stay, and scores will see the difference of positions only.",
    differentiable=True,
)
