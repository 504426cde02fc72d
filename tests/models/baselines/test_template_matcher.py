"""Recordings laid over a sound: against every way there is, by hand, and on real recordings."""

import math
from itertools import pairwise, product

import pytest
import torch
from torch import Tensor

from txlite.data.audio import log_mel
from txlite.data.spoken import DIGITS, recordings
from txlite.models import TemplateMatcher

LENGTHS = (3, 1, 2)


def drawn(seed: int, lengths: tuple[int, ...] = LENGTHS) -> tuple[list[Tensor], Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return [torch.randn(n, 2, generator=draw) for n in lengths], torch.zeros(2)


def by_every_way(templates: list[Tensor], pause: Tensor, sound: Tensor, price: float) -> list[int]:
    """Return the words of the cheapest of all sequences of vectors that are allowed."""
    parts = [*templates, pause[None]]
    states = [(w, j) for w, part in enumerate(parts) for j in range(len(part))]
    best: tuple[float, list[int]] = (math.inf, [])
    for path in product(states, repeat=len(sound)):
        if path[0][1] != 0 or path[-1][1] != len(parts[path[-1][0]]) - 1:
            continue
        ways = [(0.0, [path[0][0]])]
        for (w, j), (v, k) in pairwise(path):
            new = []
            if w == v and 0 <= k - j <= 2:
                new += ways
            if j == len(parts[w]) - 1 and k == 0:
                new += [(cost, [*words, v]) for cost, words in ways]
            ways = new
        near = sum(float((x - parts[w][j]).norm()) for x, (w, j) in zip(sound, path, strict=True))
        for _, words in ways:
            said = [w for w in words if w < len(templates)]
            best = min(best, (near + price * len(said), said))
    return best[1]


@pytest.mark.parametrize("price", [0.01, 0.7])
@pytest.mark.parametrize("seed", range(6))
def test_the_words_are_those_of_the_cheapest_of_all_ways(seed: int, price: float) -> None:
    templates, pause = drawn(seed)
    sound = torch.randn(4, 2, generator=torch.Generator().manual_seed(100 + seed))
    wanted = by_every_way(templates, pause, sound, price)
    assert TemplateMatcher(templates, pause, price=price)([sound]) == [wanted]


def test_sounds_of_a_batch_are_read_as_alone() -> None:
    templates, pause = [torch.zeros(1, 2), *drawn(0)[0]], torch.tensor([3.0, -2.0])
    draw = torch.Generator().manual_seed(1)  # and zeros, which fill a batch up, are a word
    sounds = [torch.randn(n, 2, generator=draw) for n in (9, 2, 30, 1)]
    matcher = TemplateMatcher(templates, pause, price=0.2)
    assert matcher(sounds) == [matcher([sound])[0] for sound in sounds]
    assert matcher([]) == []


def test_a_word_is_found_twice_as_fast_and_slower_and_no_faster() -> None:
    word = 10.0 * torch.eye(8)
    matcher = TemplateMatcher([word, torch.full((1, 8), 9.0)], torch.zeros(8), price=1.0)
    assert matcher([word]) == [[0]]
    assert matcher([word.repeat_interleave(3, 0)]) == [[0]]
    assert matcher([torch.cat([word[:1], word[1::2]])]) == [[0]]
    assert matcher([torch.cat([word, torch.zeros(3, 8), word])]) == [[0, 0]]
    assert matcher([word[::4]]) != [[0]]


def test_a_price_is_paid_for_words_and_not_for_pauses() -> None:
    templates, pause = [torch.ones(1, 1)], torch.zeros(1)
    sound = torch.tensor([[0.6], [0.6], [0.0]])  # 0.4 from the word, 0.6 from the pause
    assert TemplateMatcher(templates, pause)([sound])[0]
    assert TemplateMatcher(templates, pause, price=0.3)([sound]) == [[0]]
    assert TemplateMatcher(templates, pause, price=0.5)([sound]) == [[]]


def test_the_recordings_are_found_in_themselves() -> None:
    voice = recordings()
    shapes = [log_mel(voice[d], 16_000, num_mels=40, seconds=None).mT for d in DIGITS]
    matcher = TemplateMatcher(shapes, torch.full((40,), -1.5))
    gap = torch.full((5, 40), -1.5)
    said = [7, 0, 0, 3]
    sound = torch.cat([part for digit in said for part in (gap, shapes[digit])])
    assert matcher([sound]) == [said]
    assert matcher(shapes) == [[digit] for digit in range(10)]


@pytest.mark.plain
def test_what_cannot_be_laid_over_a_sound_is_refused() -> None:
    templates, pause = drawn(0)
    with pytest.raises(ValueError, match="templates should hold at least one template, got none"):
        TemplateMatcher([], pause)
    with pytest.raises(ValueError, match="templates should have at least one vector each"):
        TemplateMatcher([templates[0][:0]], pause)
    with pytest.raises(ValueError, match=r"templates should have shape .*M=3"):
        TemplateMatcher(templates, torch.zeros(3))
    with pytest.raises(ValueError, match="price should be a finite number, got inf"):
        TemplateMatcher(templates, pause, price=math.inf)
    matcher = TemplateMatcher(templates, pause)
    with pytest.raises(ValueError, match="sounds should have at least one vector each, got none"):
        matcher([torch.zeros(0, 2)])
    with pytest.raises(ValueError, match=r"sounds should have shape .*M=2"):
        matcher([torch.zeros(4, 3)])
