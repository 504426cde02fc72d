"""The judge of the board: its number, what it refuses, and the mistakes that it recognises."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from txlite.training.board import BoardRow, Entry, board, judge, name_claim

V = 256
TEXT = "What a thing costs, in bits: naïve, but fair. " * 3 + "z" * 21
WINDOW = 16


def chance() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def encode(text: str) -> list[int]:
    return list(text.encode())


def decode(ids) -> str:
    return bytes(ids).decode(errors="replace")


def habits(seed: int):
    """Return an honest model: what comes next depends on the last token, by a random table."""
    table = torch.randn(V, V, generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    table[122, 122] += 7  # the end of the text is cheap
    return lambda tokens: table[tokens]


def entry(seed: int = 0, **changes) -> Entry:
    whole = {
        "model": habits(seed), "encode": encode, "decode": decode, "bos_id": 0, "vocab_size": V,
        "window": WINDOW, "seconds": 60.0 + seed, "vocabulary": "bytes",
    }  # fmt: skip
    return Entry(**{**whole, **changes})


FIVE = [entry(seed) for seed in range(5)]


def judged(entries=FIVE, text=TEXT, **options) -> BoardRow:
    return judge("mine", entries, text, generator=chance(), **options)


def direct(seed: int, text: str = TEXT) -> float:
    """Return bits per byte, one token after the other."""
    ids = [0, *encode(text)]
    table = habits(seed)(torch.tensor([ids]))[0].log_softmax(-1)
    nats = -sum(table[i, ids[i + 1]].item() for i in range(len(ids) - 1))
    return nats / math.log(2) / len(text.encode())


def test_an_honest_entry_gets_its_row():
    row = judged()
    wanted = [direct(seed) for seed in range(5)]
    assert row.refused == ()
    assert row.bits_per_byte == pytest.approx(sum(wanted) / 5, rel=1e-9)
    assert [score.bits_per_byte for score in row.scores] == pytest.approx(wanted, rel=1e-9)
    assert str(row) == (
        f"mine: {sum(wanted) / 5:.3f} bits per byte ({min(wanted):.3f} to {max(wanted):.3f} over "
        f"5 seeds), {sum(wanted) / 5 * len(TEXT.encode()) / len(TEXT):.3f} per character, 64 s"
    )


def test_several_texts_are_weighted_by_their_bytes():
    row = judged(text=[TEXT, "", TEXT[:30]])
    one = (direct(0) * len(TEXT.encode()) + direct(0, TEXT[:30]) * 30) / (len(TEXT.encode()) + 30)
    assert row.scores[0].bits_per_byte == pytest.approx(one, rel=1e-9)


def ahead(tokens: Tensor) -> Tensor:
    return 9 * one_hot(tokens.roll(-1, 1), V).double()


CHEATS = {
    "reads the target": (ahead, "a prediction looks at its own target"),
    "both directions": (
        lambda t: one_hot(t, V).double().sum(1, keepdim=True).expand(-1, t.shape[1], -1),
        "predictions look at the whole text",
    ),
    "norm over the batch": (
        lambda t: habits(0)(t) - habits(0)(t).mean(0),
        "predictions depend on the other rows of the batch",
    ),
    "blocks of four": (
        lambda t: (
            one_hot(t, V).double().cumsum(1)
            + one_hot(t.roll(-1, 1), V) * (torch.arange(t.shape[1]) % 4 < 3)[:, None]
        ),
        "a prediction looks at its own target",
    ),
    "dropout left on": (
        lambda t: habits(0)(t) * (torch.rand(*t.shape, V) > 0.1),
        "the same tokens give other predictions",
    ),
}


@pytest.mark.kills(
    "board: the model is not probed",
    "training/board.py",
    "for reason in (_tokenizer(entry, texts), _leak(entry, texts, generator)):",
    "for reason in (_tokenizer(entry, texts),):",
)
@pytest.mark.parametrize("name", CHEATS)
def test_a_leak_is_named_and_gets_no_row(name: str):
    model, words = CHEATS[name]
    row = judged([replace(one, model=model) for one in FIVE])
    assert row.scores == ()
    assert row.bits_per_byte == math.inf
    (reason,) = row.refused  # five runs, and one reason
    assert reason.startswith(f"run 0: {words}")
    assert str(row) == f"mine: not on the board\n  {reason}"


def test_probabilities_are_no_logits():
    def as_probabilities(one: Entry) -> Entry:
        return replace(one, model=lambda tokens: one.model(tokens).softmax(-1))

    row = judged([as_probabilities(one) for one in FIVE])
    assert row.refused == (
        "run 0: the scores are probabilities, and logits are wanted: the judge takes the softmax",
    )
    logs = [replace(one, model=lambda x, m=one.model: m(x).log_softmax(-1)) for one in FIVE]
    row = judged(logs)  # log-probabilities are logits
    assert row.bits_per_byte == pytest.approx(judged().bits_per_byte, rel=1e-9)
    for change in (
        lambda z: 2 * z.softmax(-1),  # no probabilities, though not negative
        lambda z: z - z.mean(-1, keepdim=True) + 1 / V,  # nor these, though they have the sum 1
    ):
        others = [replace(o, model=lambda x, m=o.model, f=change: f(m(x))) for o in FIVE]
        assert judged(others).refused == ()


def test_a_module_that_gives_probabilities_is_judged_as_it_is_scored():
    class Table(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Parameter(habits(0)(torch.arange(V)))

        def forward(self, tokens: Tensor) -> Tensor:
            scores = self.table[tokens]
            return scores if self.training else scores.softmax(-1)

    model = Table()
    row = judged([replace(one, model=model) for one in FIVE])
    assert "run 0: the scores are probabilities" in row.refused[0]
    assert model.training


def test_one_run_that_leaks_is_enough():
    row = judged([*FIVE[:3], entry(3, model=ahead), FIVE[4]])
    assert [reason[:7] for reason in row.refused] == ["run 3: "]


def test_seeds_and_seconds_are_counted():
    row = judged([*FIVE[:3], entry(3, seconds=80.0)])
    assert row.refused == (
        "5 seeds are wanted, and 4 handed in",
        "75 s of training are allowed, and one took 80 s",
    )
    assert judged(FIVE[:2], num_seeds=2).refused == ()
    assert judged([entry(s, seconds=200.0) for s in range(5)], longest=300.0).refused == ()


@pytest.mark.kills(
    "board: one run counts as two seeds",
    "training/board.py",
    "if first.setdefault(score.nats, number) != number:",
    "if first.setdefault(number, number) != number:",
)
def test_the_same_run_twice_is_no_second_seed():
    row = judged([*FIVE[:4], FIVE[1]])
    assert row.refused == ("runs 1 and 4 are one and the same, not two seeds",)


def test_a_tokenizer_that_loses_or_knows_the_text_is_refused():
    def ascii_only(text: str) -> list[int]:
        return [byte if byte < 128 else 63 for byte in text.encode()]

    row = judged([replace(one, encode=ascii_only) for one in FIVE])
    assert row.refused == (
        "run 0: the tokens do not give the text back: what is lost costs no bits",
    )

    def by_heart(text: str) -> list[int]:
        return [*encode(text[:9]), 200, 201]

    def recite(ids) -> str:
        known = {200: TEXT[9:30], 201: TEXT[30:]}
        return "".join(known.get(number) or chr(number) for number in ids)

    row = judged([replace(one, encode=by_heart, decode=recite) for one in FIVE])
    (reason,) = row.refused
    size = len(TEXT[30:].encode())
    assert reason.startswith(f"run 0: a token stands for {size} bytes, {TEXT[30:50]!r}…: the tok")


# ------------------------------------------------------------------ what is claimed


def claims() -> dict[str, float]:
    """Return what the field's mistakes give for five seeds, each computed from its definition."""
    ids = [0, *encode(TEXT)]
    size = len(TEXT.encode())
    per_token = len(encode(TEXT)) / size
    found: dict[str, list[float]] = {}
    for seed in range(5):
        table = habits(seed)(torch.tensor([ids]))[0].log_softmax(-1)
        bits = [-table[i, ids[i + 1]].item() / math.log(2) for i in range(len(ids) - 1)]
        windows = [bits[i : i + WINDOW] for i in range(0, len(bits), WINDOW)]
        starts = [*range(0, len(bits) - WINDOW, WINDOW // 2), len(bits) - WINDOW]
        twice = [b for start in starts for b in bits[start : start + WINDOW]]
        values = {
            "nats were taken": sum(bits) / size * math.log(2),
            "characters were counted": sum(bits) / len(TEXT),
            "bits were divided by 8": sum(bits) / size / 8,
            "the first token of each": sum(b for w in windows for b in w[:-1]) / size,
            "the windows' means were": sum(sum(w) / len(w) for w in windows) / len(windows)
            * per_token,
            "windows overlap": sum(twice) / len(twice) * per_token,
        }  # fmt: skip
        for name, value in values.items():
            found.setdefault(name, []).append(value)
    return {name: sum(values) / 5 for name, values in found.items()}


@pytest.mark.parametrize("name", claims())
def test_the_fields_mistakes_are_recognised(name: str):
    value = claims()[name]
    row = judged(claimed=value)
    (reason,) = row.refused
    head = f"{value:.3f} bits per byte were claimed, and {row.bits_per_byte:.3f} are right: "
    assert reason.startswith(head + name), reason


def test_tokens_that_are_counted_as_characters_are_recognised():
    """Tokens of two bytes each: a token costs twice what a byte does."""

    text = "abcdefghijklmnopqrstuvwxyz"
    pieces = sorted({text[i : i + 2] for i in range(0, len(text), 2)})

    def pairs(text: str) -> list[int]:
        return [pieces.index(text[i : i + 2]) for i in range(0, len(text), 2)]

    def joined(ids) -> str:
        return "".join(pieces[i] for i in ids)

    five = [entry(s, encode=pairs, decode=joined, bos_id=200) for s in range(5)]
    right = judged(five, text).bits_per_byte
    (reason,) = judged(five, text, claimed=2 * right).refused
    assert reason.endswith("tokens were counted as characters")


def test_a_right_claim_is_accepted_and_a_strange_one_only_contradicted():
    right = judged().bits_per_byte
    assert judged(claimed=right * 1.0005).refused == ()
    (reason,) = judged(claimed=right * 0.77).refused
    assert reason.endswith("are right")
    assert name_claim(right, FIVE, [TEXT], right) == ""


# ------------------------------------------------------------------ the board


def test_the_best_stands_first_and_the_refused_last():
    fair = [entry(s, model=lambda t, s=s: habits(s)(t) / (9 + s)) for s in range(5)]
    rows = [
        judge("nearly fair", fair, TEXT, generator=chance()),
        judge("cheat", [replace(e, model=ahead) for e in FIVE], TEXT, generator=chance()),
        judged(),
    ]
    assert rows[2].bits_per_byte < rows[0].bits_per_byte < 8
    lines = board(rows).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "1. mine", "2. nearly fair", "–  cheat", "  run 0",
    ]  # fmt: skip
    assert board([]) == ""


@pytest.mark.plain
def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"^entries and text should hold .*, got 0 and 159"):
        judged([])
    with pytest.raises(ValueError, match=r"^entries and text should hold .*, got 5 and 0"):
        judged(text=["", ""])
    for name, value in (("num_seeds", 0), ("longest", 0), ("claimed", -1), ("claimed", math.nan)):
        with pytest.raises(ValueError, match=f"^{name} should be"):
            judged(**{name: value})
    for name, value in (("bos_id", -1), ("vocab_size", 0), ("window", 0), ("seconds", -1)):
        with pytest.raises(ValueError, match=f"^{name} should be"):
            entry(**{name: value})
    with pytest.raises(ValueError, match=r"^generator should be a generator"):
        judge("mine", FIVE, TEXT, generator=0)
