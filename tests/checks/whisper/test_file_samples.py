import wave

import pytest
import torch
from torch.testing import assert_close

from tests.checks.written import earns
from txlite import checks
from txlite.data.audio import read_wav

check = checks.file_samples


def moment_by_moment(tell):
    """Build an answer of what becomes of the channels of one moment, a list of numbers."""
    return lambda raw: torch.tensor([tell(moment) for moment in raw.tolist()])


def mean(numbers):
    return sum(numbers) / len(numbers)


def wrapped(number):
    return (number + 2**15) % 2**16 - 2**15


def over_time(raw):
    return torch.tensor([mean(channel) / 32_768 for channel in raw.T.tolist()])


def one_after_the_other(raw):
    flat, channels = raw.flatten().tolist(), raw.shape[1]
    length = len(raw)
    parts = [flat[i * length : (i + 1) * length] for i in range(channels)]
    return torch.tensor([mean(numbers) / 32_768 for numbers in zip(*parts, strict=True)])


def by_the_loudest(raw):
    mixed = [mean(moment) for moment in raw.tolist()]
    return torch.tensor([x / max(map(abs, mixed)) for x in mixed])


def first_axis_gone(raw):
    sound = raw.float() / 32_768
    return sound[:, 0] if raw.shape[1] == 1 else sound


def test_right_answers_in_other_words_pass():
    check(moment_by_moment(lambda x: mean(x) / 2**15)).require()

    def per_channel(raw):
        return sum(channel.float() for channel in raw.T) / (raw.shape[1] * 32_768.0)

    check(per_channel).require()


WRITTEN = {
    "taken as they are": moment_by_moment(mean),
    "by all 65,536 numbers": moment_by_moment(lambda x: mean(x) / 2**16),
    "by the loudest sample": by_the_loudest,
    "by 32 bits": moment_by_moment(lambda x: mean(x) / 2**31),
    "without a sign": moment_by_moment(lambda x: (mean(x) + 2**15) / 2**16),
    "the channels mixed in time": lambda raw: torch.tensor(
        [x / 2**15 for moment in raw.tolist() for x in moment]
    ),
    "one channel after the other": one_after_the_other,
    "the first channel alone": moment_by_moment(lambda x: x[0] / 2**15),
    "the channels added": moment_by_moment(lambda x: sum(x) / 2**15),
    "the sum in 16 bits": moment_by_moment(lambda x: wrapped(sum(x)) / len(x) / 2**15),
    "a mean of each channel": over_time,
    "without direction": moment_by_moment(lambda x: mean([abs(y) for y in x]) / 2**15),
    "for one channel only": first_axis_gone,
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_it_is_what_the_package_reads_from_a_file(channels, tmp_path):
    generator = torch.Generator().manual_seed(channels)
    raw = torch.randint(-32_768, 32_768, (50, channels), generator=generator).to(torch.int16)
    with wave.open(str(tmp_path / "sound.wav"), "wb") as file:
        file.setparams((channels, 2, 16_000, 0, "NONE", "not compressed"))
        file.writeframes(raw.numpy().astype("<i2").tobytes())
    assert_close(check.reference(raw).float(), read_wav(tmp_path / "sound.wav")[0])
