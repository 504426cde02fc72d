"""DINOv2's models in and out, with registers and without: numbers, gradients, bytes, every trap."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.interop import seeing
from tests.interop.published import check_fields, round_trip, tensors, unknown_fields, written
from tests.interop.seeing import SHAPES, SIZES, D, H, pictures
from txlite.interop import load, read_config, save
from txlite.interop._dinov2 import DINOV2, DINOV2_WITH_REGISTERS
from txlite.models import ViT, ViTConfig, ViTForImageClassification

PLAIN = {name: size for name, size in SIZES.items() if name != "intermediate_size"}
REGISTERS = "Dinov2WithRegisters"
CONFIGS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "body": ("Dinov2", "Model", {}),
    "classifier": ("Dinov2", "ForImageClassification", {"num_labels": 4}),
    "gated": ("Dinov2", "ForImageClassification", {"use_swiglu_ffn": True, "num_labels": 3}),
    "no biases": ("Dinov2", "Model", {"qkv_bias": False, "mlp_ratio": 2}),
    "no mask": ("Dinov2", "Model", {"use_mask_token": False, "hidden_act": "relu"}),
    "wide and gated": ("Dinov2", "Model", {"use_swiglu_ffn": True, "mlp_ratio": 7}),
    "eps": ("Dinov2", "Model", {"layer_norm_eps": 1e-3, "layerscale_value": 0.1}),
    "registers": (REGISTERS, "Model", {"num_register_tokens": 3}),
    "registers' labels": (REGISTERS, "ForImageClassification", {"num_labels": 4}),
    "registers, gated": (REGISTERS, "Model", {"use_swiglu_ffn": True, "num_register_tokens": 1}),
    "registers, no biases": (REGISTERS, "Model", {"qkv_bias": False, "mlp_ratio": 3}),
    "registers, silu": (REGISTERS, "Model", {"hidden_act": "silu", "num_attention_heads": 4}),
    "registers, eps": (REGISTERS, "ForImageClassification", {"layer_norm_eps": 1e-3}),
}


def twin(family: str = "Dinov2", head: str = "Model", options: dict[str, Any] | None = None) -> Any:
    return seeing.made(family, head, PLAIN, options or {})


@pytest.fixture(autouse=True)
def _in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers.models.dinov2.modeling_dinov2 import Dinov2Embeddings
    from transformers.models.dinov2_with_registers import (
        modeling_dinov2_with_registers as registers,
    )

    seeing.in_float64(monkeypatch, Dinov2Embeddings)
    seeing.in_float64(monkeypatch, registers.Dinov2WithRegistersEmbeddings)


@pytest.mark.parametrize("shape", ["own", "large"])
@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_published_model(name: str, shape: str, tmp_path: Path) -> None:
    seeing.check_equal(twin(*CONFIGS[name]), tmp_path, SHAPES[shape], stretched=False)


@pytest.mark.parametrize("family", ["Dinov2", REGISTERS])
@pytest.mark.parametrize("shape", ["wide", "as many"])
def test_a_picture_of_another_shape(family: str, shape: str, tmp_path: Path) -> None:
    seeing.check_equal(twin(family), tmp_path, SHAPES[shape], stretched=False)


@pytest.mark.parametrize("family", ["Dinov2", REGISTERS])
def test_hidden_patches(family: str, tmp_path: Path) -> None:
    theirs = twin(family)
    seeing.check_equal(theirs, tmp_path, SHAPES["large"], stretched=False, masked=True)
    assert theirs.embeddings.mask_token.grad.abs().max() > 0


def test_only_registers_come_with_an_antialiased_stretch(tmp_path: Path) -> None:
    """Made smaller, the places of one differ from those of the other."""
    x, ours = pictures(8, 8), []
    for family in ("Dinov2", REGISTERS):
        model = load(written(twin(family), tmp_path / family))
        assert isinstance(model, ViT)
        assert model.config.antialias is (family == REGISTERS)
        seeing.check_equal(twin(family), tmp_path / f"{family} again", (8, 8), stretched=False)
        ours.append(model(x))
    assert ours[0].shape[1] + 4 == ours[1].shape[1]


@pytest.mark.parametrize("family", ["Dinov2", REGISTERS])
def test_maps_are_theirs(family: str, tmp_path: Path) -> None:
    seeing.check_maps(twin(family), tmp_path, lambda out: out.attentions)


@pytest.mark.parametrize("name", CONFIGS)
def test_goes_there_and_back(name: str, tmp_path: Path) -> None:
    theirs = twin(*CONFIGS[name])
    ours = load(written(theirs, tmp_path / "theirs"))
    assert type(ours) is (ViT if CONFIGS[name][1] == "Model" else ViTForImageClassification)
    round_trip(theirs, tmp_path / "theirs", tmp_path / "ours", {})


def test_a_gate_s_two_maps_are_stored_as_one_gate_first(tmp_path: Path) -> None:
    theirs = twin("Dinov2", "Model", {"use_swiglu_ffn": True})
    ours = load(written(theirs, tmp_path))
    fused = tensors(tmp_path)["encoder.layer.0.mlp.weights_in.weight"]
    part: Any = ours.encoder.layers[0].feed_forward.part  # type: ignore[union-attr,index]
    assert fused.shape == (2 * 32, D)  # two thirds of 48, a multiple of eight
    assert torch.equal(fused[:32], part.gate_proj.weight)
    assert torch.equal(fused[32:], part.up_proj.weight)


def test_a_classifier_reads_two_vectors_and_no_register(tmp_path: Path) -> None:
    theirs = twin(REGISTERS, "ForImageClassification", {"num_register_tokens": 3})
    ours = load(written(theirs, tmp_path))
    assert isinstance(ours, ViTForImageClassification)
    assert ours.config.pooling == "class_and_mean"
    assert ours.classifier.in_features == 2 * D
    hidden = ours.vit(pictures())
    moved = hidden.clone()
    moved[:, 1:4] += 1.0
    assert torch.equal(ours.vit.pool(moved), ours.vit.pool(hidden))


@pytest.mark.parametrize(
    ("family", "field", "value", "message"),
    [
        ("Dinov2", "drop_path_rate", 0.1, "drop_path_rate should be False or 0 or 0.0"),
        ("Dinov2", "hidden_dropout_prob", 0.1, "hidden_dropout_prob should be False or 0 or 0.0"),
        ("Dinov2", "mlp_ratio", 10**6, "mlp_ratio should be a whole number from 0 to 64"),
        ("Dinov2", "mlp_ratio", 3, r"mlp.fc1.weight should have shape \(36, 12\)"),
        ("Dinov2", "mlp_ratio", 0, "d_ff should be a positive whole number"),
        ("Dinov2", "use_swiglu_ffn", True, "weights_in.weight"),
        ("Dinov2", "use_mask_token", False, "unexpected:\n *'dinov2.embeddings.mask_token'"),
        ("Dinov2", "layerscale_value", 0.0, "layer_scale should be a positive number"),
        (REGISTERS, "num_register_tokens", 2, r"register_tokens should have shape \(1, 2, 12\)"),
        (REGISTERS, "num_register_tokens", 0, "num_register_tokens should be a whole number from"),
        ("Dinov2", "hidden_act", "gelu_10", "hidden_act should be one of gelu"),
        ("Dinov2", "head_dim", 5, "head_dim should be 4"),
    ],
)
def test_a_field_that_is_not_built_is_refused_by_name(
    tmp_path: Path, family: str, field: str, value: Any, message: str
) -> None:
    check_fields(written(twin(family), tmp_path / "saved"), field, value, message)


@pytest.mark.parametrize(
    ("family", "ours"), [("Dinov2", DINOV2), (REGISTERS, DINOV2_WITH_REGISTERS)]
)
def test_no_field_of_the_published_configuration_is_overlooked(
    family: str, ours: Any, tmp_path: Path
) -> None:
    saved = written(twin(family), tmp_path / "saved")
    assert unknown_fields(saved, ours) == set()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"d_ff": 20}, "d_ff should be a multiple of d_model in a Dinov2, got 20"),
        ({"pooling": "class_and_mean"}, "pooling should be 'class' in a Dinov2"),
        ({"dropout": 0.1}, "dropout should be 0.0 in a Dinov2, got 0.1"),
        ({"distillation_token": True}, "distillation_token should be False in a Dinov2"),
        ({"num_registers": 2}, "antialias should be True in a Dinov2WithRegisters, got False"),
        ({"activation": "geglu"}, "activation should be one of .* in a Dinov2, got 'geglu'"),
    ],
)
def test_what_a_dinov2_cannot_be_is_not_saved(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    sizes = {"image_size": 8, "patch_size": 4, "d_model": D, "num_heads": H, "num_layers": 1}
    given = {**sizes, "d_ff": 4 * D, "layer_scale": 0.1, **options}
    with pytest.raises(ValueError, match=message):
        save(ViT(ViTConfig(**given)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_pooler_of_its_own_is_not_saved(tmp_path: Path) -> None:
    sizes = {"image_size": 8, "patch_size": 4, "d_model": D, "num_heads": H, "num_layers": 1}
    config = ViTConfig(**sizes, d_ff=4 * D, layer_scale=0.1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="pooler should be False in a Dinov2, got True"):
        save(ViT(config, pooler=True), tmp_path / "out")
    save(ViT(config), tmp_path / "out")
    assert read_config(tmp_path / "out")["use_mask_token"] is False
