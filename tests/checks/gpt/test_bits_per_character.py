import math
from functools import partial

import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.training import TextScore, score_text, surprises
from txlite.training.language import window_starts

check = checks.bits_per_character


def costs(nats, fresh, rows=slice(None), first=0):
    """What counts, one number after the other."""
    return [
        cost
        for row, marks in zip(nats.tolist()[rows], fresh.tolist()[rows], strict=True)
        for cost, counts in zip(row[first:], marks[first:], strict=True)
        if counts
    ]


def bits(nats, fresh, characters, **chosen):
    return math.fsum(costs(nats, fresh, **chosen)) * math.log2(math.e) / characters


def test_right_answers_in_other_words_pass():
    check(bits).require()
    check(lambda nats, fresh, n: (nats * fresh).sum().item() / (n * math.log(2))).require()


def by_window(nats, fresh, characters):
    means = [sum(row := costs(nats, fresh, slice(w, w + 1))) / len(row) for w in range(len(nats))]
    return sum(means) / len(means) * len(costs(nats, fresh)) * math.log2(math.e) / characters


def over_all(nats, fresh, characters):
    return bits(nats, fresh, characters) * len(costs(nats, fresh)) / nats.numel()


def everything(nats, fresh, characters):
    return bits(nats, torch.ones_like(fresh), characters)


WRITTEN = {
    "windows' means averaged": by_window,
    "windows' sums averaged": lambda x, f, n: bits(x, f, n) / len(x),
    "counted twice": everything,
    "mean over all positions": over_all,
    "only what was predicted before": lambda x, f, n: everything(x, f, n) - bits(x, f, n),
    "the first of each window forgotten": partial(bits, first=1),
    "the last window forgotten": partial(bits, rows=slice(0, -1)),
    "per token": lambda x, f, n: bits(x, f, f.count_nonzero().item()),
    "per byte and per bit": lambda x, f, n: bits(x, f, n) / 8,
    "the whole text": lambda x, f, n: bits(x, f, 1),
    "nats": lambda x, f, n: math.fsum(costs(x, f)) / n,
    "multiplied by log 2": lambda x, f, n: bits(x, f, n) * math.log(2) ** 2,
    "decimal digits": lambda x, f, n: bits(x, f, n) * math.log10(2),
    "perplexity": lambda x, f, n: 2 ** bits(x, f, f.count_nonzero().item()),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_it_is_what_the_package_counts():
    """Token i is followed by i + 1 with p = 1 / (i + 2), whatever stands before."""
    table = torch.zeros(21, 21, dtype=torch.double)
    for i in range(20):
        table[i] = (1 - 1 / (i + 2)) / 20
        table[i, i + 1] = 1 / (i + 2)
    tokens = torch.arange(20)[None]
    starts = window_starts(19, 8, 4)
    nats = torch.stack(
        [surprises(lambda x: table[x].log(), tokens[:, s : s + 9])[0] for s in starts]
    )
    seen, fresh = 0, torch.zeros(len(starts), 8, dtype=torch.bool)
    for row, start in enumerate(starts):
        fresh[row, seen - start :] = True
        seen = start + 8
    score = score_text(
        lambda x: table[x].log(), "abcdefghijklmnopqrs", encode=lambda text: list(range(1, 20)),
        bos_id=0, vocabulary="numbers",
    )  # fmt: skip
    assert isinstance(score, TextScore)
    assert score.nats == pytest.approx(math.lgamma(21))  # the product of 2 to 20
    assert check.reference(nats, fresh, 19) == pytest.approx(score.bits_per_character)
