"""The study of DETR: the same scenes for all, every training once, and what is asked of queries."""

import math
from collections.abc import Iterator
from itertools import islice, permutations
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import txlite
from studies import _detr as recipe
from studies import detr as study
from studies import detr_rates as rates
from txlite.models import DETR, DETRConfig
from txlite.training import Found, set_loss


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    config = DETRConfig(
        num_classes=10, num_queries=6, d_model=8, num_heads=2, d_ff=8, num_layers=1,
        num_decoder_layers=2, dropout=0.0,
    )  # fmt: skip
    changed: dict[str, Any] = {"CONFIG": config, "WIDTHS": (4, 6, 8), "QUERIES": 6, "SCENES": 4}
    changed |= {"MOST": 4, "SCENE": {"size": 48, "most": 4}}
    changed |= {"DRAWN": 2**10, "TESTED": 24, "BUDGETS": (1, 3), "CHANGED": 2, "SURE": 0.05}
    monkeypatch.setattr(rates, "STEPS", 2)
    for module in (recipe, study):
        for name, value in changed.items():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    monkeypatch.setenv("TXLITE_KEPT", str(tmp_path))
    recipe.held_out.cache_clear()
    yield tmp_path
    recipe.held_out.cache_clear()


def model(seed: int = 0) -> DETR:
    found = recipe.warmed(recipe.built("DETR", seed), seed)
    assert isinstance(found, DETR)
    return found


def test_every_training_has_its_numbers_and_is_done_once(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = study.measure(0)
    for run in ("DETR, 1 steps", "DETR, 3 steps", "CenterNet, 3 steps", "by index, 2 steps"):
        assert 0 <= found[f"{run}: at 75"] <= found[f"{run}: at 50"] <= 1
        assert found[f"{run}: at 50"] <= found[f"{run}: boxes at 50"] + 0.05
        assert found[f"{run}: seconds"] > 0
    last = "DETR, 3 steps"
    assert found[f"{last}: layer 2: at 50"] == found[f"{last}: at 50"]
    assert found[f"{last}: layer 2: suppressed: at 50"] == found[f"{last}: suppressed: at 50"]
    assert found[f"{last}: queries in another order: at 50"] == found[f"{last}: at 50"]
    assert f"{last}: 4 digits: at 50" in found
    assert "DETR, 1 steps: 4 digits: at 50" not in found
    assert "CenterNet, 3 steps: layer 1: at 50" not in found
    shares = [found[f"{last}: share of query {i}"] for i in range(1, 7)]
    assert sum(shares) == pytest.approx(1, abs=1e-3)
    assert shares == sorted(shares, reverse=True)

    def again(*_: object) -> dict[str, float]:
        raise AssertionError("trained again")

    monkeypatch.setattr(study, "point", again)
    assert study.measure(0) == found
    with pytest.raises(AssertionError, match="trained again"):
        study.measure(1)


def test_warming_changes_what_the_norms_saw_and_no_weight(small: Path) -> None:
    cold, warm = recipe.built("DETR", 0), model()
    for (name, x), y in zip(cold.named_parameters(), warm.parameters(), strict=True):
        assert torch.equal(x, y), name
    norms = [b for name, b in warm.named_buffers() if name.endswith("running_var")]
    assert norms
    assert all((b - 1).abs().max() > 0.1 for b in norms)
    assert not warm.training


def test_scenes_are_those_of_the_seed_and_each_is_drawn_once(small: Path) -> None:
    one, same, other = (list(islice(recipe.batches(seed), 3)) for seed in (5, 5, 6))
    pictures = [batch.pictures for batch in one]
    assert_close([batch.pictures for batch in same], pictures)
    assert not torch.equal(other[0].pictures, pictures[0])
    flat = torch.cat(pictures).flatten(1)
    assert (torch.cdist(flat, flat) + torch.eye(len(flat))).min() > 0.5


def test_held_out_scenes_are_the_same_under_every_seed(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = recipe.held_out("test").pictures
    recipe.held_out.cache_clear()
    monkeypatch.setenv("TXLITE_SEED", "3")
    txlite.seed(0)
    assert torch.equal(recipe.held_out("test").pictures, first)
    assert not torch.equal(recipe.held_out("valid").pictures, first)


def test_rates_are_compared_on_valid(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "PEAKS", {"DETR": (1e-9, 1e-2), "CenterNet": (1e-3,)})
    asked = []

    def held_out(part: str, ask: Any = recipe.held_out) -> Any:
        asked.append(part)
        return ask(part)

    monkeypatch.setattr(rates, "held_out", held_out)
    found = rates.measure(0)
    assert set(asked) == {"valid"}
    runs = {"DETR, rate 1e-09", "DETR, rate 0.01", "CenterNet, rate 0.001"}
    assert {name.partition(":")[0] for name in found} == runs
    scores = [found[f"DETR, rate {rate}: boxes at 50"] for rate in ("1e-09", "0.01")]
    assert all(0 <= score <= 1 for score in scores)
    assert set(recipe.RATES) == {"DETR", "CenterNet"}


# ------------------------------------------------------------------ what is taken away


def test_by_index_is_the_loss_of_that_matching(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the cheapest matching is made the one by index, both losses are one."""
    batch = next(iter(recipe.batches(0)))
    found, (loss, count) = model()(batch.pictures), recipe.by_index(model(), batch)

    def in_order(*args: Any) -> list[tuple[Tensor, Tensor]]:
        return [(torch.arange(len(x)), torch.arange(len(x))) for x, _ in batch.objects]

    monkeypatch.setattr("txlite.training.matching._match", in_order)
    want = set_loss(
        found.logits,
        found.boxes,
        batch.objects,
        earlier_logits=found.earlier_logits,
        earlier_boxes=found.earlier_boxes,
        box_weight=recipe.BOX,
        iou_weight=recipe.IOU,
        nothing_weight=recipe.NOTHING,
    )
    assert_close(loss, count * want.total)
    assert count == 4


def test_without_auxiliary_losses_the_first_layer_learns_only_through_the_last(small: Path) -> None:
    batch = next(iter(recipe.batches(0)))
    with_all, _ = recipe.by_matching(model(), batch)
    without, _ = recipe.without_auxiliary(model(), batch)
    found = model()(batch.pictures)
    weights: dict[str, Any] = {"box_weight": recipe.BOX, "iou_weight": recipe.IOU}
    last = set_loss(found.logits, found.boxes, batch.objects, **weights).total
    assert_close(without, 4 * last)
    assert with_all > without


def test_the_paper_weighs_boxes_more_than_we_do(small: Path) -> None:
    batch = next(iter(recipe.batches(0)))
    found = model()(batch.pictures)
    earlier: dict[str, Any] = {
        "earlier_logits": found.earlier_logits,
        "earlier_boxes": found.earlier_boxes,
    }
    want = set_loss(found.logits, found.boxes, batch.objects, **earlier).total
    published, count = recipe.weighed_as_published(model(), batch)
    assert_close(published, count * want)
    assert published > recipe.by_matching(model(), batch)[0]


# ------------------------------------------------------------------ none twice


def test_doubles_are_objects_on_which_two_sure_boxes_of_their_class_lie() -> None:
    there = torch.tensor([[0.3, 0.3, 0.2, 0.2], [0.7, 0.7, 0.2, 0.2]])
    objects = [(torch.tensor([1, 2]), there)]
    boxes = torch.cat([there, there[:1] + 0.01])

    def share(labels: list[int], scores: list[float]) -> float:
        return study.doubles([Found(torch.tensor(labels), torch.tensor(scores), boxes)], objects)

    assert share([1, 2, 1], [0.99, 0.99, 0.92]) == 0.5
    assert share([1, 2, 1], [0.99, 0.99, 0.9]) == 0  # not sure
    assert share([1, 2, 2], [0.99, 0.99, 0.99]) == 0  # another class


def test_what_is_there_in_half_of_all_scenes_has_the_score_above_which_a_box_is_sure() -> None:
    """The loss of a score p is lowest there where something is there with probability one half."""
    p = torch.linspace(0.001, 0.999, 999, dtype=torch.float64)
    paid = -0.5 * p.log() - recipe.NOTHING * 0.5 * (1 - p).log()
    assert float(p[paid.argmin()]) == pytest.approx(recipe.SURE, abs=1e-3)


def test_alone_every_query_says_what_it_says_without_the_others(small: Path) -> None:
    detector, pictures = model(), recipe.held_out("test").pictures[:3]
    with torch.no_grad():
        together = detector(pictures)
    own = detector.queries
    found = study.alone(detector, pictures)
    assert detector.queries is own
    boxes = torch.stack([one.boxes for one in found])
    assert boxes.shape == (3, 6, 4)
    assert (boxes - together.boxes).abs().max() > 1e-5
    with torch.no_grad():
        detector.queries = study._embedding(own.weight[2:3])
        one = detector(pictures)
    assert_close(one.boxes[:, 0], boxes[:, 2])
    # In the first layer nothing has a value yet that one query could tell another.
    assert_close(one.earlier_boxes[0, :, 0], together.earlier_boxes[0, :, 2])


# ------------------------------------------------------------------ what queries hold


def test_information_is_none_where_rows_and_columns_know_nothing_of_each_other() -> None:
    assert study.information(torch.outer(torch.rand(5), torch.rand(7)).double()) == pytest.approx(0)
    assert study.information(torch.eye(8).double()) == pytest.approx(3)
    halves = torch.tensor([[2, 2, 0, 0], [0, 0, 2, 2]]).double()
    assert study.information(halves) == pytest.approx(1)
    assert study.information(torch.zeros(2, 2).double()) == 0


def test_a_query_that_answers_for_a_region_tells_of_it_and_a_shuffled_one_does_not(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Query i says that something is in region i, of the first six: log₂ 6 bits."""
    cells = torch.tensor([(i % 3, i // 3) for i in range(6)])
    boxes = torch.cat([(cells + 0.5) / 3, torch.full((6, 2), 0.1)], dim=1)
    one = Found(torch.zeros(6, dtype=torch.long), torch.ones(6), boxes)
    monkeypatch.setattr(study, "answers", lambda *_: [one] * 24)
    detector = model()
    assert study._regions(detector, 0.5) == pytest.approx(math.log2(6))
    by_chance = study._regions(detector, 0.5, shuffled=True)
    assert 0 < by_chance < 0.5
    nothing = one._replace(scores=torch.zeros(6))
    monkeypatch.setattr(study, "answers", lambda *_: [nothing] * 24)
    assert study._regions(detector, 0.5) == 0


def test_queries_in_another_order_say_the_same_in_that_order(small: Path) -> None:
    detector, pictures = model(), recipe.held_out("test").pictures[:2]
    order = torch.tensor(next(islice(permutations(range(6)), 100, None)))
    with torch.no_grad():
        first = detector(pictures)
        detector.queries = study._embedding(detector.queries.weight[order])
        second = detector(pictures)
    assert_close(second.boxes, first.boxes[:, order])
    assert_close(second.logits, first.logits[:, order])


def test_scenes_are_told_apart_by_their_number_of_digits(small: Path) -> None:
    test = recipe.held_out("test")
    right = [Found(x, torch.ones(len(x)), b) for x, b in test.objects]
    right = [f if len(f.labels) < 3 else f._replace(boxes=f.boxes * 0 + 0.1) for f in right]
    found = study.by_number(right)
    assert [found[f"{n} digits: at 50"] for n in (1, 2)] == [1.0, 1.0]
    assert max(found[f"{n} digits: at 50"] for n in (3, 4)) < 0.3
