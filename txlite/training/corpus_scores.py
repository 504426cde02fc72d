"""An interval for a score of a whole test set, which is no mean of its sentences' scores.

BLEU adds up matches, lengths and totals over all sentences before anything is divided. So its
bootstrap draws sentences, adds up what was drawn, and makes one score of each sum. With two systems
the same sentences are drawn for both, and the interval is that of the difference.

Source
    Koehn (2004), "Statistical Significance Tests for Machine Translation Evaluation", sections 3
    and 4: the bootstrap, and the paired bootstrap, of BLEU.
"""

from collections.abc import Callable, Sequence

import torch

from txlite._checks import check_callable, check_generator, check_positive, check_share

__all__ = ["corpus_bootstrap"]

Counts = Sequence[Sequence[float | int]]


def corpus_bootstrap(
    first: Counts,
    second: Counts | None = None,
    *,
    score: Callable[[list[float]], float],
    generator: torch.Generator,
    samples: int = 1_000,
    coverage: float = 0.95,
) -> tuple[float, float, float]:
    """Return a test set's score, or how much higher the first system's is, and an interval.

    The interval is about the choice of the sentences only; it says nothing about another training.

    Parameters
    ----------
    first : sequence of sequence of float
        For each sentence the counts of which the score is made, such as matches and lengths.
    second : sequence of sequence of float, optional
        Those of another system for the same sentences.
    score : callable
        Makes a score of the counts' sums.
    generator : torch.Generator
        On the CPU.
    samples : int
        How often the sentences are drawn.
    coverage : float
        Share of the samples that lie in the interval.

    Returns
    -------
    value, low, high : float
        The score, or the first's minus the second's, and the interval.

    Raises
    ------
    ValueError
        If there is no sentence, the systems have not equally many, the counts of two sentences are
        not equally many or not finite, or an argument is out of range.

    Examples
    --------
    >>> def share(sums):  # of right words
    ...     return sums[0] / sums[1]
    >>> generator = torch.Generator().manual_seed(0)
    >>> corpus_bootstrap([[1, 2], [2, 4], [5, 10]], score=share, generator=generator)
    (0.5, 0.5, 0.5)
    """
    samples = check_positive("samples", samples)
    coverage = check_share("coverage", coverage)
    check_generator("generator", generator)
    check_callable("score", score, "from the sums of the counts to a score")
    tables = [_table("first", first), *([] if second is None else [_table("second", second)])]
    if second is not None and len(first) != len(second):
        raise ValueError(
            f"second should have counts for each of first's {len(first)}, got {len(second)}"
        )
    drawn = torch.randint(len(first), (samples, len(first)), generator=generator, device="cpu")
    often = torch.zeros(samples, len(first), dtype=torch.double)
    often.scatter_add_(1, drawn, torch.ones_like(often))
    told = []
    for times in (torch.ones(1, len(first), dtype=torch.double), often):
        scores = [[score(row) for row in (times @ table).tolist()] for table in tables]
        told.append([a - sum(b) for a, *b in zip(*scores, strict=True)])
    edges = torch.tensor([(1 - coverage) / 2, (1 + coverage) / 2], dtype=torch.double)
    low, high = torch.quantile(torch.tensor(told[1], dtype=torch.double), edges).tolist()
    return float(told[0][0]), low, high


def _table(name: str, counts: Counts) -> torch.Tensor:
    """Return the counts as a matrix, a row for each sentence."""
    try:
        lengths = sorted({len(row) for row in counts})
    except TypeError:
        raise ValueError(
            f"{name} should have a list of counts for each sentence, got single numbers"
        ) from None
    if len(lengths) != 1:
        raise ValueError(
            f"{name} should have equally many counts for each sentence, and a sentence, got "
            f"{lengths} for {len(counts)} sentences"
        )
    table = torch.tensor([[float(count) for count in row] for row in counts], dtype=torch.double)
    if not table.isfinite().all():
        raise ValueError(f"{name} should have finite counts, got some that are not")
    return table
