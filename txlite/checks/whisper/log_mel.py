"""Exercise: from the amplitudes of a sound's frequencies to the spectrogram that Whisper reads.

Sources
    Radford et al. (2023), "Robust Speech Recognition via Large-Scale Weak Supervision", section
    2.2; floor, range and scale are those of the authors' code, ``whisper/audio.py``.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, swapped

__all__ = ["log_mel"]


def _bands_of_power(amplitude: Tensor, filters: Tensor) -> Tensor:
    return filters @ amplitude.square()


def _at_least(power: Tensor) -> Tensor:
    return power.clamp(min=1e-10)


def _all_but_the_last(log: Tensor) -> Tensor:
    return log[:, :-1]


def _below_the_loudest(kept: Tensor, whole: Tensor) -> Tensor:
    return kept.maximum(kept.max() - 8.0)


def _scaled(log: Tensor) -> Tensor:
    return (log + 4.0) / 4.0


def _mel_recipe(
    amplitude: Tensor,
    filters: Tensor,
    gather: Step = _bands_of_power,
    floor: Step = _at_least,
    logarithm: Step = torch.log10,
    keep: Step = _all_but_the_last,
    limit: Step = _below_the_loudest,
    scale: Step = _scaled,
) -> Tensor:
    whole = logarithm(floor(gather(amplitude, filters)))
    seen: Tensor = scale(limit(keep(whole), whole))
    return seen


def _spread(seed: int, bands: int, frames: int, low: float, high: float) -> tuple[Tensor, Tensor]:
    """Return amplitudes between two powers of ten, evenly by their logarithm, and filters.

    Each band takes two frequencies beside one another.
    """
    draw = torch.Generator().manual_seed(seed)
    drawn = torch.rand(bands + 1, frames, generator=draw, device="cpu")
    shares = torch.rand(bands, bands + 1, generator=draw, device="cpu")
    filters = (shares + 0.1).tril(1).triu()
    return 10 ** (low + (high - low) * drawn), filters


_CLICK = torch.tensor([[0.02, 3e-5, 1e-5, 0.5], [0.01, 2e-6, 4e-3, 1.0]], device="cpu")
_TWO_BANDS = torch.tensor([[0.5, 0.25], [0.0, 1.0]], device="cpu")

log_mel = Exercise(
    name="log_mel",
    signature="f(amplitude: (N, F + 1), filters: (M, N)) -> (M, F)",
    task=(
        "Return what Whisper reads. Each band gathers the power of its frequencies, the square of "
        "their amplitude; the filters say how much of each. Power counts as 1e-10 where it is "
        "less, and log10 is taken. The last frame is dropped. What is more than 8 below the "
        "largest value that is left is set to 8 below it, and x becomes (x + 4) / 4."
    ),
    inputs=("amplitude", "filters"),
    reference=_mel_recipe,
    cases=(
        (_CLICK, _TWO_BANDS),
        _spread(1, 3, 5, -6.0, 1.0),
        _spread(2, 2, 6, -7.0, -3.0),  # so quiet that the floor is above the range's lower end
        _spread(3, 4, 8, -5.0, 1.0),
        _spread(4, 3, 9, -6.0, 0.5),
        _spread(5, 82, 3, -6.0, 1.0),  # the third large Whisper has more than 80 bands
    ),
    bank=(
        swapped(
            _mel_recipe,
            "amplitude instead of power",
            "The bands gather amplitude. Power is its square, and after the logarithm all "
            "distances are half as large.",
            gather=lambda amplitude, filters: filters @ amplitude,
        ),
        swapped(
            _mel_recipe,
            "squared after the bands",
            "The bands gather amplitude, and the sum is squared. Power adds up, amplitude does "
            "not: square first.",
            gather=lambda amplitude, filters: (filters @ amplitude).square(),
        ),
        swapped(
            _mel_recipe,
            "the filters squared too",
            "The filters are squared with the amplitudes. They say which share of the power a "
            "band takes.",
            gather=lambda amplitude, filters: filters.square() @ amplitude.square(),
        ),
        swapped(
            _mel_recipe,
            "80 bands for all",
            "Only 80 bands are kept, however many filters there are. The third large Whisper "
            "reads 128.",
            gather=lambda amplitude, filters: filters[:80] @ amplitude.square(),
        ),
        swapped(
            _mel_recipe,
            "no floor",
            "Nothing holds the power up: the logarithm of silence is minus infinity, and a very "
            "quiet sound reaches further down than Whisper has met.",
            floor=lambda power: power,
        ),
        swapped(
            _mel_recipe,
            "another floor",
            "The floor is 1e-5, the one that is usual for amplitudes. For power it is 1e-10.",
            floor=lambda power: power.clamp(min=1e-5),
        ),
        swapped(
            _mel_recipe,
            "the floor added",
            "The floor of 1e-10 is added to the power. It is what power is at least: the sum is "
            "larger.",
            floor=lambda power: power + 1e-10,
        ),
        swapped(
            _mel_recipe,
            "natural logarithm",
            "This is the natural logarithm, 2.3 times that to base 10.",
            logarithm=torch.log,
        ),
        swapped(
            _mel_recipe,
            "decibels",
            "These are decibels, ten times the logarithm. The range is 8 powers of ten and not 8 "
            "decibels.",
            logarithm=lambda power: 10 * torch.log10(power),
        ),
        swapped(
            _mel_recipe,
            "the maximum before the last frame is dropped",
            "The largest value is looked for in all frames, the last one included, which is then "
            "dropped: a click at the very end lifts the floor of the whole sound.",
            limit=lambda kept, whole: kept.maximum(whole.max() - 8.0),
        ),
        swapped(
            _mel_recipe,
            "a maximum for each band",
            "Each band has its own largest value. It is one for all, or a silent band is filled "
            "with its own noise.",
            limit=lambda kept, whole: kept.maximum(kept.amax(1, keepdim=True) - 8.0),
        ),
        swapped(
            _mel_recipe,
            "a maximum for each frame",
            "Each frame has its own largest value. It is one for the sound, or every pause is "
            "filled with its own noise.",
            limit=lambda kept, whole: kept.maximum(kept.amax(0) - 8.0),
        ),
        swapped(
            _mel_recipe,
            "80 for 8",
            "Nothing is limited: 80 is said where 8 is meant. 80 decibels are 8 powers of ten.",
            limit=lambda kept, whole: kept,
        ),
        swapped(
            _mel_recipe,
            "cut from above",
            "What is above the bound is cut off. It is what lies below it that is to be lifted.",
            limit=lambda kept, whole: kept.minimum(kept.max() - 8.0),
        ),
        swapped(
            _mel_recipe,
            "the last frame kept",
            "There is a frame too many: 30 seconds have 3000 and not 3001.",
            keep=lambda log: log,
        ),
        swapped(
            _mel_recipe,
            "the first frame dropped",
            "It is the first frame that is dropped, so that every frame stands 10 ms too early.",
            keep=lambda log: log[:, 1:],
        ),
        swapped(
            _mel_recipe,
            "not scaled",
            "These are powers of ten. Whisper reads (x + 4) / 4.",
            scale=lambda log: log,
        ),
        swapped(
            _mel_recipe,
            "divided before the sum",
            "The 4 is added after the division. It is the sum that is divided: x / 4 + 1.",
            scale=lambda log: log / 4.0 + 4.0,
        ),
        swapped(
            _mel_recipe,
            "mean 0 and spread 1",
            "Each sound is brought to mean 0 and spread 1, as other models want it. Whisper reads "
            "(x + 4) / 4.",
            scale=lambda log: (log - log.mean()) / log.std(),
        ),
    ),
    praise="Power, floor, range and scale are those of Whisper, in their order.",
    differentiable=False,
)
