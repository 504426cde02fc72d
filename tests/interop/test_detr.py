"""DETR's models in and out: the same numbers, gradients and bytes, and every trap by name."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.testing import assert_close

from tests.interop.published import (
    CLOSE,
    check_cross_maps,
    check_fields,
    compare,
    reconfigured,
    redraw,
    rewritten,
    round_trip,
    tensors,
    unknown_fields,
    written,
)
from txlite.inspect import record_attention
from txlite.interop import load, read_config, save
from txlite.models import DETR, DETRConfig, FrozenBatchNorm, ResNetConfig
from txlite.training import Objects, set_loss

B, Q, K, D, H, F = 2, 5, 3, 12, 3, 20
HEIGHT, WIDTH = 37, 53  # not multiples of anything
RESNET: dict[str, Any] = {
    "embedding_size": 6, "hidden_sizes": [8, 12, 20], "depths": [1, 2, 1],
    "layer_type": "bottleneck", "out_features": ["stage3"],
}  # fmt: skip
CONFIGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "bottlenecks": ({}, {}),
    "basic blocks": ({}, {"layer_type": "basic", "hidden_sizes": [6, 9, 15]}),
    "four stages": (
        {"encoder_layers": 1},
        {"hidden_sizes": [4, 8, 8, 16], "depths": [2, 1, 1, 1], "out_features": ["stage4"]},
    ),
    "grey": ({"num_channels": 1}, {"num_channels": 1, "depths": [2, 1, 1]}),
    "gelu": ({"activation_function": "gelu", "decoder_layers": 1}, {}),
    "one head": (
        {"encoder_attention_heads": 1, "decoder_attention_heads": 1, "d_model": 8}, {}
    ),
    "eager": ({"attn_implementation": "eager", "num_queries": 9, "num_labels": 1}, {}),
}  # fmt: skip
ON_DISK = (  # their names in memory, and in files
    ("model.backbone.model.", "model.backbone.conv_encoder.model."),
    (".o_proj.", ".out_proj."),
    (".mlp.fc", ".fc"),
)


class Twin(nn.Module):
    """A model of theirs whose parameters have the names that its files have."""

    def __init__(self, theirs: Any) -> None:
        super().__init__()
        self.theirs = theirs

    def named_parameters(self, *_: Any, **__: Any) -> Iterator[tuple[str, nn.Parameter]]:
        for name, p in self.theirs.named_parameters():
            for there, here in ON_DISK:
                name = name.replace(there, here)
            yield name, p


def twin(options: dict[str, Any] | None = None, resnet: dict[str, Any] | None = None) -> Any:
    from transformers import DetrConfig, DetrForObjectDetection, ResNetConfig

    sizes: dict[str, Any] = {
        "num_queries": Q, "num_labels": K, "d_model": D, "encoder_layers": 2, "decoder_layers": 3,
        "encoder_attention_heads": H, "decoder_attention_heads": H, "encoder_ffn_dim": F,
        "decoder_ffn_dim": F, "use_timm_backbone": False, "use_pretrained_backbone": False,
    }  # fmt: skip
    backbone = ResNetConfig(**{**RESNET, **(resnet or {})})
    theirs = DetrForObjectDetection(
        DetrConfig(**{**sizes, **(options or {})}, backbone_config=backbone)
    )
    theirs.model.unfreeze_backbone()
    redraw(theirs)
    with torch.no_grad():
        for module in theirs.modules():
            if "FrozenBatchNorm" in type(module).__name__:
                module.weight.normal_(1.0, 0.5)
                module.bias.normal_(std=0.5)
                module.running_mean.normal_(std=0.5)
                module.running_var.uniform_(5.0, 20.0)  # what sums of so many products have
    return theirs


def pictures(theirs: Any) -> Tensor:
    return torch.randn(B, theirs.config.num_channels, HEIGHT, WIDTH, dtype=torch.float64)


def whole_and_cut() -> Tensor:
    """One picture as large as the batch, one smaller in both directions."""
    keep = torch.ones(B, HEIGHT, WIDTH, dtype=torch.bool)
    keep[1, 23:] = False
    keep[1, :, 31:] = False
    return keep


def numbers(logits: Tensor, boxes: Tensor) -> Tensor:
    return torch.cat([logits, boxes], -1)


def theirs_of(theirs: Any, x: Tensor, keep: Tensor | None = None, **options: Any) -> Tensor:
    mask = None if keep is None else keep.long()
    out = theirs(pixel_values=x, pixel_mask=mask, **options)
    return numbers(out.logits, out.pred_boxes)


def ours_of(ours: DETR, x: Tensor, keep: Tensor | None = None) -> Tensor:
    found = ours(x, keep)
    return numbers(found.logits, found.boxes)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_published_model(name: str, padded: bool, tmp_path: Path) -> None:
    theirs = twin(*CONFIGS[name])
    ours = load(written(theirs, tmp_path / "theirs"))
    assert isinstance(ours, DETR)
    assert not ours.training
    trained = [p for p in ours.parameters() if p.requires_grad]
    for module in ours.modules():
        if isinstance(module, nn.Conv2d):
            module.requires_grad_(True)
    assert len(trained) < sum(p.requires_grad for p in ours.parameters())
    x, keep = pictures(theirs), whole_and_cut() if padded else None

    def outputs() -> tuple[Tensor, Tensor]:
        return ours_of(ours, x, keep), theirs_of(theirs, x, keep)

    compare(Twin(theirs), ours, outputs)
    compared = {name for name, p in Twin(theirs).named_parameters()}
    from txlite.interop._detr import DETR as FAMILY

    statistics = re.compile(r"\.normalization\.")
    names = {w.theirs for w in FAMILY.table(ours) if not statistics.search(w.theirs)}
    assert names == compared  # every weight of theirs has been held to one of ours


@pytest.mark.parametrize("name", CONFIGS)
def test_goes_there_and_back(name: str, tmp_path: Path) -> None:
    theirs = twin(*CONFIGS[name])
    written(theirs, tmp_path / "theirs")
    round_trip(theirs, tmp_path / "theirs", tmp_path / "ours", {})


def test_what_we_save_they_compute(tmp_path: Path) -> None:
    from transformers import DetrForObjectDetection

    backbone = ResNetConfig(stem_width=6, widths=(8, 12), depths=(2, 1), frozen=2)
    config = DETRConfig(
        num_classes=K, num_queries=Q, d_model=D, num_heads=H, d_ff=F, num_layers=2,
        num_decoder_layers=1, backbone=backbone, dropout=0.3,
    )  # fmt: skip
    ours = redraw(DETR(config))
    save(ours, tmp_path)
    theirs = DetrForObjectDetection.from_pretrained(tmp_path, dtype="auto").eval()
    x, keep = pictures(theirs), whole_and_cut()
    assert_close(ours_of(ours, x, keep), theirs_of(theirs, x, keep), **CLOSE)
    again = load(tmp_path)
    assert again.config == config
    assert isinstance(again, DETR)


def test_maps_of_attention_are_their_eager_ones(tmp_path: Path) -> None:
    theirs = twin({"attn_implementation": "eager"})
    ours = load(written(theirs, tmp_path))
    x, keep = pictures(theirs), whole_and_cut()
    with record_attention(ours) as maps:
        ours(x, keep)
    out = theirs(pixel_values=x, pixel_mask=keep.long(), output_attentions=True)
    check_cross_maps(maps, out)


def test_the_loss_of_a_picture_is_theirs(tmp_path: Path) -> None:
    theirs = twin()
    ours = load(written(theirs, tmp_path))
    x = pictures(theirs)
    targets = [
        Objects(torch.tensor([2, 0]), torch.rand(2, 4, dtype=torch.float64) / 2 + 0.1),
        Objects(torch.tensor([1]), torch.rand(1, 4, dtype=torch.float64) / 2 + 0.1),
    ]
    labels = [{"class_labels": t.labels, "boxes": t.boxes} for t in targets]
    found = ours(x)
    got = set_loss(found.logits, found.boxes, targets)
    torch.set_default_dtype(torch.float64)  # of theirs' weights of the classes
    try:
        want = theirs(pixel_values=x, labels=labels).loss
    finally:
        torch.set_default_dtype(torch.float32)
    assert_close(got.total, want.reshape(()), **CLOSE)


# ------------------------------------------------------------------ traps


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    return written(twin(), tmp_path / "saved")


def test_files_have_the_published_names_and_memory_has_others(saved: Path) -> None:
    names = set(tensors(saved))
    assert "model.backbone.conv_encoder.model.embedder.embedder.convolution.weight" in names
    assert "model.encoder.layers.0.self_attn.out_proj.weight" in names
    assert "model.decoder.layers.2.fc1.weight" in names
    assert not [name for name in names if ".o_proj." in name or ".mlp." in name]
    assert not [name for name in names if name.endswith("num_batches_tracked")]


def as_timm(name: str) -> str:
    """Spell a part of the backbone as torchvision and timm do, part by part."""
    body = "model.backbone.conv_encoder.model."
    if not name.startswith(body):
        return name
    parts = name.removeprefix(body).split(".")
    kinds = {"convolution": "conv", "normalization": "bn"}
    if parts[0] == "embedder":
        return f"{body}{kinds[parts[2]]}1.{parts[3]}"
    stage, block = int(parts[2]) + 1, parts[4]
    start = f"{body}layer{stage}.{block}."
    if parts[5] == "shortcut":
        return f"{start}downsample.{list(kinds).index(parts[6])}.{parts[7]}"
    return f"{start}{kinds[parts[7]]}{int(parts[6]) + 1}.{parts[8]}"


@pytest.mark.parametrize("kind", ["resnet18", "resnet50"])
def test_a_backbone_with_the_names_of_timm_is_read(kind: str, tmp_path: Path) -> None:
    """The configuration of the published models says the backbone's name and no size."""
    basic = {"layer_type": "basic", "hidden_sizes": [64, 128, 256, 512], "depths": [2, 2, 2, 2]}
    resnet = {"embedding_size": 64, "out_features": ["stage4"]}
    if kind == "resnet50":
        resnet |= {"hidden_sizes": [256, 512, 1024, 2048], "depths": [3, 4, 6, 3]}
    else:
        resnet |= basic
    theirs = twin({"encoder_layers": 1, "decoder_layers": 1}, resnet).float()
    written(theirs, tmp_path)
    want = load(tmp_path).state_dict()
    held = {as_timm(name): tensor.clone() for name, tensor in tensors(tmp_path).items()}
    names = {f"model.backbone.conv_encoder.model.{n}" for n in (
        "conv1.weight", "bn1.running_var", "layer1.0.conv1.weight", "layer4.1.bn2.bias",
        "layer2.0.downsample.0.weight", "layer2.0.downsample.1.running_mean",
    )}  # fmt: skip
    assert names <= set(held)
    counter = "model.backbone.conv_encoder.model.bn1.num_batches_tracked"
    save_file({**held, counter: torch.tensor(7)}, tmp_path / "model.safetensors")
    for fields in (
        {"use_timm_backbone": True, "backbone": kind, "backbone_config": None},
        {"backbone_config": {"model_type": "timm_backbone", "backbone": kind, "num_channels": 3}},
    ):
        reconfigured(tmp_path, **fields)
        got = load(tmp_path)
        assert isinstance(got, DETR)
        assert all(torch.equal(p, want[name]) for name, p in got.state_dict().items())
    assert got.config.backbone.bottleneck is (kind == "resnet50")


def test_a_name_in_both_spellings_is_refused(saved: Path) -> None:
    name = "model.backbone.conv_encoder.model.embedder.embedder.convolution.weight"
    again = tensors(saved)[name].clone()
    rewritten(saved, model__backbone__conv_encoder__model__conv1__weight=again)
    with pytest.raises(ValueError, match="two tensors have one name"):
        load(saved)


def test_the_norms_are_frozen_and_the_first_stage_too(saved: Path) -> None:
    """As in the authors' training. Theirs freezes all when it is made, and nothing when loaded."""
    ours = load(saved)
    for name, p in ours.named_parameters():
        frozen = ".norm." in name and name.startswith("backbone.")
        frozen |= name.startswith(("backbone.stem.", "backbone.stages.0."))
        assert p.requires_grad is not frozen, name
    assert any(isinstance(module, FrozenBatchNorm) for module in ours.modules())
    from transformers import DetrForObjectDetection

    loaded = DetrForObjectDetection.from_pretrained(saved)
    assert all(p.requires_grad for p in loaded.model.backbone.parameters())
    made = DetrForObjectDetection(loaded.config)
    assert not any(p.requires_grad for p in made.model.backbone.parameters())


def test_their_auxiliary_losses_change_what_they_compute_and_not_what_we_do(saved: Path) -> None:
    """Since version 5 they hand each layer the normed states; the authors only look at those."""
    from transformers import DetrForObjectDetection

    before = load(saved)
    theirs = DetrForObjectDetection.from_pretrained(saved, dtype="auto").eval()
    x = pictures(theirs)
    plain = theirs_of(theirs, x)
    reconfigured(saved, auxiliary_loss=True)
    after = load(saved)
    assert before.config == after.config
    assert_close(ours_of(after, x), plain, **CLOSE)
    changed = DetrForObjectDetection.from_pretrained(saved, dtype="auto").eval()
    assert not torch.allclose(theirs_of(changed, x), plain, atol=1e-3)


def test_a_body_alone_is_refused_with_a_list(tmp_path: Path) -> None:
    theirs = twin()
    with pytest.raises(
        ValueError, match=r"missing:\n.*class_labels_classifier|missing:\n.*model\."
    ):
        load(written(theirs.model, tmp_path))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("position_embedding_type", "learned", "position_embedding_type should be 'sine'"),
        ("dilation", True, "dilation should be False"),
        ("encoder_layerdrop", 0.1, "encoder_layerdrop should be False or 0"),
        ("decoder_layerdrop", 0.1, "decoder_layerdrop should be False or 0"),
        ("activation_function", "mish", "activation_function should be one of gelu"),
        ("decoder_attention_heads", 2, "decoder_attention_heads should be encoder_att"),
        ("decoder_ffn_dim", 21, "decoder_ffn_dim should be encoder_ffn_dim=20"),
        ("d_model", 10**12, "d_model should be a whole number from 1 to"),
        ("d_model", 9, "d_model=9 should be a multiple of 4"),
        ("num_queries", 0, "num_queries should be a whole number from 1 to"),
        ("decoder_layers", 10**6, "decoder_layers should be a whole number from 1 to"),
        ("id2label", {"0": "a"}, "id2label should be 3 labels, got 1"),
        ("backbone_config", [], "backbone_config should be an object"),
        ("use_timm_backbone", 3, "use_timm_backbone should be true or false"),
    ],
)
def test_a_field_that_is_not_built_is_refused_by_name(
    saved: Path, field: str, value: Any, message: str
) -> None:
    check_fields(saved, field, value, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "swin"}, "model_type should be 'resnet'"),
        ({"model_type": None}, "model_type should be there"),
        ({"hidden_act": "gelu"}, "hidden_act should be 'relu'"),
        ({"downsample_in_first_stage": True}, "downsample_in_first_stage should be False"),
        ({"downsample_in_bottleneck": True}, "downsample_in_bottleneck should be False"),
        ({"layer_type": "wide"}, "layer_type should be one of bottleneck, basic"),
        ({"out_features": ["stage2"]}, r"out_features should be \['stage3'\]"),
        ({"out_indices": [2]}, r"out_indices should be \[3\]"),
        (
            {"depths": [1, 2], "out_features": None, "out_indices": None},
            "widths should have 2 numbers",
        ),
        ({"depths": [10**6, 1, 1]}, "depths should be a list of positive whole numbers"),
        ({"depths": [1.0, 1, 1]}, "depths should be a list of positive whole numbers"),
        ({"depths": []}, "depths should be a list of at most 16"),
        ({"depths": "111"}, "depths should be a list of at most 16"),
        ({"hidden_sizes": [8, 12, 10**9]}, "hidden_sizes should be a list of positive whole"),
        ({"hidden_sizes": [8, 12, 21]}, "widths should be multiples of 4 in a bottleneck"),
        ({"embedding_size": -1}, "embedding_size should be a whole number from 1"),
        ({"model_type": "timm_backbone", "backbone": "vgg"}, "backbone should be one of resnet18"),
        ({"model_type": "timm_backbone", "output_stride": 16}, "output_stride should be False"),
    ],
)
def test_a_backbone_that_is_not_built_is_refused_by_name(
    saved: Path, change: dict[str, Any], message: str
) -> None:
    given = {**read_config(saved)["backbone_config"], **change}
    check_fields(saved, "backbone_config", given, message)


def test_no_field_of_the_published_configuration_is_overlooked(saved: Path) -> None:
    from txlite.interop._detr import DETR as FAMILY

    losses = {"auxiliary_loss", "class_cost", "bbox_cost", "giou_cost", "eos_coefficient",
              "mask_loss_coefficient", "dice_loss_coefficient", "bbox_loss_coefficient",
              "giou_loss_coefficient"}  # fmt: skip
    first_weights = {"init_xavier_std", "use_pretrained_backbone", "backbone_kwargs"}
    told_by_the_backbone = {"num_channels"}
    rest = unknown_fields(saved, FAMILY)
    assert rest - losses - first_weights - told_by_the_backbone == set()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm_first": True}, "norm_first should be False in a DETR"),
        ({"norm": "rms"}, "norm should be 'layer' in a DETR"),
        ({"bias": False}, "bias should be True in a DETR"),
        ({"num_kv_heads": 1}, "num_kv_heads should be None in a DETR"),
        ({"norm_eps": 1e-3}, "norm_eps should be None or 1e-05"),
    ],
)
def test_what_a_detr_cannot_be_is_not_saved(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    sizes = {"d_model": D, "num_heads": H, "d_ff": F, "num_layers": 1}
    backbone = ResNetConfig(stem_width=4, widths=(8,), depths=(1,))
    with pytest.raises(ValueError, match=message):
        save(DETR(DETRConfig(**{**sizes, **options}, backbone=backbone)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_backbone_of_one_s_own_is_not_saved(tmp_path: Path) -> None:
    class Own(nn.Conv2d):
        width = 7

    config = DETRConfig(d_model=D, num_heads=H, d_ff=F, num_layers=1)
    with pytest.raises(ValueError, match="backbone should be a ResNet in a DETR, got Own"):
        save(DETR(config, backbone=Own(3, 7, 3)), tmp_path / "out")
