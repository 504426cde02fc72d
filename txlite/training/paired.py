"""Two systems on the same items: whether one is better, or the items were chosen well for it.

Source
    Koehn (2004), "Statistical Significance Tests for Machine Translation Evaluation", section 4:
    paired bootstrap resampling.
"""

from collections.abc import Sequence

import torch

from txlite._checks import check_positive, check_share

__all__ = ["paired_bootstrap"]


def paired_bootstrap(
    first: Sequence[float | int],
    second: Sequence[float | int],
    *,
    generator: torch.Generator,
    samples: int = 1_000,
    coverage: float = 0.95,
) -> tuple[float, float, float]:
    """Return how much higher the first scores on average, and an interval for it.

    Items are drawn again, with replacement, and both systems are scored on what was drawn: what
    makes an item hard for both does not count. The interval is about the choice of items only; it
    says nothing about another training.

    Parameters
    ----------
    first, second : sequence of float
        A score for each item, in the same order.
    generator : torch.Generator
        On the CPU.
    samples : int
        How often the items are drawn.
    coverage : float
        Share of the samples whose differences lie in the interval.

    Returns
    -------
    difference, low, high : float
        Mean of the first minus mean of the second, and the interval.

    Raises
    ------
    ValueError
        If there is no item, the two are not of one length, or a number is out of range.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> paired_bootstrap([1, 1, 1, 0], [0, 0, 0, -1], generator=generator)
    (1.0, 1.0, 1.0)
    """
    samples = check_positive("samples", samples)
    coverage = check_share("coverage", coverage)
    if not len(first) or len(first) != len(second):
        raise ValueError(
            "first and second should hold a score for each item, at least one, got "
            f"{len(first)} and {len(second)} scores"
        )
    gaps = torch.tensor(first, dtype=torch.double) - torch.tensor(second, dtype=torch.double)
    drawn = torch.randint(len(gaps), (samples, len(gaps)), generator=generator, device="cpu")
    means = gaps[drawn].mean(1)
    edges = torch.tensor([(1 - coverage) / 2, (1 + coverage) / 2], dtype=torch.double)
    low, high = torch.quantile(means, edges).tolist()
    return float(gaps.mean()), low, high
