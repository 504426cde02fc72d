r"""What n-grams are counted into: their counts after the discount, one level for each length.

In the longest n-grams a count says how often one occurs; in shorter ones, how many different tokens
stand before it. From each count a little is taken off, and what is taken off in a context is the
share that the next shorter context gives.

Sources
    Chen and Goodman (1998), "An Empirical Study of Smoothing Techniques for Language Modeling",
    the estimates of the discounts. Heafield et al. (2013), "Scalable modified Kneser-Ney language
    model estimation": the discounts where the counts of counts do not give any.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["Level", "count"]

_USUAL = (0.5, 1.0, 1.5)  # Heafield et al. (2013): where too few n-grams have a small count


@dataclass(frozen=True)
class Level:
    """The n-grams of one length: each is the number of its context times V plus its last token."""

    keys: Int[Tensor, " G"]  # in order
    counts: Float[Tensor, " G"]  # what is left of them after the discount
    first: Int[Tensor, " C"]  # where the n-grams of each context begin and end
    last: Int[Tensor, " C"]
    total: Float[Tensor, " C"]  # of their counts, before the discount
    rest: Float[Tensor, " C"]  # share of the probability that the next shorter context gives

    def find(
        self, context: Int[Tensor, "*B"], token: Int[Tensor, "*B"], vocab_size: int
    ) -> Int[Tensor, "*B"]:
        """Return the number of an n-gram among those of its length; −1 if it was never seen."""
        keys = context * vocab_size + token
        at = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
        return torch.where(self.keys[at] == keys, at, -1)


def count(tokens: Int[Tensor, " N"], vocab_size: int, order: int, *, modified: bool) -> list[Level]:
    """Number the n-grams of each length; a longer one is a shorter one and a token more."""
    numbers = torch.zeros(len(tokens) + 1, dtype=torch.long, device="cpu")  # of the empty one
    seen: list[tuple[Tensor, Tensor, Tensor]] = []
    for length in range(1, min(order, len(tokens)) + 1):
        keys, numbers, counts = torch.unique(
            numbers[:-1] * vocab_size + tokens[length - 1 :],
            return_inverse=True,
            return_counts=True,
        )
        if seen:  # what is one longer says what stands before
            shorter = seen[-1][1]
            end = torch.empty(len(keys), dtype=torch.long, device="cpu")
            end[numbers] = torch.arange(len(numbers), device="cpu")  # where each occurs once
            before = shorter[1:][end].bincount(minlength=len(seen[-1][0]))
            seen[-1] = (seen[-1][0], shorter, before)
        seen.append((keys, numbers, counts))
    contexts = [1, *(len(keys) for keys, _, _ in seen)]
    return [
        _level(keys, counts, keys // vocab_size, size, modified)
        for (keys, _, counts), size in zip(seen, contexts, strict=False)
    ]


def _level(
    keys: Tensor, counts: Tensor, context: Tensor, num_contexts: int, modified: bool
) -> Level:
    """Discount the counts of one length, and sum them up for each context."""
    off = _discounts(counts, modified)[counts.clamp(max=3)]
    total, taken = (
        torch.zeros(num_contexts, dtype=torch.double, device="cpu").index_add_(0, context, x)
        for x in (counts.double(), off)
    )
    bounds = torch.searchsorted(context, torch.arange(num_contexts + 1, device="cpu"))
    empty = total == 0  # nothing has come after it, or nothing that stood after anything
    return Level(
        keys=keys,
        counts=counts.double() - off,
        first=bounds[:-1],
        last=bounds[1:],
        total=total.masked_fill(empty, 1.0),
        rest=(taken / total).masked_fill(empty, 1.0),
    )


def _discounts(counts: Tensor, modified: bool) -> Float[Tensor, " D"]:
    """Return what is taken off a count of 0, of 1, of 2, and of 3 or more."""
    often = counts.clamp(max=5).bincount(minlength=6).double()
    one, two, three, four = often[1], often[2], often[3], often[4]
    y = one / (one + 2 * two)
    if modified:
        found = torch.stack([1 - 2 * y * two / one, 2 - 3 * y * three / two,
                             3 - 4 * y * four / three])  # fmt: skip
        usual = torch.tensor(_USUAL, dtype=torch.double, device="cpu")
    else:
        found = torch.stack([y, y, y])
        usual = torch.full((3,), 0.5, dtype=torch.double, device="cpu")
    most = torch.tensor([1.0, 2.0, 3.0], dtype=torch.double, device="cpu")
    fits = bool(((found > 0) & (found <= most)).all())  # not where a count of counts is 0
    return torch.cat([torch.zeros_like(most[:1]), found if fits else usual])
