"""The study of counting: each size is what it is called, and the control has nothing to learn."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from studies import _gpt as recipe
from studies import counting as study
from studies.gpt import RATES
from txlite.data.documents import Document, TextSplit
from txlite.data.library import library_text
from txlite.models import GPT


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    whole = library_text()
    text = TextSplit(
        *(
            tuple(Document(one.name, one.text[:1500]) for one in part[:6])
            for part in (whole.train, whole.valid, whole.test)
        )
    )
    changed: dict[str, Any] = {"VOCABULARY": 200, "LENGTH": 32, "ROWS": 2, "WARMUP": 2}
    changed |= {"LAYERS": {8: 1, 16: 2}, "BUDGETS": {8: (2, 4), 16: (2,)}, "TRIED": (8,)}
    changed |= {"ORDERLESS": (8, 16), "ORDERLESS_STEPS": 2, "TRIED_STEPS": 2}
    changed |= {"library_text": lambda: text}
    for module in (recipe, study):
        for name, value in changed.items():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    monkeypatch.setenv("TXLITE_KEPT", str(tmp_path))
    for cached in (recipe.corpus, study.scattered):
        cached.cache_clear()
    yield tmp_path
    for cached in (recipe.corpus, study.scattered):
        cached.cache_clear()


def test_every_training_has_its_numbers_and_is_done_once(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = study.measure(0)
    data = recipe.corpus()
    for name in ("8, 2 steps", "8, 4 steps", "16, 2 steps"):
        told = found[f"{name}: bits"] * math.log(2) * len("".join(data.texts["test"]))
        assert told == pytest.approx(found[f"{name}: loss"] * found["test: tokens"], rel=1e-3)
        assert found[f"{name}: seconds"] > 0
    assert "16, 4 steps: loss" not in found
    assert found["8, rate times 1: loss"] != found["8, rate times 2: loss"]
    assert 0 < found["16, no order: loss"] < 2 * math.log(200)

    def again(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(study, "run", again)
    assert study.measure(0) == found
    with pytest.raises(AssertionError, match="trained again"):
        study.measure(1)


def test_a_size_has_the_parameters_that_are_told(small: Path) -> None:
    found = study.sizes()
    for width in study.LAYERS:
        model = GPT(study.settings(width))
        assert found[f"{width}: parameters"] == sum(p.numel() for p in model.parameters())
        assert found[f"{width}: embeddings"] == model.embedding.weight.numel()
        assert len(list(model.decoder.layers)) == study.LAYERS[width]


def test_one_seed_is_one_training(small: Path) -> None:
    losses = [study.point(8, seed, 2)["loss"] for seed in (3, 3, 4)]
    assert losses[0] == losses[1] != losses[2]


def test_chapter_17_s_recipe_is_kept(small: Path) -> None:
    mine, _ = study.run(8, 1, 8, factor=0.5)
    theirs = recipe.built(study.settings(8), 1)
    recipe.trained(theirs, 1, 8, rate=study.rate(8) / 2)
    for (name, one), other in zip(mine.named_parameters(), theirs.parameters(), strict=True):
        assert_close(one, other, msg=name)


def test_rates_go_through_those_that_were_swept() -> None:
    assert study.rate(64) == pytest.approx(RATES[64])
    assert study.rate(128) == pytest.approx(RATES[128])


def test_scattered_tokens_are_the_same_tokens_in_another_order(small: Path) -> None:
    data = recipe.corpus()
    for part, whole in (("train", data.train), ("test", data.stream(data.texts["test"]))):
        tokens = study.scattered(part)
        assert not torch.equal(tokens, whole)
        assert_close(tokens.sort().values, whole.sort().values)
    window = study.scattered_window([0, 32])
    assert_close(window[0, -1], window[1, 0])
    assert_close(window[1], study.scattered("train")[32:65])
    model = recipe.built(study.settings(8), 0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
    assert study.scattered_loss(model) == pytest.approx(math.log(data.bpe.vocab_size), abs=1e-5)
