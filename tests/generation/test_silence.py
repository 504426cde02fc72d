"""What a written text is worth: three numbers, their bounds, and the sign of each comparison."""

import math
import re
import zlib

import pytest
import torch

from txlite.generation import Doubt, compression_ratio, no_speech_probability


def test_the_probability_is_that_of_one_token() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.5], [0.0, 0.0, math.log(2)]], dtype=torch.float64)
    got = no_speech_probability(logits, 2)
    assert got[1].item() == pytest.approx(0.5)
    odds = math.exp(0.5) / (math.exp(1.0) + math.exp(2.0) + math.exp(0.5))
    assert got[0].item() == pytest.approx(odds)


def test_bytes_are_counted_and_not_letters() -> None:
    for text in ("明天开会吗", "été", "", "one two"):
        content = text.encode("utf-8")
        assert compression_ratio(text) == len(content) / len(zlib.compress(content))
    assert compression_ratio("thank you. " * 30) > 2.4 > compression_ratio("thank you, my friend")


@pytest.mark.parametrize(
    ("no_speech", "log_prob", "silent"),
    [
        (0.7, -1.5, True),
        (0.7, -0.5, False),  # it is sure of its words
        (0.5, -1.5, False),  # somebody speaks
        (0.6, -1.5, False),  # the bound itself is not above it
        (0.7, -1.0, True),
    ],
)
def test_silence_needs_both(no_speech: float, log_prob: float, silent: bool) -> None:
    assert Doubt(no_speech, log_prob, 1.0).silent() is silent


@pytest.mark.parametrize(
    ("no_speech", "log_prob", "compression", "failed"),
    [
        (0.1, -0.3, 1.2, False),
        (0.1, -0.3, 2.5, True),
        (0.1, -0.3, 2.4, False),
        (0.1, -1.1, 1.2, True),
        (0.9, -1.1, 3.0, False),  # silence is no failure
        (0.9, -0.3, 3.0, True),  # it goes in circles, and is sure of it
    ],
)
def test_a_text_fails_that_circles_or_is_improbable(
    no_speech: float, log_prob: float, compression: float, failed: bool
) -> None:
    assert Doubt(no_speech, log_prob, compression).failed() is failed


def test_bounds_can_be_moved() -> None:
    doubt = Doubt(0.5, -0.8, 2.0)
    assert not doubt.silent()
    assert doubt.silent(no_speech=0.4, log_prob=-0.8)
    assert not doubt.failed()
    assert doubt.failed(compression=1.9)
    assert doubt.failed(log_prob=-0.7)


@pytest.mark.plain
def test_a_token_outside_the_vocabulary_is_refused() -> None:
    message = "no_speech_id should be a token of the vocabulary, in [0, V=3), got 3"
    with pytest.raises(ValueError, match=re.escape(message)):
        no_speech_probability(torch.zeros(1, 3), 3)
    with pytest.raises(ValueError, match="logits should have shape"):
        no_speech_probability(torch.zeros(3), 1)
