"""Exercise: sort distances into T5's buckets.

Sources
    Raffel et al. (2020), "Exploring the Limits of Transfer Learning", section 2.1, and their code.
"""

import math

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, swapped
from txlite.nn.positions import RelativeBias

__all__ = ["t5_bucket"]


def _half(num_buckets: int) -> int:
    return num_buckets // 2


def _share(d: Tensor, single: int, max_distance: int) -> Tensor:
    return torch.log(d / single) / math.log(max_distance / single)


def _floor(x: Tensor) -> Tensor:
    return (x + 1e-5).floor().long()


def _recipe(
    distance: Tensor,
    num_buckets: int,
    max_distance: int,
    single: Step = _half,
    share: Step = _share,
    whole: Step = _floor,
    cap: Step = lambda place, n: place.clamp(max=n - 1),
    small: Step = lambda d, m: d < m,
) -> object:
    m = single(num_buckets)
    far = share(distance.clamp(min=1).double(), m, max_distance) * (num_buckets - m)
    place = cap(m + whole(far), num_buckets)
    return torch.where(small(distance, m), distance, place)


def _right(distance: Tensor, num_buckets: int, max_distance: int) -> Tensor:
    with torch.device("meta"):  # the borders are wanted, not a table drawn at random
        bias = RelativeBias(
            1, num_buckets=num_buckets, max_distance=max_distance, bidirectional=False
        )
    return bias.bucket(-distance)


t5_bucket = Exercise(
    name="t5_bucket",
    signature="f(distance: (N,) int, num_buckets: int, max_distance: int) -> (N,) int",
    task=(
        "With m = num_buckets // 2: a distance below m is its own bucket; a larger one d is in "
        "bucket m + ⌊(num_buckets − m)·log(d/m)/log(max_distance/m)⌋, or in the last one if that "
        "is beyond it."
    ),
    inputs=("distance", "num_buckets", "max_distance"),
    reference=_right,
    cases=(
        (torch.tensor([0, 1, 2]), 4, 16),
        (torch.tensor([1, 2, 4, 7, 9, 15, 17]), 4, 16),
        (torch.tensor([0, 3, 4, 5, 6, 9, 13, 20, 99]), 8, 20),
        (torch.arange(0, 200, 7), 32, 128),
    ),
    bank=(
        swapped(
            _recipe,
            "no last bucket",
            "Distances from max_distance on run past the last bucket. Clamp them to "
            "num_buckets − 1: there is no longest sentence, only a last bucket.",
            cap=lambda place, n: place,
        ),
        swapped(
            _recipe,
            "last bucket one too far",
            "The last bucket is num_buckets − 1: they count from 0.",
            cap=lambda place, n: place.clamp(max=n),
        ),
        swapped(
            _recipe,
            "rounded up",
            "The logarithm is rounded up. Round down: a bucket holds what has reached its border.",
            whole=torch.ceil,
        ),
        swapped(
            _recipe,
            "rounded to the nearest",
            "The logarithm is rounded to the nearest number. Round down: a bucket holds what has "
            "reached its border.",
            whole=torch.round,
        ),
        swapped(
            _recipe,
            "equal ranges",
            "The larger distances are cut into equal ranges. They should grow: 40 and 41 are "
            "nearly the same distance, 4 and 5 are not. Take logarithms.",
            share=lambda d, m, far: (d - m) / (far - m),
        ),
        swapped(
            _recipe,
            "logarithm of the whole distance",
            "This is log d / log max_distance, as if the ranges began at 1. They begin at m: "
            "divide both by m first.",
            share=lambda d, m, far: torch.log(d) / math.log(far),
        ),
        swapped(
            _recipe,
            "logarithm not divided",
            "The logarithm is not divided by log(max_distance/m), so the last bucket is reached "
            "at another distance than max_distance.",
            share=lambda d, m, far: torch.log(d / m),
        ),
        swapped(
            _recipe,
            "binary logarithm over a natural one",
            "One logarithm is binary and the other natural. Take the same twice; which one does "
            "not matter.",
            share=lambda d, m, far: torch.log2(d / m) / math.log(far / m),
        ),
        swapped(
            _recipe,
            "logarithm from the start",
            "All distances are on the logarithmic scale. The first half of the buckets is for "
            "single distances: nearby, one position more or less is a different word.",
            small=lambda d, m: d < 0,
        ),
        Mistake(
            "single distances only",
            "Every distance is its own bucket, and all the rest is the last one. The second half "
            "of the buckets is for ranges that grow.",
            lambda distance, num_buckets, max_distance: distance.clamp(max=num_buckets - 1),
        ),
        Mistake(
            "buckets of equal size",
            "All buckets are of equal size. The first half should hold one distance each, and the "
            "others ranges that grow.",
            lambda distance, num_buckets, max_distance: (
                distance * num_buckets // max_distance
            ).clamp(max=num_buckets - 1),
        ),
    ),
    praise="Sharp nearby, coarse far away: as with the years of one's life.",
)
