"""Exercise: how many tokens of a sequence each expert may take.

Sources
    Fedus et al. (2022), "Switch Transformers: Scaling to Trillion Parameter Models with Simple and
    Efficient Sparsity", section 2.2, equation (3). The paper does not say how to round; the book
    rounds up, so that an even spread never drops a token.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, swapped

__all__ = ["capacity_per_expert"]


def _real(keep: Tensor) -> Tensor:
    return keep.sum(-1)


def _even_share(counts: Tensor, num_experts: int, percent: int) -> Tensor:
    return counts.double() * percent / (100 * num_experts)


def _up(share: Tensor) -> Tensor:
    return share.ceil()


def _capacity_recipe(
    keep: Tensor,
    num_experts: int,
    percent: int,
    count: Step = _real,
    share: Step = _even_share,
    whole: Step = _up,
) -> Tensor:
    found: Tensor = whole(share(count(keep), num_experts, percent)).to(torch.int64)
    return found


def _everywhere(keep: Tensor) -> Tensor:
    return torch.ones_like(keep).sum(-1)


def _together(keep: Tensor) -> Tensor:
    return keep.sum().repeat(len(keep))


def _longest(keep: Tensor) -> Tensor:
    return keep.sum(-1).max().repeat(len(keep))


def _case(num_experts: int, percent: int, width: int, *lengths: int) -> tuple[object, ...]:
    places = torch.arange(width, device="cpu")
    starts = width - torch.tensor(lengths, device="cpu")[:, None]  # padding stands on the left
    return places >= starts, num_experts, percent


capacity_per_expert = Exercise(
    name="capacity_per_expert",
    signature="f(keep: (B, T) bool, num_experts: int, percent: int) -> (B,) int",
    task=(
        "Each row of `keep` is a sequence, True for its tokens and False for padding. Return how "
        "many tokens of each sequence each expert may take: an even share of its tokens times the "
        "capacity factor, rounded up. The factor is given in per cent, 125 for 1.25."
    ),
    inputs=("keep", "num_experts", "percent"),
    reference=_capacity_recipe,
    cases=(
        _case(2, 100, 4, 4),
        _case(2, 100, 5, 5, 2),
        _case(4, 125, 12, 12, 7, 3),
        _case(3, 200, 10, 8, 10, 0, 1),
        _case(4, 75, 18, 16, 9),
        _case(8, 150, 32, 27, 30, 11),
        _case(5, 220, 26, 25, 14),
    ),
    bank=(
        swapped(
            _capacity_recipe,
            "padding takes room",
            "Padding is counted as if it were tokens. A short sequence in a long batch would have "
            "room for more than its tokens, and the same sequence alone for fewer.",
            count=_everywhere,
        ),
        swapped(
            _capacity_recipe,
            "the mask inverted",
            "The padding is counted, and the tokens are not. True means that a token is real.",
            count=lambda keep: (~keep).sum(-1),
        ),
        swapped(
            _capacity_recipe,
            "of the whole batch",
            "The tokens of all sequences are counted together. Then a token is dropped or not "
            "according to who else is in the batch.",
            count=_together,
        ),
        swapped(
            _capacity_recipe,
            "as the longest sequence",
            "Every sequence has the capacity of the longest one of its batch.",
            count=_longest,
        ),
        swapped(
            _capacity_recipe,
            "for all experts together",
            "This is the room of all experts together. Divide by their number: it is each expert "
            "that has so many places.",
            share=lambda counts, num_experts, percent: counts * percent / 100,
        ),
        swapped(
            _capacity_recipe,
            "without the factor",
            "The capacity factor is left out: there is room for an even spread and for nothing "
            "else.",
            share=lambda counts, num_experts, percent: counts / num_experts,
        ),
        swapped(
            _capacity_recipe,
            "divided by the factor",
            "The share is divided by the factor. A factor of 2 means twice the room.",
            share=lambda counts, num_experts, percent: 100 * counts / percent / num_experts,
        ),
        swapped(
            _capacity_recipe,
            "the factor as a float",
            "The factor was made first: 220 / 100 is a float a little above 2.2, and what should "
            "be a whole number is a little above it and is rounded up. Multiply the whole numbers "
            "first, and divide once.",
            share=lambda counts, num_experts, percent: (
                counts.double() * (percent / 100) / num_experts
            ),
        ),
        swapped(
            _capacity_recipe,
            "the factor after rounding",
            "The share is rounded up, then multiplied and rounded up again: the rounding grows "
            "with the factor.",
            share=lambda counts, num_experts, percent: (
                (counts / num_experts).ceil() * percent / 100
            ),
        ),
        swapped(
            _capacity_recipe,
            "rounded down",
            "The share is rounded down. Five tokens and two experts make two places each: even "
            "the most even spread drops a token.",
            whole=torch.floor,
        ),
        swapped(
            _capacity_recipe,
            "rounded to the nearest",
            "The share is rounded to the nearest whole number, which may be below it: even an "
            "even spread drops a token then.",
            whole=torch.round,
        ),
        swapped(
            _capacity_recipe,
            "one more than whole",
            "One is added to the whole part, also where the share is whole already.",
            whole=lambda share: share.floor() + 1,
        ),
        swapped(
            _capacity_recipe,
            "never less than one",
            "A sequence without a token has room for one. There is nobody to take it.",
            whole=lambda share: share.ceil().clamp(min=1),
        ),
    ),
    praise="Each expert has its own places, and padding takes none of them.",
)
