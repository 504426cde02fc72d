"""What a caller is told: every message names the argument, what was wanted and what came."""

import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
import torch
from torch import nn

from txlite import budget, counting, device, seed
from txlite.compress import (
    Distillation,
    Student,
    expand_rows,
    head_importance,
    hidden_losses,
    layer_map,
    least_important,
    load_compressed,
    mask_heads,
    milliseconds,
    model_bytes,
    pack_int4,
    quantize,
    random_heads,
    round_rows,
    soft_losses,
)
from txlite.data.audio import resample
from txlite.data.calendar_features import calendar_features
from txlite.data.cart_pole import linear_episodes
from txlite.data.emoji import draw_emoji
from txlite.data.episode_windows import EpisodeScale, EpisodeWindows
from txlite.data.episodes import Episode, play_episode, returns_to_go
from txlite.data.fetched import fetched_file
from txlite.data.game_rules import rules_of
from txlite.data.grid_games import frozen_lake
from txlite.data.kinds_of_text import kinds_of_text
from txlite.data.pictures import LabelledPictures, moved, normalised, read_picture
from txlite.data.recall import sample_recall
from txlite.data.series import Series, build_series
from txlite.data.series_files import read_series
from txlite.data.spoken import digit_strings
from txlite.data.stamps import zone_named
from txlite.data.steps import TimeStep
from txlite.distributed import (
    Machine,
    bytes_sent,
    pipeline_order,
    run_workers,
    stage_layers,
    tensor_parallel_plan,
    vocabulary_cross_entropy,
)
from txlite.forecasting import (
    HONEST,
    SeasonalNaive,
    backtest,
    block_bootstrap,
    diebold_mariano,
    find_leaks,
    mae,
    naive,
    noise_market,
    pinball,
    sharpe,
    walk_forward,
)
from txlite.generation import best_path, cheapest_path, no_speech_probability, play, token_times
from txlite.inspect import (
    expert_load,
    record_attention,
    record_routing,
    record_saved,
    trace_shapes,
)
from txlite.models import (
    DecisionTransformerConfig,
    ForecasterConfig,
    GPTConfig,
    GPTWithExpertsConfig,
    HybridWhisperConfig,
    LinearForecaster,
    LlamaConfig,
    Reformer,
    ReformerConfig,
    SmallCNN,
    SwitchConfig,
    TemplateMatcher,
)
from txlite.nn import (
    Attend,
    EncoderLayer,
    FeedForward,
    KVCache,
    LSHAttention,
    MixtureOfExperts,
    MultiHeadAttention,
    ReversibleLayer,
    ReversibleStack,
    Router,
    attention_weights,
    balance_loss,
    expert_capacity,
    masks,
    place_choices,
    router_z_loss,
    scaled_dot_product_attention,
)
from txlite.training import (
    HybridLoss,
    contrastive_loss,
    corpus_bootstrap,
    fit,
    paired_bootstrap,
    pinball_losses,
    recall_at,
    sign_test,
    word_errors,
)
from txlite.viz.widgets.fan_chart import FanChart
from txlite.viz.widgets.patch_viewer import PatchViewer

pytestmark = pytest.mark.plain  # as a user runs it: without the run-time type checks


def ones(*shape: int, **kwargs: Any) -> torch.Tensor:
    return torch.ones(*shape, **kwargs)


def true(*shape: int) -> torch.Tensor:
    return torch.ones(*shape, dtype=torch.bool)


Q, K, V = ones(2, 3, 5, 4), ones(2, 3, 7, 4), ones(2, 3, 7, 11)
COUNTED = GPTConfig(vocab_size=9, d_model=8, num_heads=2, d_ff=32, num_layers=2)
ASK = Callable[[], object]


def refuse(ask: ASK, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        ask()


FUNCTIONS = {
    "query without axes": (
        lambda: attention_weights(ones(4), K),
        "query should have shape (*B, T, E), got (4,)",
    ),
    "query of tokens": (
        lambda: attention_weights(ones(2, 5, dtype=torch.long), ones(2, 5)),
        "query should hold floating-point numbers, got int64",
    ),
    "query without width": (
        lambda: attention_weights(ones(5, 0), ones(7, 0)),
        "query should have a last axis E of at least 1, got (5, 0)",
    ),
    "key of another width": (
        lambda: attention_weights(Q, ones(2, 3, 7, 6)),
        "key should have shape (*B, S, E=4), got (2, 3, 7, 6); axis E disagrees",
    ),
    "key of another batch": (
        lambda: attention_weights(Q, ones(3, 3, 7, 4)),
        "key should have the query's leading axes *B=(2, 3), got shape (3, 3, 7, 4)",
    ),
    "key with fewer axes": (
        lambda: attention_weights(Q, ones(3, 7, 4)),
        "key should have the query's leading axes *B=(2, 3), got shape (3, 7, 4)",
    ),
    "key of another dtype": (
        lambda: attention_weights(Q, K.double()),
        "key should have the dtype of the query, float32, got float64",
    ),
    "key elsewhere": (
        lambda: attention_weights(Q, K.to("meta")),
        "key should be on the query's device cpu, got meta",
    ),
    "value of another length": (
        lambda: scaled_dot_product_attention(Q, K, ones(2, 3, 6, 4)),
        "value should have shape (*B, S=7, V), got (2, 3, 6, 4); axis S disagrees",
    ),
    "value of another batch": (
        lambda: scaled_dot_product_attention(Q, K, ones(2, 1, 7, 4)),
        "value should have the query's leading axes *B=(2, 3), got shape (2, 1, 7, 4)",
    ),
    "value of another dtype": (
        lambda: scaled_dot_product_attention(Q, K, V.half()),
        "value should have the dtype of the query, float32, got float16",
    ),
    "value elsewhere": (
        lambda: scaled_dot_product_attention(Q, K, V.to("meta")),
        "value should be on the query's device cpu, got meta",
    ),
    "dropout of one": (
        lambda: scaled_dot_product_attention(Q, K, V, dropout=1.0),
        "dropout should be a probability in [0, 1), got 1.0",
    ),
    "dropout below zero": (
        lambda: scaled_dot_product_attention(Q, K, V, dropout=-0.1),
        "dropout should be a probability in [0, 1), got -0.1",
    ),
    "dropout not a number": (
        lambda: scaled_dot_product_attention(Q, K, V, dropout=float("nan")),
        "dropout should be a probability in [0, 1), got nan",
    ),
    "bias of another length": (
        lambda: scaled_dot_product_attention(Q, K, V, bias=ones(5, 6)),
        "bias should broadcast to the scores' shape (*B, T, S)=(2, 3, 5, 7), got (5, 6)",
    ),
    "bias with more axes": (
        lambda: attention_weights(Q, K, bias=ones(1, 2, 3, 5, 7)),
        "bias should broadcast to the scores' shape (*B, T, S)=(2, 3, 5, 7), got (1, 2, 3, 5, 7)",
    ),
    "bias of bools": (
        lambda: scaled_dot_product_attention(Q, K, V, bias=true(5, 7)),
        "bias should hold floating-point numbers, got bool",
    ),
    "bias elsewhere": (
        lambda: attention_weights(Q, K, bias=ones(5, 7, device="meta")),
        "bias should be on the query's device cpu, got meta",
    ),
}
MASKS = {
    "float": (
        lambda: attention_weights(Q, K, ones(5, 7)),
        "mask should be a bool tensor (True = may attend), got float32; write the condition out, "
        "for instance tokens != pad",
    ),
    "int": (
        lambda: attention_weights(Q, K, ones(5, 7, dtype=torch.long)),
        "mask should be a bool tensor (True = may attend), got int64; write",
    ),
    "list": (
        lambda: attention_weights(Q, K, [[True] * 7] * 5),  # type: ignore[arg-type]
        "mask should be a bool tensor (True = may attend), got list",
    ),
    "one axis": (
        lambda: attention_weights(Q, K, true(7)),
        "mask should have shape (T, S), (B, T, S) or (B, H, T, S), got (7,); for padding, use "
        "txlite.nn.masks.padding(keep)",
    ),
    "length": (
        lambda: attention_weights(Q, K, true(5, 6)),
        "mask should have shape (B=2, H=3, T=5, S=7), or fewer of its leading axes, got (5, 6)",
    ),
    "queries": (
        lambda: attention_weights(Q, K, true(4, 7)),
        "mask should have shape (B=2, H=3, T=5, S=7), or fewer of its leading axes, got (4, 7)",
    ),
    "batch": (
        lambda: attention_weights(Q, K, true(3, 5, 7)),
        "mask should have shape (B=2, H=3, T=5, S=7), or fewer of its leading axes, got (3, 5, 7)",
    ),
    "heads": (
        lambda: attention_weights(Q, K, true(2, 2, 5, 7)),
        "mask should have shape (B=2, H=3, T=5, S=7), or fewer of its leading axes, "
        "got (2, 2, 5, 7)",
    ),
    "too many axes": (
        lambda: attention_weights(Q, K, true(1, 2, 3, 5, 7)),
        "mask should have shape (B=2, H=3, T=5, S=7), or fewer of its leading axes, "
        "got (1, 2, 3, 5, 7)",
    ),
    "axes the query lacks": (
        lambda: attention_weights(Q[0, 0], K[0, 0], true(2, 5, 7)),
        "mask should have shape (T=5, S=7), or fewer of its leading axes, got (2, 5, 7)",
    ),
    "within an expression": (
        lambda: attention_weights(Q, K, masks.causal() & ~(masks.blocks(2) | true(5, 6))),
        "mask should have shape (B=2, H=3, T=5, S=7), or fewer of its leading axes, got (5, 6)",
    ),
    "on the left": (
        lambda: attention_weights(Q, K, true(5, 6) & masks.causal()),
        "mask should have shape (B=2, H=3, T=5, S=7), or fewer of its leading axes, got (5, 6)",
    ),
    "elsewhere": (
        lambda: attention_weights(Q, K, true(5, 7).to("meta")),
        "mask should be on the query's device cpu, got meta",
    ),
    "padding elsewhere": (
        lambda: scaled_dot_product_attention(Q, K, V, ~masks.padding(true(2, 7).to("meta"))),
        "keep should be on the query's device cpu, got meta",
    ),
    "segments elsewhere": (
        lambda: attention_weights(Q, K, masks.blocks(ones(2, 7).long().to("meta"))),
        "segments should be on the query's device cpu, got meta",
    ),
    "two devices": (
        lambda: (true(5, 7).to("meta") & masks.padding(true(2, 7))).to_tensor(5, 7),
        "keep should be on the query's device meta, got cpu",
    ),
    "padding of numbers": (
        lambda: masks.padding(ones(2, 7)),
        "keep should be a bool tensor (True = may attend), got float32; write",
    ),
    "padding with one axis": (
        lambda: masks.padding(true(7)),
        "keep should have shape (B, S), got (7,)",
    ),
    "padding of another length": (
        lambda: attention_weights(Q, K, masks.padding(true(2, 6))),
        "keep should have shape (B=2, S=7), got (2, 6)",
    ),
    "padding of another batch": (
        lambda: attention_weights(Q, K, masks.causal() & masks.padding(true(3, 7))),
        "keep should have shape (B=2, S=7), got (3, 7)",
    ),
    "padding without a batch": (
        lambda: attention_weights(Q[0, 0], K[0, 0], masks.padding(true(2, 7))),
        "keep has a batch axis, shape (2, 7), but the query has none",
    ),
    "padding written out": (
        lambda: masks.padding(true(2, 6)).to_tensor(5, 7),
        "keep should have shape (B, S=7), got (2, 6)",
    ),
    "table written out": (
        lambda: (true(5, 6) | masks.causal()).to_tensor(5, 7),
        "mask should have shape (T=5, S=7), or fewer of its leading axes, got (5, 6)",
    ),
    "a negative number of queries": (
        lambda: masks.causal().to_tensor(-1, 3),
        "num_queries should be a whole number of at least zero, got -1",
    ),
    "half a key": (
        lambda: masks.causal().to_tensor(2, 2.5),
        "num_keys should be a whole number of at least zero, got 2.5",
    ),
    "a list for a tensor": (
        lambda: scaled_dot_product_attention([[1.0]], K, V),
        "query should be a tensor of shape (*B, T, E), got list",
    ),
    "window of zero": (
        lambda: masks.sliding_window(0),
        "size should be a positive whole number, got 0",
    ),
    "window of a half": (
        lambda: masks.sliding_window(2.5),  # type: ignore[arg-type]
        "size should be a positive whole number, got 2.5",
    ),
    "window of True": (
        lambda: masks.sliding_window(True),
        "size should be a positive whole number, got True",
    ),
    "blocks below zero": (
        lambda: masks.blocks(-3),
        "segments should be a positive whole number, got -3",
    ),
    "blocks of a list": (
        lambda: masks.blocks([1, 2]),  # type: ignore[arg-type]
        "segments should be a positive whole number, got [1, 2]",
    ),
    "blocks of floats": (
        lambda: masks.blocks(ones(2, 7)),
        "segments should be an int or an int tensor of shape (B, S), got float32 of shape (2, 7)",
    ),
    "blocks of bools": (
        lambda: masks.blocks(true(2, 7)),
        "segments should be an int or an int tensor of shape (B, S), got bool of shape (2, 7)",
    ),
    "blocks of complex": (
        lambda: masks.blocks(ones(2, 7, dtype=torch.complex64)),
        "segments should be an int or an int tensor of shape (B, S), got complex64 of shape (2, 7)",
    ),
    "blocks with one axis": (
        lambda: masks.blocks(ones(7).long()),
        "segments should be an int or an int tensor of shape (B, S), got int64 of shape (7,)",
    ),
    "blocks of another length": (
        lambda: attention_weights(Q, K, masks.blocks(ones(2, 5).long())),
        "segments should have shape (B=2, S=7), got (2, 5)",
    ),
    "more queries than blocks": (
        lambda: attention_weights(K, Q, masks.blocks(ones(2, 5).long())),
        "segments should name the block of each of T=7 queries, got S=5 positions",
    ),
    "a truth value": (
        lambda: bool(masks.causal()),
        "mask should be combined with &, | and ~, got it where one truth value is needed",
    ),
    "no tensor": (
        lambda: masks.causal() | 5,  # type: ignore[operator]
        "mask should be a bool tensor (True = may attend), got int",
    ),
}
X = ones(2, 5, 8)
HEADS = MultiHeadAttention(8, 2)
MODULE = {
    "d_model": (
        lambda: MultiHeadAttention(0, 2),
        "d_model should be a positive whole number, got 0",
    ),
    "d_model of 8.0": (
        lambda: MultiHeadAttention(8.0, 2),  # type: ignore[arg-type]
        "d_model should be a positive whole number, got 8.0",
    ),
    "num_heads": (
        lambda: MultiHeadAttention(8, -2),
        "num_heads should be a positive whole number, got -2",
    ),
    "num_heads do not divide": (
        lambda: MultiHeadAttention(8, 3),
        "d_model=8 should be a multiple of num_heads=3",
    ),
    "num_kv_heads do not divide": (
        lambda: MultiHeadAttention(8, 4, num_kv_heads=3),
        "num_heads=4 should be a multiple of num_kv_heads=3",
    ),
    "num_kv_heads": (
        lambda: MultiHeadAttention(8, 4, num_kv_heads=0),
        "num_kv_heads should be a positive whole number, got 0",
    ),
    "head_dim": (
        lambda: MultiHeadAttention(8, 4, head_dim=0),
        "head_dim should be a positive whole number, got 0",
    ),
    "dropout": (
        lambda: MultiHeadAttention(8, 4, dropout=1.5),
        "dropout should be a probability in [0, 1), got 1.5",
    ),
    "query of another width": (
        lambda: HEADS(ones(2, 5, 6)),
        "query should have shape (B, T, D=8), got (2, 5, 6); axis D disagrees",
    ),
    "query without a batch": (
        lambda: HEADS(ones(5, 8)),
        "query should have shape (B, T, D=8), got (5, 8)",
    ),
    "query of another dtype": (
        lambda: HEADS(X.double()),
        "query should have the dtype of the weights, float32, got float64",
    ),
    "states of another dtype": (
        lambda: EncoderLayer(8, 2, 16)(X.double()),
        "x should have the dtype of the weights, float32, got float64",
    ),
    "a bias for other grouped heads": (
        lambda: Attend()(ones(2, 4, 5, 3), ones(2, 2, 7, 3), ones(2, 2, 7, 3), bias=ones(3, 5, 7)),
        "bias should broadcast to the scores' shape (*B, T, S)=(2, 4, 5, 7), got (3, 5, 7)",
    ),
    "query of tokens": (
        lambda: HEADS(X.long()),
        "query should have the dtype of the weights, float32, got int64",
    ),
    "key of another batch": (
        lambda: HEADS(X, ones(3, 7, 8)),
        "key should have shape (B=2, S, D=8), got (3, 7, 8); axis B disagrees",
    ),
    "key of another width": (
        lambda: HEADS(X, ones(2, 7, 6)),
        "key should have shape (B=2, S, D=8), got (2, 7, 6); axis D disagrees",
    ),
    "value of another length": (
        lambda: HEADS(X, ones(2, 7, 8), X),
        "value should have shape (B=2, S=7, D=8), got (2, 5, 8); axis S disagrees",
    ),
    "value without a key": (
        lambda: HEADS(X, value=X),
        "value should come with a key, got key=None",
    ),
    "key of another dtype": (
        lambda: HEADS(X, X.double()),
        "key should have the dtype of the query, float32, got float64",
    ),
    "value of another dtype": (
        lambda: HEADS(X, X, X.double()),
        "value should have the dtype of the query, float32, got float64",
    ),
    "mask too short for the cache": (
        lambda: HEADS(X, mask=true(5, 5), cache=cached(batch=2, heads=2, width=4)),
        "mask should have shape (B=2, H=2, T=5, S=8), or fewer of its leading axes, got (5, 5)",
    ),
    "a cache of another batch": (
        lambda: HEADS(X, cache=cached(batch=3, heads=2, width=4)),
        "keys should have shape (B=3, H=2, N, E=4), got (2, 2, 5, 4); axis B disagrees",
    ),
    "a cache of other heads": (
        lambda: HEADS(X, cache=cached(batch=2, heads=1, width=4)),
        "keys should have shape (B=2, H=1, N, E=4), got (2, 2, 5, 4); axis H disagrees",
    ),
}


def cached(batch: int = 2, heads: int = 3, width: int = 4) -> KVCache:
    cache = KVCache()
    cache.update(ones(batch, heads, 3, width), ones(batch, heads, 3, width))
    return cache


CACHE = {
    "keys with three axes": (
        lambda: KVCache().update(ones(2, 3, 4), ones(2, 3, 4)),
        "keys should have shape (B, H, N, E), got (2, 3, 4)",
    ),
    "values of another length": (
        lambda: KVCache().update(ones(2, 3, 2, 4), ones(2, 3, 1, 4)),
        "values should have shape (B=2, H=3, N=2, E=4), got (2, 3, 1, 4); axis N disagrees",
    ),
    "keys of another width": (
        lambda: cached().update(ones(2, 3, 1, 5), ones(2, 3, 1, 5)),
        "keys should have shape (B=2, H=3, N, E=4), got (2, 3, 1, 5); axis E disagrees",
    ),
    "keys of another dtype": (
        lambda: cached().update(ones(2, 3, 1, 4).double(), ones(2, 3, 1, 4)),
        "keys should have the dtype of what is cached, float32, got float64",
    ),
    "values of another dtype": (
        lambda: cached().update(ones(2, 3, 1, 4), ones(2, 3, 1, 4).double()),
        "values should have the dtype of what is cached, float32, got float64",
    ),
    "index out of range": (
        lambda: cached().reorder(torch.tensor([0, 2])),
        "index should name places in [0, B=2), got [0, 2]",
    ),
    "index below zero": (
        lambda: cached().reorder(torch.tensor([-1, 0])),
        "index should name places in [0, B=2), got [-1, 0]",
    ),
    "index of floats": (
        lambda: cached().reorder(ones(2)),
        "index should hold int32 or int64 numbers, got float32",
    ),
    "index of bools": (
        lambda: cached().reorder(true(2)),
        "index should hold int32 or int64 numbers, got bool",
    ),
    "index with two axes": (
        lambda: cached().reorder(ones(1, 2).long()),
        "index should have shape (N), got (1, 2)",
    ),
    "crop too long": (
        lambda: cached().crop(4),
        "length should be a whole number in [0, 3], got 4",
    ),
    "crop below zero": (
        lambda: cached().crop(-1),
        "length should be a whole number in [0, 3], got -1",
    ),
    "crop to a half": (
        lambda: cached().crop(1.5),  # type: ignore[arg-type]
        "length should be a whole number in [0, 3], got 1.5",
    ),
    "crop of nothing": (
        lambda: KVCache().crop(1),
        "length should be a whole number in [0, 0], got 1",
    ),
}


def train(**changes: Any) -> object:
    settings = {"steps": 1, "loss": lambda model, batch: (model(batch).sum(), 3), **changes}
    model = settings.pop("model", nn.Linear(3, 1))
    parameters = model.parameters() if isinstance(model, nn.Module) else [ones(1)]
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    return fit(model, [ones(3, 3)], optimizer=optimizer, **settings)  # type: ignore[arg-type]


def listen(model: Any) -> None:
    with record_attention(model):
        pass


def listen_to_experts(model: Any) -> None:
    with record_routing(model):
        pass


SEED: Any = 0  # where a generator belongs
OTHERS = {
    "heads that two processes cannot share": (
        lambda: tensor_parallel_plan(EncoderLayer(6, 3, 8), 2),
        "attention.num_heads=3 should be a multiple of size=2",
    ),
    "a message of a kind that there is not": (
        lambda: bytes_sent("gossip", 8, 2),
        "kind should be one of all_reduce, all_gather, reduce_scatter, all_to_all, broadcast, send",
    ),
    "a stage that does not exist": (
        lambda: pipeline_order("1f1b", 3, 3, 2),
        "stage should be a whole number in [0, stages=3), got 3",
    ),
    "fewer layers than stages": (
        lambda: stage_layers(2, 3),
        "stages should be at most num_layers=2, got 3",
    ),
    "workers that do what only this process knows": (
        lambda: run_workers(lambda: 3, 2),
        "function should stand at the top of a module that a new process can import, got tests.",
    ),
    "devices without memory": (
        lambda: Machine(memory=0, flops=1, inside=1, between=1),
        "memory should be a positive number, got 0",
    ),
    "a vocabulary's loss of token numbers": (
        lambda: vocabulary_cross_entropy(torch.zeros(2, 3).long(), torch.zeros(2).long()),
        "logits should hold floating-point numbers, got int64",
    ),
    "routing of a model without experts": (
        lambda: listen_to_experts(nn.Linear(3, 2)),
        "model should hold a txlite.nn.MixtureOfExperts, got a Linear without any",
    ),
    "routing of a compiled model": (
        lambda: listen_to_experts(torch.compile(nn.Linear(3, 2), backend="eager")),
        "model should not be compiled, got an output of torch.compile",
    ),
    "load with a mask of another length": (
        lambda: expert_load(Router(8, 2)(ones(1, 5, 8)), true(1, 4)),
        "keep should have shape (B=1, T=5), got (1, 4)",
    ),
    "capacity of a negative number of tokens": (
        lambda: expert_capacity(-1, 2, 1.0),
        "num_tokens should be a whole number of at least zero, got -1",
    ),
    "an expert that does not exist": (
        lambda: place_choices(torch.full((1, 5, 1), 3), 3),
        "experts should lie in [0, num_experts=3), got 3 to 3",
    ),
    "a balance without groups": (
        lambda: balance_loss(ones(5, 3), torch.zeros(1, 5, 1, dtype=torch.long)),
        "probabilities should have shape (G, T, N), got (5, 3)",
    ),
    "logits without groups": (
        lambda: router_z_loss(ones(5, 3)),
        "logits should have shape (G, T, N), got (5, 3)",
    ),
    "a router with two capacities": (
        lambda: Router(4, 3, expert_capacity=2, capacity_factor=1.5),
        "capacity_factor should be None beside expert_capacity=2, got 1.5",
    ),
    "a router whose gate is one": (
        lambda: Router(4, 3, renormalise=True),
        "renormalise should be False with top_k=1",
    ),
    "experts that are too few": (
        lambda: MixtureOfExperts([FeedForward(4, 6)], Router(4, 3)),
        "experts should hold as many as the router chooses among, num_experts=3, got 1",
    ),
    "an int for what is padding": (
        lambda: Router(4, 3)(ones(2, 5, 4), ones(2, 5, dtype=torch.long)),
        "keep should be a bool tensor",
    ),
    "a pattern without a stride": (
        lambda: masks.strided(0),
        "stride should be a positive whole number, got 0",
    ),
    "numbers for global tokens": (
        lambda: masks.global_tokens(ones(2, 5)),
        "chosen should be a bool tensor (True = may attend), got float32",
    ),
    "an odd number of buckets": (
        lambda: LSHAttention(8, 2, num_buckets=5),
        "num_buckets should be an even whole number or several of them, got 5",
    ),
    "a table for hashing": (
        lambda: LSHAttention(8, 2)(ones(2, 5, 8), ones(5, 5).bool()),
        "mask should be made of rules, such as masks.causal() & masks.padding(keep)",
    ),
    "a layer that cannot be undone": (
        lambda: ReversibleLayer(8, 2, 16, norm_first=False),
        "norm_first should be True in a reversible layer, got False",
    ),
    "a reversible stack of other layers": (
        lambda: ReversibleStack([EncoderLayer(8, 2, 16)]),
        "layers[0] should be a ReversibleLayer, got EncoderLayer",
    ),
    "axial positions of another width": (
        lambda: ReformerConfig(d_model=12, axial_widths=(5, 8)),
        "axial_widths should add up to d_model=12, got (5, 8)",
    ),
    "a cache for a Reformer": (
        lambda: Reformer(ReformerConfig(d_model=8, d_ff=8, axial_shape=None, max_len=9))(
            torch.zeros(1, 3, dtype=torch.long), cache=KVCache()
        ),
        "cache should be None for a Reformer: generate with use_cache=False",
    ),
    "a step backwards": (
        lambda: SwitchConfig(sparse_step=-1),
        "sparse_step should be a whole number of at least zero, got -1",
    ),
    "more choices than experts": (
        lambda: GPTWithExpertsConfig(vocab_size=9, num_experts=3, top_k=4),
        "top_k should be at most num_experts=3, got 4",
    ),
    "kinds of text of no size": (
        lambda: kinds_of_text(size=-1),
        "size should be a positive whole number, got -1",
    ),
    "a part that is a word": (
        lambda: EncoderLayer(8, 2, 16, feed_forward="gelu"),  # type: ignore[arg-type]
        "feed_forward should be a torch.nn.Module, got 'gelu'",
    ),
    "a model that is a number": (
        lambda: listen(3),
        "model should be a torch.nn.Module, got 3",
    ),
    "shapes of no model": (
        lambda: trace_shapes("model").__enter__(),  # type: ignore[arg-type]
        "model should be a torch.nn.Module, got 'model'",
    ),
    "activations of no model": (
        lambda: record_saved(3).__enter__(),  # type: ignore[arg-type]
        "model should be a torch.nn.Module, got 3",
    ),
    "parameters of no config": (
        lambda: counting.predict_parameters(7),
        "config should be a config of txlite.models, got 7",
    ),
    "parameters of neither": (
        lambda: counting.count_parameters("gpt2"),
        "config should be a config of txlite.models, got 'gpt2'",
    ),
    "a model of another config": (
        lambda: counting.build_on_meta(COUNTED, kind=nn.Linear),
        "kind should be one of GPT, got <class 'torch.nn.modules.linear.Linear'>",
    ),
    "a layer without heads": (
        lambda: counting.layer_parameters(COUNTED, 8, 0, 32),
        "num_heads should be a positive whole number, got 0",
    ),
    "a chart of forecasters in operations": (
        lambda: counting.predict_flops(ForecasterConfig()),
        "config should be one of TransformerConfig, BERTConfig, GPTConfig, GPTWithExpertsConfig, "
        "LlamaConfig, T5Config, SwitchConfig, ViTConfig, got ForecasterConfig",
    ),
    "operations of a text without tokens": (
        lambda: counting.predict_flops(COUNTED, length=0),
        "length should be a positive whole number, got 0",
    ),
    "a target of a decoder alone": (
        lambda: counting.predict_flops(COUNTED, target_length=3),
        "target_length belongs to another family, got 3",
    ),
    "operations beyond a window": (
        lambda: counting.predict_flops(LlamaConfig(vocab_size=9, sliding_window=5), length=6),
        "length should end within sliding_window=5, got 0 + 6 tokens",
    ),
    "operations of a number": (
        lambda: counting.count_flops(3),  # type: ignore[arg-type]
        "call should be a function, which runs what is to be counted, got 3",
    ),
    "a training that reads nothing": (
        lambda: counting.training_flops(7, 0),
        "num_tokens should be a positive whole number, got 0",
    ),
    "activations of an encoder": (
        lambda: counting.predict_activations(ForecasterConfig(), batch=1, length=3),  # type: ignore[arg-type]
        "config should be a GPTConfig or a LlamaConfig, got ForecasterConfig(",
    ),
    "activations with a bias of the scores": (
        lambda: counting.predict_activations(
            GPTConfig(vocab_size=9, positions="alibi"), batch=1, length=3
        ),
        "positions should add nothing to the scores, got 'alibi'",
    ),
    "activations with a window": (
        lambda: counting.predict_activations(
            LlamaConfig(vocab_size=9, sliding_window=5), batch=1, length=3
        ),
        "sliding_window should be None, got 5",
    ),
    "another precision": (
        lambda: counting.state_memory(9, precision="float16"),  # type: ignore[arg-type]
        "precision should be one of float32, mixed, bfloat16, got 'float16'",
    ),
    "another way to save": (
        lambda: counting.korthikanti_layer(1, 2, 8, 2, recompute="some"),  # type: ignore[arg-type]
        "recompute should be one of none, attention, all, got 'some'",
    ),
    "a state without an optimizer": (
        lambda: counting.measure_state(nn.Linear(3, 2), "adam"),  # type: ignore[arg-type]
        "optimizer should be a torch.optim.Optimizer, got 'adam'",
    ),
    "a cache of a source without an encoder": (
        lambda: counting.kv_cache_bytes(COUNTED, length=3, source_length=2),
        "source_length should be 0 without an encoder, got 2",
    ),
    "a machine above its peak": (
        lambda: counting.training_seconds(1e9, peak_flops_per_second=1e9, utilisation=1.5),
        "utilisation should be in (0, 1], got 1.5",
    ),
    "a law of nothing": (
        lambda: counting.kaplan_loss(),
        "num_parameters or num_tokens should be given, got neither",
    ),
    "a line through two sizes": (
        lambda: counting.fit_power_law([1.0, 2.0, 2.0], [[3.0, 4.0]] * 3),
        "x should hold at least three different sizes, got [1.0, 2.0, 2.0]",
    ),
    "sizes without runs": (
        lambda: counting.fit_power_law([1.0, 2.0, 3.0], [[3.0, 4.0]] * 2),
        "y should hold the runs of 3 sizes, got 2",
    ),
    "a single run": (
        lambda: counting.fit_power_law([1.0, 2.0, 3.0], [[3.0]] * 3),
        "y should hold at least two runs of each size, got [3.0]",
    ),
    "a run below the floor": (
        lambda: counting.fit_power_law([1.0, 2.0, 3.0], [[3.0, 4.0]] * 3, floor=3.5),
        "each of y should be a number above floor=3.5, got 3.0",
    ),
    "training of no model": (lambda: train(model=3), "model should be a torch.nn.Module, got 3"),
    "a loss that is a number": (
        lambda: train(loss=0.1),
        "loss should be a function, from the model and a batch to a sum and a count, got 0.1",
    ),
    "a loss without a count": (
        lambda: train(loss=lambda model, batch: model(batch).sum()),
        "loss should return a pair, the sum over the tokens as a tensor and their count, got Ten",
    ),
    "a loss of three": (
        lambda: train(loss=lambda model, batch: (model(batch).sum(), 3, 3)),
        "loss should return a pair, the sum over the tokens as a tensor and their count, got tup",
    ),
    "a loss that is no tensor": (
        lambda: train(loss=lambda model, batch: (0.5, 3)),
        "loss should return a pair, the sum over the tokens as a tensor and their count, got tup",
    ),
    "a schedule that is a rate": (
        lambda: train(schedule=0.1),
        "schedule should be a function, from the step to its learning rate, got 0.1",
    ),
    "an evaluation that is a name": (
        lambda: train(evaluate="bleu"),
        "evaluate should be a function, from the model to scores by name, got 'bleu'",
    ),
    "a step's callback that is a flag": (
        lambda: train(on_step=True),
        "on_step should be a function, of the history, got True",
    ),
    "marks that are a number": (
        lambda: sign_test(3, [4]),  # type: ignore[arg-type]
        "first should be a sequence of marks, got 3",
    ),
    "other marks that are a number": (
        lambda: sign_test([3], 4),  # type: ignore[arg-type]
        "second should be a sequence of marks, got 4",
    ),
    "a seed for the bootstrap": (
        lambda: paired_bootstrap([1, 2], [2, 3], generator=SEED),
        "generator should be a generator such as torch.Generator().manual_seed(0), got 0",
    ),
    "texts that are fewer than the pictures": (
        lambda: contrastive_loss(ones(3, 4), ones(2, 4), ones(1)[0]),
        "texts should have shape (B=3, E=4), got (2, 4); axis B disagrees",
    ),
    "a query to which nothing belongs": (
        lambda: recall_at(ones(2, 3), ones(2, 3) > 1, 1),
        "relevant should have a right candidate in every row, row 0 has none",
    ),
    "a hand that draws nothing here": (
        lambda: draw_emoji([], "apple"),
        "style should be one of openmoji, google, got 'apple'",
    ),
    "data that nobody has": (
        lambda: fetched_file("imagenet"),
        "name should be one of google-emoji, pocketsphinx, asterisk, asterisk-fr, demand, "
        "air, shares, got 'imagenet'",
    ),
    "a seed for the corpus": (
        lambda: corpus_bootstrap([[1, 2]], score=sum, generator=SEED),
        "generator should be a generator such as torch.Generator().manual_seed(0), got 0",
    ),
    "a score that is a word": (
        lambda: corpus_bootstrap([[1, 2]], score="bleu", generator=torch.Generator()),  # type: ignore[arg-type]
        "score should be a function, from the sums of the counts to a score, got 'bleu'",
    ),
    "transcripts for fewer sounds": (
        lambda: word_errors(["a", "b"], ["a"]),
        "transcripts should have one for each of the 2 references, got 1",
    ),
    "a cost without end": (
        lambda: cheapest_path(torch.tensor([[float("inf")]])),
        "cost should be finite, got NaN or infinity",
    ),
    "a median over an even number": (
        lambda: token_times(torch.rand(1, 2, 9), width=2),
        "width should be a positive odd number, got 2",
    ),
    "more vectors than there are": (
        lambda: best_path(torch.rand(1, 4, 3), [5]),
        "lengths should be B=1 numbers in [0, S=4], got [5]",
    ),
    "silence that is no token": (
        lambda: no_speech_probability(torch.rand(1, 3), 3),
        "no_speech_id should be a token of the vocabulary, in [0, V=3), got 3",
    ),
    "scores of other answers": (
        lambda: soft_losses(ones(2, 3), ones(2, 4)),
        "teacher should have the student's shape (2, 3), got (2, 4)",
    ),
    "states of another width": (
        lambda: hidden_losses(ones(2, 3), ones(2, 4)),
        "teacher should have the student's shape (2, 3), got (2, 4)",
    ),
    "a teacher that is a name": (
        lambda: Distillation(teacher="BERT", ask=len),  # type: ignore[arg-type]
        "teacher should be a torch.nn.Module, got 'BERT'",
    ),
    "a teacher without layers": (
        lambda: Student(nn.Linear(2, 2), nn.Linear(3, 3)),
        "model should hold one txlite.nn.Stack, whose layers are compared, got a Linear with 0",
    ),
    "a student of more layers": (
        lambda: layer_map(3, 2),
        "student_layers should be at most the teacher's 2, got 3",
    ),
    "a head that is not there": (
        lambda: mask_heads(MultiHeadAttention(8, 2), {"": [2]}).__enter__(),
        "heads of '' should be whole numbers in [0, num_heads=2), got [2]",
    ),
    "importance without a loss": (
        lambda: head_importance(MultiHeadAttention(8, 2), [], None),  # type: ignore[arg-type]
        "loss should be a function, from the model and a batch to a sum and a count, got None",
    ),
    "too many heads": (
        lambda: least_important({"": ones(3)}, 3),
        "count should be at most 2, which leaves one head each, got 3",
    ),
    "a seed for the heads": (
        lambda: random_heads(MultiHeadAttention(8, 2), 1, generator=SEED),
        "generator should be a generator such as torch.Generator().manual_seed(0), got 0",
    ),
    "three bits": (
        lambda: quantize(nn.Linear(2, 2), bits=3),
        "bits should be 4 or 8, got 3",
    ),
    "weights without end": (
        lambda: round_rows(ones(2, 2) / 0),
        "weight should be finite, got NaN or infinity",
    ),
    "codes that are too large": (
        lambda: pack_int4(torch.tensor([[9]], dtype=torch.int8)),
        "codes should lie in [-8, 8), got 9 to 9",
    ),
    "scales of other rows": (
        lambda: expand_rows(torch.ones(2, 4, dtype=torch.int8), ones(3, 1)),
        "scales should have shape (O=2, G), got (3, 1); axis O disagrees",
    ),
    "a small model that is nowhere": (
        lambda: load_compressed("nowhere", nn.Linear(2, 2)),
        "path should lead to a file of save_compressed, got 'nowhere'",
    ),
    "bytes of a name": (
        lambda: model_bytes("BERT"),  # type: ignore[arg-type]
        "model should be a torch.nn.Module, got 'BERT'",
    ),
    "a call that is a time": (
        lambda: milliseconds(0.1),  # type: ignore[arg-type]
        "call should be a function, without arguments, got 0.1",
    ),
    "all weight for the frames": (
        lambda: HybridLoss(ctc_weight=1.0),
        "ctc_weight should",
    ),
    "a table of positions that is gone": (
        lambda: HybridWhisperConfig(vocab_size=9, position_scale=0.0),
        "position_scale should be a positive number, got 0",
    ),
    "a matcher without recordings": (
        lambda: TemplateMatcher([], torch.zeros(3)),
        "templates should hold at least one template, got none",
    ),
    "a seed for the speaker": (
        lambda: digit_strings(2, shortest=1, longest=2, generator=SEED),
        "generator should be a generator such as torch.Generator().manual_seed(0), got 0",
    ),
    "a rate that has nothing in common": (
        lambda: resample(torch.rand(9), 44_101),
        "new_rate should have more in common with rate=44101, got 16000",
    ),
    "returns to go of counts": (
        lambda: returns_to_go(torch.tensor([1, 2])),
        "rewards should hold floating-point numbers, got int64",
    ),
    "an episode without its last observation": (
        lambda: Episode(ones(2, 3), torch.tensor([0, 1]), ones(2)),
        "observations should have shape (N=3, S), got (2, 3); axis N disagrees",
    ),
    "no episodes": (
        lambda: EpisodeWindows([], context=2, batch_size=3),
        "episodes should hold at least one episode, got none",
    ),
    "a scale of zero": (
        lambda: EpisodeScale(0.0),
        "returns should be a positive number, got 0.0",
    ),
    "a world that is none": (
        lambda: play_episode("CartPole-v1", lambda s: 0, seed=0),
        "environment should be a gymnasium.Env that plays one episode at a time, got str",
    ),
    "a start in a hole": (
        lambda: frozen_lake(start=19),
        "start should be a square of ice below 64, got 19",
    ),
    "rules of nothing": (
        lambda: rules_of(None),
        "environment should have a table P of its rules, got NoneType",
    ),
    "no policies": (
        lambda: linear_episodes(0),
        "count should be a positive whole number, got 0",
    ),
    "asked in words": (
        lambda: play(len, len, asked="much", context=2),  # type: ignore[arg-type]
        "each of asked should be a finite number, got 'm'",
    ),
    "a tanh of counted actions": (
        lambda: DecisionTransformerConfig(
            state_dim=2, action_dim=3, discrete_actions=True, action_tanh=True
        ),
        "action_tanh should be False for discrete_actions=True",
    ),
    "a seed for the notes": (
        lambda: sample_recall(2, SEED),
        "generator should be a generator such as torch.Generator().manual_seed(0), got 0",
    ),
    "a series of nothing": (
        lambda: Series.regular([], "2024-01-01", "day"),
        "values should hold at least one number, got none",
    ),
    "a line through a gap": (
        lambda: build_series([1.0], ["2024-01-01"], fill="linear"),
        "fill should be one of refuse, nan, last, season, got 'linear'",
    ),
    "a value of two": (
        lambda: read_series("day,a,b\n2024-01-01,1,2\n2024-01-02,3,4"),
        "value should be one of a, b, got None",
    ),
    "a step that is none": (
        lambda: TimeStep.read("fortnight"),
        "step should be a number and one of s, min, h, day, weekday, week, month, quarter, year, "
        "session, such as '30min', got 'fortnight'",
    ),
    "a zone that is none": (
        lambda: zone_named("Mars/Utopia"),
        "zone should be a name of the IANA's such as 'Europe/London', got 'Mars/Utopia'",
    ),
    "a holiday in words": (
        lambda: calendar_features(torch.zeros(1, dtype=torch.long), holidays=["Easter"]),
        "holidays should be dates, got 'Easter'",
    ),
    "a walk without room": (
        lambda: walk_forward(ones(9), naive, context=8, horizon=2),
        "length should be enough for context=8, gap=0 and horizon=2, got 9 values, of which 9 may",
    ),
    "a past without a season": (
        lambda: SeasonalNaive(7)(ones(6), 1),
        "past should have at least 7 values, got 6",
    ),
    "a score of two shapes": (
        lambda: mae(ones(1), ones(2)),
        "forecast should have truth's shape (1,), got (2,)",
    ),
    "a level in percent": (
        lambda: pinball(ones(1), ones(1, 1), [90]),
        "levels should be in (0, 1), got 90",
    ),
    "losses at other origins": (
        lambda: diebold_mariano(ones(9), ones(8)),
        "second should have shape (N=9), got (8,)",
    ),
    "a block that is too long": (
        lambda: block_bootstrap(ones(9), block=10, generator=torch.Generator()),
        "block should be at most the 9 values that there are, got 10",
    ),
    "a cost in percent": (
        lambda: backtest(ones(2), ones(2), cost=2),
        "cost should be a share in [0, 1), got 2",
    ),
    "a Sharpe ratio of nothing": (
        lambda: sharpe(ones(3)),
        "returns should differ to have a Sharpe ratio, all are 1.0",
    ),
    "a cut outside the market": (
        lambda: find_leaks(HONEST, noise_market(torch.Generator(), bars=40, shares=2), cuts=[40]),
        "cuts should be in [1, 38], got 40",
    ),
    "a seed for the moves": (
        lambda: moved(ones(2, 1, 8, 8), SEED, shift=0.5, turn=0.2),
        "generator should be a generator such as torch.Generator().manual_seed(0), got 0",
    ),
    "a move backwards": (
        lambda: moved(ones(2, 1, 8, 8), torch.Generator(), shift=-1, turn=0.2),
        "shift should be a finite number, not negative, got -1",
    ),
    "pictures with too few labels": (
        lambda: LabelledPictures(ones(4, 1, 8, 8), ones(3, dtype=torch.long)),
        "labels should have shape (N=4), got (3,)",
    ),
    "a grey picture for a model of colours": (
        lambda: normalised(ones(1, 8, 8)),
        "pictures should have shape (..., 3, Y, X), got (1, 8, 8)",
    ),
    "a picture of four channels": (
        lambda: read_picture("cat.png", channels=4),
        "channels should be 1 or 3, got 4",
    ),
    "a CNN of no stage": (
        lambda: SmallCNN(3, widths=()),
        "widths should hold a whole number for each stage, got none",
    ),
    "colours for a CNN of greys": (
        lambda: SmallCNN(3, 1)(ones(2, 3, 8, 8)),
        "pictures should have shape (B, C=1, Y, X), got (2, 3, 8, 8)",
    ),
    "a window of another length": (
        lambda: LinearForecaster(11, 5)(ones(2, 10, 3)),
        "past should have shape (B, T=11, C), got (2, 10, 3)",
    ),
    "levels that fall": (
        lambda: ForecasterConfig(levels=(0.9, 0.1)),
        "levels should rise, got (0.9, 0.1)",
    ),
    "quantiles of another number than levels": (
        lambda: pinball_losses(ones(2, 3), ones(2), [0.5]),
        "quantiles should have the values' axes and one of 1 levels, (2, 1), got (2, 3)",
    ),
    "a figure of no picture": (
        lambda: PatchViewer({}, {}),
        "pictures and maps should not be empty, got none",
    ),
    "a fan of a forecaster that says one number": (
        lambda: FanChart(
            asdict(ForecasterConfig(context_length=20, horizon=5)), {}, ones(60), [20], ones(1, 5)
        ),
        "head should be 'quantiles', which a fan shows, got 'point'",
    ),
    "a layer that was not recorded": (
        lambda: PatchViewer({"it": ones(1, 4, 4)}, {"a": ones(1, 1, 5, 5)}, layers=[1]),
        "layers should be from 0 to 0, got [1]",
    ),
}
CASES = [
    pytest.param(*case, id=f"{group}: {name}")
    for group, cases in (
        ("function", FUNCTIONS),
        ("mask", MASKS),
        ("module", MODULE),
        ("cache", CACHE),
        ("other", OTHERS),
    )
    for name, case in cases.items()
]


@pytest.mark.kills(
    "and between masks keeps one",
    "nn/masks/_rules.py",
    "    def __bool__(self) -> bool:\n        raise ValueError(",
    "    def __bool__(self) -> bool:\n        return True\n        raise ValueError(",
)
@pytest.mark.parametrize(("ask", "message"), CASES)
def test_a_wrong_argument_is_named(ask: ASK, message: str) -> None:
    refuse(ask, message)


@pytest.mark.parametrize("name", ["float", "int", "length", "heads", "elsewhere"])
def test_a_mask_is_refused_alike_by_every_function(name: str) -> None:
    _, message = MASKS[name]
    mask = {
        "float": ones(5, 7),
        "int": ones(5, 7, dtype=torch.long),
        "length": true(5, 6),
        "heads": true(2, 2, 5, 7),
        "elsewhere": true(5, 7).to("meta"),
    }[name]
    refuse(lambda: scaled_dot_product_attention(Q, K, V, mask), message)
    refuse(lambda: scaled_dot_product_attention(Q, K, V, mask, bias=ones(5, 7)), message)


def test_a_refused_update_leaves_the_cache_as_it_was() -> None:
    cache = cached()
    with pytest.raises(ValueError, match="values should"):
        cache.update(ones(2, 3, 1, 4), ones(2, 3, 2, 4))
    with pytest.raises(ValueError, match="index should"):
        cache.reorder(torch.tensor([5]))
    assert len(cache) == 3


# ------------------------------------------------------------------ recording


def test_a_model_without_attention_cannot_be_recorded() -> None:
    with (
        pytest.raises(
            ValueError, match=r"model should hold a txlite\.nn\.MultiHeadAttention, got a Linear"
        ),
        record_attention(nn.Linear(3, 2)),
    ):
        pass


class Wrapped(nn.Module):
    """A model whose attention is compiled in one way or another."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.attention = attention


def in_place() -> nn.Module:
    module = MultiHeadAttention(8, 2)
    module.compile(backend="eager")
    return module


def inner_in_place() -> nn.Module:
    model = Wrapped(MultiHeadAttention(8, 2))
    model.attention.compile(backend="eager")  # type: ignore[operator]
    return model


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.compile(MultiHeadAttention(8, 2), backend="eager"),
        lambda: Wrapped(torch.compile(MultiHeadAttention(8, 2), backend="eager")),
        in_place,
        inner_in_place,
    ],
    ids=["compiled", "inside", "in place", "inside in place"],
)
def test_a_compiled_model_cannot_be_recorded(make: Callable[[], nn.Module]) -> None:
    model = make()
    with (
        pytest.raises(
            ValueError,
            match=r"model should not be compiled, got an output of torch\.compile; record on",
        ),
        record_attention(model),
    ):
        pass


# ------------------------------------------------------------------ the environment


@pytest.mark.parametrize("name", ["gpu", "CPU", "cuda:", "cuda:x", "cuda:-1", "cuda:²", "cuda:٣"])
def test_an_unknown_device_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("TXLITE_DEVICE", name)
    refuse(device, f"TXLITE_DEVICE should be one of cpu, cuda, cuda:N, mps, got {name!r}")


def test_a_device_that_the_machine_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for name in ("cuda:99", "cuda:2"):
        monkeypatch.setenv("TXLITE_DEVICE", name)
        refuse(
            device,
            f"TXLITE_DEVICE={name!r} asks for a device that this machine lacks: it has 2 of kind "
            "cuda",
        )
    monkeypatch.setenv("TXLITE_DEVICE", "cpu:1")
    refuse(device, "TXLITE_DEVICE='cpu:1' asks for a device that this machine lacks: it has 1")


@pytest.mark.parametrize("name", ["huge", "SMOKE", " laptop"])
def test_an_unknown_budget_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("TXLITE_BUDGET", name)
    refuse(budget, f"TXLITE_BUDGET should be one of smoke, laptop, full, got {name!r}")


@pytest.mark.parametrize("n", [-1, 2**32, 1.5, "1", None, True])
def test_a_seed_out_of_range_is_refused(n: Any) -> None:
    refuse(lambda: seed(n), f"n should be a whole number in [0, 2**32), got {n!r}")
