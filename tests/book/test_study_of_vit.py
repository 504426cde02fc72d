"""The study of ViT: every training once, patches mixed as said, parts of a cat where they are."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

import txlite
from studies import _vit as recipe
from studies import _vit_cat as photographed
from studies import vit as study
from studies import vit_choices as choices
from studies import vit_emoji as emoji
from studies import vit_published as published
from txlite.data.digits import digits
from txlite.data.pictures import LabelledPictures
from txlite.data.weights import missing_weights
from txlite.models import ViT, ViTConfig

SIZES: dict[str, Any] = {"d_model": 12, "num_heads": 2, "d_ff": 16, "num_layers": 3}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for module in (recipe, study, choices, emoji):
        if hasattr(module, "STEPS"):
            monkeypatch.setattr(module, "STEPS", 2)
    monkeypatch.setattr(study, "SIZES", {50: 2})
    monkeypatch.setattr(study, "COPIES", 1)
    monkeypatch.setattr(emoji, "EVERY", 40)
    monkeypatch.setenv("TXLITE_KEPT", str(tmp_path))


def test_every_arm_has_its_numbers_and_is_trained_once(
    small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = study.measure(0)
    for kind in ("ViT", "CNN"):
        for arm in ("50", "all", "all, no moves", "one order", "own orders"):
            assert 0 <= found[f"{kind}, {arm}: accuracy"] <= 1
    assert found["ViT, all: trained, class token, 0"] < 0.15  # the same for every picture
    assert found["ViT, all: untrained, class token, 0"] < 0.15
    assert found["ViT, all: untrained, class token, 1"] > 0.5
    assert found["blind, in order: difference"] < 1e-4
    assert found["blind, in order: asked in another order"] == found["blind, in order: accuracy"]
    assert found["blind, in order: parameters"] == found["ViT, all: parameters"] - 17 * 64
    assert found["SVC, plain, all: accuracy"] > found["SVC, plain, 50: accuracy"]

    def again(*_: object, **__: object) -> Any:
        raise AssertionError("trained again")

    monkeypatch.setattr(study, "trained", again)
    assert study.measure(0)["CNN, all: accuracy"] == found["CNN, all: accuracy"]
    with pytest.raises(AssertionError, match="trained again"):
        study.measure(1)


def test_patches_keep_what_is_in_them_and_change_where_they_are() -> None:
    pictures = torch.rand(3, 1, 8, 8, generator=txlite.seed(0))
    order = torch.randperm(16, generator=txlite.seed(1))
    laid = recipe.mixed(pictures, order)
    for to, frm in enumerate(order.tolist()):
        a, b = (slice(2 * (at // 4), 2 * (at // 4) + 2) for at in (to, frm))
        c, d = (slice(2 * (at % 4), 2 * (at % 4) + 2) for at in (to, frm))
        assert torch.equal(laid[:, :, a, c], pictures[:, :, b, d])
    assert torch.equal(recipe.mixed(laid, order.argsort()), pictures)


def test_one_order_is_one_for_all_seeds_and_own_orders_are_many() -> None:
    pictures = digits().test.pictures[:4]
    alike, own = recipe.one_order(16), recipe.orders_of_their_own(16)
    assert torch.equal(alike(pictures, txlite.seed(0)), alike(pictures, txlite.seed(1)))
    assert not torch.equal(own(pictures, txlite.seed(0)), own(pictures, txlite.seed(1)))
    same = pictures[:1].expand(4, -1, -1, -1)
    assert len({bytes(x) for x in own(same, txlite.seed(0)).flatten(1).numpy()}) == 4


def test_a_smaller_set_has_as_many_of_each_digit() -> None:
    known = digits().known
    some = recipe.balanced(known, 50, 0)
    assert some.labels.bincount().tolist() == [5] * 10
    rows = {bytes(x) for x in known.pictures.flatten(1).numpy()}
    assert len({bytes(x) for x in some.pictures.flatten(1).numpy()} & rows) == 50
    assert not torch.equal(some.pictures, recipe.balanced(known, 50, 1).pictures)


def test_every_known_digit_is_asked_about_in_one_fold_and_no_test_digit_in_any() -> None:
    def rows(part: LabelledPictures) -> list[bytes]:
        return [bytes(x) for x in part.pictures.flatten(1).numpy()]

    asked = []
    for at in range(choices.FOLDS):
        part, some = choices.fold(at)
        assert sorted(rows(part) + rows(some)) == sorted(rows(digits().known))
        asked += rows(some)
    assert sorted(asked) == sorted(rows(digits().known))


def test_moves_are_the_only_difference_between_arms_of_a_fold(
    small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(choices, "trained", lambda model, part, seed, **rest: told.append(rest))
    found = choices.measure(3)
    assert found["ViT: accuracy"] == found["ViT, no moves: accuracy"]  # both untrained
    for moved, still in (told[:2], told[2:]):
        assert moved.pop("changes") == (recipe.small_moves,)
        assert still.pop("changes") == ()
        assert moved == still


def test_white_comes_in_where_the_ground_is_white() -> None:
    white = torch.ones(2, 3, 8, 8)
    assert_close(recipe.small_moves_of(3, 0.5, ground=1.0)(white, txlite.seed(0)), white)


def test_a_readout_finds_what_is_there_and_nothing_else() -> None:
    states = torch.randn(400, 20, generator=txlite.seed(0))
    labels = states[:, :10].argmax(1)
    parts = states[:300], labels[:300], states[300:], labels[300:]
    assert study.read_out(*parts) > 0.6
    assert study.read_out(torch.ones(300, 20), parts[1], torch.ones(100, 20), parts[3]) < 0.25


def test_states_are_those_of_the_layers() -> None:
    model = ViT(ViTConfig(image_size=4, patch_size=2, num_channels=1, **SIZES)).eval()
    x = torch.rand(2, 1, 4, 4, generator=txlite.seed(0))
    states = study.gathered(model, x)
    assert len(states) == 4
    with torch.no_grad():
        assert_close(model.encoder.norm(states[-1]), model(x))  # type: ignore[misc]
    assert_close(states[0][0, 0], states[0][1, 0])


def test_neighbours_are_chosen_on_valid_and_asked_on_what_is_held_out() -> None:
    rows = {"train": torch.tensor([[0.0], [1.0], [2.0]]), "valid": torch.tensor([[0.1], [1.1]])}
    rows["held_out"] = torch.tensor([[0.2], [2.2], [9.0], [0.9]])
    labels = {"train": torch.tensor([0, 1, 2]), "valid": torch.tensor([0, 1])}
    labels["held_out"] = torch.tensor([0, 2, 0, 1])
    many = {name: x.repeat(30, 1) for name, x in rows.items()}
    alike = {name: x.repeat(30) for name, x in labels.items()}
    assert emoji.nearest(many, alike)["accuracy"] == 0.75


@pytest.mark.skipif(bool(missing_weights("dinov2-small")), reason=missing_weights("dinov2-small"))
def test_the_emoji_have_every_row_of_the_table(small: None) -> None:
    found = emoji.measure(0)
    for name in ("ViT", "CNN", "k-NN, pixels", "k-NN, features", "k-NN, untrained features"):
        assert 0 <= found[f"{name}: accuracy"] <= 1
    assert found["train: pictures"] > found["held_out: pictures"] > 0
    assert 0 < found["most frequent: accuracy"] < 0.5


# ------------------------------------------------------------------ the photograph


def test_the_parts_of_the_cat_do_not_overlap_and_lie_on_it() -> None:
    cat = photographed.photograph()
    assert cat.shape == (3, 14 * 14, 21 * 14)
    parts = [photographed.part(name) for name in photographed.PARTS]
    assert int(torch.stack(parts).sum(0).max()) == 1
    patches = cat.mean(0).unfold(0, 14, 14).unfold(1, 14, 14).flatten(0, 1).std((1, 2))
    eyes = photographed.part("left eye") | photographed.part("right eye")
    assert patches[eyes].mean() > 2 * patches[photographed.part("background")].mean()
    mirrored = photographed.part("left eye", mirrored=True).view(14, 21)
    assert torch.equal(mirrored.flip(1).flatten(), photographed.part("left eye"))


def test_an_attention_without_preference_gives_one() -> None:
    even = torch.full((2, 3, 295, 295), 1 / 295)
    eye, nose = photographed.part("left eye"), photographed.part("nose")
    for asking in (None, nose):
        assert_close(photographed.times_area(even, asking, eye), torch.ones(2, 3))
    only = torch.zeros(1, 1, 295, 295)
    only[..., 0] = 0.5  # to the class token, which is left out
    only[..., 1:][..., eye] = 0.5 / int(eye.sum())
    assert_close(
        photographed.times_area(only, nose, eye), torch.full((1, 1), 1 / eye.float().mean())
    )
    assert_close(photographed.times_area(only, nose, nose), torch.zeros(1, 1))


def test_what_is_picked_is_asked_again_on_the_mirror_image(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ViTConfig(image_size=42, patch_size=14, **SIZES)
    txlite.seed(0)
    found = published.attention(ViT(settings).eval(), "it")
    key = "it, left eye to right eye"
    assert found[f"{key}: most"] > found[f"{key}: mean of layer 1"]
    assert found[f"{key}: most, mirrored"] >= found[f"{key}: mirrored"]
    assert found[f"{key}: layer"] in (1, 2, 3)
    assert found[f"{key}: head"] in (1, 2)


def test_another_order_keeps_every_number_of_a_weight() -> None:
    txlite.seed(0)
    model = ViT(ViTConfig(image_size=4, patch_size=2, **SIZES))
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    published.out_of_order(model, 0)
    for name, weight in model.named_parameters():
        assert_close(weight.flatten().sort().values, before[name].flatten().sort().values)
    assert not torch.equal(model.patches.proj.weight, before["patches.proj.weight"])


def test_labels_stay_with_pictures_that_are_joined() -> None:
    one = LabelledPictures(torch.zeros(2, 1, 1, 1), torch.tensor([0, 1]))
    two = LabelledPictures(torch.ones(1, 1, 1, 1), torch.tensor([2]))
    pictures, labels = emoji.joined(one, two)
    assert pictures.flatten().tolist() == [0, 0, 1]
    assert labels.tolist() == [0, 1, 2]
