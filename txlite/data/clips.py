"""Ten recordings with their transcripts: five sentences of a novel, five hands of cards.

They lie in the package ``pocketsphinx-testdata`` of Debian, which ``make data`` fetches
(:mod:`txlite.data.fetched`). They are there to be transcribed, and too few to learn from.

Source
    CMU Sphinx, ``test/data`` (BSD-2-Clause). The sentences are from Jane Austen's "Sense and
    Sensibility", read for LibriVox.
"""

import re
from pathlib import PurePosixPath
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from txlite.data.audio import SAMPLE_RATE, read_wav, resample
from txlite.data.fetched import FETCHED, fetched_file

__all__ = ["Clip", "plain_words", "speech_clips"]

_SET = "pocketsphinx"
_TRANSCRIPTS = ("librivox/transcription", "cards/cards.transcription")
_LINE = re.compile(r"<s>(.*)</s>\s*\((\S+)\)")
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SPELT = {"mr": "mister", "mrs": "missus", "10": "ten"}


class Clip(NamedTuple):
    """A recording, and what is said in it."""

    name: str
    """Its file's name, without the ending."""
    text: str
    """Its transcript, in small letters without signs."""
    samples: Float[Tensor, " T"]
    """Its sound, at 16 000 samples a second, between −1 and 1."""


def speech_clips() -> list[Clip]:
    """Return the ten recordings, those of the novel first.

    Returns
    -------
    list of Clip
        In the order of the transcripts.

    Raises
    ------
    ValueError
        If they have not been fetched: ``make data``.
    """
    clips = []
    for transcript in _TRANSCRIPTS:
        folder = PurePosixPath(transcript).parent
        for line in fetched_file(_SET, transcript).read_text(encoding="utf-8").splitlines():
            told = _LINE.search(line)
            if told is None:
                continue
            text, name = told.groups()
            samples, rate = read_wav(fetched_file(_SET, f"{folder}/{name}.wav"))
            clips.append(Clip(name, " ".join(text.split()), resample(samples, rate, SAMPLE_RATE)))
    assert len(clips) == sum(name.endswith(".wav") for name in FETCHED[_SET].files)
    return clips


def plain_words(text: str) -> str:
    """Return a text in small letters, without signs, with numbers and titles as they are spoken.

    A transcript has no capitals and no full stops, and it says "mister" and "ten" where a model may
    write "Mr." and "10": none of this was misheard. Other figures are read one by one.

    Parameters
    ----------
    text : str
        English.

    Returns
    -------
    str
        Words with one space between them.

    Examples
    --------
    >>> plain_words("Mr. Dashwood's 10 of clubs, ill-disposed: 55!")
    "mister dashwood's ten of clubs ill disposed five five"
    """
    words: list[str] = []
    for word in re.findall(r"[a-z']+|[0-9]+", text.lower().replace("’", "'")):
        bare = word.strip("'")
        if bare in _SPELT:
            words.append(_SPELT[bare])
        elif bare.isdigit():
            words += [_DIGITS[int(figure)] for figure in bare]
        elif bare:
            words.append(bare)
    return " ".join(words)
