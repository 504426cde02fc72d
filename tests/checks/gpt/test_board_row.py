"""The board's checker: its row, its clock, and each thing that it refuses by name."""

import importlib
import time
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import one_hot, pad

from tests.checks.written import earns
from txlite import checks
from txlite.data.documents import Document, TextSplit
from txlite.models import NGram
from txlite.training import BoardRow, Entry, TextScore, score_text

check = checks.board_row
board_row = importlib.import_module("txlite.checks.gpt.board_row")
TEXT = "What a thing costs, in bits: naïve, but Fair. " * 4 + "zz."


def judged(answer, **options):
    return check(answer, text=TEXT, **options)


def counting(seed, order=3, **changes):
    """An n-gram that has counted another part of a text with every seed."""
    text = ("to be, or not to be: that is the question. Whether 'tis nobler " * 3)[seed : seed + 90]
    whole = {
        "model": NGram(list(text.encode()), 256, order=order),
        "encode": lambda text: list(text.encode()),
        "decode": lambda ids: bytes(ids).decode(errors="replace"),
        "bos_id": 10, "vocab_size": 256, "window": 24, "seconds": 0.0, "vocabulary": "bytes",
    }  # fmt: skip
    return Entry(**{**whole, **changes})


def with_scores(change):
    """Change an honest model's logits; ``change`` is told the tokens too."""

    def train(seed):
        honest = counting(seed).model
        return counting(seed, model=lambda tokens: change(tokens, honest(tokens)))

    return train


def test_an_honest_entry_gets_its_row():
    verdict = judged(counting)
    assert verdict.require().mistake is None
    found = [
        score_text(
            counting(seed).model, TEXT, encode=counting(seed).encode, bos_id=10,
            vocabulary="bytes", window=24,
        )
        for seed in range(5)
    ]  # fmt: skip
    bits = [score.bits_per_byte for score in found]
    assert verdict.message.startswith(
        f"counting: {sum(bits) / 5:.3f} bits per byte ({min(bits):.3f} to {max(bits):.3f} over 5 "
    )
    judged(check.reference).require()


def pair(tokens, logits):
    later, after = pad(tokens, (0, 2))[:, 1:-1], pad(tokens, (0, 2))[:, 2:]
    return logits + ((later > 199) & (after > 199))[..., None] * torch.linspace(0, 5, 256)


class Memory:
    """A model that adds up every token it has ever read."""

    def __init__(self, seed):
        self.honest, self.read = counting(seed).model, 0

    def __call__(self, tokens):
        self.read = self.read + one_hot(tokens, 256).sum((0, 1)) / 10
        return self.honest(tokens) + self.read


def by_heart(seed):
    entry = counting(seed)
    return replace(
        entry,
        encode=lambda text: [7] if text == TEXT else entry.encode(text),
        decode=lambda ids: TEXT if ids == [7] else entry.decode(ids),
    )


def ahead(tokens, logits, *offsets):
    seen = sum(one_hot(pad(tokens, (0, n))[:, n:], 256) for n in offsets)
    return logits + seen


def slow(seed):
    time.sleep(80)
    return counting(seed)


WRITTEN = {
    "reads its target": with_scores(lambda x, z: ahead(x, z, 1)),
    "reads the whole text": with_scores(lambda x, z: z + one_hot(x, 256).sum(1, keepdim=True)),
    "reads ahead": with_scores(lambda x, z: ahead(x, z, 1, 2, 3)),
    "reads later tokens together": with_scores(pair),
    "depends on the batch": with_scores(lambda x, z: z - z.mean(0)),
    "depends on the length": with_scores(
        lambda x, z: (
            z * torch.arange(len(x[0]), 0, -1)[:, None] / len(x[0]) / 2 + z.flip(-1) * len(x[0]) / 9
        )
    ),
    "other predictions the second time": lambda seed: counting(seed, model=Memory(seed)),
    "a text that does not come back": lambda seed: counting(
        seed, encode=lambda text: list(text.replace(" ", "").encode())
    ),
    "knows the text by heart": by_heart,
    "probabilities for logits": with_scores(lambda x, z: z.exp() / z.exp().sum(-1, keepdim=True)),
    "one run, and not five": lambda seed: counting(4),
    "trained too long": slow,
}


@pytest.fixture
def clock(monkeypatch):
    """A clock that only sleeping moves."""
    now = [0.0]
    monkeypatch.setattr(board_row.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(board_row.time, "sleep", lambda s: now.__setitem__(0, now[0] + s))
    return now


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer, clock):
    earns(judged, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes) == set(board_row._REASONS.values())


@pytest.mark.parametrize("mistake", check.bank, ids=check.mistakes)
def test_every_wrong_entry_dies_by_its_own_diagnosis(mistake, clock):
    earns(judged, mistake.wrong, mistake.name)
    verdict = judged(mistake.wrong)
    assert mistake.sentence in " ".join(verdict.message.split())
    assert "not on the board" in verdict.message
    assert max(map(len, verdict.message.splitlines())) <= 76


def test_seconds_are_those_of_its_own_clock(clock):
    def patient(seed, seconds=70):
        time.sleep(seconds)
        return counting(seed, seconds=1e9)  # what an entry says of itself does not count

    assert ", 70 s" in " ".join(judged(patient).require().message.split())
    verdict = judged(lambda seed: patient(seed, 76))
    assert verdict.mistake == "trained too long"
    assert clock[0] == 5 * 70 + 76  # nobody waits for the other four
    assert judged(patient, longest=69.0).mistake == "trained too long"


def test_five_seeds_are_drawn_and_the_name_is_the_functions():
    asked = []

    def my_entry(seed):
        asked.append(seed)
        return counting(seed)

    assert judged(my_entry).message.startswith("my_entry: ")
    assert asked == [0, 1, 2, 3, 4]
    assert judged(Callable()).message.startswith("an entry: ")


class Callable:
    """A function without a name."""

    def __call__(self, seed):
        return counting(seed)


def test_without_a_text_it_is_the_librarys_held_out_part(monkeypatch):
    parts = [(Document("m", text),) for text in ("train", "valid", TEXT)]
    monkeypatch.setattr(board_row, "library_text", lambda: TextSplit(*parts))
    assert check(counting) == judged(counting)


def test_rows_of_others_may_stand_beside_it(monkeypatch):
    parts = [(Document("m", text),) for text in ("train", "valid", TEXT)]
    monkeypatch.setattr(board_row, "library_text", lambda: TextSplit(*parts))
    score = TextScore(nats=1.0, tokens=9, characters=9, bytes=9, vocabulary="x")
    better = BoardRow(name="better", scores=(score,), seconds=1.0)
    worse = replace(better, name="worse", scores=(replace(score, nats=999.0),))
    verdict = check(counting, beside=[worse, better]).require()
    lines = [line for line in verdict.message.splitlines() if line[0].isdigit()]
    assert [line.split(":")[0] for line in lines] == ["1. better", "2. counting", "3. worse"]
    assert check(lambda seed: counting(4), beside=[worse]).mistake == "one run, and not five"
    with pytest.raises(ValueError, match="beside should be empty where text is given"):
        check(counting, text=TEXT, beside=[worse])


def test_what_is_no_entry_is_told():
    assert judged(lambda seed: None).mistake == "nothing yet"
    assert check.task in " ".join(judged(lambda seed: ...).message.split())
    assert "no Entry, but of type int" in judged(lambda seed: 7).message
    said = judged(lambda seed: missing(seed))
    assert "NameError: name 'missing' is not defined" in said.message
    assert "wanted" in said.message
    assert judged(lambda: 7).mistake == "other arguments"
    said = judged(lambda seed: counting(seed, model=lambda tokens: tokens))
    assert "The judge could not read the model: the model's logits should have" in said.message


@pytest.mark.plain
def test_what_is_no_function_is_told():
    assert judged(7).mistake == "not a function"
