r"""Sound as a picture: the log-mel spectrogram that Whisper reads.

Every 10 ms a window of 25 ms is taken apart into its frequencies. What counts is power, the square
of the amplitude. Bands that are narrow below and wide above, as the ear has them, gather it; its
logarithm, cut off eight powers of ten below the loudest place, is what a model sees.

.. math:: S = \log_{10}\max(M\,|X|^2,\ 10^{-10}),\qquad
          \tfrac14\bigl(\max(S,\ \max S - 8) + 4\bigr)

Sources
    Radford et al. (2023), "Robust Speech Recognition via Large-Scale Weak Supervision", section
    2.2. Slaney (1998), "Auditory Toolbox", for the scale and the area of the bands.
"""

import math
import wave
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import conv1d, pad

from txlite._checks import (
    check_floating,
    check_positive,
    check_rate,
    check_shape,
    check_whole,
)

__all__ = [
    "HOP",
    "SAMPLE_RATE",
    "WINDOW",
    "log_mel",
    "mel_filters",
    "mel_power",
    "read_wav",
    "resample",
]

SAMPLE_RATE = 16_000
"""Samples in a second."""
WINDOW = 400
"""Samples of a window: 25 ms."""
HOP = 160
"""Samples from one window to the next: 10 ms."""

_FLOOR, _RANGE = 1e-10, 8.0
_STRAIGHT, _HERTZ = 15.0, 200.0 / 3  # below 1000 Hz a mel is 66.7 Hz; there it is number 15
_STEP = math.log(6.4) / 27  # above, 27 mels multiply the frequency by 6.4
_WIDEST = 1 << 30  # bytes of sound that are read at most
_CROSSINGS = 16  # how many times the sinc of a resampled sound crosses zero on either side
_PHASES = 1 << 14  # samples of one period of two rates at most: 44 100 to 16 000 has 160


def _hertz(mels: np.ndarray) -> np.ndarray:
    bent = 1000.0 * np.exp(_STEP * (mels - _STRAIGHT))
    return np.where(mels < _STRAIGHT, _HERTZ * mels, bent)


def _mels(hertz: float) -> float:
    if hertz < 1000.0:
        return hertz / _HERTZ
    return _STRAIGHT + math.log(hertz / 1000.0) / _STEP


def mel_filters(num_mels: int = 80) -> Float[Tensor, "M N"]:
    """Return how much each band takes of each frequency, up to 8000 Hz.

    Parameters
    ----------
    num_mels : int
        How many bands M.

    Returns
    -------
    Tensor of float64, shape (M, N = 201)
        Triangles of one area (their heights are 2 / width in Hz) over frequencies 40 Hz apart. The
        first of 128 bands are narrower than that, and some lie between two of them.

    Raises
    ------
    ValueError
        If ``num_mels`` is not a positive whole number.

    References
    ----------
    Slaney (1998), "Auditory Toolbox", technical report 1998-010, Interval Research.

    Examples
    --------
    >>> filters = mel_filters(80)
    >>> filters.shape, int(filters[:, 25].argmax())  # 25 × 40 Hz = 1000 Hz
    (torch.Size([80, 201]), 26)
    """
    num_mels = check_positive("num_mels", num_mels)
    edges = _hertz(np.linspace(0.0, _mels(SAMPLE_RATE / 2), num_mels + 2))
    frequencies = np.linspace(0.0, SAMPLE_RATE / 2, WINDOW // 2 + 1)
    left, middle, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    up = (frequencies - left) / (middle - left)
    down = (right - frequencies) / (right - middle)
    triangles = np.maximum(0.0, np.minimum(up, down)) * (2.0 / (right - left))
    return torch.from_numpy(triangles)


def mel_power(
    samples: Float[Tensor, " T"], rate: int, *, num_mels: int = 80
) -> Float[Tensor, "M F"]:
    """Return the power in each band, every 10 ms.

    Parameters
    ----------
    samples : Tensor of float, shape (T,)
        One channel of sound, between −1 and 1. There are more than half a window of them, 200: at
        both ends a window sees the sound mirrored.
    rate : int
        Samples in a second: 16 000, and nothing else.
    num_mels : int
        How many bands M.

    Returns
    -------
    Tensor of float, shape (M, F)
        F = ⌊T/160⌋ windows, the middle of which stand at 0, 10, 20 ms and on.

    Raises
    ------
    ValueError
        If the samples are no floating-point numbers, not on one axis, too few or not finite, or the
        rate is another.

    Examples
    --------
    >>> time = torch.arange(16_000) / 16_000
    >>> power = mel_power((2 * torch.pi * 440 * time).sin(), 16_000)
    >>> power.shape, power[:, 50].argmax().item()
    (torch.Size([80, 100]), 11)
    """
    check_shape("samples", samples, "T")
    check_floating("samples", samples)
    rate = check_positive("rate", rate)
    if rate != SAMPLE_RATE:
        raise ValueError(f"rate should be {SAMPLE_RATE}; resample the sound first; got {rate}")
    length = samples.shape[0]
    if length <= WINDOW // 2:
        raise ValueError(
            f"samples should have more than T={WINDOW // 2} samples, got {length}; or pad them"
        )
    if not bool(samples.isfinite().all()):
        raise ValueError("samples should be finite, got NaN or infinity")
    wide = samples if samples.dtype == torch.float64 else samples.float()
    window = torch.hann_window(WINDOW, dtype=wide.dtype, device=wide.device)
    waves = torch.stft(wide, WINDOW, HOP, window=window, return_complex=True)[:, :-1]
    filters = mel_filters(num_mels).to(wide)
    return filters @ waves.abs().square()


def log_mel(
    samples: Float[Tensor, " T"],
    rate: int,
    *,
    num_mels: int = 80,
    seconds: float | None = 30.0,
) -> Float[Tensor, "M F"]:
    """Return the spectrogram that Whisper reads.

    Parameters
    ----------
    samples : Tensor of float, shape (T,)
        One channel of sound, between −1 and 1. Whole numbers, as a file holds them, are refused:
        divide them by 32 768 first, as :func:`read_wav` does.
    rate : int
        Samples in a second: 16 000, and nothing else.
    num_mels : int
        How many bands M: 80, or 128 for the third large model.
    seconds : float, optional
        How long the sound is made, with silence behind it, before anything else: Whisper was
        trained on 30 seconds. None leaves it as long as it is.

    Returns
    -------
    Tensor of float, shape (M, F)
        F = 100 a second. The range is 2 at most: the loudest place and what is 80 dB below it.
        Silence is −1.5.

    Raises
    ------
    ValueError
        If the samples are no floating-point numbers, not on one axis, too few, more than
        ``seconds`` hold or not finite, or the rate is another.

    References
    ----------
    Radford et al. (2023), section 2.2; the numbers are those of the authors' code.

    Examples
    --------
    >>> log_mel(torch.zeros(16_000), 16_000, seconds=2.0).unique()
    tensor([-1.5000])
    """
    check_shape("samples", samples, "T")
    if seconds is not None:
        room = round(check_rate("seconds", seconds) * SAMPLE_RATE)
        if samples.shape[0] > room:
            raise ValueError(
                f"samples should have at most T={room} samples, seconds={seconds:g}, got "
                f"{samples.shape[0]}; cut them"
            )
        samples = pad(samples, (0, room - samples.shape[0]))
    power = mel_power(samples, rate, num_mels=num_mels)
    log = power.clamp(min=_FLOOR).log10()
    return (log.maximum(log.max() - _RANGE) + 4.0) / 4.0


def resample(
    samples: Float[Tensor, " T"], rate: int, new_rate: int = SAMPLE_RATE
) -> Float[Tensor, " N"]:
    r"""Return the same sound with another number of samples a second.

    A sound without frequencies above half its rate is the sum of one sinc for each sample. It is
    evaluated at the new times; the sinc ends after 16 crossings of zero, under a Hann window. Where
    the new rate is lower, the sinc is as much wider, so that what the new rate cannot hold is gone.

    Parameters
    ----------
    samples : Tensor of float, shape (T,)
        One channel of sound.
    rate, new_rate : int
        Samples in a second, before and after.

    Returns
    -------
    Tensor of float, shape (N,)
        N = ⌈T · new_rate / rate⌉ samples; the first stand at the same time.

    Raises
    ------
    ValueError
        If the samples are no floating-point numbers or not on one axis, or a rate is not a positive
        whole number, or the two have so little in common that the table would be huge.

    Notes
    -----
    .. math:: y_n = c \sum_k x_k \operatorname{sinc}(c\,t) \cos^2\!\frac{\pi c\,t}{32},\qquad
              t = n\,\tfrac{\text{rate}}{\text{new rate}} - k,\quad
              c = \min\bigl(1, \tfrac{\text{new rate}}{\text{rate}}\bigr)

    References
    ----------
    Smith (2002), "Digital Audio Resampling Home Page", https://ccrma.stanford.edu/~jos/resample/.

    Examples
    --------
    >>> time = torch.arange(8000) / 8000
    >>> sound = resample((2 * torch.pi * 440 * time).sin(), 8000)
    >>> sound.shape
    torch.Size([16000])
    >>> again = (2 * torch.pi * 440 * torch.arange(16_000) / 16_000).sin()
    >>> bool((sound - again)[200:-200].abs().max() < 1e-3)
    True
    """
    check_shape("samples", samples, "T")
    check_floating("samples", samples)
    rate, new_rate = check_positive("rate", rate), check_positive("new_rate", new_rate)
    shared = math.gcd(rate, new_rate)
    up, down = new_rate // shared, rate // shared  # so many samples out for so many in
    if up > _PHASES or down > _PHASES:
        raise ValueError(f"new_rate should have more in common with rate={rate}, got {new_rate}")
    if up == down or not samples.shape[0]:
        return samples
    cut = min(1.0, up / down)
    reach = math.ceil(_CROSSINGS / cut)
    phases = torch.arange(up, dtype=torch.float64)[:, None] * down / up
    t = (phases - torch.arange(-reach, down + reach, dtype=torch.float64)) * cut
    window = (math.pi * t / (2 * _CROSSINGS)).cos().square().where(t.abs() < _CROSSINGS, 0.0)
    kernels = cut * torch.sinc(t) * window  # (up, samples that the outputs of one period see)
    length = -(-samples.shape[0] * up // down)
    periods = -(-length // up)
    padded = pad(samples, (reach, max(0, periods * down - samples.shape[0]) + reach))
    found = conv1d(padded[None, None], kernels.to(samples)[:, None], stride=down)
    return found[0].mT.reshape(-1)[:length]


def read_wav(path: str | Path) -> tuple[Float[Tensor, " T"], int]:
    """Read a WAV file of whole numbers (PCM) as one channel.

    Parameters
    ----------
    path : str or Path
        The file; 8, 16, 24 or 32 bits a sample.

    Returns
    -------
    samples : Tensor of float32, shape (T,)
        Between −1 and 1; of several channels the mean.
    rate : int
        Samples in a second, as the file says.

    Raises
    ------
    ValueError
        If it is no such file, or holds more than a gigabyte of sound.
    """
    path = Path(path)
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate, frames = file.getparams()[:4]
            check_whole(f"{path}: bits of a sample", 8 * width, "8, 16, 24 or 32", _is_known)
            if frames * channels * width > min(_WIDEST, path.stat().st_size):
                raise ValueError(f"{path} should hold the {frames} samples that it says, or fewer")
            content = file.readframes(frames)
    except (wave.Error, EOFError, OSError, ArithmeticError, RuntimeError) as error:
        raise ValueError(
            f"path should be a WAV file of whole numbers, got {path}: {error}"
        ) from None
    if not content or len(content) % (channels * width):
        raise ValueError(f"{path} should hold whole samples, got {len(content)} bytes")
    return torch.from_numpy(_numbers(content, width).reshape(-1, channels).mean(1)), rate


def _is_known(bits: int) -> bool:
    return bits in (8, 16, 24, 32)


def _numbers(content: bytes, width: int) -> Any:
    """Return samples between −1 and 1; those of one byte are without a sign, the others with."""
    raw = np.frombuffer(content, np.uint8).reshape(-1, width)
    if width == 1:
        return (raw[:, 0].astype(np.float32) - 128.0) / 128.0
    whole = np.zeros((len(raw), 4), np.uint8)
    whole[:, 4 - width :] = raw  # the highest bytes of four
    return (whole.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
