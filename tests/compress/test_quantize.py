"""Whole models with rounded weights."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tests.compress import small
from txlite.compress import QuantizedEmbedding, QuantizedLinear, model_bytes, prune_heads, quantize
from txlite.generation import generate
from txlite.nn import FeedForward, KVCache, MixtureOfExperts, Router

MODELS = {
    "BERT": small.bert, "texts": small.classifier, "masked": small.masked_lm, "GPT": small.gpt,
    "Llama": lambda: small.llama(num_kv_heads=2), "ViT": small.vit,
    "ALBERT": lambda: small.bert(share_layers=True, num_layers=3, embedding_dim=5),
}  # fmt: skip
WAYS: list[dict[str, Any]] = [
    {}, {"dynamic": True}, {"bits": 4}, {"bits": 4, "group_size": 5, "embeddings": True},
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_a_rounded_model_is_the_model_with_rounded_matrices(name: str, way: dict[str, Any]) -> None:
    model = MODELS[name]().float()
    args, named = small.given(model)
    args = tuple(x.float() if x.is_floating_point() else x for x in args)
    linears = {p for p, m in model.named_modules() if type(m) is nn.Linear}
    small_one = MODELS[name]().float()
    small_one.load_state_dict(model.state_dict())
    paths = quantize(small_one, **way)
    assert set(paths) - {p for p in paths if p.endswith("embedding")} == linears
    for path in paths:  # the same matrices, in the exact model
        layer = small_one.get_submodule(path)
        model.get_submodule(path).weight.data = layer.expanded()  # type: ignore[union-attr,operator]
    want, found = model(*args, **named), small_one(*args, **named)
    if not way.get("dynamic"):
        assert_close(small.real(model, found), small.real(model, want), rtol=1e-5, atol=1e-5)
    else:  # inputs are rounded, too: near, and not the same
        apart = small.real(model, found - want).std() / small.real(model, want).std()
        assert 0 < apart < 0.15


def test_bytes_of_a_whole_model() -> None:
    model = small.gpt().float()
    before = model_bytes(model)
    shapes = [m.weight.shape for m in model.modules() if type(m) is nn.Linear]
    quantize(model, bits=4)
    # four bytes of each number become half a byte, and each row has a scale of four
    less = sum(
        4 * rows * columns - rows * ((columns + 1) // 2) - 4 * rows for rows, columns in shapes
    )
    assert model_bytes(model) == before - less


def test_a_rounded_model_writes_with_a_cache() -> None:
    model = small.gpt()
    quantize(model, embeddings=True)
    tokens = small.tokens()
    cache = KVCache()
    steps = torch.cat([model(tokens[:, t : t + 1], cache=cache) for t in range(small.T)], dim=1)
    assert_close(steps, model(tokens), rtol=1e-9, atol=1e-9)
    written = generate(model, tokens[:1, :3], max_new_tokens=4)
    assert_close(model(written)[:, 2:-1].argmax(-1), written[:, 3:])


@pytest.mark.kills(
    "quantization: codes are read as a router's weights",
    "compress/quantize.py",
    " or id(module) in read:",
    ":",
)
def test_routers_and_shared_matrices_stay() -> None:
    experts = [FeedForward(8, 12) for _ in range(3)]
    model = nn.Sequential(MixtureOfExperts(experts, Router(8, 3)), nn.Linear(8, 8), nn.Linear(8, 8))
    model[2].weight = model[1].weight
    paths = quantize(model)
    assert len(paths) == 6
    assert all("experts" in path for path in paths)
    assert model(torch.randn(2, 5, 8)).isfinite().all()


def test_one_module_in_many_places_is_replaced_in_all() -> None:
    model = small.bert(share_layers=True, num_layers=3)
    quantize(model)
    layers = model.encoder.layers
    assert layers[0] is layers[2]
    twice = nn.ModuleDict({"a": nn.Linear(4, 4)})
    twice["b"] = twice["a"]
    assert quantize(twice) == ["a"]
    assert twice["a"] is twice["b"]
    assert isinstance(twice["b"], QuantizedLinear)


@pytest.mark.plain
def test_what_is_skipped_stays() -> None:
    model = small.masked_lm()
    paths = quantize(model, embeddings=True, skip=["bert.encoder.layers.0", "head"])
    assert "bert.embedding" in paths
    assert isinstance(model.bert.embedding, QuantizedEmbedding)
    assert not any(path.startswith(("bert.encoder.layers.0", "head")) for path in paths)
    with pytest.raises(ValueError, match=r"skip should hold paths of the model, got \['body'\]"):
        quantize(model, skip=["body"])


@pytest.mark.plain
def test_nothing_changes_where_something_does_not_fit() -> None:
    model = small.bert()
    model.encoder.layers[1].feed_forward.down_proj.weight.data[0, 0] = torch.nan  # type: ignore[union-attr]
    before = {name for name, _ in model.named_parameters()}
    for choices, message in (
        ({}, r"encoder.layers.1.feed_forward.down_proj: weight should be finite"),
        (
            {"group_size": 7},
            r"width of 'encoder.layers.0.attention.query_proj'=20 should be a multiple",
        ),
        ({"bits": 3}, r"bits should be 4 or 8, got 3"),
        ({"bits": 4, "dynamic": True}, r"dynamic=True should come with bits=8"),
        (
            {"skip": ["encoder", "pooler"]},
            r"model should hold a torch.nn.Linear that is not skipped",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            quantize(model, **choices)  # type: ignore[arg-type]
    assert {name for name, _ in model.named_parameters()} == before


@pytest.mark.plain
def test_a_rounded_attention_cannot_be_pruned_any_more() -> None:
    model = small.bert()
    quantize(model)
    with pytest.raises(ValueError, match=r"got a QuantizedLinear; prune before you quantize"):
        prune_heads(model, {"encoder.layers.0.attention": [0]})
