r"""The baseline of a speech recogniser: recordings that are laid over a sound, one after the other.

It has one recording of each word, as a row of vectors, and no weights. A sound is taken for the
sequence of words, with pauses between, whose vectors are closest to its own. Each word runs from
its first vector to its last; from one vector of the sound to the next it stays, goes one on, or
leaves one out. So a word may be said up to twice as fast as it was recorded, or slower.

.. math:: D_t(j) = d(x_t, r_j) + \min\bigl(D_{t-1}(j),\ D_{t-1}(j-1),\ D_{t-1}(j-2)\bigr)

and at a word's first vector what comes before is the least of all words that end at t - 1. All
words are followed at once, from one end of the sound to the other: dynamic programming.

Source
    Ney (1984), "The Use of a One-Stage Dynamic Programming Algorithm for Connected Word
    Recognition", sections II and III.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from txlite._checks import check_number, check_shape

__all__ = ["TemplateMatcher"]


class TemplateMatcher:
    """A recogniser that has one recording of each word, and has learned nothing.

    Parameters
    ----------
    templates : sequence of Tensor, shape (N, M)
        Of each word its recording: N vectors of M numbers, N as long as the word lasts.
    pause : Tensor, shape (M,)
        What lies between words.
    price : float
        What a word costs beside its distance: the higher, the fewer words are written.

    Raises
    ------
    ValueError
        If there is no template or an empty one, or their widths differ, or ``price`` is not finite.

    Examples
    --------
    >>> templates = [torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0]])]
    >>> matcher = TemplateMatcher(templates, torch.tensor([0.0]))
    >>> matcher([torch.tensor([[0.0], [1.1], [1.0], [2.0], [2.9], [0.1]])])
    [[0, 1]]
    """

    def __init__(
        self,
        templates: Sequence[Float[Tensor, "_ M"]],
        pause: Float[Tensor, " M"],
        *,
        price: float = 0.0,
    ) -> None:
        self.price = check_number("price", price, "a finite number", math.isfinite)
        width = check_shape("pause", pause, "M")["M"]
        if not templates:
            raise ValueError("templates should hold at least one template, got none")
        for template in templates:
            if not check_shape("templates", template, "N M", M=width)["N"]:
                raise ValueError("templates should have at least one vector each, got none")
        parts = [*templates, pause[None]]
        lengths = torch.tensor([len(part) for part in parts], device=pause.device)
        self.num_words = len(templates)
        self._vectors = torch.cat(parts)
        self._last = lengths.cumsum(0) - 1
        self._first = torch.zeros(len(self._vectors), dtype=torch.bool, device=pause.device)
        self._first[self._last - lengths + 1] = True

    def __call__(self, sounds: Sequence[Float[Tensor, "_ M"]]) -> list[list[int]]:
        """Write down some sounds.

        Parameters
        ----------
        sounds : sequence of Tensor, shape (T, M)
            As rows of vectors, like the templates.

        Returns
        -------
        list of list of int
            For each sound its words, by their numbers.

        Raises
        ------
        ValueError
            If a sound is empty or has another width.
        """
        if not sounds:
            return []
        for sound in sounds:
            if not check_shape("sounds", sound, "T M", M=self._vectors.shape[1])["T"]:
                raise ValueError("sounds should have at least one vector each, got none")
        words, before = self._trace(pad_sequence(list(sounds), batch_first=True))
        ends = [len(sound) - 1 for sound in sounds]
        rows = zip(words.tolist(), before.tolist(), ends, strict=True)
        return [self._followed(own, earlier, end) for own, earlier, end in rows]

    def _trace(self, rows: Float[Tensor, "B T M"]) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
        """Return for each vector the best word that ends there, and where the one before ends."""
        cost = torch.cdist(rows, self._vectors.expand(len(rows), -1, -1))  # (B, T, vectors)
        second = self._first.roll(1) & ~self._first
        price = torch.full_like(cost[0, 0], self.price)
        price[-1] = 0.0  # a pause is no word
        score = torch.full_like(cost[:, 0], math.inf)
        since = torch.full_like(score, -1, dtype=torch.long)  # where the word before ends
        end, words, before = torch.zeros_like(score[:, 0]), [], []
        for t in range(rows.shape[1]):
            enter = (end[:, None] + price).masked_fill(~self._first, math.inf)
            one = score.roll(1, 1).masked_fill(self._first, math.inf)
            two = score.roll(2, 1).masked_fill(self._first | second, math.inf)
            best, way = torch.stack([score, one, two, enter]).min(0)
            came = (since, since.roll(1, 1), since.roll(2, 1), torch.full_like(since, t - 1))
            since = torch.stack(came).gather(0, way[None])[0]
            score = best + cost[:, t]
            end, word = score[:, self._last].min(1)
            words.append(word)
            before.append(since[:, self._last].gather(1, word[:, None])[:, 0])
        return torch.stack(words, 1), torch.stack(before, 1)

    def _followed(self, words: Sequence[int], before: Sequence[int], t: int) -> list[int]:
        """Return the words from the last one, which ends at t, back to the first."""
        found = []
        while t >= 0:
            if words[t] < self.num_words:
                found.append(words[t])
            t = before[t]
        return found[::-1]
