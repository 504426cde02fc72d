"""Exercise: from the whole numbers of a sound file to one channel between −1 and 1.

Sources
    IBM and Microsoft (1991), "Multimedia Programming Interface and Data Specifications 1.0", the
    section on WAVE files: samples with a sign, and the channels of one moment side by side.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, swapped

__all__ = ["file_samples"]


def _mean(raw: Tensor) -> Tensor:
    return raw.double().mean(1)


def _by_the_largest_number(x: Tensor, raw: Tensor) -> Tensor:
    return x / 32_768


def _samples_recipe(raw: Tensor, mix: Step = _mean, scale: Step = _by_the_largest_number) -> Tensor:
    sound: Tensor = scale(mix(raw), raw)
    return sound


def _in_sixteen_bits(raw: Tensor) -> Tensor:
    return raw.sum(1, dtype=torch.int16).double() / raw.shape[1]


def _from_zero(raw: Tensor) -> Tensor:
    return _samples_recipe(raw) / 2 + 0.5


def _mono_only(raw: Tensor) -> Tensor:
    return raw.squeeze(1) / 32_768


def _one_after_the_other(raw: Tensor) -> Tensor:
    channels, length = raw.shape[1], raw.shape[0]
    return raw.reshape(channels, length).double().mean(0)


def _file(*moments: tuple[int, ...]) -> tuple[Tensor]:
    return (torch.tensor(moments, dtype=torch.int16, device="cpu"),)


file_samples = Exercise(
    name="file_samples",
    signature="f(raw: (T, C) int16) -> (T,) float",
    task=(
        "raw is what a sound file holds: at each of T moments a whole number from -32768 to 32767 "
        "for each of C channels. Return one channel of numbers between -1 and 1, where 32768 would "
        "be 1: at each moment the mean of the channels."
    ),
    inputs=("raw",),
    reference=_samples_recipe,
    cases=(
        _file((8192,), (-16384,)),
        _file((8192, -16384), (4096, 0), (-24576, 8192)),
        _file((30000, 20000), (-28000, -30000), (12000, 2000), (600, -20000)),
        _file((9000, 1000, 2000), (-5000, 7000, 1234), (31000, 30000, 29000), (8, -800, 80)),
    ),
    bank=(
        swapped(
            _samples_recipe,
            "taken as they are",
            "The whole numbers are taken as they are, 32,768 times too large. Every shape fits, "
            "and all values of the spectrogram are too high by one and the same number.",
            scale=lambda x, raw: x,
        ),
        swapped(
            _samples_recipe,
            "by all 65,536 numbers",
            "They are divided by how many numbers 16 bits can write. Half of these are negative: "
            "the loudest sound would reach one half.",
            scale=lambda x, raw: x / 65_536,
        ),
        swapped(
            _samples_recipe,
            "by the loudest sample",
            "They are divided by the loudest sample of this file: a whisper becomes as loud as a "
            "shout, and what is read in pieces jumps from piece to piece.",
            scale=lambda x, raw: x / x.abs().max(),
        ),
        swapped(
            _samples_recipe,
            "by 32 bits",
            "They are divided by what 32 bits can write. Here a sample has 16.",
            scale=lambda x, raw: x / 2**31,
        ),
        Mistake(
            "without a sign",
            "They lie between 0 and 1, with silence at one half. A sample of 16 bits has a sign, "
            "and silence is 0.",
            _from_zero,
        ),
        swapped(
            _samples_recipe,
            "the channels mixed in time",
            "The channels follow one another in time: the sound is as many times longer as there "
            "are channels, and that much lower.",
            mix=lambda raw: raw.double().flatten(),
        ),
        swapped(
            _samples_recipe,
            "one channel after the other",
            "The file is read as if one channel followed the other one. They stand side by side, "
            "moment by moment.",
            mix=_one_after_the_other,
        ),
        swapped(
            _samples_recipe,
            "the first channel alone",
            "Only the first channel is kept. What was said on another one is lost.",
            mix=lambda raw: raw[:, 0].double(),
        ),
        swapped(
            _samples_recipe,
            "the channels added",
            "The channels are added and not averaged: two that are alike would be twice as loud, "
            "and leave the range.",
            mix=lambda raw: raw.double().sum(1),
        ),
        swapped(
            _samples_recipe,
            "the sum in 16 bits",
            "The channels are added while they still have 16 bits. A sum above 32,767 comes out "
            "negative: turn them into floating-point numbers first.",
            mix=_in_sixteen_bits,
        ),
        swapped(
            _samples_recipe,
            "a mean of each channel",
            "The mean is taken over time, one number for each channel.",
            mix=lambda raw: raw.double().mean(0),
        ),
        swapped(
            _samples_recipe,
            "without direction",
            "The absolute values are averaged. A wave goes up and down; without its sign it has "
            "twice the frequency.",
            mix=lambda raw: raw.double().abs().mean(1),
        ),
        Mistake(
            "for one channel only",
            "With one channel this is right. With two, both come back.",
            _mono_only,
        ),
    ),
    praise="One channel, between -1 and 1, whatever the file holds.",
    differentiable=False,
)
