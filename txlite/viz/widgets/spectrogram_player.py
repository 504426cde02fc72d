"""The spectrogram player: what a model read of a sound, where its attention was, and how it sounds.

A word is chosen; over the spectrogram stands the attention with which it was written, and the time
that the alignment gives it. The sound is in the page, as whole numbers of two bytes, and is played
when it is asked for, all of it or the chosen word alone.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import torch
import traitlets
from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_positive, check_shape
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.tensors import Tensors, in_bytes

__all__ = ["Sound", "SpectrogramPlayer", "Told"]

_LOUDEST = 32_767
_RATES = (8_000, 48_000)  # what a browser plays


class Sound(NamedTuple):
    """A sound, its picture, and the words that a model wrote of it."""

    name: str
    """What it is called in the list."""
    samples: Float[Tensor, " T"]
    """The sound, between −1 and 1."""
    rate: int
    """Samples in a second; 8000 are enough for speech."""
    picture: Float[Tensor, "M F"]
    """Its spectrogram, low bands first, over all of the sound."""
    words: Sequence[str]
    """What was written."""
    times: Float[Tensor, "N 2"]
    """When each word begins and ends, in seconds."""
    weights: Float[Tensor, "N S"]
    """With which weights on the S vectors, spread evenly over the sound, each was written."""


class Told(NamedTuple):
    """What the figure says of the chosen word."""

    word: str
    """The word."""
    begin: float
    """In seconds."""
    end: float
    """In seconds."""
    share: float
    """How much of its attention lies between them, of all that lies on the sound."""
    evenly: float
    """How much would, if it were spread evenly over the sound."""


class SpectrogramPlayer(Widget):
    """Sounds to look at and to play, word by word.

    Parameters
    ----------
    sounds : sequence of Sound
        Those that can be chosen.
    **traits : object
        Where the figure starts: ``sound`` and ``word``, by their numbers.

    Raises
    ------
    ValueError
        If there is no sound, a shape disagrees, or a rate is none that a browser plays.
    """

    title = traitlets.Unicode("A sound, word by word").tag(sync=True)
    sounds = traitlets.List(traitlets.Dict()).tag(sync=True)
    numbers = Tensors(torch.uint8, torch.int16, torch.float32)
    sound = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    word = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    uses: ClassVar[tuple[str, ...]] = ("controls", "tensors")

    def __init__(self, sounds: Sequence[Sound], **traits: Any) -> None:
        if not sounds:
            raise ValueError("sounds should hold at least one sound, got none")
        for sound in sounds:
            _check(sound)
        super().__init__(
            sounds=[_told(sound) for sound in sounds], numbers=_numbers(sounds), **traits
        )

    def shown(self) -> Told:
        """Return what the figure says of its word, from its own numbers.

        Returns
        -------
        Told
            The word, its time, and how much of its attention lies there.
        """
        told = self.sounds[self.sound]
        at = min(self.word, len(told["words"]) - 1)
        begin, end = told["times"][at]
        weights = self.numbers[f"{self.sound}.weights"][at].double()
        count = len(weights)
        middles = (torch.arange(count) + 0.5) * told["seconds"] / count
        inside = (middles >= begin) & (middles < end)
        share = float(weights[inside].sum() / weights.sum()) if weights.sum() > 0 else 0.0
        return Told(told["words"][at], begin, end, share, float(inside.double().mean()))


def _check(sound: Sound) -> None:
    check_shape("samples", sound.samples, "T")
    rate = check_positive("rate", sound.rate)
    if not _RATES[0] <= rate <= _RATES[1]:
        raise ValueError(f"rate should be from {_RATES[0]} to {_RATES[1]}, got {rate}")
    check_shape("picture", sound.picture, "M F")
    count = len(sound.words)
    if not count:
        raise ValueError("words should hold at least one word, got none")
    check_shape("times", sound.times, "N 2", N=count)
    check_shape("weights", sound.weights, "N S", N=count)


def _told(sound: Sound) -> dict[str, Any]:
    return {
        "name": sound.name,
        "rate": int(sound.rate),
        "seconds": len(sound.samples) / sound.rate,
        "words": [*sound.words],
        "times": [[round(x, 3) for x in row] for row in sound.times.tolist()],
    }


def _numbers(sounds: Sequence[Sound]) -> dict[str, Tensor]:
    """Return each sound in two bytes a sample, its picture in one byte, and the weights."""
    found = {}
    for n, sound in enumerate(sounds):
        found[f"{n}.samples"] = (_LOUDEST * sound.samples.clamp(-1, 1)).round().to(torch.int16)
        found[f"{n}.picture"] = in_bytes(sound.picture).codes
        found[f"{n}.weights"] = sound.weights.float()
    return found
