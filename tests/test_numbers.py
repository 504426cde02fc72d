"""Every public parameter that is a number takes NumPy's and torch's as it takes Python's.

The public signatures are walked: whoever adds a number adds a call of it here.
"""

import dataclasses
import importlib
import inspect
import re
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import txlite
from tests.worlds import counting
from txlite import compress, distributed, forecasting, generation, models, training
from txlite import counting as cost
from txlite.nn import masks, positions

pytestmark = pytest.mark.plain  # as a user runs it: the types say int and float

PACKAGES = (
    "txlite",
    "txlite.nn",
    "txlite.nn.masks",
    "txlite.nn.positions",
    "txlite.models",
    "txlite.training",
    "txlite.training.batches",
    "txlite.training.checkpoint",
    "txlite.generation",
    "txlite.forecasting",
    "txlite.counting",
    "txlite.distributed",
    "txlite.compress",
)
NUMBER = re.compile(r"(int|float)( \| (int|float))*( \| None)?")

X, KEY = torch.randn(2, 4, 6), torch.randn(2, 5, 6)
PLACES = torch.arange(4)
HEADS, TURNS = torch.randn(1, 2, 6, 3), torch.randn(2, 3, 1, 2)  # (B, H, T, E), (H, E, R, N)
BUCKETS = torch.randint(4, (1, 2, 2, 6))
LOGITS, TOKENS = torch.randn(2, 7), torch.randint(7, (2, 3))
LAYER = {"d_model": 6, "num_heads": 2, "d_ff": 8}
OPTIONS = {
    "dropout": 0.1, "attention_dropout": 0.2, "ff_dropout": 0.3, "norm_eps": 1e-3,
    "num_kv_heads": 1, "head_dim": 3,
}  # fmt: skip
CONFIG = {
    **LAYER, **OPTIONS, "vocab_size": 7, "source_vocab_size": 5, "num_layers": 2,
    "num_decoder_layers": 1, "max_len": 9,
}  # fmt: skip

LAYER_OPTIONS = txlite.nn.LayerOptions(**OPTIONS)
MACHINES = {
    "flops": 6e9, "peak_flops_per_second": 1e9, "utilisation": 0.5, "num_devices": 3,
}  # fmt: skip
ROUTING = {
    "top_k": 2, "expert_capacity": 3, "jitter": 0.1, "balance_weight": 0.2, "z_weight": 0.3,
}  # fmt: skip
LAYERS = {**LAYER, **OPTIONS, "vocab_size": 7, "num_layers": 2, "max_len": 9}
ENCODED = {**LAYERS, "init_std": 0.01}
SET = (  # scores and boxes of three predictions, and one object
    LOGITS[:1, :6].unflatten(1, (3, 2)), torch.full((1, 3, 4), 0.4),
    [training.Objects(torch.tensor([0]), torch.full((1, 4), 0.5))],
)  # fmt: skip
COSTS = {"class_cost": 1.5, "box_cost": 4.0, "iou_cost": 3.0}


def count(tokens: Tensor, cache: Any = None, **_: Any) -> Tensor:
    """A model that prefers the token after the last."""
    if cache is not None:
        cache.update(*torch.zeros(2, len(tokens), 1, tokens.shape[1], 1))
    return nn.functional.one_hot((tokens + 1) % 7, 7).double()


def cropped(length: int) -> int:
    cache = txlite.nn.KVCache()
    cache.update(torch.ones(1, 1, 3, 2), torch.ones(1, 1, 3, 2))
    cache.crop(length)
    return len(cache)


def drawn(**numbers: Any) -> Any:
    torch.manual_seed(0)
    return training.adamw(nn.Linear(2, 2), **numbers).param_groups[0]


def fitted(**numbers: Any) -> Any:
    torch.manual_seed(0)
    model = nn.Linear(2, 2)
    with tempfile.TemporaryDirectory() as folder:
        history = training.fit(
            model,
            training.Batches(range(4), lambda rows: torch.ones(len(rows), 2), batch_size=2),
            lambda m, x: (m(x).square().sum(), len(x)),
            optimizer=training.adamw(model, 0.1),
            checkpoint=folder,
            **numbers,
        )
        return history, sorted(path.name for path in Path(folder).iterdir())


def shortened(max_norm: float) -> Any:
    p = nn.Parameter(torch.zeros(2))
    p.grad = torch.tensor([3.0, 4.0])
    return training.clip_gradients([p], max_norm), p.grad


def resampled(**numbers: Any) -> Any:
    chance = torch.Generator().manual_seed(0)
    return training.paired_bootstrap([1.0, 2.0, 5.0], [0.0, 2.0, 1.0], generator=chance, **numbers)


def resampled_corpus(**numbers: Any) -> Any:
    chance = torch.Generator().manual_seed(0)
    return training.corpus_bootstrap([[1, 2], [3, 5]], score=sum, generator=chance, **numbers)


def multiplied(**numbers: Any) -> Any:
    past = numbers.pop("past")
    two = cost.predict_flops(models.TransformerConfig(**CONFIG), **numbers)
    numbers.pop("target_length")
    return two, cost.predict_flops(models.GPTConfig(**LAYERS), past=past, **numbers)


def either_limit(made: Any) -> Callable[..., Any]:
    """Options of a router with one limit of an expert, and with the other: never with both."""

    def both(**numbers: Any) -> Any:
        factor = numbers.pop("capacity_factor")
        first = made(**numbers)
        numbers["expert_capacity"] = None
        return first, made(**numbers, capacity_factor=factor)

    return both


def read(**numbers: Any) -> Any:
    return training.surprises(count, torch.arange(6)[None], **numbers)


def scored(bos_id: int, **numbers: Any) -> Any:
    letters = {"encode": lambda text: [ord(c) - 97 for c in text], "vocabulary": "letters"}
    return training.score_text(count, "abcdef", bos_id=bos_id, **letters, **numbers)


def probed(**numbers: Any) -> Any:
    chance = torch.Generator().manual_seed(0)
    return training.causality_leaks(lambda x: count(x.roll(-1, 1)), TOKENS, generator=chance,
                                    **numbers)  # fmt: skip


def entered(**numbers: Any) -> Any:
    return training.Entry(model=count, encode=ord, decode=chr, vocabulary="letters", **numbers)


def judged(**numbers: Any) -> Any:
    chance = torch.Generator().manual_seed(0)
    one = training.Entry(
        model=count, encode=lambda text: [ord(c) - 97 for c in text], bos_id=6, vocab_size=7,
        decode=lambda ids: "".join(chr(97 + i) for i in ids), window=3, seconds=1.0,
        vocabulary="letters",
    )  # fmt: skip
    return training.judge("mine", [one], "abcdef", generator=chance, **numbers)


def played(**numbers: Any) -> Any:
    chance = torch.Generator().manual_seed(0)
    said = generation.play(
        lambda returns, *_, keep: torch.randn(*returns.shape, 2, generator=chance), counting,
        generator=torch.Generator().manual_seed(1), **numbers,
    )  # fmt: skip
    return said.returns, [episode.actions for episode in said.episodes]


def stepped(make: Callable[..., Any]) -> Callable[..., Any]:
    return lambda **numbers: [make(**numbers)(step) for step in (1, 3, 9)]


def batches(**numbers: Any) -> Any:
    source = training.Batches(range(5), list, **numbers)
    return list(source), source.state_dict()


def saved(keep: int) -> None:

    from txlite.training.checkpoint import Progress, save_checkpoint

    model = nn.Linear(2, 2)
    options = {"model": model, "optimizer": torch.optim.SGD(model.parameters(), 0.1)}
    with tempfile.TemporaryDirectory() as folder:
        for step in range(3):
            save_checkpoint(folder, Progress(step=step), keep=keep, **options)
        left = training.latest_checkpoint(folder)
        assert left is not None
        return sorted(path.name for path in left.parent.iterdir())


def progress(step: int) -> Any:

    from txlite.training.checkpoint import Progress, load_checkpoint, save_checkpoint

    model = nn.Linear(2, 2)
    options = {"model": model, "optimizer": torch.optim.SGD(model.parameters(), 0.1)}
    with tempfile.TemporaryDirectory() as folder:
        path = save_checkpoint(folder, Progress(step=step), **options)
        return path.name, load_checkpoint(path, **options)


def written(search: Callable[..., Any]) -> Callable[..., Any]:
    def call(**numbers: Any) -> Any:
        if search is generation.generate:
            numbers["generator"] = torch.Generator().manual_seed(0)
        return search(count, TOKENS, use_cache="prefill_chunk" in numbers, **numbers)

    return call


PAST = torch.arange(60.0).sin().double() + 2
PRICES = PAST.exp()


def walked(method: Callable[..., Any], horizon: int = 2) -> Callable[..., Any]:
    return lambda **numbers: method(**numbers)(PAST, horizon)


def chance() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def fitted_lines(**numbers: Any) -> Any:
    trained = forecasting.Trained(lambda past: forecasting.naive, **numbers)
    return trained.every, forecasting.walk_forward(PAST, trained, context=50, horizon=2).values


LAID_OUT = models.GPTConfig(vocab_size=8, d_model=6, num_heads=2, d_ff=8, num_layers=2, max_len=4)


def laid_out() -> models.GPT:
    return models.GPT(LAID_OUT)


def in_parts(parts: int) -> Any:
    stage = distributed.PipelineStage(laid_out().eval(), 0, 1)
    tokens = torch.arange(12).view(4, 3) % 8
    return distributed.run_pipeline(stage, tokens, tokens, training.cross_entropy, parts=parts)


nn_ = txlite.nn
CALLS: dict[str, tuple[Callable[..., Any], dict[str, int | float]]] = {
    "seed": (lambda n: txlite.seed(n).initial_seed(), {"n": 3}),
    "Attend": (nn_.Attend, {"dropout": 0.1, "scale": 0.5}),
    "Decoder": (nn_.Decoder, {"num_layers": 2, **LAYER}),
    "DecoderLayer": (nn_.DecoderLayer, LAYER),
    "Encoder": (nn_.Encoder, {"num_layers": 2, **LAYER}),
    "EncoderLayer": (nn_.EncoderLayer, LAYER),
    "FeedForward": (nn_.FeedForward, {"d_model": 6, "d_ff": 8, "dropout": 0.1}),
    "KVCache.crop": (cropped, {"length": 2}),
    "KVCache": (lambda **k: repr(nn_.KVCache(**k)), {"window": 3, "spare": 2}),
    "StaticKVCache": (
        lambda **k: repr(nn_.StaticKVCache(**k)), {"max_len": 6, "window": 3, "spare": 2},
    ),
    "LayerScale": (
        lambda **k: nn_.LayerScale(nn.Identity(), **k), {"d_model": 6, "start": 0.5},
    ),
    "Router": (nn_.Router, {"d_model": 6, "num_experts": 4}),
    "RouterOptions": (either_limit(nn_.RouterOptions), {**ROUTING, "capacity_factor": 1.5}),
    "expert_capacity": (
        nn_.expert_capacity, {"num_tokens": 9, "num_experts": 4, "factor": 1.5},
    ),
    "place_choices": (
        lambda **k: nn_.place_choices(TOKENS[..., None] % 4, **k),
        {"num_experts": 4, "capacity": 1},
    ),
    "ChunkedFeedForward": (
        nn_.ChunkedFeedForward, {"d_model": 6, "d_ff": 8, "chunk_length": 3, "dropout": 0.1},
    ),
    "LSHAttention": (
        nn_.LSHAttention,
        {"d_model": 6, "num_heads": 2, "head_dim": 4, "chunk_length": 3, "num_hashes": 2,
         "num_buckets": 4, "num_before": 2, "num_after": 1, "seed": 3, "max_len": 9,
         "dropout": 0.1},
    ),
    "LongformerAttention": (
        nn_.LongformerAttention,
        {"d_model": 6, "num_heads": 2, "head_dim": 4, "dropout": 0.1},
    ),
    "LocalAttend": (
        nn_.LocalAttend,
        {"chunk_length": 3, "num_before": 2, "num_after": 1, "dropout": 0.1, "scale": 0.5},
    ),
    "ReversibleLayer": (nn_.ReversibleLayer, LAYER),
    "choose_num_buckets": (
        nn_.choose_num_buckets, {"length": 40, "chunk_length": 4, "max_len": 99},
    ),
    "random_rotations": (
        lambda **k: nn_.random_rotations(generator=torch.Generator().manual_seed(1), **k),
        {"num_heads": 2, "head_dim": 3, "num_hashes": 2, "num_buckets": 6},
    ),
    "hash_buckets": (
        lambda **k: nn_.hash_buckets(HEADS, TURNS, **k),
        {"num_buckets": 4},
    ),
    "lsh_attention": (
        lambda **k: nn_.lsh_attention(HEADS, HEADS, BUCKETS, **k),
        {"chunk_length": 2, "num_before": 2, "num_after": 1, "dropout": 0.0},
    ),
    "lsh_candidates": (
        lambda **k: nn_.lsh_candidates(BUCKETS, **k),
        {"chunk_length": 2, "num_before": 2, "num_after": 1},
    ),
    "PatchEmbedding": (
        nn_.PatchEmbedding, {"d_model": 6, "patch_size": 2, "num_channels": 3},
    ),
    "LayerNorm": (nn_.LayerNorm, {"d_model": 6, "eps": 1e-3}),
    "LayerOptions": (nn_.LayerOptions, OPTIONS),
    "Mask.to_tensor": (masks.causal().to_tensor, {"num_queries": 2, "num_keys": 3}),
    "MultiHeadAttention": (
        nn_.MultiHeadAttention,
        {"d_model": 6, "num_heads": 2, "num_kv_heads": 1, "head_dim": 4, "dropout": 0.1},
    ),
    "RMSNorm": (nn_.RMSNorm, {"d_model": 6, "eps": 1e-3}),
    "TokenEmbedding": (nn_.TokenEmbedding, {"vocab_size": 7, "d_model": 6}),
    "attention_weights": (lambda **k: nn_.attention_weights(X, KEY, **k), {"scale": 0.5}),
    "layer_norm": (lambda **k: nn_.layer_norm(X, **k), {"eps": 1e-3}),
    "rms_norm": (lambda **k: nn_.rms_norm(X, **k), {"eps": 1e-3}),
    "scaled_dot_product_attention": (
        lambda **k: nn_.scaled_dot_product_attention(X, KEY, KEY, **k),
        {"scale": 0.5, "dropout": 0.0},
    ),
    "sliding_window": (lambda **k: masks.sliding_window(**k).to_tensor(4, 4), {"size": 2}),
    "blocks": (lambda **k: masks.blocks(**k).to_tensor(4, 4), {"segments": 3}),
    "dilated_window": (
        lambda **k: masks.dilated_window(**k).to_tensor(5, 5), {"size": 2, "dilation": 2},
    ),
    "strided": (lambda **k: masks.strided(**k).to_tensor(5, 5), {"stride": 2}),
    "block_window": (
        lambda **k: masks.block_window(**k).to_tensor(9, 9), {"size": 2, "before": 2, "after": 1},
    ),
    "global_tokens": (lambda **k: masks.global_tokens(**k).to_tensor(5, 5), {"chosen": 2}),
    "random_blocks": (
        lambda **k: masks.random_blocks(**k).to_tensor(9, 9), {"size": 2, "count": 2, "seed": 3},
    ),
    "ALiBi": (positions.ALiBi, {"num_heads": 6}),
    "Learned": (positions.Learned, {"max_len": 5, "d_model": 6}),
    "LearnedGrid": (
        positions.LearnedGrid, {"rows": 2, "columns": 3, "d_model": 6, "num_before": 1},
    ),
    "LearnedGrid.forward": (
        lambda **k: positions.LearnedGrid(4, 4, 6)(**k), {"rows": 2, "columns": 3},
    ),
    "RelativeBias": (
        positions.RelativeBias,
        {"num_heads": 2, "num_buckets": 8, "max_distance": 16},
    ),
    "Rotary": (positions.Rotary, {"head_dim": 4, "base": 100.0}),
    "RotaryScaling": (
        lambda **k: positions.RotaryScaling(kind="llama3", **k),
        {"factor": 2.0, "low": 0.5, "high": 3.0, "original_length": 9},
    ),
    "Sinusoidal": (positions.Sinusoidal, {"d_model": 6, "base": 100.0}),
    "sinusoidal": (lambda **k: positions.sinusoidal(PLACES, **k), {"d_model": 6, "base": 100.0}),
    "count_positions": (
        lambda **k: positions.count_positions(torch.ones(2, 5, dtype=torch.bool), **k),
        {"num_queries": 2},
    ),
    "LSTMTranslator": (
        lambda **k: models.LSTMTranslator(attention=True, **k),
        {"vocab_size": 7, "source_vocab_size": 5, "d_model": 6},
    ),
    "ReformerConfig": (
        lambda **k: models.ReformerConfig(**{"axial_shape": None, **k}),
        {
            **LAYER, **OPTIONS, "vocab_size": 7, "max_len": 9, "init_std": 0.01,
            "local_chunk_length": 2,
            "local_chunks_before": 2, "lsh_chunk_length": 3, "lsh_chunks_before": 2,
            "num_hashes": 2, "num_buckets": 4, "hash_seed": 3, "feed_forward_chunk": 4,
            "lsh_dropout": 0.1,
        },
    ),
    "GPTWithExpertsConfig": (
        either_limit(models.GPTWithExpertsConfig),
        {**ENCODED, **ROUTING, "num_experts": 4, "sparse_step": 1, "capacity_factor": 1.5},
    ),
    "SwitchConfig": (
        either_limit(models.SwitchConfig),
        {
            **LAYERS, **ROUTING, "num_decoder_layers": 1, "num_buckets": 8, "max_distance": 16,
            "num_experts": 4, "sparse_step": 1, "decoder_sparse_step": 2, "init_scale": 0.5,
            "capacity_factor": 1.5,
        },
    ),
    "SwitchConfig.base": (models.SwitchConfig.base, {"num_experts": 4, "vocab_size": 7}),
    "TransformerConfig": (models.TransformerConfig, CONFIG),
    "TransformerConfig.base": (models.TransformerConfig.base, {"vocab_size": 7}),
    "TransformerConfig.big": (models.TransformerConfig.big, {"vocab_size": 7}),
    **{
        name: (getattr(models, name), numbers)
        for name, numbers in {
            "BERTConfig": {**ENCODED, "num_segments": 3, "num_labels": 4, "embedding_dim": 5},
            "GPTConfig": ENCODED,
            "LlamaConfig": {**ENCODED, "rope_theta": 50.0, "sliding_window": 3},
            "T5Config": {**LAYERS, "num_decoder_layers": 1, "num_buckets": 8, "max_distance": 16},
            "WhisperConfig": {
                **ENCODED, "num_decoder_layers": 1, "num_mels": 5, "max_source_len": 11,
            },
            "HybridWhisperConfig": {
                **ENCODED, "num_decoder_layers": 1, "num_mels": 5, "max_source_len": 11,
                "position_scale": 0.5,
            },
            "DecisionTransformerConfig": {
                **LAYER, **OPTIONS, "num_layers": 2, "max_len": 9, "init_std": 0.01,
                "state_dim": 5, "action_dim": 4, "num_positions": 3,
            },
            "DETRConfig": {
                **LAYER, **OPTIONS, "d_model": 8, "num_layers": 2, "num_decoder_layers": 1,
                "num_classes": 3, "num_queries": 5,
            },
            "ResNetConfig": {"channels": 1, "stem_width": 8, "frozen": 2},
            "FrozenBatchNorm": {"width": 3, "eps": 0.1},
        }.items()
    },
    **{
        f"{name}.{preset}": (getattr(getattr(models, name), preset), {"vocab_size": 7})
        for name, presets in {
            "BERTConfig": ("base", "large", "albert_base"),
            "GPTConfig": (
                "gpt1", "gpt2", "gpt2_medium", "gpt2_large", "gpt2_xl", "gpt3", "megatron_8b",
                "turing_nlg",
            ),
            "LlamaConfig": ("smollm2_135m", "llama2_7b", "mistral_7b", "llama3_8b"),
            "SwitchConfig": ("large_128", "xxl_395b", "c_1600b"),
            "T5Config": ("small", "base", "large", "v1_1_base"),
            "WhisperConfig": ("tiny", "base", "small", "medium"),
        }.items()
        for preset in presets
    },
    "ViTConfig": (
        lambda **k: models.ViTConfig(image_size=6, **k),
        {**LAYER, **OPTIONS, "num_layers": 2, "patch_size": 3, "num_channels": 2, "num_labels": 4,
         "num_registers": 2, "layer_scale": 0.5, "init_std": 0.01},
    ),
    **{
        f"ViTConfig.{preset}": (getattr(models.ViTConfig, preset), {"num_labels": 7})
        for preset in ("b_16", "l_16", "h_14", "deit_s", "dinov2_s_14", "dinov2_b_14")
    },
    "SmallCNN": (models.SmallCNN, {"num_labels": 3, "num_channels": 2}),
    "CLIPTextConfig": (models.CLIPTextConfig, {**ENCODED, "end_id": 5}),
    "CLIPConfig": (
        lambda **k: models.CLIPConfig(
            vision=models.ViTConfig(), text=models.CLIPTextConfig(), **k
        ),
        {"projection_dim": 6, "log_scale": 1.5, "max_scale": 50.0},
    ),
    "Distillation": (
        lambda **k: compress.Distillation(teacher=nn.Linear(2, 2), ask=len, **k),  # type: ignore[arg-type]
        {"temperature": 2.5, "logits": 0.5, "hidden": 0.0, "attention": 0.0, "embeddings": 0.0,
         "label_weight": 0.25},
    ),
    "soft_losses": (lambda **k: compress.soft_losses(LOGITS, LOGITS, **k), {"temperature": 2.5}),
    "soft_loss": (lambda **k: compress.soft_loss(LOGITS, LOGITS, **k), {"temperature": 2.5}),
    "layer_map": (compress.layer_map, {"student_layers": 2, "teacher_layers": 5}),
    "least_important": (
        lambda **k: compress.least_important({"a": LOGITS[0]}, **k), {"count": 2},
    ),
    "random_heads": (
        lambda **k: compress.random_heads(
            nn_.MultiHeadAttention(6, 3), generator=torch.Generator().manual_seed(0), **k
        ),
        {"count": 2},
    ),
    "round_rows": (lambda **k: compress.round_rows(X[0], **k), {"bits": 4, "group_size": 3}),
    "unpack_int4": (
        lambda **k: compress.unpack_int4(torch.ones(2, 3, dtype=torch.uint8), **k),
        {"columns": 5},
    ),
    "quantize": (
        lambda **k: compress.quantize(nn.Sequential(nn.Linear(6, 2)), **k),
        {"bits": 4, "group_size": 3},
    ),
    "QuantizedLinear": (
        compress.QuantizedLinear,
        {"in_features": 6, "out_features": 2, "bits": 4, "group_size": 3},
    ),
    "QuantizedLinear.of": (
        lambda **k: compress.QuantizedLinear.of(nn.Linear(6, 2), **k),
        {"bits": 4, "group_size": 3},
    ),
    "QuantizedEmbedding": (
        compress.QuantizedEmbedding, {"vocab_size": 5, "d_model": 6, "bits": 4, "group_size": 3},
    ),
    "QuantizedEmbedding.of": (
        lambda **k: compress.QuantizedEmbedding.of(nn_.TokenEmbedding(5, 6), **k),
        {"bits": 4, "group_size": 3},
    ),
    "milliseconds": (
        lambda **k: compress.milliseconds(len.__doc__.split, **k).runs,  # type: ignore[union-attr]
        {"runs": 2, "warmup": 1},
    ),
    "HybridLoss": (training.HybridLoss, {"ctc_weight": 0.25, "label_smoothing": 0.125}),
    "WhisperConfig.large": (models.WhisperConfig.large, {"vocab_size": 7, "num_mels": 5}),
    "DecisionTransformerConfig.gym": (
        models.DecisionTransformerConfig.gym, {"state_dim": 5, "action_dim": 4},
    ),
    "DETRConfig.base": (models.DETRConfig.base, {"num_classes": 7}),
    "DETRConfig.resnet101": (models.DETRConfig.resnet101, {"num_classes": 7}),
    "BatchNorm": (nn_.BatchNorm, {"d_model": 6, "eps": 1e-3, "momentum": 0.5}),
    "ReversibleNorm": (nn_.ReversibleNorm, {"eps": 1e-3, "num_channels": 3}),
    "SeriesPatches": (
        nn_.SeriesPatches,
        {"d_model": 6, "patch_length": 4, "stride": 2, "repeat_last": 1, "num_channels": 3},
    ),
    "SeriesPatches.count": (nn_.SeriesPatches(6, 4, 2).count, {"length": 9}),
    "ForecastHead": (models.ForecastHead, {"width": 6, "horizon": 4}),
    "ForecasterConfig": (
        models.ForecasterConfig,
        {**LAYER, **OPTIONS, "num_layers": 2, "context_length": 11, "horizon": 5,
         "patch_length": 4, "stride": 2, "embedding_dropout": 0.1, "head_dropout": 0.2,
         "scale_eps": 1e-3, "num_channels": 2, "init_std": 0.01},
    ),
    **{
        f"ForecasterConfig.{preset}": (getattr(models.ForecasterConfig, preset), {"horizon": 7})
        for preset in ("patchtst_42", "patchtst_64")
    },
    "LinearForecaster": (
        models.LinearForecaster, {"context_length": 11, "horizon": 5, "average": 3},
    ),
    **{
        f"LinearForecaster.{kind}": (
            getattr(models.LinearForecaster, kind), {"context_length": 11, "horizon": 5},
        )
        for kind in ("dlinear", "nlinear")
    },
    "match": (lambda **k: training.match(*SET, **k), COSTS),
    "contrastive_losses": (
        lambda **k: training.contrastive_losses(LOGITS, LOGITS, **k),
        {"first": 3},
    ),
    "recall_at": (lambda **k: training.recall_at(LOGITS, LOGITS > -9, **k), {"k": 2}),
    "set_loss": (
        lambda **k: training.set_loss(*SET, **k),
        {**COSTS, "box_weight": 4.0, "iou_weight": 3.0, "nothing_weight": 0.25},
    ),
    "CenterNet": (
        lambda **k: models.CenterNet(models.ConvTrunk((4,)), **k),
        {"num_classes": 3, "width": 4},
    ),
    "ConvTrunk": (lambda **k: models.ConvTrunk((4,), **k), {"channels": 2}),
    "hills": (lambda **k: training.hills(SET[2], **k), {"num_classes": 2, "rows": 4, "columns": 6}),
    "peaks": (
        lambda **k: training.peaks(*torch.rand(3, 1, 2, 4, 4), **k),
        {"most": 3},
    ),
    "suppress": (
        lambda **k: training.suppress(training.best_classes(*SET[:2])[0], **k),
        {"threshold": 0.25},
    ),
    "sinusoidal_grid": (
        lambda **k: positions.sinusoidal_grid(torch.ones(1, 2, 3, dtype=torch.bool), **k),
        {"d_model": 4, "base": 50.0},
    ),
    "timestamp_rules": (
        lambda **k: generation.timestamp_rules(LOGITS, TOKENS, **k),
        {"begin": 3, "no_timestamps": 4, "eos_id": 2, "max_initial": 1},
    ),
    "token_times": (
        lambda **k: generation.token_times(LOGITS[None].softmax(-1), **k),
        {"seconds": 0.5, "width": 3},
    ),
    "no_speech_probability": (
        lambda **k: generation.no_speech_probability(LOGITS, **k),
        {"no_speech_id": 3},
    ),
    "Doubt.silent": (
        lambda **k: generation.Doubt(0.6, -0.9, 1.0).silent(**k),
        {"no_speech": 0.5, "log_prob": -0.5},
    ),
    "Doubt.failed": (
        lambda **k: generation.Doubt(0.6, -0.9, 2.0).failed(**k),
        {"compression": 1.5, "log_prob": -1.5},
    ),
    "WordByWord": (
        lambda **k: models.WordByWord([([0, 1], [0, 1]), ([0, 2], [0, 2])], **k).table,
        {"source_vocab_size": 3, "vocab_size": 4, "rounds": 2},
    ),
    "NGram": (
        lambda **k: models.NGram([0, 1, 2, 0, 1], **k)(TOKENS % 3),
        {"vocab_size": 5, "order": 2},
    ),
    "TemplateMatcher": (
        lambda **k: models.TemplateMatcher([X[0]], KEY[0, 0], **k)([X[1]]),
        {"price": 0.5},
    ),
    "Entry": (entered, {"bos_id": 1, "vocab_size": 3, "window": 4, "seconds": 5.5}),
    "TextScore": (
        lambda **k: training.TextScore(vocabulary="letters", **k),
        {"nats": 2.5, "tokens": 3, "characters": 4, "bytes": 5},
    ),
    "causality_leaks": (probed, {"vocab_size": 7, "values": 2, "tolerance": 0.01}),
    "judge": (judged, {"claimed": 2.5, "num_seeds": 2, "longest": 3.5}),
    "score_text": (scored, {"bos_id": 6, "window": 4, "step": 2, "batch_size": 3}),
    "surprises": (read, {"window": 4, "step": 2, "batch_size": 3}),
    "Batches": (batches, {"batch_size": 2, "seed": 5}),
    "TeacherForcing": (training.TeacherForcing, {"label_smoothing": 0.1}),
    "adamw": (drawn, {"lr": 0.1, "eps": 1e-6, "weight_decay": 0.5}),
    "paired_bootstrap": (resampled, {"samples": 20, "coverage": 0.5}),
    "corpus_bootstrap": (resampled_corpus, {"samples": 20, "coverage": 0.5}),
    "clip_gradients": (shortened, {"max_norm": 0.5}),
    "constant": (stepped(training.constant), {"rate": 0.5}),
    "cross_entropy": (
        lambda **k: training.cross_entropy(LOGITS, TOKENS[:, 0], **k),
        {"label_smoothing": 0.1},
    ),
    "fit": (
        fitted,
        {"steps": 3, "clip_norm": 0.5, "accumulate": 2, "evaluate_every": 2,
         "checkpoint_every": 2, "keep_checkpoints": 2},
    ),
    "perplexity": (training.perplexity, {"loss": 0.5}),
    "smoothed_targets": (
        lambda **k: training.smoothed_targets(TOKENS, **k),
        {"vocab_size": 7, "label_smoothing": 0.1},
    ),
    "token_losses": (
        lambda **k: training.token_losses(LOGITS, TOKENS[:, 0], **k),
        {"label_smoothing": 0.1},
    ),
    "warmup_cosine": (
        stepped(training.warmup_cosine),
        {"peak": 0.5, "warmup_steps": 2, "total_steps": 7, "floor": 0.25},
    ),
    "warmup_inverse_sqrt": (
        stepped(training.warmup_inverse_sqrt),
        {"d_model": 6, "warmup_steps": 2, "factor": 0.5},
    ),
    "epoch_seed": (training.batches.epoch_seed, {"seed": 3, "epoch": 1}),
    "Progress": (progress, {"step": 3}),
    "save_checkpoint": (saved, {"keep": 2}),
    "play": (
        played,
        {"asked": 3.5, "context": 2, "episodes": 3, "discount": 0.5, "temperature": 0.5, "seed": 4},
    ),
    "beam_search": (
        written(partial(generation.beam_search, eos_id=6)),
        {"num_beams": 3, "max_new_tokens": 4, "pad_id": 1, "length_penalty": 0.5,
         "num_return_sequences": 2, "repetition_penalty": 1.5, "no_repeat_ngram": 2,
         "min_new_tokens": 2, "prefill_chunk": 2},
    ),
    "generate": (
        written(generation.generate),
        {"max_new_tokens": 4, "pad_id": 1, "temperature": 0.5, "top_k": 4,
         "top_p": 0.75, "min_p": 0.125, "repetition_penalty": 1.5, "no_repeat_ngram": 3,
         "min_new_tokens": 2, "num_return_sequences": 2, "num_drafted": 3, "prefill_chunk": 2},
    ),
    "stream": (
        lambda **k: list(generation.stream(count, TOKENS, use_cache=False, **k)),
        {"max_new_tokens": 4},
    ),
    "stream_text": (
        lambda **k: list(
            generation.stream_text(count, TOKENS[:1], use_cache=False, decode=str, **k)
        ),
        {"max_new_tokens": 1},
    ),
    "force": (lambda **k: generation.force(LOGITS, **k), {"token": 3}),
    "no_repeat_ngram": (lambda **k: generation.no_repeat_ngram(LOGITS, TOKENS, **k), {"n": 2}),
    "pad_left": (lambda **k: generation.pad_left([[1, 2], [3]], **k), {"pad_id": 1}),
    "min_p": (lambda **k: generation.min_p(LOGITS, **k), {"p": 0.5}),
    "repetition_penalty": (
        lambda **k: generation.repetition_penalty(LOGITS, TOKENS, **k),
        {"penalty": 1.5},
    ),
    "temperature": (lambda **k: generation.temperature(LOGITS, **k), {"temperature": 0.5}),
    "top_k": (lambda **k: generation.top_k(LOGITS, **k), {"k": 3}),
    "top_p": (lambda **k: generation.top_p(LOGITS, **k), {"p": 0.5}),
    "layer_parameters": (partial(cost.layer_parameters, LAYER_OPTIONS), LAYER),
    "predict_flops": (multiplied, {"length": 7, "target_length": 5, "past": 2, "batch": 3}),
    "training_flops": (cost.training_flops, {"num_parameters": 7, "num_tokens": 5}),
    "layer_activations": (
        partial(cost.layer_activations, LAYER_OPTIONS),
        {**LAYER, "batch": 3, "length": 7, "bytes_per_number": 2, "mask_bytes": 1},
    ),
    "predict_activations": (
        partial(cost.predict_activations, models.GPTConfig(**LAYERS)),
        {"batch": 3, "length": 7, "bytes_per_number": 2, "mask_bytes": 1},
    ),
    "korthikanti_layer": (
        cost.korthikanti_layer,
        {"batch": 3, "length": 7, "d_model": 6, "num_heads": 2},
    ),
    "weight_bytes": (cost.weight_bytes, {"num_parameters": 7, "bits": 4}),
    "kv_cache_bytes": (
        partial(cost.kv_cache_bytes, models.TransformerConfig(**CONFIG)),
        {"length": 7, "source_length": 5, "batch": 3, "bytes_per_number": 4},
    ),
    "state_memory": (cost.state_memory, {"num_parameters": 7}),
    "predict_training_memory": (
        partial(cost.predict_training_memory, models.GPTConfig(**LAYERS)),
        {"batch": 3, "length": 7},
    ),
    "training_seconds": (cost.training_seconds, MACHINES),
    "training_days": (cost.training_days, MACHINES),
    "training_cost": (
        cost.training_cost,
        {
            "flops": 6e9, "peak_flops_per_second": 1e9, "utilisation": 0.5,
            "price_per_device_hour": 2.5,
        },
    ),
    "ScalingFit": (cost.ScalingFit, {"E": 1.5, "A": 3.0, "B": 4.0, "alpha": 0.5, "beta": 0.25}),
    "ScalingFit.loss": (cost.HOFFMANN.loss, {"num_parameters": 7, "num_tokens": 5}),
    "ScalingFit.optimal": (cost.HOFFMANN.optimal, {"flops": 6e9}),
    "kaplan_loss": (cost.kaplan_loss, {"num_parameters": 7, "num_tokens": 5}),
    "fit_power_law": (
        partial(cost.fit_power_law, [1.0, 2.0, 4.0], [[9.0, 8.5], [5.0, 5.5], [3.0, 3.5]]),
        {"floor": 0.5, "level": 0.75, "draws": 9, "seed": 3},
    ),
    "naive": (lambda **k: forecasting.naive(PAST, **k), {"horizon": 3}),
    "drift": (lambda **k: forecasting.drift(PAST, **k), {"horizon": 3}),
    "SeasonalNaive": (walked(forecasting.SeasonalNaive), {"season": 3}),
    "Climatology": (walked(forecasting.Climatology), {"season": 3}),
    "Ridge": (walked(forecasting.Ridge), {"lags": 3, "penalty": 0.5}),
    "Ridge.fit": (lambda **k: forecasting.Ridge(3).fit(past=PAST, **k)(PAST, 2), {"horizon": 3}),
    "Calibrated": (
        walked(partial(forecasting.Calibrated, forecasting.naive, (0.25, 0.75))),
        {"origins": 4, "stride": 2},
    ),
    "ARMA": (walked(forecasting.ARMA), {"order": 1, "surprises": 0, "season": 3, "history": 40}),
    "ExponentialSmoothing": (
        walked(forecasting.ExponentialSmoothing), {"season": 3, "history": 40},
    ),
    "EWMA": (walked(forecasting.EWMA), {"decay": 0.5}),
    "Selected": (
        walked(partial(forecasting.Selected, {"a": forecasting.naive, "b": forecasting.drift})),
        {"valid": 6, "stride": 2},
    ),
    "choose": (
        lambda **k: forecasting.choose({"a": forecasting.naive}, PAST, **k),
        {"horizon": 2, "valid": 6, "stride": 2},
    ),
    "Trained": (fitted_lines, {"every": 2}),
    "origins": (
        forecasting.origins, {"length": 40, "context": 9, "horizon": 4, "stride": 3, "gap": 2},
    ),
    "split_parts": (forecasting.split_parts, {"length": 40, "valid": 9, "test": 4, "gap": 2}),
    "walk_forward": (
        lambda **k: forecasting.walk_forward(PAST, forecasting.naive, **k),
        {"context": 9, "horizon": 4, "stride": 3, "gap": 2, "window": 12},
    ),
    "mase": (lambda **k: forecasting.mase([PAST], [PAST + 1], [PAST], **k), {"season": 3}),
    "skill": (forecasting.skill, {"score": 1.5, "reference": 2.0}),
    "diebold_mariano": (
        lambda **k: forecasting.diebold_mariano(PAST, PAST.flip(0), kernel="bartlett", **k),
        {"horizon": 2, "lags": 3},
    ),
    "block_bootstrap": (
        lambda **k: forecasting.block_bootstrap(PAST, generator=chance(), **k),
        {"block": 4, "samples": 9, "coverage": 0.5},
    ),
    "block_places": (
        lambda **k: forecasting.block_places(generator=chance(), **k),
        {"length": 12, "block": 4, "samples": 9},
    ),
    "backtest": (
        lambda **k: forecasting.backtest(PAST.sign(), PRICES, **k), {"cost": 0.125, "delay": 2},
    ),
    "buy_and_hold": (lambda **k: forecasting.buy_and_hold(PRICES, **k), {"cost": 0.125}),
    "sharpe": (lambda **k: forecasting.sharpe(PAST, **k), {"per_year": 252.0}),
    "sharpe_interval": (
        lambda **k: forecasting.sharpe_interval(PAST, generator=chance(), **k),
        {"block": 4, "per_year": 252.0, "samples": 9, "coverage": 0.5},
    ),
    "probabilistic_sharpe": (
        lambda **k: forecasting.probabilistic_sharpe(forecasting.Moments(0.5, 9), **k),
        {"benchmark": 0.25},
    ),
    "best_of_nothing": (forecasting.best_of_nothing, {"trials": 9, "variance": 0.5}),
    "deflated_sharpe": (
        lambda **k: forecasting.deflated_sharpe(forecasting.Moments(0.5, 9), **k),
        {"trials": 9, "variance": 0.5},
    ),
    "noise_market": (
        lambda **k: forecasting.noise_market(chance(), **k).reports,
        {"bars": 12, "shares": 3, "versions": 2},
    ),
    "Pipeline": (
        lambda **k: dataclasses.replace(forecasting.HONEST, **k).ahead, {"ahead": 3},
    ),
    "Run.sharpe": (
        lambda **k: forecasting.HONEST.run(
            forecasting.noise_market(chance(), bars=140, shares=3)).sharpe(**k),
        {"per_year": 252.0},
    ),
    "OwnChance": (lambda **k: distributed.OwnChance(**k).seed, {"seed": 3}),
    "bytes_sent": (
        lambda **k: distributed.bytes_sent("all_reduce", **k), {"message": 90, "ranks": 3},
    ),
    "tensor_parallel_bytes": (
        distributed.tensor_parallel_bytes,
        {"d_model": 6, "tokens": 9, "itemsize": 2, "memory_tokens": 5},
    ),
    "vocabulary_bytes": (
        distributed.vocabulary_bytes, {"d_model": 6, "tokens": 9, "itemsize": 2},
    ),
    "data_parallel_bytes": (distributed.data_parallel_bytes, {"parameters": 90, "itemsize": 2}),
    "sharded_bytes": (
        distributed.sharded_bytes, {"parameters": 90, "outside": 7, "itemsize": 2},
    ),
    "pipeline_bytes": (
        distributed.pipeline_bytes, {"d_model": 6, "tokens": 9, "micro_batches": 3, "itemsize": 2},
    ),
    "stage_layers": (distributed.stage_layers, {"num_layers": 7, "stages": 3}),
    "pipeline_order": (
        lambda **k: distributed.pipeline_order("1f1b", **k), {"stage": 1, "stages": 3, "parts": 4},
    ),
    "bubble_share": (distributed.bubble_share, {"stages": 3, "parts": 4}),
    "pipeline_timeline": (
        lambda **k: distributed.pipeline_timeline("gpipe", **k),
        {"stages": 3, "parts": 4, "forward": 1.5, "backward": 2.5},
    ),
    "PipelineStage": (
        lambda **k: distributed.PipelineStage(laid_out(), **k), {"stage": 1, "stages": 2},
    ),
    "run_pipeline": (in_parts, {"parts": 2}),
    "tensor_parallel_plan": (
        lambda **k: distributed.tensor_parallel_plan(laid_out(), **k), {"size": 2, "seed": 3},
    ),
    "Machine": (
        distributed.Machine,
        {
            "memory": 2.5, "flops": 2.5, "inside": 2.5, "between": 2.5, "per_node": 2,
            "utilisation": 0.25, "usable": 0.75,
        },
    ),
    "plan_layouts": (
        lambda devices, **k: distributed.plan_layouts(
            laid_out(), devices, distributed.Machine.dgx2(), **k),
        {"devices": 2, "batch": 8, "length": 4, "micro_batch": 2},
    ),
}  # fmt: skip
NOT_CHECKED = {
    "run_workers": "starts processes; tests/distributed/test_workers.py asks",
    "apply_tensor_parallel": "needs processes; tensor_parallel_plan asks",
    "vocabulary_cross_entropy": "needs processes; tests/distributed/test_vocabulary.py asks",
    "Collective": "keeps what record_collectives has heard",
    "PipelineStep": "keeps what pipeline_order has found",
    "Timeline": "keeps what pipeline_timeline has found",
    "Layout": "keeps what plan_layouts has found",
    "Estimate": "keeps what plan_layouts has found",
    "ModelParts": "keeps what model_parts has counted",
    **dict.fromkeys(
        (f"ModelParts.{name}" for name in ("divides", "held", "step_flops", "activation_bytes")),
        "plan_layouts asks first",
    ),
    "Mask.table": "works a rule out, unchecked; to_tensor asks first",
    "Mask.check": "is handed the sizes of tensors; to_tensor asks first",
    "History.add": "keeps what fit has measured",
    "SignTest": "keeps what sign_test has counted",
    "BoardRow": "keeps what judge has found",
    "WordErrors": "keeps what word_errors has counted",
    "TimedWord": "keeps what word_times has found",
    "Doubt": "keeps what was measured",
    "DieboldMariano": "keeps what diebold_mariano has found",
    "Interval": "keeps what block_bootstrap has found",
    "Scored": "keeps what a score has counted",
    "FoundLeak": "keeps what find_leaks has found",
    "ParameterCount": "keeps what was counted",
    "FlopCount": "keeps what was counted",
    "TrainingMemory": "keeps what was counted",
    "ChartEntry": "keeps what was published",
    "PowerLaw": "keeps what fit_power_law has found",
    "Timing": "keeps what milliseconds has measured",
    "Moments": "keeps what return_moments has found; probabilistic_sharpe asks",
}


def signatures() -> Iterator[tuple[str, inspect.Signature]]:
    """Yield the name and the signature of every public function, class and method."""
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            thing = getattr(module, name)
            members = [(name, thing)]
            if inspect.isclass(thing):
                members += [
                    (f"{name}.{method}", getattr(thing, method))
                    for method in vars(thing)
                    if not method.startswith("_")
                ]
            for full, member in members:
                if callable(member):
                    try:
                        yield full, inspect.signature(member)
                    except (TypeError, ValueError):
                        continue


def numbers_of(signature: inspect.Signature) -> list[str]:
    """Return the parameters that are annotated as a number."""
    found = []
    for parameter in signature.parameters.values():
        kind = parameter.annotation
        text = kind if isinstance(kind, str) else inspect.formatannotation(kind)
        if NUMBER.fullmatch(text):
            found.append(parameter.name)
    return found


def test_every_public_number_is_called_here() -> None:
    missing = [
        f"{name}({number})"
        for name, signature in signatures()
        if name not in NOT_CHECKED
        for number in numbers_of(signature)
        if name not in CALLS or number not in CALLS[name][1]
    ]
    assert missing == []


def test_what_is_called_here_exists() -> None:
    found = {name for name, _ in signatures()}
    assert {*CALLS, *NOT_CHECKED} <= found
    assert sum(len(numbers) for _, numbers in CALLS.values()) > 90


OTHERS: dict[str, Callable[[int | float], Any]] = {
    "NumPy": lambda x: np.int64(x) if isinstance(x, int) else np.float64(x),
    "NumPy, narrow": lambda x: np.int16(x) if isinstance(x, int) else np.float32(x),
    "NumPy, an array without axes": np.asarray,
    "torch": torch.tensor,
    "torch, others": lambda x: torch.tensor(x).to(torch.int32 if type(x) is int else torch.double),
}  # fmt: skip


def told(x: Any) -> Any:
    """Say a result in what can be compared, and refuse numbers that are not Python's."""
    if isinstance(x, nn.Module):
        parts = {name: told(vars(part)) for name, part in x.named_modules()}
        return type(x), repr(x), parts, [(n, tuple(p.shape)) for n, p in x.named_parameters()]
    if isinstance(x, Tensor):
        return x.tolist()
    if dataclasses.is_dataclass(x) and not isinstance(x, type):
        return type(x), {f.name: told(getattr(x, f.name)) for f in dataclasses.fields(x)}
    if isinstance(x, dict):
        return {
            key: told(value)
            for key, value in x.items()
            if key not in ("_parameters", "_buffers", "_modules", "params")
        }
    if isinstance(x, list | tuple):
        return [told(y) for y in x]
    assert not isinstance(x, np.generic | np.ndarray), x
    return (type(x), x) if isinstance(x, int | float | str | None) else type(x)


CASES = [(name, number) for name, (_, numbers) in CALLS.items() for number in numbers]


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize(("name", "number"), CASES, ids=str)
def test_a_number_of_another_kind_is_the_same_number(name: str, number: str, other: str) -> None:
    call, numbers = CALLS[name]
    given = OTHERS[other](numbers[number])
    same: Any = float(given) if isinstance(numbers[number], float) else int(given)
    results = []
    for value in (same, given):
        torch.manual_seed(0)
        results.append(told(call(**{**numbers, number: value})))
    assert results[1] == results[0]


@pytest.mark.parametrize(("name", "number"), CASES, ids=str)
@pytest.mark.parametrize("wrong", ["3", True, [3], torch.ones(2), 3j], ids=repr)
def test_what_is_no_number_is_refused_by_name(name: str, number: str, wrong: Any) -> None:
    call, numbers = CALLS[name]
    if (name, number) == ("blocks", "segments") and isinstance(wrong, Tensor):
        wrong = torch.ones(2, dtype=torch.bool)
    with pytest.raises(ValueError, match=rf"(^|\W){number}\W.*should "):
        call(**{**numbers, number: wrong})
