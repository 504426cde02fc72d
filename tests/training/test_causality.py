"""Twelve models that cheat, each named, and eight that do not: the probe tells them apart."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from txlite.models import NGram
from txlite.nn import Encoder, masks
from txlite.training.causality import Leak, causality_leaks, name_leak

V, T = 11, 9


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


TOKENS = torch.randint(V, (3, T), generator=chance())


def probe(model, tokens: Tensor = TOKENS, **options) -> list[Leak]:
    return causality_leaks(model, tokens, vocab_size=V, generator=chance(1), **options)


class Net(nn.Module):
    """Embeds, lets a middle part mix positions, and scores tokens; weights redrawn."""

    def __init__(self, middle: nn.Module, width: int = 12) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.middle = nn.Embedding(V, width), middle
        self.head = nn.Linear(width, V)
        for p in self.parameters():
            nn.init.normal_(p, std=0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.middle(self.embed(tokens)))


class Attention(nn.Module):
    """A stack of two layers, with a mask."""

    def __init__(self, mask: object) -> None:
        super().__init__()
        self.stack, self.mask = Encoder(2, 12, 3, 20), mask

    def forward(self, states: Tensor) -> Tensor:
        return self.stack(states, mask=self.mask)


class Recurrent(nn.Module):
    def __init__(self, both: bool) -> None:
        super().__init__()
        self.net = nn.GRU(12, 6 if both else 12, batch_first=True, bidirectional=both)

    def forward(self, states: Tensor) -> Tensor:
        return self.net(states)[0]


class Convolution(nn.Module):
    def __init__(self, left: int, right: int) -> None:
        super().__init__()
        self.pad, self.net = (left, right), nn.Conv1d(12, 12, left + right + 1)

    def forward(self, states: Tensor) -> Tensor:
        return self.net(nn.functional.pad(states.mT, self.pad)).mT


def counts(tokens: Tensor) -> Tensor:
    return one_hot(tokens, V).double().cumsum(1)


class OverTime(nn.Module):
    """Makes the variance over all positions 1, as an instance norm does."""

    def forward(self, states: Tensor) -> Tensor:
        return (states - states.mean(1, keepdim=True)) / (
            states.std(1, keepdim=True, correction=0) + 0.1
        )


class Remembers:
    """Knows what came next in the texts that it was shown before."""

    def __init__(self) -> None:
        self.seen: dict[tuple[int, ...], int] = {}

    def __call__(self, tokens: Tensor) -> Tensor:
        logits = counts(tokens)
        rows = tokens.tolist()
        for number, row in enumerate(rows):
            for end in range(1, len(row)):
                if tuple(row[:end]) in self.seen:
                    logits[number, end - 1, self.seen[tuple(row[:end])]] += 5
        for row in rows:
            for end in range(1, len(row)):
                self.seen[tuple(row[:end])] = row[end]
        return logits


def over_batch(tokens: Tensor) -> Tensor:
    """Batch normalisation in training mode: mean and variance of this position in all rows."""
    logits = counts(tokens)
    return (logits - logits.mean(0)) / (logits.std(0) + 1)


def from_the_end(tokens: Tensor) -> Tensor:
    left = torch.arange(tokens.shape[1]).flip(0)
    return counts(tokens) * (1 + left[:, None])


def two_together(tokens: Tensor) -> Tensor:
    """Looks ahead only if two later tokens are both changed: no single change shows it."""
    later = TOKENS[:, : tokens.shape[1]] != tokens
    both = (later.flip(1).cumsum(1).flip(1) >= 2).roll(-1, 1)
    both[:, -1] = False
    return counts(tokens) + both[..., None] * one_hot(tokens.roll(-1, 1), V)


def off_by_one(num_queries: int) -> Tensor:
    return torch.ones(num_queries, num_queries).tril(1).bool()


CHEATS = {
    "reads the target": (
        lambda tokens: one_hot(tokens.roll(-1, 1), V).double(),
        "a prediction looks at its own target, the token one position later",
    ),
    "mask off by one": (
        Net(nn.Sequential(Convolution(2, 1))),
        "a prediction looks at its own target, the token one position later",
    ),
    "attention in both directions": (Net(Attention(None)), "predictions look at the whole text"),
    "a network in both directions": (Net(Recurrent(True)), "predictions look at the whole text"),
    "a norm over all positions": (Net(OverTime()), "predictions look at the whole text"),
    "a norm over the batch": (over_batch, "predictions depend on the other rows of the batch"),
    "a convolution padded on both sides": (
        Net(Convolution(2, 2)),
        "predictions look up to 2 positions ahead, as with a convolution",
    ),
    "positions from the end": (from_the_end, "predictions depend on the text's length"),
    "a memory": (Remembers(), "the same tokens give other predictions when they are read again"),
    "random numbers": (
        lambda tokens: counts(tokens) + torch.rand(*tokens.shape, V),
        "the same tokens give other predictions when they are read again",
    ),
    "two later tokens together": (two_together, "predictions depend on several later tokens toge"),
}
HONEST = {
    "attention with a causal mask": Net(Attention(masks.causal())),
    "attention with a window": Net(Attention(masks.causal() & masks.sliding_window(3))),
    "a recurrent network": Net(Recurrent(False)),
    "a convolution padded on the left": Net(Convolution(3, 0)),
    "n-grams": NGram(TOKENS.flatten(), V, order=3),
    "counts so far": counts,
    "nothing at all": lambda tokens: torch.zeros(*tokens.shape, V),
    "certain of one token": lambda tokens: torch.full((*tokens.shape, V), -torch.inf).index_fill(
        -1, torch.tensor([3]), 0.0
    ),
}


@pytest.mark.kills(
    "probe: the batch is not probed",
    "training/causality.py",
    "if len(tokens) > 1:",
    "if len(tokens) > 3:",
)
@pytest.mark.kills(
    "probe: the length is not probed",
    "training/causality.py",
    "read(tokens[:, :cut]), first[:, :cut]",
    "first[:, :cut], first[:, :cut]",
)
@pytest.mark.kills(
    "probe: later tokens are changed one by one only",
    "training/causality.py",
    "read(poisoned)[:, :cut], first[:, :cut]",
    "first[:, :cut], first[:, :cut]",
)
@pytest.mark.parametrize("name", CHEATS)
def test_a_model_that_cheats_is_found_and_named(name: str):
    model, words = CHEATS[name]
    found = name_leak(probe(model))
    assert found.startswith(words), found


def test_a_mask_that_is_one_too_wide_reaches_a_layer_further_each_time():
    model = Net(Attention(None))

    def wide(tokens: Tensor) -> Tensor:
        model.middle.mask = off_by_one(tokens.shape[1])
        return model(tokens)

    assert name_leak(probe(wide)).startswith("predictions look up to 2 positions ahead")
    reach = {leak.token - leak.prediction for leak in probe(wide) if leak.alone}
    assert reach == {1, 2}


@pytest.mark.parametrize("name", HONEST)
def test_a_model_that_does_not_is_let_through(name: str):
    assert probe(HONEST[name]) == []
    assert name_leak(probe(HONEST[name])) == ""


@pytest.mark.parametrize("kinds", [("future", False), ("future", True)])
def test_leaks_say_which_prediction_moved(kinds):
    """Two ahead and nothing else: prediction i moves with token i + 2 alone."""

    def two_ahead(tokens: Tensor) -> Tensor:
        return counts(tokens) + one_hot(tokens.roll(-2, 1), V) * (torch.arange(
            tokens.shape[1]) < tokens.shape[1] - 2)[:, None]  # fmt: skip

    leaks = [x for x in probe(two_ahead) if (x.kind, x.alone) == kinds]
    pairs = {(x.prediction, x.token) for x in leaks}
    if kinds[1]:
        assert pairs == {(i, i + 2) for i in range(T - 2)}
    else:
        assert pairs == {(i, cut) for cut in range(1, T) for i in range(cut) if cut <= i + 2 < T}
    assert all(leak.moved > 0.5 for leak in leaks)
    assert str(leaks[0]).startswith(f"the prediction at position {leaks[0].prediction} moved by ")


def test_amounts_are_in_nats():
    """A logit of log 3 more for the target: with V = 2 the log-probability moves by log 2 − …."""

    def model(tokens: Tensor) -> Tensor:
        return torch.log(torch.tensor(3.0)) * one_hot(tokens.roll(-1, 1), 2).double()

    tokens = torch.tensor([[0, 1]])
    leaks = causality_leaks(model, tokens, vocab_size=2, generator=chance(), cuts=[1])
    alone = [leak for leak in leaks if leak.alone and leak.kind == "future"]
    assert len(alone) == 1
    assert alone[0].moved == pytest.approx(torch.tensor(3.0).log().item())  # 1/4 against 3/4


def test_shifting_all_logits_is_no_leak():
    def shifted(tokens: Tensor) -> Tensor:
        return counts(tokens) + tokens.sum(1)[:, None, None]

    assert probe(shifted) == []


def test_a_leak_smaller_than_the_tolerance_is_rounding():
    def slight(tokens: Tensor) -> Tensor:
        return counts(tokens) + 1e-3 * one_hot(tokens.roll(-1, 1), V)

    assert probe(slight, tolerance=1e-2) == []
    assert probe(slight)


def test_cuts_choose_where_to_look():
    model = CHEATS["reads the target"][0]
    assert {leak.token for leak in probe(model, cuts=[4, 2, 4])} == {2, 4}
    late = probe(lambda t: counts(t) + (t[:, -1:, None] == 3) * torch.arange(V), cuts=[T - 1])
    assert {leak.token for leak in late} == {T - 1}


def test_one_row_is_enough_and_a_module_keeps_its_mode():
    assert name_leak(probe(CHEATS["a norm over the batch"][0], TOKENS[:2])).startswith(
        "predictions"
    )
    net = Net(nn.Sequential(nn.Dropout(0.5), Convolution(2, 0)))
    assert probe(net, TOKENS[:1]) == []
    assert net.training
    assert net.middle[0].training


def test_what_is_put_in_differs_from_what_was_there():
    shown: list[Tensor] = []

    def model(tokens: Tensor) -> Tensor:
        shown.append(tokens.clone())
        return counts(tokens)

    probe(model, values=2, cuts=[3])
    poisoned, alone = shown[-3], shown[-2]
    assert (poisoned[:, :3] == TOKENS[:, :3]).all()
    assert (poisoned[:, 3:] != TOKENS[:, 3:]).all()
    assert (alone != TOKENS).nonzero()[:, 1].unique().tolist() == [3]
    assert (shown[-1] == TOKENS).all()


@pytest.mark.plain
def test_wrong_arguments_are_named():
    wrong = [
        ((0, TOKENS), {}, "model should be a function, from tokens to logits"),
        ((counts, TOKENS[0]), {}, r"tokens should have shape \(B, T\), got \(9,\)"),
        ((counts, TOKENS.float()), {}, "tokens should hold whole numbers, got float32"),
        ((counts, TOKENS[:, :1]), {}, r"tokens should have a row of at least two, got shape"),
        ((counts, TOKENS), {"vocab_size": 1}, "vocab_size should be a whole number of at least 2"),
        ((counts, TOKENS), {"vocab_size": 4}, r"tokens should lie in \[0, vocab_size=4\)"),
        ((counts, TOKENS), {"generator": 1}, "generator should be a generator"),
        ((counts, TOKENS), {"values": 0}, "values should be a positive whole number"),
        ((counts, TOKENS), {"tolerance": 0}, "tolerance should be a positive number"),
        ((counts, TOKENS), {"cuts": [0]}, r"cuts should be positions from 1 to T - 1 = 8, got 0"),
        ((counts, TOKENS), {"cuts": [9]}, r"cuts should be positions from 1 to T - 1 = 8, got 9"),
        ((counts, TOKENS), {"cuts": []}, r"cuts should be positions from 1 to T - 1 = 8, got none"),
        ((lambda t: t, TOKENS), {}, "the model's logits should have shape"),
        ((lambda t: counts(t) * torch.nan, TOKENS), {}, "the model's logits should be numbers"),
    ]
    for args, options, message in wrong:
        with pytest.raises(ValueError, match=f"^{message}"):
            causality_leaks(*args, **{"vocab_size": V, "generator": chance(), **options})
