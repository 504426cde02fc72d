"""The oldest baseline: a dictionary that was learned from the pairs, word after word.

Which English word stands for «pomme»? The one that keeps turning up beside it, once the other words
have been accounted for: expectation-maximisation over all ways to match words.

Source
    Brown, Della Pietra, Della Pietra and Mercer (1993), "The Mathematics of Statistical Machine
    Translation", section 4: model 1.
"""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from txlite._checks import check_positive

__all__ = ["WordByWord"]

Encoded = Sequence[tuple[Sequence[int], Sequence[int]]]


class WordByWord:
    """Translates each token by its most probable partner, in the order of the source.

    Parameters
    ----------
    pairs : sequence of (sequence of int, sequence of int)
        Source tokens and target tokens.
    source_vocab_size, vocab_size : int
        How many tokens there are.
    rounds : int
        Rounds of expectation and maximisation.

    Raises
    ------
    ValueError
        If a number is not positive, a token is outside its vocabulary, or there is no pair.

    Examples
    --------
    >>> pairs = [([0, 1], [0, 1]), ([0, 2], [0, 2]), ([3, 2], [3, 2])]
    >>> WordByWord(pairs, 4, 4)([3, 1])
    [3, 1]
    """

    def __init__(
        self, pairs: Encoded, source_vocab_size: int, vocab_size: int, *, rounds: int = 8
    ) -> None:
        source_vocab_size = check_positive("source_vocab_size", source_vocab_size)
        vocab_size = check_positive("vocab_size", vocab_size)
        rounds = check_positive("rounds", rounds)
        if not pairs or not any(target for _, target in pairs):
            raise ValueError("pairs should hold at least one pair with a target, got none")
        _check_tokens("pairs' sources", (source for source, _ in pairs), source_vocab_size)
        _check_tokens("pairs' targets", (target for _, target in pairs), vocab_size)
        null = source_vocab_size  # an empty word, for target words that translate nothing
        cell, place = _matches(pairs, null, vocab_size)
        table = torch.full(((null + 1) * vocab_size,), 1 / vocab_size)
        for _ in range(rounds):
            table = _round(table, cell, place, vocab_size)
        self.table = table.view(-1, vocab_size)

    def __call__(self, source: Sequence[int]) -> list[int]:
        """Translate token by token; what only the empty word explains better is left out.

        Parameters
        ----------
        source : sequence of int
            Source tokens.

        Returns
        -------
        list of int
            Target tokens.

        Raises
        ------
        ValueError
            If a token is outside the source's vocabulary.
        """
        _check_tokens("source", [source], len(self.table) - 1)
        best = self.table[torch.tensor(list(source), dtype=torch.long)]
        chosen = best.argmax(-1)
        empty = self.table[-1, chosen]
        kept = best.gather(1, chosen[:, None])[:, 0] > empty
        return [int(token) for token in chosen[kept]]


def _check_tokens(name: str, rows: Iterable[Sequence[int]], vocab_size: int) -> None:
    """Require token numbers of the vocabulary: others would count for a neighbour's."""
    wrong = next((token for row in rows for token in row if not 0 <= token < vocab_size), None)
    if wrong is not None:
        raise ValueError(f"{name} should hold tokens in [0, {vocab_size}), got {wrong}")


def _matches(
    pairs: Encoded, null: int, vocab_size: int
) -> tuple[Int[Tensor, " M"], Int[Tensor, " M"]]:
    """List every way to match a target token: the table's cell, and the number of that token."""
    cells, places, seen = [], [], 0
    for source, target in pairs:
        words = torch.tensor([*source, null])
        tokens = torch.tensor(list(target), dtype=torch.long)
        cells.append((words[None, :] * vocab_size + tokens[:, None]).flatten())
        places.append((seen + torch.arange(len(tokens))).repeat_interleave(len(words)))
        seen += len(tokens)
    return torch.cat(cells), torch.cat(places)


def _round(
    table: Float[Tensor, " C"], cell: Int[Tensor, " M"], place: Int[Tensor, " M"], vocab_size: int
) -> Float[Tensor, " C"]:
    """Share every target token out among the source words, and count the shares."""
    chance = table[cell]
    whole = torch.zeros(int(place.max()) + 1).index_add_(0, place, chance)
    shares = torch.zeros_like(table).index_add_(0, cell, chance / whole[place])
    rows = shares.view(-1, vocab_size)
    return (rows / rows.sum(1, keepdim=True).clamp_min(1e-12)).flatten()
