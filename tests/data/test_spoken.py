"""Spoken strings: what is said, when, and that nothing that is held out is trained on."""

import re
import wave
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from txlite.data.audio import SAMPLE_RATE, log_mel
from txlite.data.spoken import DIGITS, SYMBOLS, Utterance, digit_strings, recordings, spoken

CALM: dict[str, Any] = {
    "speeds": (1.0, 1.0), "quietest": 0.0, "pauses": (0.1, 0.1), "noise": (120.0, 120.0),
}  # fmt: skip


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def piece(said: Utterance, i: int) -> Tensor:
    begin, end = (round(x) for x in (SAMPLE_RATE * said.spans[i]).tolist())
    return said.samples[begin:end]


# ------------------------------------------------------------------ recordings


def test_every_symbol_has_a_recording_of_its_own() -> None:
    voice = recordings(SYMBOLS)
    assert list(voice) == list(SYMBOLS)
    for sound in voice.values():
        assert sound.dtype == torch.float32
        assert 0.15 < len(sound) / SAMPLE_RATE < 1.0
        assert sound.abs().max().item() == pytest.approx(0.9, abs=0.05)
        assert abs(sound.mean().item()) < 0.01
        assert sound[0] == 0 == sound[-1]  # it fades in and out
    assert len({tuple(sound[:2000].tolist()) for sound in voice.values()}) == len(SYMBOLS)


def test_another_voice_is_read_from_a_folder(tmp_path: Path) -> None:
    """A file of 8000 samples a second, of which the silence goes."""
    sound = torch.zeros(4000)
    sound[1000:2000] = 0.3 * (torch.arange(1000) / 3).sin()
    with wave.open(str(tmp_path / "7.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes((32_767 * sound).short().numpy().astype("<i2").tobytes())
    (voice,) = recordings("7", tmp_path).values()
    assert len(voice) == pytest.approx(2000, abs=250)
    with pytest.raises(ValueError, match="path should be a WAV file"):
        recordings("8", tmp_path)


# ------------------------------------------------------------------ strings


def test_strings_are_of_every_length_and_digit_alike_and_none_that_is_held_out() -> None:
    told = digit_strings(6000, shortest=2, longest=4, generator=chance())
    lengths, digits = Counter(map(len, told)), Counter("".join(told))
    assert set(lengths) == {2, 3, 4}
    assert set(digits) == set(DIGITS)
    for counts, kinds in ((lengths, 3), (digits, 10)):
        mean = sum(counts.values()) / kinds
        chi = sum((n - mean) ** 2 / mean for n in counts.values())
        assert chi < 30
    held_out = set(told[:50])
    others = digit_strings(3000, shortest=2, longest=3, generator=chance(), without=held_out)
    assert not held_out & set(others)
    assert len(others) == 3000


# ------------------------------------------------------------------ how they sound


def test_what_sounds_between_the_marks_is_the_recording() -> None:
    voice = recordings()
    said = spoken("4071", voice, generator=chance(), **CALM)
    assert said.text == "4071"
    for i, symbol in enumerate("4071"):
        assert_close(piece(said, i), voice[symbol], rtol=0, atol=1e-4)
    gaps = torch.cat([said.spans[1:, 0] - said.spans[:-1, 1], said.spans[:1, 0]])
    assert_close(gaps, torch.full((4,), 0.1), rtol=0, atol=1e-4)
    quiet = said.samples.clone()
    for begin, end in (SAMPLE_RATE * said.spans).round().long().tolist():
        quiet[begin:end] = 0
    assert quiet.abs().max() < 1e-4
    assert len(said.samples) == pytest.approx(SAMPLE_RATE * (said.spans[-1, 1].item() + 0.1), abs=2)


def test_speed_loudness_pauses_and_noise_are_what_is_asked_for() -> None:
    voice = recordings()
    fast = spoken("5", voice, generator=chance(), **{**CALM, "speeds": (2.0, 2.0)})
    assert len(piece(fast, 0)) == pytest.approx(len(voice["5"]) / 2, abs=1)
    # twice as fast is an octave higher: the same spectrum, stretched
    slow_power = torch.fft.rfft(voice["5"], 2 * SAMPLE_RATE).abs()[:6000:2]
    fast_power = torch.fft.rfft(piece(fast, 0), SAMPLE_RATE).abs()[:6000:2]
    likeness = torch.cosine_similarity(slow_power[:1500], fast_power[:3000][:1500], dim=0)
    assert likeness > 0.98
    levels = []
    for seed in range(40):
        said = spoken("5", voice, generator=chance(seed), **{**CALM, "quietest": -12.0})
        levels.append(20 * (piece(said, 0).norm() / voice["5"].norm()).log10().item())
    assert -12.1 < min(levels) < -9
    assert -3 < max(levels) < 0.1
    noisy = spoken("55", voice, generator=chance(), **{**CALM, "noise": (10.0, 10.0)})
    clear = spoken("55", voice, generator=chance(), **CALM)
    ratio = 20 * (clear.samples.norm() / (noisy.samples - clear.samples).norm()).log10().item()
    assert ratio == pytest.approx(10, abs=0.5)


def test_the_same_chance_says_the_same_and_another_something_else() -> None:
    voice = recordings()
    one, again, other = (spoken("123", voice, generator=chance(s)) for s in (3, 3, 4))
    assert torch.equal(one.samples, again.samples)
    assert len(one.samples) != len(other.samples)
    assert one.samples.abs().max() <= 1
    assert log_mel(one.samples, SAMPLE_RATE, seconds=None).isfinite().all()
    state = torch.random.get_rng_state()
    spoken("123", voice, generator=chance())
    assert torch.equal(torch.random.get_rng_state(), state)


# ------------------------------------------------------------------ errors


@pytest.mark.plain
@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: recordings("1é"), "symbols should be out of 0123456789ABC"),
        (lambda: digit_strings(3, shortest=0, longest=2, generator=chance()), "shortest should"),
        (
            lambda: digit_strings(3, shortest=3, longest=2, generator=chance()),
            "longest should be at least shortest=3, got 2",
        ),
        (
            lambda: digit_strings(
                3, shortest=1, longest=1, generator=chance(), without=list(DIGITS)
            ),
            "without should leave enough strings of 1 to 1 digits, got 10 that may not come",
        ),
        (lambda: spoken("", {"1": torch.ones(9)}, generator=chance()), "text should be made of 1"),
        (lambda: spoken("2", {"1": torch.ones(9)}, generator=chance()), "text should be made of 1"),
        (
            lambda: spoken("1", {"1": torch.ones(9)}, generator=chance(), speeds=(0.0, 1.0)),
            "speeds should be two numbers from 0.1, got 0",
        ),
        (
            lambda: spoken("1", {"1": torch.ones(9)}, generator=chance(), pauses=(0.3, 0.1)),
            "pauses should rise, got 0.3 and 0.1",
        ),
        (
            lambda: spoken("1", {"1": torch.ones(9)}, generator=chance(), quietest=3.0),
            "quietest should be at most 0, got 3",
        ),
        (lambda: spoken("1", {"1": torch.ones(9)}, generator=7), "generator should be a"),  # type: ignore[arg-type]
    ],
)
def test_errors(ask: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        ask()


@pytest.mark.plain
def test_without_the_package_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("txlite.data.spoken.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="captcha should be installed"):
        recordings("1")
