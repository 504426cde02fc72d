"""The study of CLIP: nothing held out is learned, bags forget order, and every part is run once."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from studies import _clip as recipe
from studies import clip as study
from studies import clip_longer as longer
from txlite.data.emoji import Emoji, draw_emoji, emoji_list
from txlite.data.fetched import missing_data

GOOGLE = pytest.mark.skipif(bool(missing_data("google-emoji")), reason="make data fetches it")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[tuple[str, str]]]:
    """Shrink the world to some emoji of each part, and note which are drawn how."""
    some = emoji_list()[::7]
    drawn: list[tuple[str, str]] = []

    def draw(emoji: Sequence[Emoji], style: str = "openmoji", **size: Any) -> torch.Tensor:
        drawn.extend((one.text, style) for one in emoji)
        return draw_emoji(emoji, style, **size)

    few = recipe.Plan(pictures=128, batch_size=32)
    plans = dict.fromkeys(("batch 256", "fixed at 1"), few)
    for module in (recipe, study, longer):
        for name, value in {
            "emoji_list": lambda: some, "draw_emoji": draw, "BATCH": 32, "VOCABULARY": 300,
            "WIDTHS": (4, 4, 6, 8), "SHOWN": 512, "SHORTER": plans, "BINS": [(2, True), (3, True)],
            "RIDGES": (0.1, 1.0), "FILE": tmp_path / "towers.safetensors",
        }.items():  # fmt: skip
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    monkeypatch.setenv("TXLITE_KEPT", str(tmp_path / "kept"))
    caches = (
        recipe.training, recipe.pieces, recipe.asked, study.again, study.bins, study.guesser,
    )  # fmt: skip
    for cached in caches:
        cached.cache_clear()
    yield drawn
    for cached in caches:
        cached.cache_clear()


@GOOGLE
def test_every_part_has_its_numbers_and_is_run_once(
    small: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = study.measure(0)
    for where in ("google, train", "openmoji, held_out, flags"):
        assert 0 <= found[f"page: {where}, zh, picture: R@1"] <= 1
        chance = found[f"{where}: R@1 by chance"]
        assert chance >= 1 / found[f"{where}: pictures"] - 1e-5
        more, low, high = (
            found[f"page: {where}: {end} than colours"] for end in ("more", "low", "high")
        )
        assert low <= more <= high
        hits = found[f"page: {where}, en, name: R@1"] - found[f"{where}: R@1 by colour"]
        assert more == pytest.approx(hits, abs=2e-5)
    assert found["fixed at 1: seconds"] > 0
    assert found["openmoji, train: R@1 by pixels"] > 0.9  # its own picture is the nearest

    def again(*_: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(study, "trained", again)
    assert study.measure(0) == found
    with pytest.raises(AssertionError, match="trained again"):
        study.measure(1)


@GOOGLE
def test_a_longer_training_keeps_its_towers(small: list[tuple[str, str]]) -> None:
    found = longer.measure(0)
    assert longer.FILE.exists()
    assert found["google, train: more than pixels"] <= found["google, train: high than pixels"]
    assert set(study.answers(recipe.built(0, recipe.Plan(pictures=64)), 0)) < set(found)


def test_nothing_held_out_is_learned_and_one_hand_only(small: list[tuple[str, str]]) -> None:
    parts = {one.text: one.part for one in emoji_list()}
    small.clear()
    recipe.trained(0, recipe.Plan(pictures=64, batch_size=32))
    assert {parts[text] for text, _ in small} == {"train"}
    assert {style for _, style in small} == {"openmoji"}
    kept = {one.text for one in recipe.training()}
    assert not kept & {one.text for one in emoji_list() if one.part != "train"}
    texts = "".join(one.en.casefold() for one in recipe.training())
    assert all(part in texts for part in recipe.pieces().pieces("face"))


def test_one_seed_is_one_model(small: list[tuple[str, str]]) -> None:
    plan = recipe.Plan(pictures=64, batch_size=32)
    losses = [recipe.trained(seed, plan)[1].losses for seed in (3, 3, 4)]
    assert losses[0] == losses[1] != losses[2]
    assert len(losses[0]) == plan.steps == 2


def test_a_plan_sees_as_many_pictures_in_any_batch() -> None:
    for plan in study.SHORTER.values():
        assert plan.steps * plan.batch_size == study.SHORT
    assert study.SHORTER["batch 32"].rate == pytest.approx(recipe.RATE / math.sqrt(8))
    assert study.SHORTER["fixed at 1/0.07"].log_scale == pytest.approx(math.log(1 / 0.07))
    assert not study.SHORTER["fixed at 1"].learned
    assert study.SHORTER["begun at 1"].learned


def test_what_is_fixed_stays(small: list[tuple[str, str]]) -> None:
    for learned in (True, False):
        plan = recipe.Plan(pictures=96, batch_size=32, log_scale=0.0, learned=learned)
        scale = recipe.trained(0, plan)[0].scale().item()
        assert (abs(scale - 1) > 1e-4) == learned


def test_a_bag_of_colours_forgets_where_they_are() -> None:
    pictures = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    scattered = study.spoiled(0)["scattered"](pictures)
    for how in study.BINS:
        assert_close(study.bag(scattered, how), study.bag(pictures, how))
    bags = study.bag(pictures, (3, True))
    assert_close(bags.sum(-1), torch.ones(6))
    assert (study.likeness(bags, bags).diagonal() - 1).abs().max() < 1e-5
    assert study.bag(torch.ones(1, 3, 32, 32), (4, True))[0, -1] == 1
    assert study.bag(torch.ones(1, 3, 32, 32), (4, False)).sum() == 0


def test_grey_pictures_have_no_colour_and_keep_their_light() -> None:
    pictures = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    grey = study.spoiled(0)["grey"](pictures)
    assert_close(grey[:, 0], grey[:, 2])
    assert_close(grey.mean(1), pictures.mean(1))


def test_names_end_and_are_cut(small: list[tuple[str, str]]) -> None:
    bpe = recipe.pieces()
    rows = recipe.tokens(["face", "a face with " + "long " * 20 + "name"])
    assert rows.shape[1] == recipe.LONGEST
    assert (rows[:, 0] == bpe.bos_id).all()
    assert (rows[:, -1] == bpe.eos_id).all()
    short = recipe.shortened(rows[:1])
    assert (short == bpe.eos_id).sum() == 1
    assert_close(rows[:1, : short.shape[1]], short)
