"""The study of GPT: the same text for both, every point once, and what is asked honestly."""

from collections.abc import Callable, Iterator
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

import pytest
from torch import nn
from torch.testing import assert_close

import txlite
from studies import _gpt as recipe
from studies import gpt as study
from studies import gpt_longer as longer
from studies import gpt_rates as rates
from txlite import studies
from txlite.data.documents import Document, TextSplit
from txlite.data.library import library_text
from txlite.models import NGram
from txlite.training import TextScore, surprises


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    whole = library_text()
    text = TextSplit(
        *(
            tuple(Document(one.name, one.text[:1500]) for one in part[:6])
            for part in (whole.train, whole.valid, whole.test)
        )
    )
    changed: dict[str, Any] = {"VOCABULARY": 200, "LENGTH": 32, "ROWS": 2, "STEPS": 3, "ASKED": 20}
    changed |= {"PEEKING_STEPS": 3, "WARMUP": 1, "RATES": {8: 1e-3, 16: 1e-3}}
    changed |= {"SIZES": {"small": (8, 1), "medium": (16, 1)}, "library_text": lambda: text}
    changed |= {"BUDGETS": {"small": (2, 4), "medium": (3,)}, "EVERY": 2, "SAVED": 2}
    for module in (recipe, study, longer, rates):
        for name, value in changed.items():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(longer, "STEPS", 4)
    monkeypatch.setattr(longer, "WARMUP", 0)
    monkeypatch.setenv("TXLITE_KEPT", str(tmp_path))
    monkeypatch.setitem(recipe.CHANGES["SwiGLU"], "d_ff", 24)
    recipe.corpus.cache_clear()
    yield tmp_path
    recipe.corpus.cache_clear()


def test_every_training_has_its_numbers_and_is_done_once(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = study.measure(0)
    runs = ["small, 2 steps", "small, 4 steps", "medium, 3 steps"]
    runs += [f"{name}, 3 steps" for name in ("GPT", *recipe.CHANGES, "all four")]
    for run in runs:
        assert found[f"{run}: leaks"] == 0
        nats, length = found[f"{run}: nats"], found["test: characters"]
        assert found[f"{run}: bits"] == pytest.approx(nats / length / 0.693147, abs=1e-3)
    assert found["small, 4 steps: compute"] == 2 * found["small, 2 steps: compute"]
    assert found["rotary, 3 steps: nats"] == found["medium, 3 steps: nats"]
    assert found["GPT, 3 steps: nats"] != found["medium, 3 steps: nats"]
    assert found["6-gram: bits"] < found["1-gram: bits"] < 8
    assert found["causal: at once"] == pytest.approx(found["causal: honest"], abs=1e-3)
    assert found["peeking: at once"] != pytest.approx(found["peeking: honest"], abs=1e-3)

    def again(*_: object) -> dict[str, float]:
        raise AssertionError("trained again")

    monkeypatch.setattr(study, "point", again)
    assert study.measure(0)["small, 2 steps: nats"] == found["small, 2 steps: nats"]
    with pytest.raises(AssertionError, match="trained again"):
        study.measure(1)


def test_the_5_gram_counts_what_the_steps_read_and_nothing_else(small: Path) -> None:
    data = recipe.corpus()
    seed = txlite.seed(3).initial_seed()
    for steps in (1, 5, 10_000):
        read = islice(data.batches(seed), steps)
        rows = {tuple(row) for batch in read for row in batch.tolist()}
        found = data.read(seed, steps)
        size = recipe.LENGTH
        count = min(steps * recipe.ROWS, len(data.starts))
        marks = len(found) - count * size  # one where what stood before was not read
        assert 0 <= marks <= count
        text = found.tolist()
        assert all(
            any(text[at : at + size] == list(row[:size]) for at in range(len(text))) for row in rows
        )
    assert data.read(seed, 10_000).tolist() == data.train[: len(data.starts) * size].tolist()


def test_who_attends_to_later_tokens_is_found_out_by_their_absence(small: Path) -> None:
    row = recipe.corpus().exam()[0][:, :10]
    model = recipe.built(recipe.config("small"), 0).eval()
    assert_close(study.prefix_by_prefix(model, row), surprises(model, row, window=recipe.LENGTH)[0])
    for layer in model.decoder.layers:
        layer.causal = False  # type: ignore[assignment]
    at_once = surprises(model, row, window=recipe.LENGTH)[0]
    honest = study.prefix_by_prefix(model, row)
    assert float((honest - at_once)[:-1].abs().max()) > 1e-4
    assert_close(honest[-1], at_once[-1])  # after the last there is nothing to look at


def test_the_longer_ones_are_as_long_and_say_when_they_have_passed(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = longer.measure(0)
    assert found["5-gram: test"] == pytest.approx(study.n_grams()["5-gram: bits"], abs=1e-4)
    for run in ("GPT", "rotary", "all four"):
        assert found[f"{run}: passed"] == 0  # four steps pass nothing
        assert found[f"{run}: valid, step 4"] > found["5-gram: valid"]
        assert (small / f"{run} 0").is_dir()
    assert len({found[f"{run}: test"] for run in ("GPT", "rotary", "all four")}) == 3
    monkeypatch.setattr(recipe.Corpus, "score", better_and_better())
    assert longer.long("rotary", 1)["passed"] == 4


def better_and_better() -> Callable[..., TextScore]:
    """Return a score that is bad the first time and good from then on."""
    nats = chain([1e9], repeat(1.0))

    def score(*_: object) -> TextScore:
        return TextScore(nats=next(nats), tokens=9, characters=9, bytes=9, vocabulary="none")

    return score


def test_a_longer_training_that_was_interrupted_ends_as_if_it_had_not_been(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = longer.long("GPT", 0)
    score, asked = recipe.Corpus.score, iter([True, False])

    def stopped(self: recipe.Corpus, model: nn.Module, part: str = "test") -> TextScore:
        if next(asked):
            return score(self, model, part)
        raise KeyboardInterrupt

    monkeypatch.setattr(recipe.Corpus, "score", stopped)
    monkeypatch.setenv("TXLITE_KEPT", str(small / "others"))
    with pytest.raises(KeyboardInterrupt):
        longer.long("GPT", 0)
    monkeypatch.setattr(recipe.Corpus, "score", score)
    assert (small / "others" / "GPT 0").is_dir()
    again = longer.long("GPT", 0)
    del whole["seconds"], again["seconds"]
    assert again == whole


def test_every_size_is_tried_with_every_rate_on_valid(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "STEPS", 2)
    peaks = {"small": (1e-3, 2e-3), "small, learned": (2e-3,), "medium": (4e-3,)}
    monkeypatch.setattr(rates, "PEAKS", peaks)
    found = rates.measure(0)
    bits = {name: value for name, value in found.items() if "bits" in name}
    assert len(set(bits.values())) == 4
    model = recipe.built(recipe.config("small"), 0)
    recipe.trained(model, 0, 2, rate=2e-3)
    wanted = recipe.corpus().score(model, "valid").bits_per_character
    assert bits["small, rate 0.002: bits"] == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("size", recipe.SIZES)
def test_each_size_has_the_rate_that_was_best_for_it(size: str) -> None:
    found = studies.read("17_rates")
    bits = {rate: found.median(f"{size}, rate {rate}: bits") for rate in rates.PEAKS[size]}
    assert study.RATES[recipe.SIZES[size][0]] == min(bits, key=lambda rate: bits[rate])


def test_what_counts_is_scored_as_what_learns(small: Path) -> None:
    data = recipe.corpus()
    for part in ("valid", "test"):
        scored = data.score(NGram(data.train, data.bpe.vocab_size, order=3), part)
        counted = data.counted(data.train, 3, part)
        assert counted.nats == pytest.approx(scored.nats)
        assert counted.characters == scored.characters
        assert counted.tokens == scored.tokens
