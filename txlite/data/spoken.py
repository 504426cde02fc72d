"""Spoken digits and letters: one recording of each, put together to strings that nobody has said.

A recording is a real voice at 8000 samples a second. A string is its recordings one after the
other, each at a speed and a loudness of its own, with pauses between them and noise over all. So
there is no end of strings, and of each it is known to the sample when which symbol sounds. There
is one speaker, who has said each symbol once: what a model learns from these is that recording,
and not the word.

Source
    The package ``captcha`` (BSD-3-Clause), version 0.7.1, whose voice reads captchas aloud. It is
    not imported: its files are read. Who speaks is not stated there.
"""

import math
from collections.abc import Collection, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from txlite._checks import check_generator, check_length, check_number, check_positive
from txlite.data.audio import SAMPLE_RATE, read_wav, resample

__all__ = ["DIGITS", "SYMBOLS", "Utterance", "Voice", "digit_strings", "recordings", "spoken"]

DIGITS = "0123456789"
"""What a string of digits is made of."""
SYMBOLS = DIGITS + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""What there is a recording of."""

Voice = Mapping[str, Float[Tensor, " T"]]
"""A recording of each symbol, at 16 000 samples a second."""

_QUIET = 0.02  # of the loudest sample: before and after it a recording is silent
_EDGE = 80  # samples, 5 ms, over which a recording rises and falls


class Utterance(NamedTuple):
    """A string that was put together."""

    text: str
    """Its symbols."""
    samples: Float[Tensor, " T"]
    """How it sounds, at 16 000 samples a second, between −1 and 1."""
    spans: Float[Tensor, "N 2"]
    """When each symbol begins and ends, in seconds."""


def recordings(
    symbols: str = DIGITS, folder: str | Path | None = None
) -> dict[str, Float[Tensor, " T"]]:
    """Return one recording of each symbol.

    Parameters
    ----------
    symbols : str
        Out of :data:`SYMBOLS`.
    folder : str or Path, optional
        Another speaker's: files such as ``7.wav``. The default is the voice of ``captcha``.

    Returns
    -------
    dict of str to Tensor, shape (T,)
        Samples between −1 and 1, 16 000 a second, without the silence before and after.

    Raises
    ------
    ValueError
        If a symbol is another, ``captcha`` is not installed, or a file is not there.
    """
    for symbol in symbols:
        if symbol not in SYMBOLS:
            raise ValueError(f"symbols should be out of {SYMBOLS}, got {symbol!r}")
    if folder is None:
        return {symbol: _trimmed(_voice() / symbol / "default.wav") for symbol in symbols}
    return {symbol: _trimmed(Path(folder) / f"{symbol}.wav") for symbol in symbols}


def digit_strings(
    count: int,
    *,
    shortest: int,
    longest: int,
    generator: torch.Generator,
    without: Collection[str] = (),
) -> list[str]:
    """Return strings of digits, every length and every digit as probable as any other.

    Parameters
    ----------
    count : int
        How many; one may come twice.
    shortest, longest : int
        Of how many digits.
    generator : torch.Generator
        On the CPU.
    without : collection of str
        Strings that may not come: what is held out.

    Returns
    -------
    list of str
        Such as ``"407"``.

    Raises
    ------
    ValueError
        If a number is not positive, ``longest`` is below ``shortest``, or more than half of what
        was drawn may not come.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> digit_strings(4, shortest=2, longest=4, generator=generator)
    ['9303', '73', '316', '98']
    """
    count, shortest = check_length("count", count), check_positive("shortest", shortest)
    longest = check_positive("longest", longest)
    check_generator("generator", generator)
    if longest < shortest:
        raise ValueError(f"longest should be at least shortest={shortest}, got {longest}")
    barred, refused = set(without), 0
    found: list[str] = []
    while len(found) < count:
        length = _whole(shortest, longest, generator)
        text = "".join(DIGITS[_whole(0, 9, generator)] for _ in range(length))
        if text not in barred:
            found.append(text)
            continue
        refused += 1
        if refused > count + 10:
            raise ValueError(
                f"without should leave enough strings of {shortest} to {longest} digits, got "
                f"{len(barred)} that may not come"
            )
    return found


def spoken(
    text: str,
    voice: Voice,
    *,
    generator: torch.Generator,
    speeds: tuple[float, float] = (0.85, 1.2),
    quietest: float = -12.0,
    pauses: tuple[float, float] = (0.02, 0.15),
    noise: tuple[float, float] = (15.0, 40.0),
) -> Utterance:
    """Say a string: each symbol at a speed and a loudness of its own, and noise over all.

    What is faster is higher too, as on a tape.

    Parameters
    ----------
    text : str
        Symbols that the voice has.
    voice : mapping of str to Tensor
        What :func:`recordings` gives.
    generator : torch.Generator
        On the CPU.
    speeds : tuple of float
        How fast a symbol is said at least and at most; 1 as it was recorded.
    quietest : float
        How much quieter than full loudness a symbol is at most, in decibels: not above 0.
    pauses : tuple of float
        Seconds before, between and after the symbols, at least and at most.
    noise : tuple of float
        By how many decibels the sound is stronger than white noise, at least and at most.

    Returns
    -------
    Utterance
        Its text, its samples, and when each symbol sounds.

    Raises
    ------
    ValueError
        If there is no symbol, the voice lacks one, or a range is out of order.
    """
    check_generator("generator", generator)
    lowest, highest = _range("speeds", speeds, 0.1)
    pause = _range("pauses", pauses, 0.0)
    ratio = _range("noise", noise, -100.0)
    quietest = check_number("quietest", quietest, "at most 0", lambda x: x <= 0)
    if not text or any(symbol not in voice for symbol in text):
        raise ValueError(f"text should be made of {''.join(sorted(voice))}, got {text!r}")
    parts: list[Tensor] = []
    spans, at = [], 0
    for symbol in text:
        parts.append(torch.zeros(round(SAMPLE_RATE * _between(*pause, generator))))
        at += len(parts[-1])
        sound = _faster(voice[symbol], _between(lowest, highest, generator))
        parts.append(sound * 10 ** (_between(quietest, 0.0, generator) / 20))
        spans.append((at, at + len(sound)))
        at += len(sound)
    parts.append(torch.zeros(round(SAMPLE_RATE * _between(*pause, generator))))
    samples = torch.cat(parts)
    power = samples.square().mean().sqrt() * 10 ** (-_between(*ratio, generator) / 20)
    samples = samples + power * torch.randn(len(samples), generator=generator, device="cpu")
    return Utterance(text, samples.clamp(-1, 1), torch.tensor(spans) / SAMPLE_RATE)


def _voice() -> Path:
    found = find_spec("captcha")
    if found is None or not found.origin:
        raise ValueError("captcha should be installed, and it is not there: pip install captcha")
    return Path(found.origin).parent / "data"


@cache
def _trimmed(path: Path) -> Tensor:
    """Return a recording at full loudness, from its first loud sample to its last."""
    sound, rate = read_wav(path)
    sound = resample(sound - sound.mean(), rate)
    sound = sound / sound.abs().max().clamp(min=1e-9)
    loud = (sound.abs() > _QUIET).nonzero()[:, 0]
    begin, end = max(0, int(loud[0]) - _EDGE), int(loud[-1]) + _EDGE
    kept = sound[begin:end].clone()
    ramp = torch.linspace(0, 1, _EDGE)
    kept[:_EDGE] *= ramp
    kept[-_EDGE:] *= ramp.flip(0)
    return 0.9 * kept


def _faster(sound: Tensor, speed: float) -> Tensor:
    length = max(2, round(len(sound) / speed))
    return interpolate(sound[None, None], length, mode="linear", align_corners=True)[0, 0]


def _between(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * torch.rand((), generator=generator, device="cpu").item()


def _whole(low: int, high: int, generator: torch.Generator) -> int:
    return int(torch.randint(low, high + 1, (), generator=generator, device="cpu"))


def _range(name: str, pair: tuple[float, float], least: float) -> tuple[float, float]:
    low, high = (
        check_number(name, x, f"two numbers from {least:g}", lambda x: least <= x < math.inf)
        for x in pair
    )
    if high < low:
        raise ValueError(f"{name} should rise, got {low:g} and {high:g}")
    return low, high
