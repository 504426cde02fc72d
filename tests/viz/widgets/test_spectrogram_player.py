"""The spectrogram player's Python side: what travels, and how much attention lies on a word."""

import math
import re
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from txlite.viz.widgets.spectrogram_player import Sound, SpectrogramPlayer
from txlite.viz.widgets.tensors import pack

RATE, SECONDS = 8000, 2.0


def sound(name: str = "a hum", seed: int = 0, count: int = 3) -> Sound:
    draw = torch.Generator().manual_seed(seed)
    time = torch.arange(int(RATE * SECONDS)) / RATE
    edges = torch.linspace(0.1, 1.9, count + 1)
    return Sound(
        name=name,
        samples=0.4 * (2 * math.pi * 220 * time).sin(),
        rate=RATE,
        picture=torch.randn(12, 200, generator=draw),
        words=[f"w{i}" for i in range(count)],
        times=torch.stack([edges[:-1], edges[1:]], 1),
        weights=torch.rand(count, 40, generator=draw),
    )


def player(**traits: Any) -> SpectrogramPlayer:
    return SpectrogramPlayer([sound(), sound("another", 1, 2)], **traits)


def test_the_share_is_that_of_the_vectors_in_the_word_s_time() -> None:
    for number, count in ((0, 3), (1, 2)):
        for word in range(count):
            told, given = player(sound=number, word=word).shown(), sound("", number, count)
            begin, end = (round(x, 3) for x in given.times[word].tolist())
            inside = [i for i in range(40) if begin <= (i + 0.5) * SECONDS / 40 < end]
            own = given.weights[word].double()
            assert told.share == pytest.approx(own[inside].sum().item() / own.sum().item())
            assert told.evenly == len(inside) / 40
            assert (told.word, told.begin, told.end) == (f"w{word}", begin, end)


def test_all_weight_in_its_time_is_all_of_it_and_none_is_none() -> None:
    one = sound()
    weights = torch.zeros(3, 40)
    weights[0, 5] = 0.2
    weights[1, 0] = 0.2
    figure = SpectrogramPlayer([one._replace(weights=weights)])
    shares = []
    for figure.word in range(3):
        shares.append(figure.shown().share)
    assert shares == [1.0, 0.0, 0.0]


def test_the_sound_travels_in_two_bytes_and_the_picture_in_one() -> None:
    figure, given = player(), sound()
    travels = figure.numbers["0.samples"]
    assert travels.dtype == torch.int16
    assert_close(travels / 32_767, given.samples, rtol=0, atol=1e-4)
    assert figure.numbers["0.picture"].dtype == torch.uint8
    low, high = given.picture.min(), given.picture.max()
    back = low + (high - low) * figure.numbers["0.picture"] / 255
    assert_close(back, given.picture, rtol=0, atol=float(high - low) / 500)
    size = len(pack(SpectrogramPlayer([given]).numbers)["data"])
    assert size < 2 * len(given.samples) + 12 * 200 + 4 * 3 * 40 + 32
    loud = SpectrogramPlayer([given._replace(samples=given.samples * 10)])
    assert loud.numbers["0.samples"].abs().max() == 32_767  # it is cut, and does not turn over


def test_its_name_is_the_same_in_every_run() -> None:
    assert repr(player()) == "SpectrogramPlayer: A sound, word by word"


@pytest.mark.plain
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": 4000}, "rate should be from 8000 to 48000, got 4000"),
        ({"words": []}, "words should hold at least one word, got none"),
        ({"samples": torch.zeros(2, 9)}, "samples should have shape"),
        ({"picture": torch.zeros(9)}, "picture should have shape"),
        ({"times": torch.zeros(2, 2)}, "times should have shape (N=3, 2), got (2, 2)"),
        ({"weights": torch.zeros(2, 9)}, "weights should have shape (N=3, S), got (2, 9)"),
    ],
)
def test_errors_name_what_is_wrong(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        SpectrogramPlayer([sound()._replace(**change)])


@pytest.mark.plain
def test_no_sound_is_refused() -> None:
    with pytest.raises(ValueError, match="sounds should hold at least one sound, got none"):
        SpectrogramPlayer([])
