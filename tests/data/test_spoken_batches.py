"""Batches of spoken strings: what is read is the sound's own picture, and the short ones first."""

import re
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from txlite.data.audio import SAMPLE_RATE, log_mel
from txlite.data.spoken import Utterance, digit_strings, recordings, spoken
from txlite.data.spoken_batches import BEGIN, END, VOCABULARY, Spectrograms, SpokenBatches

MELS = 20


@pytest.fixture(scope="module")
def pictures() -> Spectrograms:
    chance = torch.Generator().manual_seed(0)
    texts = digit_strings(40, shortest=1, longest=5, generator=chance)
    said = [spoken(text, recordings(), generator=chance) for text in texts]
    return Spectrograms(said, num_mels=MELS)


def test_a_batch_is_the_picture_of_the_sound_with_silence_behind_it(pictures: Spectrograms) -> None:
    rows = [3, 0, 17]
    batch = pictures.batch(rows)
    width = batch.source.shape[2]
    assert width % 2 == 0
    for i, row in enumerate(rows):
        said = pictures.utterances[row]
        whole = log_mel(said.samples, SAMPLE_RATE, num_mels=MELS, seconds=6.0)
        assert_close(batch.source[i], whole[:, :width])
        frames = len(said.samples) // 160
        assert batch.vectors[i] == (frames + 1) // 2
        assert width >= frames + 10
        assert batch.source[i, :, frames + 3 :].std() < 1e-6  # nothing sounds there


def test_tokens_stand_between_their_marks(pictures: Spectrograms) -> None:
    assert (BEGIN, END, VOCABULARY) == (10, 11, 12)
    batch = pictures.batch(range(10))
    for i in range(10):
        text = pictures.utterances[i].text
        real = batch.target[i][batch.target_keep[i]]
        assert real.tolist() == [BEGIN, *map(int, text), END]
        assert batch.target_keep[i].sum() == len(text) + 2


@pytest.mark.kills(
    "spoken: the curriculum never ends",
    "data/spoken_batches.py",
    "if self.epoch < self.short_epochs:",
    "if self.short_epochs:",
)
def test_the_shortest_quarter_comes_first_and_then_everything(pictures: Spectrograms) -> None:
    batches = SpokenBatches(pictures, batch_size=4, short_epochs=2)
    frames = sorted(pictures.frames)
    seen = []
    for _ in range(4):
        rows = [row for plan in batches._plan() for row in plan]
        assert len(rows) == len(set(rows))
        seen.append(rows)
        list(batches)
    assert sorted(pictures.frames[row] for row in seen[0]) == frames[:10]
    assert sorted(seen[0]) == sorted(seen[1])
    assert seen[0] != seen[1]
    assert sorted(seen[2]) == sorted(seen[3]) == list(range(40))


def test_strings_of_like_length_go_together(pictures: Spectrograms) -> None:
    batches = SpokenBatches(pictures, batch_size=5)
    widths = [batch.source.shape[2] for batch in batches]
    lone = [pictures.batch([row]).source.shape[2] for row in range(40)]
    assert 5 * sum(widths) < 0.75 * 40 * max(lone)
    assert widths != sorted(widths)


def test_a_source_that_is_set_back_goes_on_alike(pictures: Spectrograms) -> None:
    one, other = (SpokenBatches(pictures, batch_size=4, short_epochs=1, seed=5) for _ in range(2))
    list(one)
    walk = iter(one)
    next(walk)
    state = one.state_dict()
    want = next(walk)
    other.load_state_dict(state)
    assert torch.equal(next(iter(other)).source, want.source)
    with pytest.raises(ValueError, match="batches should have short_epochs 1, got 0"):
        SpokenBatches(pictures, batch_size=4, seed=5).load_state_dict(state)


@pytest.mark.plain
@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda p: Spectrograms([]), "utterances should hold at least one utterance, got none"),
        (
            lambda p: Spectrograms([Utterance("1A", torch.zeros(800), torch.zeros(2, 2))]),
            "utterances should be strings of digits, got '1A'",
        ),
        (lambda p: SpokenBatches(p, batch_size=0), "batch_size should be a positive whole number"),
        (lambda p: SpokenBatches(p, batch_size=1, short_epochs=-1), "short_epochs should"),
        (
            lambda p: SpokenBatches(p, batch_size=1, short_share=0.0),
            "short_share should be in (0, 1], got 0",
        ),
    ],
)
def test_errors(ask: Any, message: str, pictures: Spectrograms) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        ask(pictures)
