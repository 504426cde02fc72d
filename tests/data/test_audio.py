"""Sound as a picture: what a tone, a doubling and silence must give; Whisper's own extractor."""

import math
import re
import struct
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from txlite.data.audio import SAMPLE_RATE, log_mel, mel_filters, mel_power, read_wav, resample

ASK: dict[str, Any] = {"rtol": 0.0, "atol": 1e-5}


def tone(hertz: float, length: int = SAMPLE_RATE) -> Tensor:
    time = torch.arange(length, dtype=torch.float64) / SAMPLE_RATE
    return (2 * math.pi * hertz * time).sin()


def noise(length: int = SAMPLE_RATE) -> Tensor:
    return 0.1 * torch.randn(length, dtype=torch.float64)


# ------------------------------------------------------------------ mathematics


@pytest.mark.parametrize("num_mels", [80, 128])
@pytest.mark.parametrize("hertz", [200.0, 1000.0, 3000.0, 6400.0])
def test_a_tone_lights_the_band_that_holds_it(hertz: float, num_mels: int) -> None:
    power = mel_power(tone(hertz), SAMPLE_RATE, num_mels=num_mels)
    brightest = power[:, 50].argmax()
    takes = mel_filters(num_mels)[:, round(hertz / 40)]  # the frequencies are 40 Hz apart
    assert brightest == takes.argmax()
    far = (torch.arange(num_mels) - brightest).abs() > 12
    assert power[far, 50].max() < 1e-5 * power[brightest, 50]


def test_it_is_power_and_not_amplitude() -> None:
    """Twice the amplitude is four times the power: log10 4 more, and not log10 2."""
    sound = noise()
    once, twice = (mel_power(x, SAMPLE_RATE) for x in (sound, 2 * sound))
    assert_close(twice.log10() - once.log10(), torch.full_like(once, math.log10(4)))


@pytest.mark.plain
def test_whole_numbers_as_they_are_would_move_the_whole_picture() -> None:
    """32,768 times as loud is log10(32768) / 2 = 2.2577 more everywhere, and 0 from one to another.

    So no spread and no difference of a picture tells; the type of the samples does.
    """
    sound = 0.3 * tone(440.0) + noise()
    once, taken = (log_mel(x, SAMPLE_RATE, seconds=None) for x in (sound, 2.0**15 * sound))
    assert_close(taken - once, torch.full_like(once, 2.2577), rtol=0, atol=1e-4)
    with pytest.raises(ValueError, match=r"^samples should hold floating-point numbers, got int16"):
        log_mel((2.0**15 * sound).clamp(-32768, 32767).short(), SAMPLE_RATE)


def test_power_is_that_of_the_window_by_hand() -> None:
    """One window, its Fourier sum written out, and the triangles."""
    sound = noise()
    place = torch.arange(400, dtype=torch.float64)
    window = 0.5 - 0.5 * (2 * math.pi * place / 400).cos()
    piece = sound[7 * 160 - 200 : 7 * 160 + 200] * window
    turns = torch.outer(torch.arange(201, dtype=torch.float64), place) / 400
    waves = (piece * torch.exp(-2j * math.pi * turns)).sum(1)
    want = mel_filters(80) @ waves.abs() ** 2
    assert_close(mel_power(sound, SAMPLE_RATE)[:, 7], want)


def test_the_bands_are_triangles_of_one_area() -> None:
    filters = mel_filters(20)  # wide enough to be seen by frequencies 40 Hz apart
    assert_close(filters.sum(1) * 40, torch.ones(20, dtype=torch.float64), rtol=0, atol=0.02)
    tops = filters.argmax(1) * 40
    widths = filters.gt(0).sum(1)
    assert (widths.diff()[8:] >= 0).all()
    low = tops[tops < 1000].double()
    assert low.diff().std() < 41  # even steps below 1000 Hz
    high = tops[tops > 1300].double()
    assert (high[1:] / high[:-1]).std() < 0.02  # even ratios above


def test_what_is_quiet_is_cut_off_eighty_decibels_below_the_loudest() -> None:
    sound = torch.cat([tone(1000.0), torch.zeros(SAMPLE_RATE, dtype=torch.float64)])
    seen = log_mel(sound, SAMPLE_RATE, seconds=None)
    assert_close(seen.max() - seen.min(), torch.tensor(2.0, dtype=torch.float64))
    assert_close(seen[:, 150], seen.min().expand(80))
    louder = log_mel(10 * sound, SAMPLE_RATE, seconds=None)
    assert_close(louder, seen + 2 / 4)  # two powers of ten, in quarters


def test_silence_is_one_number() -> None:
    seen = log_mel(torch.zeros(5), SAMPLE_RATE)
    assert seen.shape == (80, 3000)
    assert seen.eq(-1.5).all()


def test_the_sound_is_made_longer_and_not_its_picture() -> None:
    sound = noise(8000)
    padded = torch.cat([sound, torch.zeros(8000, dtype=torch.float64)])
    want = log_mel(padded, SAMPLE_RATE, seconds=None)
    assert_close(log_mel(sound, SAMPLE_RATE, seconds=1.0), want)
    assert log_mel(sound, SAMPLE_RATE, seconds=None).shape == (80, 50)


def test_the_picture_moves_with_the_sound() -> None:
    sound = noise()
    late = torch.cat([torch.zeros(1600, dtype=torch.float64), sound])
    before, after = (mel_power(x, SAMPLE_RATE) for x in (sound, late))
    assert_close(after[:, 15:90], before[:, 5:80])


# ------------------------------------------------------------------ Whisper's extractor


def by_theirs(sound: Tensor, num_mels: int) -> Tensor:
    from transformers import WhisperFeatureExtractor

    extractor = WhisperFeatureExtractor(feature_size=num_mels)
    found = extractor(sound.numpy(), sampling_rate=SAMPLE_RATE, return_tensors="pt")
    return found.input_features[0]


def loud_at_the_end() -> Tensor:
    """The last window is dropped before the loudest place is looked for."""
    sound = 0.001 * tone(300.0, 30 * SAMPLE_RATE)
    sound[-1] = 1.0
    return sound


@pytest.mark.parametrize("num_mels", [80, 128])
@pytest.mark.parametrize(
    "sound",
    [
        noise(1), noise(100), noise(200), noise(SAMPLE_RATE), noise(30 * SAMPLE_RATE),
        0.3 * tone(440.0) + noise() / 100, torch.zeros(3000), loud_at_the_end(),
    ],
    ids=["1", "100", "200", "a second", "30 seconds", "a tone", "silence", "a click at the end"],
)  # fmt: skip
def test_equals_the_published_extractor(sound: Tensor, num_mels: int) -> None:
    got = log_mel(sound.float(), SAMPLE_RATE, num_mels=num_mels)
    want = by_theirs(sound.float(), num_mels)
    assert got.shape == want.shape == (num_mels, 3000)
    assert got.dtype == torch.float32
    assert_close(got, want, **ASK)


@pytest.mark.parametrize("num_mels", [80, 128])
def test_the_bands_are_theirs(num_mels: int) -> None:
    from transformers import WhisperFeatureExtractor

    want = torch.from_numpy(WhisperFeatureExtractor(feature_size=num_mels).mel_filters).T
    assert_close(mel_filters(num_mels), want, rtol=1e-9, atol=1e-12)


# ------------------------------------------------------------------ what is refused


SOUND = torch.zeros(1000)


@pytest.mark.plain
@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda: log_mel(SOUND.short(), 16000),
            "samples should hold floating-point numbers, got int16",
        ),
        (lambda: log_mel(SOUND[None], 16000), "samples should have shape (T), got (1, 1000)"),
        (lambda: log_mel(SOUND[:, None], 16000), "samples should have shape (T), got (1000, 1)"),
        (lambda: log_mel(SOUND, 8000), "rate should be 16000; resample the sound first; got 8000"),
        (lambda: log_mel(SOUND, 16000.5), "rate should be a positive whole number, got 16000.5"),  # type: ignore[arg-type]
        (
            lambda: log_mel(SOUND[:200], 16000, seconds=None),
            "samples should have more than T=200 samples, got 200; or pad them",
        ),
        (
            lambda: log_mel(SOUND, 16000, seconds=0.05),
            "samples should have at most T=800 samples, seconds=0.05, got 1000; cut them",
        ),
        (lambda: log_mel(SOUND, 16000, seconds=0.0), "seconds should be a positive number, got 0"),
        (lambda: log_mel(SOUND / 0, 16000), "samples should be finite, got NaN or infinity"),
        (lambda: log_mel(SOUND, 16000, num_mels=0), "num_mels should be a positive whole number"),
    ],
)
def test_what_is_no_such_sound_is_refused_by_name(ask: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        ask()


def test_the_shortest_sound_without_silence() -> None:
    assert log_mel(noise(201), SAMPLE_RATE, seconds=None).shape == (80, 1)


# ------------------------------------------------------------------ another rate


RATES = [(8000, 16_000), (44_100, 16_000), (22_050, 16_000), (48_000, 16_000), (16_000, 8000)]


def waves(rate: int, *hertz: float) -> Tensor:
    time = torch.arange(rate, dtype=torch.float64) / rate
    return torch.stack([(2 * math.pi * h * time + h).sin() for h in hertz]).mean(0)


@pytest.mark.parametrize(("rate", "new_rate"), RATES)
def test_a_tone_keeps_its_height_its_strength_and_its_time(rate: int, new_rate: int) -> None:
    got = resample(waves(rate, 317.0, 1234.0, 2900.0), rate, new_rate)
    want = waves(new_rate, 317.0, 1234.0, 2900.0)
    assert got.shape == want.shape
    assert (got - want)[300:-300].abs().max() < 3e-3


@pytest.mark.parametrize(("rate", "new_rate"), RATES[1:2] + RATES[4:])
def test_what_the_new_rate_cannot_hold_is_gone(rate: int, new_rate: int) -> None:
    """A tone above half the new rate would come back as a lower one."""
    got = resample(waves(rate, 0.62 * new_rate if rate > 1.3 * new_rate else 0.0), rate, new_rate)
    assert got[300:-300].abs().max() < 3e-3


def test_samples_that_both_rates_share_stay() -> None:
    sound = noise(200)
    assert_close(resample(sound, 8000, 16_000)[::2], sound, rtol=0, atol=1e-12)
    assert_close(resample(sound, 8000, 24_000)[::3], sound, rtol=0, atol=1e-12)
    assert resample(sound, 16_000) is sound


@pytest.mark.kills(
    "audio: the sinc is not cut under the lower rate",
    "data/audio.py",
    "cut = min(1.0, up / down)",
    "cut = 1.0",
)
def test_it_is_the_sum_of_sincs_by_hand() -> None:
    sound = noise(60)
    for rate, new_rate in ((3, 2), (2, 3), (5, 4)):
        got = resample(sound, rate, new_rate)
        assert len(got) == math.ceil(60 * new_rate / rate)
        cut = min(1.0, new_rate / rate)
        for n in (0, 7, 30, len(got) - 1):
            t = cut * (n * rate / new_rate - torch.arange(60, dtype=torch.float64))
            bell = (math.pi * t / 32).cos().square() * (t.abs() < 16)
            want = (cut * sound * torch.sinc(t) * bell).sum()
            assert_close(got[n], want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("length", [1, 2, 3, 441, 442])
@pytest.mark.parametrize(("rate", "new_rate"), RATES)
def test_length_and_linearity(rate: int, new_rate: int, length: int) -> None:
    one, other = noise(length), noise(length)
    got = resample(2 * one - other, rate, new_rate)
    assert len(got) == -(-length * new_rate // rate)
    want = 2 * resample(one, rate, new_rate) - resample(other, rate, new_rate)
    assert_close(got, want, rtol=0, atol=1e-12)
    assert len(resample(one[:0], rate, new_rate)) == 0


def test_a_recording_of_another_rate_comes_through_the_door(tmp_path: Path) -> None:
    """8000 samples a second, of two channels, in whole numbers: read, mixed and resampled."""
    both = torch.stack([waves(8000, 500.0), torch.zeros(8000, dtype=torch.float64)], 1)
    content = (20_000 * both).short().numpy().astype("<i2").tobytes()
    samples, rate = read_wav(written(tmp_path / "a.wav", content, width=2, channels=2))
    assert rate == 8000
    with pytest.raises(ValueError, match=r"^rate should be 16000; resample the sound first"):
        log_mel(samples, rate)
    power = mel_power(resample(samples, rate), SAMPLE_RATE)
    want = mel_power(waves(SAMPLE_RATE, 500.0).float() * 20_000 / 32_768 / 2, SAMPLE_RATE)
    loud = want > 1e-2 * want.max()
    assert_close(power[loud], want[loud], rtol=3e-2, atol=0)


@pytest.mark.plain
@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: resample(torch.ones(2, 9), 8000), "samples should have shape"),
        (lambda: resample(torch.ones(9).short(), 8000), "samples should"),
        (lambda: resample(torch.ones(9), 0), "rate should be a positive whole number, got 0"),
        (lambda: resample(torch.ones(9), 8000, 1.5), "new_rate should be a positive whole"),
        (
            lambda: resample(torch.ones(9), 44_101),
            "new_rate should have more in common with rate=44101, got 16000",
        ),
    ],
)
def test_what_cannot_be_resampled_is_refused_by_name(ask: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        ask()


# ------------------------------------------------------------------ files


def written(path: Path, content: bytes, *, width: int, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(8000)
        file.writeframes(content)
    return path


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_a_file_of_any_width_is_read_between_minus_one_and_one(width: int, tmp_path: Path) -> None:
    top = 1 << (8 * width - 1)
    numbers = [0, top // 2, -top // 2, -top, top - 1]
    if width == 1:  # one byte has no sign
        content = bytes(n + 128 for n in numbers)
    else:
        content = b"".join(n.to_bytes(width, "little", signed=True) for n in numbers)
    samples, rate = read_wav(written(tmp_path / "a.wav", content, width=width))
    assert rate == 8000
    assert samples.dtype == torch.float32
    assert_close(samples, torch.tensor([0.0, 0.5, -0.5, -1.0, (top - 1) / top]))


def test_of_several_channels_it_is_the_mean(tmp_path: Path) -> None:
    content = struct.pack("<4h", 16384, 0, -32768, 16384)
    samples, _ = read_wav(written(tmp_path / "a.wav", content, width=2, channels=2))
    assert_close(samples, torch.tensor([0.25, -0.25]))


def test_a_recording_is_seen_as_by_the_published_extractor(tmp_path: Path) -> None:
    whole = (32767 * noise(4000).clamp(-1, 1)).short()
    path = written(tmp_path / "a.wav", whole.numpy().astype("<i2").tobytes(), width=2)
    samples, _ = read_wav(path)
    assert_close(samples, whole.float() / 32768)
    assert_close(log_mel(samples, SAMPLE_RATE), by_theirs(samples, 80), **ASK)


@pytest.mark.parametrize(
    "name",
    ["nothing", "empty", "no sound", "a text", "cut", "endless", "float", "no frames", "a folder"],
)
def test_a_file_that_is_none_is_refused_by_its_name(name: str, tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", struct.pack("<100h", *range(100)), width=2)
    content = path.read_bytes()
    changed = {
        "empty": b"",
        "no sound": content[:36],
        "a text": b"hello" * 20,
        "cut": content[:40],
        "endless": content[:40] + b"\xff\xff\xff\x7f" + content[44:],
        "float": content[:20] + b"\x03\x00" + content[22:],
        "no frames": content[:40] + bytes(4),
    }
    if name in changed:
        path.write_bytes(changed[name])
    elif name == "nothing":
        path = tmp_path / "b.wav"
    else:
        path = tmp_path
    with pytest.raises(ValueError, match=re.escape(str(path))):
        read_wav(path)


def test_no_byte_of_a_header_breaks_the_reader(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", struct.pack("<10h", *range(10)), width=2)
    content, chance = path.read_bytes(), np.random.default_rng(0)
    for place in range(44):
        for value in {0, 1, 127, 128, 255, int(chance.integers(256))}:
            path.write_bytes(content[:place] + bytes([value]) + content[place + 1 :])
            try:
                samples, _ = read_wav(path)
            except ValueError as error:
                assert str(path) in str(error)  # noqa: PT017
            else:
                assert len(samples) <= 20
