"""From spoken strings to batches: spectrograms, tokens, and the shortest strings first.

The sound is padded and not its picture: a spectrogram is that of the sound with silence behind it,
as Whisper's are. Strings of like length go together. In the first epochs only the shortest are
read.

Source
    Bengio et al. (2009), "Curriculum Learning".
"""

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from txlite._checks import check_length, check_number, check_positive
from txlite._epochs import Epochs
from txlite.data.audio import HOP, SAMPLE_RATE, log_mel
from txlite.data.collate import pad
from txlite.data.spoken import DIGITS, Utterance

__all__ = ["BEGIN", "END", "VOCABULARY", "Spectrograms", "SpeechBatch", "SpokenBatches"]

BEGIN, END = len(DIGITS), len(DIGITS) + 1
"""The tokens that begin and end a string; a digit is its own token."""
VOCABULARY = len(DIGITS) + 2
"""How many tokens there are."""

_POOL = 8  # batches that are sorted by length together
_SILENCE = 10  # frames after the longest sound of a batch


class SpeechBatch(NamedTuple):
    """Spoken strings and their tokens, padded."""

    source: Float[Tensor, "B M F"]
    """Spectrograms, of sound and the silence behind it."""
    vectors: Int[Tensor, " B"]
    """How many of the encoder's vectors, one for two frames, hold sound."""
    target: Int[Tensor, "B T"]
    """Tokens, from the one that begins a string to the one that ends it."""
    target_keep: Bool[Tensor, "B T"]
    """True where there is one."""


class Spectrograms:
    """Spoken strings with their spectrograms, made once.

    Parameters
    ----------
    utterances : sequence of Utterance
        Strings of digits.
    num_mels : int
        How many bands a spectrogram has.

    Attributes
    ----------
    utterances : sequence of Utterance
        The strings.
    frames : list of int
        How many frames of each hold sound.

    Raises
    ------
    ValueError
        If there is no utterance, or one holds more than digits.
    """

    def __init__(self, utterances: Sequence[Utterance], *, num_mels: int = 80) -> None:
        num_mels = check_positive("num_mels", num_mels)
        if not utterances:
            raise ValueError("utterances should hold at least one utterance, got none")
        for said in utterances:
            if not said.text or set(said.text) - set(DIGITS):
                raise ValueError(f"utterances should be strings of digits, got {said.text!r}")
        self.utterances = utterances
        self.frames = [len(said.samples) // HOP for said in utterances]
        seconds = (max(self.frames) + _SILENCE + 2) * HOP / SAMPLE_RATE
        self._pictures = torch.stack(
            [
                log_mel(said.samples, SAMPLE_RATE, num_mels=num_mels, seconds=seconds)
                for said in utterances
            ]
        )

    def __len__(self) -> int:
        return len(self.utterances)

    def batch(self, rows: Sequence[int]) -> SpeechBatch:
        """Put some of them together.

        Parameters
        ----------
        rows : sequence of int
            Which; at least one.

        Returns
        -------
        SpeechBatch
            As wide as the longest of them, and a tenth of a second of silence.
        """
        frames = torch.tensor([self.frames[row] for row in rows])
        width = int(frames.max()) + _SILENCE
        source = self._pictures[list(rows), :, : width + width % 2]
        texts = [self.utterances[row].text for row in rows]
        target, keep = pad([[BEGIN, *map(int, text), END] for text in texts], END)
        return SpeechBatch(source, (frames + 1) // 2, target, keep)


class SpokenBatches(Epochs):
    """Batches of strings of like length, in a new order every epoch; the short ones first.

    Parameters
    ----------
    spectrograms : Spectrograms
        What there is to learn from.
    batch_size : int
        Strings in a batch; the last ones of an epoch may have fewer.
    seed : int
        Decides all orders.
    short_epochs : int
        In how many epochs, from the first, only the shortest are read; 0 for none.
    short_share : float
        How many of them these are, in (0, 1].

    Raises
    ------
    ValueError
        If a number is outside its range.
    """

    def __init__(
        self,
        spectrograms: Spectrograms,
        *,
        batch_size: int,
        seed: int = 0,
        short_epochs: int = 0,
        short_share: float = 0.25,
    ) -> None:
        super().__init__(seed, True)
        self.spectrograms = spectrograms
        self.batch_size = check_positive("batch_size", batch_size)
        self.short_epochs = check_length("short_epochs", short_epochs)
        self.short_share = check_number(
            "short_share", short_share, "in (0, 1]", lambda x: 0 < x <= 1
        )

    def _plan(self) -> list[list[int]]:
        frames = self.spectrograms.frames
        rows = sorted(range(len(frames)), key=lambda row: frames[row])
        if self.epoch < self.short_epochs:
            rows = rows[: max(1, round(self.short_share * len(rows)))]
        dice = random.Random(f"{self.seed} {self.epoch}")
        dice.shuffle(rows)
        size, batches = self.batch_size, []
        for begin in range(0, len(rows), _POOL * size):
            pool = sorted(rows[begin : begin + _POOL * size], key=lambda row: frames[row])
            batches += [pool[at : at + size] for at in range(0, len(pool), size)]
        dice.shuffle(batches)
        return batches

    def _batch(self, rows: Sequence[int]) -> SpeechBatch:
        return self.spectrograms.batch(rows)

    def _identity(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "size": len(self.spectrograms),
            "batch_size": self.batch_size,
            "short_epochs": self.short_epochs,
            "short_share": self.short_share,
        }
