"""The study of the Decision Transformer: one change in a row, nothing asked is learned from."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from studies import _acting as recipe
from studies import decision_transformer as study
from studies import decision_transformer_lake as lake
from txlite.data.cart_pole import cart_pole, linear_episodes
from txlite.data.episodes import Episode, episode_seed
from txlite.data.game_rules import optimal_share, solve
from txlite.data.grid_games import random_walks

QUICK: dict[str, Any] = {"steps": 2, "batch_size": 4}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Shrink worlds, models and trainings."""
    sizes: dict[str, Any] = {
        "COUNT": 12, "STARTS": 2, "LIMIT": 8, "BEYOND": 12, "ASKED": (200, 120, 60),
        "MORE": (300,), "WALKS": 200, "SLIPS": 1, "WIDTH": 8, "LAYERS": 1,
    }  # fmt: skip
    for module in (recipe, study, lake):
        for name, value in sizes.items():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    for name in ("PAGE", "SHORT"):
        monkeypatch.setattr(study, name, replace(getattr(study, name), **QUICK))
    rows = {name: replace(plan, **QUICK) for name, plan in study.ROWS.items()}
    monkeypatch.setattr(study, "ROWS", rows)
    for name in ("PLAN", "ONE", "LUCK"):
        monkeypatch.setattr(lake, name, replace(getattr(lake, name), **QUICK))
    monkeypatch.setenv("TXLITE_KEPT", str(tmp_path / "kept"))


def test_every_part_has_its_numbers_and_is_run_once(
    small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = study.measure(0)
    for name in ("page: asked 200: got", "up to 12, asked 12", "filtered: got", "shuffled: asked"):
        assert any(key.startswith(name) or name in key for key in found), name
    assert all(math.isfinite(value) for value in found.values())
    assert found["page: asked 120: got"] <= 8  # no episode lasts longer
    assert found["behaviour: to the end"] <= 1
    assert found["page: parameters"] > 0

    def again(*_: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(study, "trained", again)
    assert study.measure(0) == found
    with pytest.raises(AssertionError, match="trained again"):
        study.measure(1)


def test_the_lake_has_its_numbers(small: None) -> None:
    found = lake.measure(0)
    assert found["squares"] == 53
    assert 0 <= found["told returns: asked best: reached"] <= 1
    assert found["winners: walks"] >= 1
    assert found["by chance: optimal"] == pytest.approx(0.358, abs=1e-3)
    assert found["shortest: longest"] == 14


def test_rows_change_one_thing_and_see_as_many_steps() -> None:
    usual = study.ROWS["told returns"]
    changes = {
        "shuffled": {"told"},
        "no timesteps": {"timed"},
        "one step": {"context", "batch_size"},
    }
    for name, changed in changes.items():
        plan = study.ROWS[name]
        fields = plan.__dataclass_fields__
        assert {f for f in fields if getattr(plan, f) != getattr(usual, f)} == changed
        assert plan.context * plan.batch_size == usual.context * usual.batch_size
    assert lake.ONE.context * lake.ONE.batch_size == lake.PLAN.context * lake.PLAN.batch_size


def test_no_beginning_that_is_asked_was_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {
        tuple(cart_pole().reset(seed=episode_seed(study.HELD_OUT_SEED, i))[0].tolist())
        for i in range(study.STARTS)
    }
    assert len(asked) == study.STARTS
    for seed in range(5):
        learned = linear_episodes(60, seed=study.order_of(seed))
        assert not asked & {tuple(one.observations[0].tolist()) for one in learned}


def test_without_timesteps_a_model_reads_none(small: None) -> None:
    episodes = linear_episodes(4, seed=0)
    plan = recipe.Plan(steps=3, timed=False, batch_size=4)
    scale = recipe.scale_of(plan, episodes)
    model, _ = recipe.trained(0, plan, episodes, scale, 2)
    assert not model.time_embedding.weight.any()
    other, _ = recipe.trained(0, replace(plan, timed=True), episodes, scale, 2)
    assert other.time_embedding.weight.any()


def test_one_seed_is_one_model(small: None) -> None:
    episodes = linear_episodes(6, seed=0)
    plan = recipe.Plan(steps=3, batch_size=4)
    scale = recipe.scale_of(plan, episodes)
    losses = [recipe.trained(seed, plan, episodes, scale, 2)[1].losses for seed in (3, 3, 4)]
    assert losses[0] == losses[1] != losses[2]


def test_dynamic_programming_joins_walks() -> None:
    """Of two walks the first never wins, and the second begins where the first one passed."""
    row = torch.eye(lake.SQUARES)
    rewards = torch.tensor([0.0, 0.0])
    lost = Episode(row[[0, 1, 19]], torch.tensor([2, 1]), rewards, terminated=True)
    won = Episode(row[[9, 1, 63]], torch.tensor([3, 0]), rewards + rewards.new([0, 1]), True)
    worth = lake.programmed([lost, won])
    assert_close(worth[0, 2], torch.tensor(lake.DISCOUNT))
    assert worth[1].argmax() == 0
    assert worth[9, 3] == worth[0, 2]
    assert worth[1, 1] == 0


def test_dynamic_programming_solves_the_lake() -> None:
    walks = random_walks(4_000, limit=lake.LIMIT, seed=1)
    assert optimal_share(lake.programmed(walks).argmax(-1), solve(lake.rules())) == 1


def test_no_episode_of_the_fork_has_the_best_way() -> None:
    ways = {(*map(int, one.actions), one.total) for one in lake.fork()}
    assert ways == {(0, 0.5), (1, 0, 0.0), (1, 1, 1.0)}
    from_a = [one for one in lake.fork() if torch.equal(one.observations[0], lake.A)]
    assert max(one.total for one in from_a) == 0.5


def test_a_fork_is_read_at_the_step_that_it_is() -> None:
    seen: list[tuple[list[int], list[list[float]]]] = []

    class Reads:
        def __call__(self, returns: Any, states: Any, actions: Any, timesteps: Any) -> Any:
            seen.append((timesteps[0].tolist(), states[0].tolist()))
            said = torch.tensor([[[0.0, 0.0], [0.0, math.log(3)]]])[:, -returns.shape[1] :]
            return type("Said", (), {"actions": said})

    steps = [(lake.A, lake.UP), (lake.HUB, 0)]
    for context in (2, 1):
        plan = recipe.Plan(steps=1, context=context)
        assert lake.leaning(Reads(), plan, 1.0, steps) == pytest.approx(0.75)  # type: ignore[arg-type]
    assert [when for when, _ in seen] == [[0, 1], [1]]
    assert seen[1][1] == [lake.HUB.tolist()]
