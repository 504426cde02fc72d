"""The study of GPT: the same text for both, every point once, and what is asked honestly."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from torch.testing import assert_close

import txlite
from studies import gpt as study
from studies import gpt_longer as longer
from txlite.data.documents import Document, TextSplit
from txlite.data.library import library_text
from txlite.models import NGram
from txlite.training import surprises


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    whole = library_text()
    text = TextSplit(
        *(
            tuple(Document(one.name, one.text[:1500]) for one in part[:6])
            for part in (whole.train, whole.valid, whole.test)
        )
    )
    changed = {"VOCABULARY": 200, "LENGTH": 32, "ROWS": 2, "STEPS": 3, "ASKED": 20}
    changed |= {"PEEKING_STEPS": 3, "WARMUP": 1}
    monkeypatch.setattr(study, "POINTS", tmp_path)
    for name, value in changed.items():
        monkeypatch.setattr(study, name, value)
    monkeypatch.setattr(study, "SIZES", {"small": (8, 1), "medium": (16, 1)})
    monkeypatch.setattr(study, "RATES", {8: 1e-3, 16: 1e-3})
    monkeypatch.setattr(longer, "RATES", {16: 1e-3})
    monkeypatch.setattr(study, "BUDGETS", {"small": (2, 4), "medium": (3,)})
    monkeypatch.setitem(study.CHANGES["SwiGLU"], "d_ff", 24)
    monkeypatch.setattr(study, "library_text", lambda: text)
    study.corpus.cache_clear()
    yield tmp_path
    study.corpus.cache_clear()


def test_every_training_has_its_numbers_and_is_done_once(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = study.measure(0)
    runs = ["small, 2 steps", "small, 4 steps", "medium, 3 steps"]
    runs += [f"{name}, 3 steps" for name in ("GPT", *study.CHANGES, "all four")]
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
    data = study.corpus()
    seed = txlite.seed(3).initial_seed()
    for steps in (1, 5, 10_000):
        read = islice(data.batches(seed), steps)
        rows = {tuple(row) for batch in read for row in batch.tolist()}
        found = data.read(seed, steps)
        size = study.LENGTH
        count = min(steps * study.ROWS, len(data.starts))
        marks = len(found) - count * size  # one where what stood before was not read
        assert 0 <= marks <= count
        text = found.tolist()
        assert all(
            any(text[at : at + size] == list(row[:size]) for at in range(len(text))) for row in rows
        )
    assert data.read(seed, 10_000).tolist() == data.train[: len(data.starts) * size].tolist()


def test_who_attends_to_later_tokens_is_found_out_by_their_absence(small: Path) -> None:
    row = study.corpus().exam[0][:, :10]
    model = study.built(study.config("small"), 0).eval()
    assert_close(study.prefix_by_prefix(model, row), surprises(model, row, window=study.LENGTH)[0])
    for layer in model.decoder.layers:
        layer.causal = False  # type: ignore[assignment]
    at_once = surprises(model, row, window=study.LENGTH)[0]
    honest = study.prefix_by_prefix(model, row)
    assert float((honest - at_once)[:-1].abs().max()) > 1e-4
    assert_close(honest[-1], at_once[-1])  # after the last there is nothing to look at


def test_the_longer_one_says_when_it_has_passed(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "STEPS": 4,
        "EVERY": 2,
        "SAVED": 2,
        "WARMUP": 0,
        "ROWS": 2,
        "LENGTH": 32,
    }.items():
        monkeypatch.setattr(longer, name, value)
    monkeypatch.setattr(longer, "CHECKPOINTS", small / "checkpoints")
    found = longer.measure(0)
    assert found["passed"] == 0  # four steps pass nothing
    assert found["valid, step 4"] > found["5-gram: valid"]
    assert (small / "checkpoints" / "0").is_dir()
    monkeypatch.setattr(longer, "bits", lambda model, texts: float(isinstance(model, NGram)))
    monkeypatch.setattr(longer, "CHECKPOINTS", small / "others")
    assert longer.measure(0)["passed"] == 2


def test_bits_are_those_that_are_scored(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(longer, "LENGTH", study.LENGTH)
    model, data = study.built(study.config("small"), 0).eval(), study.corpus()
    wanted = data.score(model).bits_per_character
    assert longer.bits(model, data.texts["test"]) == pytest.approx(wanted, abs=1e-6)
    counts = NGram(data.train, data.bpe.vocab_size, order=3)
    wanted = data.counted(data.train, 3).bits_per_character
    assert longer.bits(counts, data.texts["test"]) == pytest.approx(wanted, abs=1e-6)
