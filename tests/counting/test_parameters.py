"""The formula says what the tree holds, to the last parameter, for every config that there is."""

from collections.abc import Iterator
from dataclasses import is_dataclass, replace
from typing import Any

import pytest
import torch
from torch import nn

from txlite import models as m
from txlite.counting import (
    ParameterCount,
    active_parameters,
    count_parameters,
    layer_parameters,
    predict_parameters,
)
from txlite.counting.kinds import KINDS
from txlite.nn import DecoderLayer, EncoderLayer, LayerOptions

SIZES: dict[str, Any] = {"d_model": 24, "num_heads": 4, "d_ff": 56, "num_layers": 3}
OTHER: dict[str, Any] = {"num_kv_heads": 2, "head_dim": 10, "activation": "swiglu", "bias": False}
WORDS: dict[str, Any] = {**SIZES, "vocab_size": 71, "max_len": 13}
BOTH: dict[str, Any] = {**WORDS, "num_decoder_layers": 2}
PICTURE: dict[str, Any] = {**SIZES, "image_size": (24, 40), "patch_size": 8, "num_labels": 5}
WINDOW: dict[str, Any] = {**SIZES, "context_length": 50, "horizon": 7}

CASES: list[tuple[Any, type[nn.Module] | None]] = [
    (m.TransformerConfig(**BOTH), None),
    (m.TransformerConfig(**BOTH, source_vocab_size=37, tied_output=False, output_bias=True), None),
    (m.TransformerConfig(**BOTH, norm_first=True, positions="learned", norm="rms"), None),
    (m.TransformerConfig(**BOTH, **OTHER, positions="relative", final_norm=True), None),
    (m.TransformerConfig.big(), None),
    *((m.BERTConfig(**WORDS, num_labels=5, num_segments=3), kind) for kind in KINDS[m.BERTConfig]),
    *((m.BERTConfig(**WORDS, embedding_dim=11, share_layers=True, norm_first=True), kind)
      for kind in KINDS[m.BERTConfig]),
    (m.BERTConfig(**WORDS, positions="relative", norm="rms"), None),
    (m.GPTConfig(**WORDS), None),
    (m.GPTConfig(**WORDS, tied_output=False, final_norm=False, positions="alibi"), None),
    (m.GPTConfig(**WORDS, **OTHER, norm_first=False, norm="rms"), None),
    (m.LlamaConfig(**WORDS), None),
    (m.LlamaConfig(**WORDS, num_kv_heads=1, tied_output=True, bias=True, norm_first=False), None),
    (m.LlamaConfig.smollm2_135m(), None),
    (m.T5Config(**BOTH, head_dim=5), None),
    (m.T5Config(**BOTH, num_buckets=6, activation="geglu_tanh", tied_output=False), None),
    (m.SwitchConfig(**BOTH, num_experts=3, head_dim=5), None),
    (m.SwitchConfig(**BOTH, num_experts=4, top_k=2, sparse_step=1, decoder_sparse_step=2), None),
    (m.SwitchConfig(**BOTH, num_experts=11, router_bias=True, sparse_step=3, bias=True), None),
    (m.SwitchConfig(**BOTH, num_experts=9, top_k=2, sparse_step=0), None),
    *((m.ViTConfig(**PICTURE, distillation_token=True), kind) for kind in KINDS[m.ViTConfig]),
    (m.ViTConfig(**PICTURE, num_registers=3, mask_token=True, layer_scale=0.1), None),
    (m.ViTConfig(**PICTURE, qkv_bias=False, num_kv_heads=2, pooling="class_and_mean"),
     m.ViTForImageClassification),
    (m.ViTConfig(**PICTURE, class_token=False, pooling="mean", positions="none"), None),
    (m.ViTConfig(**PICTURE, embedding_norm=True, patch_bias=False, norm_first=False), None),
    (m.CLIPConfig.b_32(), None),
    (m.CLIPConfig(vision=m.ViTConfig(**PICTURE, pooling="class_and_mean"),
                  text=m.CLIPTextConfig(**WORDS, end_id=None), projection_dim=17), None),
    (m.WhisperConfig(**BOTH, num_mels=9, max_source_len=21), None),
    (m.WhisperConfig(**BOTH, num_kv_heads=2, head_dim=10), None),
    (m.WhisperConfig(**BOTH, bias=False), None),
    (m.HybridWhisperConfig(**BOTH, num_mels=9), None),
    (m.HybridWhisperConfig(**BOTH, stem_norm=False, band_norm=False), None),
    (m.DETRConfig.base(), None),
    (m.DETRConfig(**SIZES, num_decoder_layers=2, num_queries=9, norm_first=True), None),
    (m.ResNetConfig.resnet101(), None),
    (m.ResNetConfig(bottleneck=False, stem_width=8, widths=(8, 20), depths=(2, 3)), None),
    (m.DecisionTransformerConfig(**SIZES, state_dim=5, action_dim=3, max_len=29), None),
    (m.DecisionTransformerConfig(**SIZES, state_dim=5, action_dim=3, discrete_actions=True,
                                 num_positions=31, norm_first=False), None),
    (m.ForecasterConfig(**WINDOW), None),
    (m.ForecasterConfig(**WINDOW, batch_norm=False, ff_bias=False, positions="none"), None),
    (m.ForecasterConfig(**WINDOW, num_channels=3, channel_maps=True, pooling="class",
                        head="student_t"), None),
    (m.ForecasterConfig(**WINDOW, num_channels=3, channel_scales=True, pooling="max",
                        head="quantiles", levels=(0.2, 0.8), positions="sinusoidal"), None),
    (m.ForecasterConfig(**WINDOW, head="normal", pooling="mean"), None),
]  # fmt: skip
PRESETS = [
    ("gpt", m.GPTConfig), ("llama", m.LlamaConfig), ("t5", m.T5Config), ("vit", m.ViTConfig),
    ("whisper", m.WhisperConfig), ("forecaster", m.ForecasterConfig),
]  # fmt: skip


def name(case: Any) -> str:
    config, kind = case
    return f"{type(config).__name__}-{'' if kind is None else kind.__name__}"


@pytest.mark.parametrize(("config", "kind"), CASES, ids=map(name, CASES))
def test_the_formula_is_the_tree(config: Any, kind: type[nn.Module] | None) -> None:
    counted, predicted = count_parameters(config, kind=kind), predict_parameters(config, kind=kind)
    assert predicted == counted
    assert counted.other == 0
    assert counted.total > 0


def test_every_config_has_a_case() -> None:
    configs = {
        value
        for label in m.__all__
        if label.endswith("Config") and is_dataclass(value := getattr(m, label))
    }
    parts = {m.CLIPTextConfig}  # a part of CLIPConfig, and no model
    assert {type(config) for config, _ in CASES} == configs - parts == set(KINDS)


@pytest.mark.parametrize(("label", "config"), PRESETS, ids=[label for label, _ in PRESETS])
def test_presets_too(label: str, config: Any) -> None:
    for preset in presets(config):
        assert predict_parameters(preset) == count_parameters(preset)


def presets(config: type) -> Iterator[Any]:
    for label, value in vars(config).items():
        if isinstance(value, classmethod) and not label.startswith("_"):
            made = getattr(config, label)()
            if made.d_model <= 768:  # the larger ones are slow, and some are the chart's
                yield made


def test_the_tree_counts_what_is_shared_once_and_loses_nothing() -> None:
    for config, kind in [case for case in CASES[:16] if case[0].d_model == 24]:
        model: nn.Module = (kind or KINDS[type(config)][0])(config)
        assert count_parameters(model).total == sum(p.numel() for p in model.parameters())
    tied = m.GPT(m.GPTConfig(**WORDS))
    assert count_parameters(tied).embeddings == 71 * 24 + 13 * 24
    assert count_parameters(tied).head == 0


def test_what_has_no_known_name_is_told() -> None:
    strange = nn.Sequential(nn.Linear(3, 5))
    assert count_parameters(strange).groups == {"other": 20}


def test_the_heads_multiply_nothing() -> None:
    sizes: dict[str, Any] = {"d_model": 48, "d_ff": 100}
    counts = {
        layer_parameters(LayerOptions(), num_heads=heads, **sizes).total for heads in (1, 2, 6, 16)
    }
    assert counts == {4 * 48**2 + 4 * 48 + 2 * 48 * 100 + 48 + 100 + 4 * 48}
    # a width of a head that is chosen freely does
    freely = LayerOptions(head_dim=12)
    one, two = (layer_parameters(freely, num_heads=heads, **sizes) for heads in (4, 8))
    assert two.attention - 48 == 2 * (one.attention - 48)


@pytest.mark.parametrize("cross", [False, True])
def test_a_layer_alone(cross: bool) -> None:
    options = LayerOptions(num_kv_heads=2, activation="geglu", norm="rms", bias=False)
    make = DecoderLayer if cross else EncoderLayer
    layer = make(24, 4, 56, options=options)
    predicted = layer_parameters(options, 24, 4, 56, cross_attention=cross)
    assert predicted == count_parameters(layer)


def test_fewer_key_heads_make_two_maps_smaller() -> None:
    full, grouped = (
        layer_parameters(LayerOptions(num_kv_heads=k, bias=False), 24, 4, 56).attention
        for k in (4, 1)
    )
    assert (full, grouped) == (4 * 24**2, 2 * 24**2 + 2 * 24 * 6)


def test_embeddings_are_never_left_out_unasked() -> None:
    count = predict_parameters(m.GPTConfig.gpt2())
    assert count.total == 124_439_808
    assert count.without_embeddings == 85_056_000 == count.total - (50_257 + 1024) * 768
    untied = predict_parameters(replace(m.GPTConfig.gpt2(), tied_output=False))
    assert untied.total - count.total == 50_257 * 768 == untied.head


def test_a_token_passes_one_expert() -> None:
    config = m.SwitchConfig(**BOTH, num_experts=5, sparse_step=1)
    dense = m.T5Config(**BOTH)
    routers = predict_parameters(config).routers
    assert routers == 5 * 24 * 5
    assert active_parameters(config) == predict_parameters(dense).total + routers
    assert active_parameters(dense) == predict_parameters(dense).total
    both = replace(config, top_k=2)
    assert active_parameters(both) - active_parameters(config) == 5 * 2 * 24 * 56


def test_a_line_through_two_sizes_is_exact() -> None:
    config = m.SwitchConfig(**BOTH, num_experts=20)
    with torch.device("meta"):
        whole = m.Switch(config)
    assert count_parameters(config) == count_parameters(whole)


def test_groups_add_up() -> None:
    count = ParameterCount(embeddings=1, attention=2, feed_forward=4, routers=8, norms=16,
                           head=32, backbone=64, other=128)  # fmt: skip
    assert count.total == 255
    assert count.without_embeddings == 254
    assert list(count.groups) == ["embeddings", "attention", "feed_forward", "routers", "norms",
                                  "head", "backbone", "other"]  # fmt: skip
    assert ParameterCount().groups == {}
