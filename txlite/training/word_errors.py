"""The word error rate: how many words have to be changed until a transcript is right.

Words are replaced, left out or put in; of all ways from one text to the other the shortest counts
(Levenshtein). The rate of a test set adds up all errors and all words before it divides: a mean of
the sentences' rates would let one wrong word of a short sentence count more than one of a long.

Source
    Levenshtein (1966), "Binary Codes Capable of Correcting Deletions, Insertions, and Reversals".
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["WordErrors", "word_errors"]


class WordErrors(NamedTuple):
    """The errors of one transcript or, added up, of many."""

    substitutions: int
    """Words in whose place another stands."""
    deletions: int
    """Words that are missing."""
    insertions: int
    """Words too many."""
    words: int
    """Words of the reference."""

    @property
    def errors(self) -> int:
        """All of them."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors for each word of the reference: 0 without errors, infinite without words."""
        if not self.words:
            return math.inf if self.errors else 0.0
        return self.errors / self.words


def word_errors(references: Sequence[str], transcripts: Sequence[str]) -> list[WordErrors]:
    """Count the errors of each transcript.

    Parameters
    ----------
    references : sequence of str
        What was said; words are what stands between spaces.
    transcripts : sequence of str
        What was written, in the same order. Capitals and full stops count: make both alike first,
        as far as they are meant to be.

    Returns
    -------
    list of WordErrors
        The fewest errors of each. Where several ways have as few, one with the most substitutions
        is told.

    Raises
    ------
    ValueError
        If the two are not equally many, or one is a single text.

    Notes
    -----
    The rate of all is that of the sums, and has its interval by
    :func:`txlite.training.corpus_bootstrap`.

    Examples
    --------
    >>> told = word_errors(["one two three", "four"], ["one too", "four"])
    >>> told[0]
    WordErrors(substitutions=1, deletions=1, insertions=0, words=3)
    >>> WordErrors(*map(sum, zip(*told))).rate
    0.5
    """
    for name, texts in (("references", references), ("transcripts", transcripts)):
        if isinstance(texts, str):
            raise ValueError(f"{name} should be a sequence of texts, got one text")
    if len(references) != len(transcripts):
        raise ValueError(
            f"transcripts should have one for each of the {len(references)} references, got "
            f"{len(transcripts)}"
        )
    pairs = zip(references, transcripts, strict=True)
    return [_counted(reference.split(), written.split()) for reference, written in pairs]


def _counted(reference: Sequence[str], written: Sequence[str]) -> WordErrors:
    """Fill the table of the shortest ways row by row; each cell keeps how its way has erred."""
    row = [(j, 0, 0, j) for j in range(len(written) + 1)]  # errors, substituted, missing, too many
    for i, word in enumerate(reference, 1):
        above, row = row, [(i, 0, i, 0)]
        for j, other in enumerate(written, 1):
            e, s, d, n = above[j - 1]
            wrong = word != other
            ways = [(e + wrong, s + wrong, d, n)]
            e, s, d, n = above[j]
            ways.append((e + 1, s, d + 1, n))
            e, s, d, n = row[j - 1]
            ways.append((e + 1, s, d, n + 1))
            row.append(min(ways, key=lambda way: (way[0], -way[1])))
    return WordErrors(*row[-1][1:], len(reference))
