"""ViT: patches are words, tokens stand before them, and places can be stretched.

That it computes what the published models do stands in tests/interop.
"""

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from tests.models.tiny import CLOSE, EXACT, redrawn, share_dropped
from txlite.inspect import record_attention
from txlite.models import ViT, ViTConfig, ViTForImageClassification, ViTWithTeacher
from txlite.nn import LayerScale

# All different, so that a swapped axis cannot pass unseen.
B, C, D, H, F, P = 2, 5, 12, 3, 20, 4
ROWS, COLUMNS = 2, 3
CHOICES: dict[str, dict[str, Any]] = {
    "vit": {},
    "mean": {"pooling": "mean", "class_token": False},
    "deit": {"distillation_token": True, "qkv_bias": False},
    "dinov2": {"layer_scale": 0.5, "mask_token": True, "pooling": "class_and_mean"},
    "registers": {"layer_scale": 0.5, "num_registers": 2, "antialias": True},
    "gated": {"activation": "swiglu", "patch_bias": False, "embedding_norm": True},
    "post-norm": {"norm_first": False},
    "nowhere": {"positions": "none"},
}
every_choice = pytest.mark.parametrize("name", CHOICES)


def config(name: str = "vit", **options: Any) -> ViTConfig:
    sizes: dict[str, Any] = {"d_model": D, "num_heads": H, "d_ff": F, "num_layers": 2}
    sizes |= {"image_size": (ROWS * P, COLUMNS * P), "patch_size": P, "num_channels": C}
    return ViTConfig(**{**sizes, "num_labels": 4, **CHOICES[name], **options})


def tiny(name: str = "vit", **options: Any) -> ViT:
    return redrawn(ViT(config(name, **options)))


def pictures(rows: int = ROWS, columns: int = COLUMNS) -> Tensor:
    return torch.randn(B, C, rows * P, columns * P, dtype=torch.float64)


def shuffled(x: Tensor, order: Tensor) -> Tensor:
    """Let the patches of pictures change their places: place i gets patch ``order[i]``."""
    rows, columns = x.shape[2] // P, x.shape[3] // P
    cut = x.unflatten(3, (columns, P)).unflatten(2, (rows, P))  # (B, C, rows, P, columns, P)
    flat = cut.permute(2, 4, 0, 1, 3, 5).flatten(0, 1)[order]
    return flat.unflatten(0, (rows, columns)).permute(2, 3, 0, 4, 1, 5).reshape(x.shape)


# ------------------------------------------------------------------ mathematics


@every_choice
def test_every_state_sees_every_patch(name: str) -> None:
    model, x = tiny(name), pictures().requires_grad_()
    hidden = model(x)
    assert hidden.shape == (B, model.num_before + ROWS * COLUMNS, D)
    for t in range(hidden.shape[1]):
        (grad,) = torch.autograd.grad(hidden[:, t].sin().sum(), x, retain_graph=True)
        assert grad.abs().amax(1).gt(0).all()
    (other,) = torch.autograd.grad(hidden[0].sin().sum(), x)
    assert other[1].eq(0).all()  # a picture of the batch is not another's


@pytest.mark.parametrize("name", ["vit", "deit", "registers"])
def test_without_places_shuffled_patches_are_shuffled_states(name: str) -> None:
    model, x = tiny(name, positions="none"), pictures()
    order = torch.tensor([4, 0, 5, 1, 3, 2])
    want, got = model(x), model(shuffled(x, order))
    n = model.num_before
    assert_close(got[:, n:], want[:, n:][:, order], **CLOSE)
    assert_close(got[:, :n], want[:, :n], **CLOSE)


@pytest.mark.kills(
    "vit: places left out", "models/vit.py", "x = x + self.positions(", "x + self.positions("
)
def test_with_places_they_are_not() -> None:
    """The negative control."""
    model, x = tiny(), pictures()
    order = torch.tensor([4, 0, 5, 1, 3, 2])
    assert not torch.allclose(model(shuffled(x, order))[:, 1:], model(x)[:, 1:][:, order], atol=0.1)


@pytest.mark.kills(
    "vit: registers have a place",
    "models/vit.py",
    "x.tensor_split([len(tokens)], dim=1)",
    "x.tensor_split([0], dim=1)",
)
def test_what_enters_the_stack() -> None:
    """Class token, teacher's token, registers, patches; places for all but the registers."""
    model = tiny("deit", num_registers=2, embedding_norm=True)
    x, entered = pictures(), []
    with model.encoder.register_forward_pre_hook(lambda _, args: entered.append(args[0])):
        model(x)
    places = model.positions.table
    tokens = torch.stack([model.class_token, model.distillation_token]) + places[:2]
    patches = model.patches(x) + places[2:]
    want = [torch.cat([tokens, model.registers, row]) for row in patches]
    assert_close(entered[0], model.embedding_norm(torch.stack(want)), **CLOSE)
    assert model.num_before == 4
    assert len(places) == 2 + ROWS * COLUMNS


@every_choice
def test_another_size_is_seen_with_stretched_places(name: str) -> None:
    model, x = tiny(name), pictures(4, 5)
    hidden = model(x)
    assert hidden.shape == (B, model.num_before + 20, D)
    if model.positions is None:
        return
    same = tiny(name, image_size=(4 * P, 5 * P))
    state = model.state_dict()
    same.load_state_dict({**state, "positions.table": model.positions(4, 5).detach()})
    assert_close(hidden, same(x), **EXACT)


def test_height_is_not_width() -> None:
    model, x = tiny(), pictures(2, 3)
    turned = tiny(image_size=(COLUMNS * P, ROWS * P))
    turned.load_state_dict(model.state_dict())
    assert model(x).shape == turned(x.mT).shape
    assert not torch.allclose(model(x), turned(x.mT), atol=0.1)


def test_a_hidden_patch_is_as_good_as_any_other() -> None:
    model, x = tiny("dinov2"), pictures()
    masked = torch.zeros(B, ROWS * COLUMNS, dtype=torch.bool)
    masked[0, 1] = masked[1, 5] = True
    want = model(x, masked=masked)
    other = x.clone()
    other[0, :, :P, P : 2 * P] = 7.0  # row 0, column 1
    other[1, :, P:, 2 * P :] = 7.0  # row 1, column 2
    assert_close(model(other, masked=masked), want, **EXACT)
    assert not torch.allclose(model(x), want, atol=0.1)
    assert_close(model(x, masked=~masked & masked), model(x), **EXACT)


def test_what_is_pooled() -> None:
    x = pictures()
    for name, pooling in (("deit", "class"), ("mean", "mean"), ("registers", "class_and_mean")):
        model = tiny(name, pooling=pooling)
        hidden, n = model(x), model.num_before
        mean = hidden[:, n:].mean(1)
        want = {"class": hidden[:, 0], "mean": mean}.get(
            pooling, torch.cat([hidden[:, 0], mean], 1)
        )
        assert_close(model.pool(hidden), want, **EXACT)
        mapped = redrawn(ViT(model.config, pooler=True))
        got = mapped.pool(hidden)
        assert mapped.pooler is not None
        assert_close(got, mapped.pooler(want).tanh(), **EXACT)
        assert got.shape == (B, D)


def test_classifiers_read_what_they_should() -> None:
    x = pictures()
    one = redrawn(ViTForImageClassification(config("dinov2")))
    assert_close(one(x), one.classifier(one.vit.pool(one.vit(x))), **EXACT)
    two = redrawn(ViTWithTeacher(config("deit", num_registers=2)))
    hidden = two.vit(x)
    labels, teacher = two(x)
    assert_close(labels, two.classifier(hidden[:, 0]), **EXACT)
    assert_close(teacher, two.teacher_classifier(hidden[:, 1]), **EXACT)
    assert labels.shape == teacher.shape == (B, 4)


def test_layer_scale_stands_in_both_branches_and_only_where_it_is_asked_for() -> None:
    scaled = tiny("dinov2")
    parts = [name for name, part in scaled.named_modules() if isinstance(part, LayerScale)]
    assert parts == [
        f"encoder.layers.{i}.{p}" for i in range(2) for p in ("attention", "feed_forward")
    ]
    assert not any(isinstance(part, LayerScale) for part in tiny().modules())
    fresh = ViT(config(layer_scale=0.25))
    assert all(p.eq(0.25).all() for n, p in fresh.named_parameters() if n.endswith("scale"))


def test_queries_keys_and_values_may_have_no_bias_and_the_rest_keeps_it() -> None:
    names = {name for name, _ in tiny(qkv_bias=False).named_parameters() if "attention." in name}
    without = {f"encoder.layers.{i}.attention.output_proj.bias" for i in range(2)}
    assert {name for name in names if name.endswith("bias")} == without


def test_maps_of_patches_sum_to_one() -> None:
    model, x = tiny("registers"), pictures()
    with record_attention(model) as maps:
        model(x)
    assert len(maps) == 2
    for table in maps.values():
        assert table.shape == (B, H, 9, 9)
        assert_close(table.sum(-1), torch.ones(B, H, 9).double())


def test_dropout_drops_what_enters_the_stack() -> None:
    model = tiny(dropout=0.4)
    share = share_dropped(
        model.dropout, model.encoder, lambda: model(torch.ones(60, C, 8, 12).double())
    )
    assert share == pytest.approx(0.4, abs=0.03)


def test_a_fresh_model_begins_small() -> None:
    model = ViT(ViTConfig(d_model=192, num_heads=3, d_ff=768, num_layers=1, mask_token=True))
    for name, p in model.named_parameters():
        if name in ("class_token", "positions.table", "patches.proj.weight"):
            assert p.std().item() == pytest.approx(0.02, rel=0.2), name
    assert model.mask_token is not None
    assert model.mask_token.eq(0).all()


def test_nothing_is_learned_that_is_not_used() -> None:
    for name in CHOICES:
        model = tiny(name)
        masked = None
        if model.mask_token is not None:
            masked = torch.arange(ROWS * COLUMNS).expand(B, -1) == 2
        model(pictures(), masked=masked).sin().sum().backward()
        unused = {n for n, p in model.named_parameters() if p.grad is None or p.grad.eq(0).all()}
        assert unused <= {n for n in unused if "key_proj.bias" in n}, name


# ------------------------------------------------------------------ refusals


@pytest.mark.plain
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 9}, r"image_size=(9, 9) should be multiples of patch_size=4"),
        ({"image_size": (8, 10)}, r"image_size=(8, 10) should be multiples of patch_size=4"),
        ({"image_size": (8, 8, 8)}, r"image_size should be a side, or height and width, got (8"),
        ({"image_size": 0}, "image_size should be a positive whole number, got 0"),
        ({"patch_size": 0}, "patch_size should be a positive whole number, got 0"),
        ({"num_registers": -1}, "num_registers should be a whole number of at least zero"),
        ({"positions": "rotary"}, "positions should be one of learned, none, got 'rotary'"),
        ({"pooling": "max"}, "pooling should be one of class, mean, class_and_mean, got 'max'"),
        ({"class_token": False}, "class_token should be True for 'class'"),
        ({"class_token": False, "pooling": "class_and_mean"}, "class_token should be True for"),
        (
            {"class_token": False, "pooling": "mean", "distillation_token": True},
            "class_token should be True for",
        ),
        ({"layer_scale": 0.0}, "layer_scale should be a positive number, got 0.0"),
        ({"num_heads": 5}, "d_model=12 should be a multiple of num_heads=5"),
    ],
)
def test_a_config_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        config(**options)


@pytest.mark.plain
def test_what_does_not_fit_is_refused_by_name() -> None:
    model, x = tiny(), pictures()
    none = torch.zeros(B, ROWS * COLUMNS, dtype=torch.bool)
    masking = tiny("dinov2")
    for refused, message in (
        (lambda: model(x[..., :-1]), "pictures should have sides that are multiples of patch_si"),
        (lambda: model(x[:, :-1]), "pictures should have shape (B, C=5, Y, X)"),
        (lambda: model(x, masked=none), "masked should be None for a model with mask_token=False"),
        (lambda: masking(x, masked=none.int()), "masked should be a bool tensor"),
        (lambda: masking(x, masked=none[:, 1:]), "masked should have shape (B=2, P=6)"),
        (lambda: model.pool(model(x)[:, :1]), "hidden should hold more than 1 states, got 1"),
        (lambda: model.pool(model(x)[..., 1:]), "hidden should have shape (B, T, D=12)"),
        (lambda: ViTWithTeacher(config()), "distillation_token should be True for a teacher"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            refused()


def test_the_size_is_kept_as_a_pair() -> None:
    assert config(image_size=8).image_size == (8, 8)
    assert config(image_size=8) == config(image_size=(8, 8))
    assert config().grid == (ROWS, COLUMNS)


# ------------------------------------------------------------------ published sizes

# With their classifiers of 1000 labels. The papers say 86, 307 and 632 million (ViT), 22 (DeiT-S),
# and 21 and 86 for DINOv2's bodies.
PUBLISHED: dict[str, tuple[type[nn.Module], int]] = {
    "b_16": (ViTForImageClassification, 86_567_656),
    "l_16": (ViTForImageClassification, 304_326_632),
    "h_14": (ViTForImageClassification, 632_045_800),
    "deit_s": (ViTWithTeacher, 22_436_432),
    "dinov2_s_14": (ViT, 22_056_576),
    "dinov2_b_14": (ViT, 86_580_480),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_sizes_on_meta(name: str) -> None:
    kind, count = PUBLISHED[name]
    preset = getattr(ViTConfig, name)()
    with torch.device("meta"):
        model = kind(preset)
    assert sum(p.numel() for p in model.parameters()) == count
    out = model(torch.zeros(2, 3, *preset.image_size, device="meta"))
    assert (out[0] if isinstance(out, tuple) else out).shape[0] == 2


def test_the_presets_are_the_papers() -> None:
    told = {
        name: (c.num_layers, c.d_model, c.num_heads, c.patch_size, c.grid, c.layer_scale)
        for name in PUBLISHED
        for c in [getattr(ViTConfig, name)(77)]
    }
    assert told == {
        "b_16": (12, 768, 12, 16, (14, 14), None),
        "l_16": (24, 1024, 16, 16, (14, 14), None),
        "h_14": (32, 1280, 16, 14, (16, 16), None),
        "deit_s": (12, 384, 6, 16, (14, 14), None),
        "dinov2_s_14": (12, 384, 6, 14, (37, 37), 1e-5),
        "dinov2_b_14": (12, 768, 12, 14, (37, 37), 1e-5),
    }
    assert ViTConfig.b_16(77).num_labels == 77
