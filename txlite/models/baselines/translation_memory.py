"""A translator that composes nothing: look up the most similar sentence, take its translation.

What it says is good English, as people wrote it, and says what the source says as far as some
sentence of the memory does.
"""

from collections import Counter
from collections.abc import Sequence

__all__ = ["TranslationMemory"]


class TranslationMemory:
    """Translates a sentence by the translation of the one that is most like it.

    Two sentences are alike as far as they share runs of up to three characters, capitals or not:
    twice what both have, divided by what the two have together.

    Parameters
    ----------
    pairs : sequence of (str, str)
        Sentences and their translations.

    Raises
    ------
    ValueError
        If there is no pair.

    Examples
    --------
    >>> memory = TranslationMemory([("il dort", "he sleeps"), ("elle mange", "she eats")])
    >>> memory("elle dort")
    'he sleeps'
    """

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        if not pairs:
            raise ValueError("pairs should hold at least one pair, got none")
        self.targets = [target for _, target in pairs]
        self.totals: list[int] = []
        self.having: dict[str, list[tuple[int, int]]] = {}  # which sentences, and how often each
        for row, (source, _) in enumerate(pairs):
            grams = _grams(source)
            self.totals.append(grams.total())
            for gram, often in grams.items():
                self.having.setdefault(gram, []).append((row, often))

    def __call__(self, source: str) -> str:
        """Return the translation of the most similar sentence, of several the first.

        Parameters
        ----------
        source : str
            A sentence.

        Returns
        -------
        str
            One of the memory's translations.
        """
        asked = _grams(source)
        total, shared = asked.total(), [0] * len(self.targets)
        for gram, often in asked.items():
            for row, count in self.having.get(gram, ()):
                shared[row] += min(often, count)
        alike = [2 * s / max(1, total + own) for s, own in zip(shared, self.totals, strict=True)]
        return self.targets[max(range(len(alike)), key=alike.__getitem__)]


def _grams(text: str) -> Counter[str]:
    """Count the runs of one to three characters of a sentence, its ends marked by blanks."""
    padded = f" {text.casefold()} " if text else ""
    return Counter(padded[i : i + n] for n in (1, 2, 3) for i in range(len(padded) - n + 1))
