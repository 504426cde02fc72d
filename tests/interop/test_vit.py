"""ViT's and DeiT's models in and out: the same numbers, gradients and bytes, and every trap."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.interop import seeing
from tests.interop.published import (
    check_fields,
    rewritten,
    round_trip,
    tensors,
    unknown_fields,
    written,
)
from tests.interop.seeing import SHAPES, SIZES, B, C, D, F, H, P, pictures
from txlite.interop import load, read_config, save
from txlite.interop._vit import DEIT, VIT
from txlite.models import ViT, ViTConfig, ViTForImageClassification, ViTWithTeacher

CONFIGS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "body": ("ViT", "Model", {}),
    "classifier": ("ViT", "ForImageClassification", {"num_labels": 4}),
    "no biases": ("ViT", "ForImageClassification", {"qkv_bias": False, "num_labels": 7}),
    "relu": ("ViT", "Model", {"hidden_act": "relu", "num_attention_heads": 4}),
    "gelu_new": ("ViT", "Model", {"hidden_act": "gelu_new", "layer_norm_eps": 1e-5}),
    "quick": ("ViT", "Model", {"hidden_act": "quick_gelu", "num_attention_heads": 1}),
    "another patch": ("ViT", "Model", {"patch_size": 8, "num_hidden_layers": 3}),
    "deit": ("DeiT", "Model", {}),
    "deit without biases": ("DeiT", "Model", {"qkv_bias": False, "hidden_act": "silu"}),
    "deit's labels": ("DeiT", "ForImageClassification", {"num_labels": 4}),
    "deit's teacher": ("DeiT", "ForImageClassificationWithTeacher", {"num_labels": 4}),
    "deit's relu": ("DeiT", "Model", {"hidden_act": "relu", "num_attention_heads": 4}),
    "deit's eps": ("DeiT", "ForImageClassificationWithTeacher", {"layer_norm_eps": 1e-3}),
}
KINDS = {
    "Model": ViT,
    "ForImageClassification": ViTForImageClassification,
    "ForImageClassificationWithTeacher": ViTWithTeacher,
}


def twin(family: str = "ViT", head: str = "Model", options: dict[str, Any] | None = None) -> Any:
    return seeing.made(family, head, SIZES, options or {})


@pytest.mark.parametrize("shape", ["own", "large"])
@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_published_model(name: str, shape: str, tmp_path: Path) -> None:
    size = SHAPES[shape]
    if name == "another patch" and shape == "large":
        size = (24, 32)
    seeing.check_equal(twin(*CONFIGS[name]), tmp_path, size, stretched=shape != "own")


@pytest.mark.parametrize("family", ["ViT", "DeiT"])
@pytest.mark.parametrize("shape", ["wide", "as many"])
def test_a_picture_of_another_shape(family: str, shape: str, tmp_path: Path) -> None:
    """As many patches in another shape are another grid too."""
    seeing.check_equal(twin(family), tmp_path, SHAPES[shape], stretched=True)


@pytest.mark.parametrize("family", ["ViT", "DeiT"])
def test_places_of_a_grid_that_is_not_square(family: str, tmp_path: Path) -> None:
    """Theirs cannot stretch them, and takes them as they are at their own size."""
    theirs = twin(family, "Model", {"image_size": [8, 12]})
    seeing.check_equal(theirs, tmp_path / "saved", (8, 12), stretched=False)
    ours = load(tmp_path / "saved")
    assert isinstance(ours, ViT)
    assert ours.config.grid == (2, 3)
    assert ours(pictures(12, 8)).shape == (B, ours.num_before + 6, D)


@pytest.mark.parametrize("family", ["ViT", "DeiT"])
def test_maps_are_theirs(family: str, tmp_path: Path) -> None:
    seeing.check_maps(twin(family), tmp_path, lambda out: out.attentions)


@pytest.mark.parametrize("name", CONFIGS)
def test_goes_there_and_back(name: str, tmp_path: Path) -> None:
    theirs = twin(*CONFIGS[name])
    ours = load(written(theirs, tmp_path / "theirs"))
    assert type(ours) is KINDS[CONFIGS[name][1]]
    round_trip(theirs, tmp_path / "theirs", tmp_path / "ours", {})


@pytest.mark.parametrize("family", ["ViT", "DeiT"])
def test_a_body_without_a_pooler_and_with_a_mask_token(family: str, tmp_path: Path) -> None:
    import transformers

    whole = twin(family)
    kind = getattr(transformers, f"{family}Model")
    bare = kind(whole.config, add_pooling_layer=False, use_mask_token=True)
    bare = seeing.redraw(bare)
    seeing.check_equal(bare, tmp_path / "saved", SHAPES["own"], stretched=False, masked=True)
    ours = load(tmp_path / "saved")
    assert isinstance(ours, ViT)
    assert ours.pooler is None
    assert ours.mask_token is not None


def test_a_hidden_patch_s_token_has_their_gradient(tmp_path: Path) -> None:
    """The table names it, and `compare` has seen it: a wrong place would be noticed."""
    import transformers

    theirs = transformers.ViTModel(twin().config, add_pooling_layer=False, use_mask_token=True)
    ours = load(written(seeing.redraw(theirs), tmp_path))
    masked = torch.zeros(B, 16, dtype=torch.bool)
    masked[:, 3] = True
    assert isinstance(ours, ViT)
    assert ours.mask_token is not None
    ours(pictures(), masked=masked).sin().sum().backward()
    assert ours.mask_token.grad is not None
    assert ours.mask_token.grad.abs().min() > 0


@pytest.mark.parametrize("family", ["ViT", "DeiT"])
def test_disk_names_are_the_published_ones(family: str, tmp_path: Path) -> None:
    """In memory version 5 has others, which no file has."""
    ours = ViT(ViTConfig(image_size=8, patch_size=4, d_model=D, num_heads=H, d_ff=F, num_layers=1,
                         distillation_token=family == "DeiT"))  # fmt: skip
    save(ours, tmp_path / "body")
    names = set(tensors(tmp_path / "body"))
    assert "encoder.layer.0.attention.attention.query.weight" in names
    assert "embeddings.patch_embeddings.projection.weight" in names
    assert ("embeddings.distillation_token" in names) is (family == "DeiT")
    assert not any(name.startswith(family.lower()) for name in names)
    assert read_config(tmp_path / "body")["model_type"] == family.lower()


@pytest.mark.parametrize("prefix", ["vit.", "deit."])
def test_the_prefix_may_be_there_or_not(prefix: str, tmp_path: Path) -> None:
    theirs = twin("ViT" if prefix == "vit." else "DeiT")
    saved = written(theirs, tmp_path)
    want = load(saved).state_dict()
    held = tensors(saved)
    names = {name.replace(".", "__"): None for name in held}
    longer = {f"{prefix}{name}".replace(".", "__"): x.clone() for name, x in held.items()}
    rewritten(saved, **{**names, **longer})
    got = load(saved).state_dict()
    assert all(torch.equal(want[name], got[name]) for name in want)


def test_a_classifier_s_file_may_hold_a_pooler_of_no_use(tmp_path: Path) -> None:
    saved = written(twin("ViT", "ForImageClassification"), tmp_path)
    want = load(saved).state_dict()
    rewritten(saved, vit__pooler__dense__weight=torch.zeros(D, D))
    assert load(saved).state_dict().keys() == want.keys()


def test_other_heads_are_listed(tmp_path: Path) -> None:
    saved = written(twin("ViT", "ForMaskedImageModeling", {"encoder_stride": P}), tmp_path)
    with pytest.raises(ValueError, match=r"unexpected:\n    'decoder.0.bias'"):
        load(saved)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("hidden_act", "gelu_10", "hidden_act should be one of gelu"),
        ("patch_size", [4, 8], "patch_size should be square"),
        ("patch_size", 3, "image_size=.* should be multiples of patch_size=3"),
        ("image_size", [16, 16, 16], "image_size should be a side, or height and width"),
        ("image_size", "16", "image_size should be a side, or height and width"),
        ("image_size", True, "image_size should be a side, or height and width"),
        ("image_size", 10**9, "image_size should be a side, or height and width"),
        ("image_size", 32, r"position_embeddings should have shape \(1, 65, 12\)"),
        ("num_channels", 3, r"projection.weight should have shape \(12, 3, 4, 4\)"),
        ("pooler_output_size", 7, "pooler_output_size should be 12"),
        ("pooler_act", "relu", "pooler_act should be 'tanh'"),
        ("head_dim", 5, "head_dim should be 4"),
        ("num_hidden_layers", 900, "num_hidden_layers should be a whole number from 1 to"),
        ("num_attention_heads", 5, "num_heads=5"),
        ("qkv_bias", "no", "qkv_bias should be true or false"),
        ("qkv_bias", False, "unexpected:\n *'vit.encoder.layer.0.attention.attention.key.bias'"),
    ],
)
def test_a_field_that_is_not_built_is_refused_by_name(
    tmp_path: Path, field: str, value: Any, message: str
) -> None:
    check_fields(written(twin(), tmp_path / "saved"), field, value, message)


def test_a_wrong_number_of_labels_is_refused(tmp_path: Path) -> None:
    theirs = twin("ViT", "ForImageClassification", {"num_labels": 4})
    saved = written(theirs, tmp_path / "saved")
    check_fields(saved, "id2label", {"0": "a"}, "id2label should be 4 labels, got 1")


@pytest.mark.parametrize(("family", "ours"), [("ViT", VIT), ("DeiT", DEIT)])
def test_no_field_of_the_published_configuration_is_overlooked(
    family: str, ours: Any, tmp_path: Path
) -> None:
    saved = written(twin(family, "ForImageClassification"), tmp_path / "saved")
    assert unknown_fields(saved, ours) == set()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm_first": False}, "norm_first should be True in a ViT, got False"),
        ({"norm": "rms"}, "norm should be 'layer' in a ViT"),
        ({"bias": False}, "bias should be True in a ViT"),
        ({"num_kv_heads": 1}, "num_kv_heads should be None in a ViT"),
        ({"head_dim": 5}, "head_dim should be None in a ViT"),
        ({"ff_dropout": 0.1}, "ff_dropout should be 0.0 in a ViT"),
        ({"positions": "none"}, "positions should be 'learned' in a ViT"),
        ({"pooling": "mean"}, "pooling should be 'class' in a ViT"),
        ({"pooling": "mean", "class_token": False}, "pooling should be 'class' in a ViT"),
        ({"patch_bias": False}, "patch_bias should be True in a ViT"),
        ({"embedding_norm": True}, "embedding_norm should be False in a ViT"),
        ({"activation": "swiglu"}, "activation should be one of .* in a ViT, got 'swiglu'"),
        ({"distillation_token": True, "bias": False}, "bias should be True in a DeiT"),
        ({"layer_scale": 0.1, "dropout": 0.1}, "dropout should be 0.0 in a Dinov2"),
        ({"num_registers": 2, "antialias": True}, "mask_token should be True in a Dinov2With"),
    ],
)
def test_what_a_vit_cannot_be_is_not_saved(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    sizes = {"image_size": 8, "patch_size": 4, "d_model": D, "num_heads": H, "num_layers": 1}
    with pytest.raises(ValueError, match=message):
        save(ViT(ViTConfig(**{**sizes, "d_ff": 4 * D, **options})), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_patches_that_are_swapped_would_be_noticed(tmp_path: Path) -> None:
    """The negative control of the parity: height is not width."""
    ours = load(written(twin(), tmp_path))
    x = pictures()
    assert x.shape[1] == C
    assert not torch.allclose(ours(x), ours(x.mT), atol=0.1)
