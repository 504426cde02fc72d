"""Exercise: a penalty that grows with the distance, at another rate in each head.

Sources
    Press et al. (2022), "Train Short, Test Long", section 3; for numbers of heads that are no power
    of two, the authors' code.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, as_given, swapped
from txlite.nn.positions import ALiBi

__all__ = ["alibi_bias"]


def _geometric(num_heads: int) -> Tensor:
    return 2.0 ** (-8 * torch.arange(1, num_heads + 1) / num_heads)


def _smaller(num_heads: int) -> int:
    """Return the largest power of two that is not above the number of heads."""
    return 1 << (num_heads.bit_length() - 1)


def _authors(num_heads: int) -> Tensor:
    power = _smaller(num_heads)
    return torch.cat([_geometric(power), _geometric(2 * power)[::2]])[:num_heads]


def _next_ones(num_heads: int) -> Tensor:
    power = _smaller(num_heads)
    return torch.cat([_geometric(power), _geometric(2 * power)])[:num_heads]


def _recipe(
    num_heads: int,
    queries: Tensor,
    keys: Tensor,
    slopes: Step = _authors,
    distance: Step = lambda i, j: (i - j).abs(),
    combine: Step = lambda m, d: -m[:, None, None] * d,
    finish: Step = as_given,
) -> object:
    m = slopes(num_heads).to(queries.device)
    return finish(combine(m, distance(queries[:, None], keys[None, :])))


def _right(num_heads: int, queries: Tensor, keys: Tensor) -> Tensor:
    bias: Tensor = ALiBi(num_heads)(queries, keys)
    return bias


def _places(*numbers: int) -> Tensor:
    return torch.tensor(numbers)


alibi_bias = Exercise(
    name="alibi_bias",
    signature="f(num_heads: int, query_positions: (T,) int, key_positions: (S,) int) -> (H, T, S)",
    task=(
        "ALiBi's bias: −m times the distance of query and key. If H is a power of two, head h = 1, "
        "…, H has the slope m = 2^(−8h/H). If not, the first heads have the slopes for the next "
        "smaller power, and the others the first, third, fifth … of those for twice that power."
    ),
    inputs=("num_heads", "query_positions", "key_positions"),
    reference=_right,
    cases=(
        (1, _places(1), _places(0, 1)),
        (2, _places(0, 1), _places(0, 1)),
        (4, _places(3), _places(0, 1, 2, 3)),
        (8, _places(5, 6), _places(4, 5, 6, 7, 9)),
        (2, _places(100, 7, 3), _places(101, 40)),
        (3, _places(2), _places(0, 1, 2)),
        (6, _places(2, 3), _places(0, 1, 2, 3)),
    ),
    bank=(
        swapped(
            _recipe,
            "rewards the distance",
            "The sign is wrong: far keys get a bonus. What is far should count less, so the bias "
            "is negative.",
            combine=lambda m, d: m[:, None, None] * d,
        ),
        swapped(
            _recipe,
            "slopes begin at one",
            "The slopes begin with 2⁰ = 1. Heads count from 1 here, h = 1, …, H: the first slope "
            "is 2^(−8/H), the last 2⁻⁸.",
            slopes=lambda n: 2.0 ** (-8 * torch.arange(n) / n),
        ),
        swapped(
            _recipe,
            "one formula for every number of heads",
            "The formula is used where the number of heads is no power of two. Take the slopes for "
            "the next smaller power, and then every other one of those for twice that power.",
            slopes=_geometric,
        ),
        swapped(
            _recipe,
            "two slopes twice",
            "The heads beyond the power of two have the first slopes for twice that power, one "
            "after another, and every second of these is taken already. Take every other one.",
            slopes=_next_ones,
        ),
        swapped(
            _recipe,
            "the next larger power",
            "These are the first slopes for the next larger power of two. Begin with all slopes "
            "for the next smaller one.",
            slopes=lambda n: _geometric(2 * _smaller(n) if n > _smaller(n) else n)[:n],
        ),
        swapped(
            _recipe,
            "sorted",
            "The slopes are sorted. The authors' code leaves the additional ones at the end, and "
            "weights that were trained with it expect them there.",
            slopes=lambda n: _authors(n).sort(descending=True).values,
        ),
        swapped(
            _recipe,
            "slopes for eight heads",
            "The slopes are 1/2, 1/4, 1/8, … whatever the number of heads. That is right for "
            "eight; in general the exponents are −8h/H, and the last is always −8.",
            slopes=lambda n: 2.0 ** -torch.arange(1, n + 1).float(),
        ),
        swapped(
            _recipe,
            "slopes in a straight line",
            "The slopes fall in equal steps. They form a geometric sequence: each is the same "
            "fraction of the one before.",
            slopes=lambda n: torch.arange(n, 0, -1) / n,
        ),
        swapped(
            _recipe,
            "slopes reversed",
            "The slopes are in reverse order: head 1 has the steepest.",
            slopes=lambda n: _authors(n).flip(0),
        ),
        swapped(
            _recipe,
            "one slope for all",
            "All heads have the first head's slope. With one slope each, some heads look close by "
            "and others far.",
            slopes=lambda n: _authors(n)[:1].expand(n),
        ),
        swapped(
            _recipe,
            "signed distance",
            "The distance has a sign, i − j, so keys ahead of the query are rewarded. Take its "
            "size, |i − j|.",
            distance=lambda i, j: i - j,
        ),
        swapped(
            _recipe,
            "squared distance",
            "The distance is squared. The bias is linear, that is the l in ALiBi.",
            distance=lambda i, j: (i - j) ** 2,
        ),
        swapped(
            _recipe,
            "counted from zero",
            "Queries and keys are counted from 0 in the order in which they come. Use the "
            "positions that were given: with a cache the query does not stand at 0.",
            distance=lambda i, j: (
                torch.arange(i.shape[0])[:, None] - torch.arange(j.shape[1])
            ).abs(),
        ),
        swapped(
            _recipe,
            "causal part only",
            "Keys ahead of the query get no penalty. Whether they may be seen is the mask's "
            "business; the bias is the same on both sides.",
            distance=lambda i, j: (i - j).clamp(min=0),
        ),
        swapped(
            _recipe,
            "divided by the slope",
            "The distance is divided by the slope instead of multiplied.",
            combine=lambda m, d: -d / m[:, None, None],
        ),
        swapped(
            _recipe,
            "heads last",
            "The heads are the last axis. They come first, (H, T, S), to be added to the scores.",
            finish=lambda x: x.movedim(0, -1),
        ),
        swapped(
            _recipe,
            "rows and columns swapped",
            "Rows and columns are exchanged: rows are queries, columns are keys.",
            finish=lambda x: x.mT,
        ),
    ),
    praise="Nothing to learn, and no longest sentence.",
)
