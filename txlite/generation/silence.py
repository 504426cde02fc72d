"""What a text that was written from a sound is worth: silence, doubt, and texts that go in circles.

A decoder writes, whatever it is given: a Whisper that reads half a minute of silence may write a
sentence that nobody has said. Three numbers bound that. One is what the model says of the sound
before it writes: the probability of the token that means *no speech*. The second is how probable
its own text is to it. The third looks at the text alone: what says the same thing again and again
can be packed into few bytes.

Source
    Radford et al. (2023), "Robust Speech Recognition via Large-Scale Weak Supervision", section
    4.5, which has the bounds: 0.6, −1 and 2.4.
"""

import zlib
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_finite, check_shape, check_whole

__all__ = ["Doubt", "compression_ratio", "no_speech_probability"]


def no_speech_probability(logits: Float[Tensor, "B V"], no_speech_id: int) -> Float[Tensor, " B"]:
    """Return how probable it is to the model that nobody speaks.

    Parameters
    ----------
    logits : Tensor, shape (B, V)
        What it scores after the very first token of its prompt, before anything is ruled out.
    no_speech_id : int
        The token that means it.

    Returns
    -------
    Tensor, shape (B,)
        From 0 to 1.

    Raises
    ------
    ValueError
        If the token is not of the vocabulary.
    """
    size = check_shape("logits", logits, "B V")["V"]
    wanted = f"a token of the vocabulary, in [0, V={size})"
    token = check_whole("no_speech_id", no_speech_id, wanted, lambda t: 0 <= t < size)
    return logits.softmax(-1)[:, token]


def compression_ratio(text: str) -> float:
    """Return how many bytes of a text come on one byte of its packed form.

    Parameters
    ----------
    text : str
        What was written.

    Returns
    -------
    float
        Below 1 for a short text, about 1.5 for a paragraph, and high for what repeats itself.

    Examples
    --------
    >>> compression_ratio("ask not what your country can do for you") < 1
    True
    >>> compression_ratio("thank you. " * 20) > 9
    True
    """
    content = text.encode("utf-8")
    return len(content) / len(zlib.compress(content))


class Doubt(NamedTuple):
    """Three numbers about one written text."""

    no_speech: float
    """How probable it is that nobody speaks: :func:`no_speech_probability`."""
    mean_log_prob: float
    """Log-probability of the text in nats a token, the end token included."""
    compression: float
    """:func:`compression_ratio` of the text."""

    def silent(self, *, no_speech: float = 0.6, log_prob: float = -1.0) -> bool:
        """Say whether the text is dropped: nobody speaks, and the text is improbable itself.

        Parameters
        ----------
        no_speech, log_prob : float
            The bounds; a text goes that is above the first and not above the second.

        Returns
        -------
        bool
            True where nothing should be written.

        Raises
        ------
        ValueError
            If a bound is no number.
        """
        no_speech = check_finite("no_speech", no_speech)
        log_prob = check_finite("log_prob", log_prob)
        return self.no_speech > no_speech and self.mean_log_prob <= log_prob

    def failed(self, *, compression: float = 2.4, log_prob: float = -1.0) -> bool:
        """Say whether the text should be written again, at a higher temperature.

        Parameters
        ----------
        compression, log_prob : float
            The bounds; a text fails that is above the first or below the second.

        Returns
        -------
        bool
            True where the text goes in circles or is improbable; not where it is :meth:`silent`.

        Raises
        ------
        ValueError
            If a bound is no number.
        """
        compression = check_finite("compression", compression)
        log_prob = check_finite("log_prob", log_prob)
        bad = self.compression > compression or self.mean_log_prob < log_prob
        return bad and not self.silent()
