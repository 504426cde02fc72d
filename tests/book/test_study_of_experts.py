"""The study of experts: equal batches for all, tables that know, controls that do not."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from studies import _experts as recipe
from studies import experts as study
from txlite.data.kinds_of_text import KINDS
from txlite.nn import MixtureOfExperts


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Shrink the texts and the model, and keep what is done."""
    kinds = recipe.kinds_of_text(size=9_000)
    monkeypatch.setattr(recipe, "kinds_of_text", lambda: kinds)
    sizes = {**recipe.SIZES, "d_model": 16, "d_ff": 24, "num_heads": 2}
    for module in (recipe, study):
        for name, value in {
            "SIZES": sizes, "STEPS": 3, "COUNTED": 8, "SHUFFLES": 4, "ORDERS": (1, 2),
        }.items():  # fmt: skip
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    wide = recipe.Plan(dense=4 * 24)
    plans = {**study.PLANS, "dense": recipe.Plan(dense=24), "wide": wide}
    monkeypatch.setattr(study, "PLANS", plans)
    monkeypatch.setenv("TXLITE_KEPT", str(tmp_path / "kept"))
    cached = (recipe.streams, recipe.windows, study.by_counting)
    for one in cached:
        one.cache_clear()
    yield
    for one in cached:
        one.cache_clear()


def test_every_part_has_its_numbers_and_is_run_once(
    small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = study.measure(0)
    for name in study.PLANS:
        assert 0 < found[f"{name}: bits"] < 9
        kinds = [found[f"{name}: bits, {kind}"] for kind in KINDS]
        assert found[f"{name}: bits"] == pytest.approx(sum(kinds) / 4, abs=1e-4)
    assert found["wide: parameters"] < found["experts: parameters"]
    router = 2 * recipe.SIZES["d_model"] * recipe.EXPERTS + 4 * recipe.EXPERTS  # scores, and f, P
    assert found["experts: flops"] == pytest.approx(found["dense: flops"] + router)
    assert found["experts: layer 1: least"] <= 0.25 <= found["experts: layer 1: greatest"]
    assert found["no limit: dropped"] == 0
    assert found["factor 1: dropped"] > found["factor 2: dropped"]
    assert found["1-gram: bits"] > found["2-gram: bits"]

    def again(*_: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(study, "trained", again)
    assert study.measure(0) == found
    with pytest.raises(AssertionError, match="trained again"):
        study.measure(1)


def test_all_read_the_same_batches_with_as_many_of_each_kind(small: None) -> None:
    first, again = (next(iter(recipe.Mixed(7))) for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == (4 * recipe.ROWS, recipe.LENGTH + 1)
    assert not torch.equal(first, next(iter(recipe.Mixed(8))))
    for rows, stream in zip(first.split(recipe.ROWS), recipe.streams("train"), strict=True):
        for row in rows:
            assert (stream.unfold(0, len(row), 1) == row).all(1).any()


def test_one_seed_is_one_model(small: None) -> None:
    weights = [recipe.trained(seed, recipe.plan())[0].embedding.weight for seed in (3, 3, 4)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_what_is_never_trained_stays(small: None) -> None:
    for what, moved in ((recipe.Plan(learned=False), False), (recipe.plan(), True)):
        before = recipe.routers(recipe.built(0, what))[0].gate.weight.clone()
        after = recipe.routers(recipe.trained(0, what)[0])[0].gate.weight
        assert torch.equal(before, after) != moved


def test_the_wide_model_begins_as_a_gpt_does(small: None) -> None:
    model = recipe.built(0, recipe.Plan(dense=96))
    dense, wide = (layer.feed_forward for layer in model.decoder.layers)
    assert (dense.d_ff, wide.d_ff) == (24, 96)
    for name in ("up_proj", "down_proj"):
        spreads = [getattr(part, name).weight.std().item() for part in (dense, wide)]
        assert spreads[0] == pytest.approx(spreads[1], rel=0.15)
    assert isinstance(recipe.built(0, recipe.plan()).decoder.layers[1].feed_forward,
                      MixtureOfExperts)  # fmt: skip


def test_what_two_numbers_tell_of_each_other() -> None:
    x = torch.arange(4).repeat(50)
    assert study.mutual(x, x) == pytest.approx(2)
    assert study.mutual(x, x // 2) == pytest.approx(1)
    assert study.mutual(x, torch.arange(2).repeat_interleave(100)) == pytest.approx(0, abs=1e-12)


def test_a_table_knows_what_goes_by_its_key_and_falls_back_where_it_has_none() -> None:
    rows = torch.randint(9, (4, 6, 8), generator=torch.Generator().manual_seed(0))
    flat = rows.flatten(0, 1)[:, :-1]
    by_byte = study.known((rows, flat % 3), (rows, flat % 3))
    assert by_byte["byte"] == by_byte["two bytes"] == by_byte["byte and kind"] == 1
    assert max(by_byte["kind"], by_byte["most"]) < 0.7
    kind = torch.arange(4).repeat_interleave(6)[:, None].expand_as(flat)
    assert study.known((rows, kind), (rows, kind))["kind"] == 1
    new = torch.full_like(rows, 77)
    assert study.known((rows, flat * 0 + 2), (new, flat * 0 + 2))["two bytes"] == 1


def test_bits_are_the_mean_of_what_each_byte_costs(small: None) -> None:
    model, rows = recipe.built(0, recipe.Plan(dense=24)), recipe.windows("test")
    model.eval()
    with torch.no_grad():
        logits = model(rows[1, :, :-1])
    cost = -logits.log_softmax(-1).gather(-1, rows[1, :, 1:, None]).mean() / math.log(2)
    assert_close(study.bits(model, rows)[1], float(cost), rtol=1e-5, atol=1e-5)


def test_room_and_other_ways_are_taken_back(small: None) -> None:
    model = recipe.built(0, recipe.plan(capacity_factor=0.25))
    rows = recipe.windows("test")
    tight = study.bits(model, rows)
    with study.room(model):
        roomy = study.bits(model, rows)
        with study.rerouted(model, lambda _, experts: (experts + 1) % recipe.EXPERTS):
            other: Any = study.bits(model, rows)
        assert study.bits(model, rows) == roomy
    assert study.bits(model, rows) == tight != roomy != other
