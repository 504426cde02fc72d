"""Heads that go: what is left computes what it did with the others silent."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tests.compress import small
from txlite.compress import mask_heads, prune_heads
from txlite.generation import generate
from txlite.inspect import record_attention
from txlite.models import T5, T5Config
from txlite.nn import KVCache, MultiHeadAttention

CLOSE: dict[str, float] = {"rtol": 1e-9, "atol": 1e-9}
MODELS: dict[str, tuple[Callable[[], Any], str]] = {
    "BERT": (small.bert, "encoder.layers"),
    "pre-norm BERT with wide heads": (
        lambda: small.bert(norm_first=True, head_dim=7, bias=False), "encoder.layers",
    ),
    "GPT": (small.gpt, "decoder.layers"),
    "Llama with its own key heads": (lambda: small.llama(num_kv_heads=4), "decoder.layers"),
    "ViT": (lambda: small.vit(qkv_bias=False, layer_scale=0.7), "encoder.layers"),
}  # fmt: skip


def chosen(model: nn.Module) -> dict[str, list[int]]:
    """Return other heads for each layer: 0 and 2 of the first, 3 of the second."""
    paths = [p for p, m in model.named_modules() if isinstance(m, MultiHeadAttention)]
    return dict(zip(paths, ([0, 2], [3]), strict=True))


@pytest.mark.kills(
    "pruning: the output loses the wrong columns",
    "compress/heads.py",
    "out.weight = _part(out.weight, 1, rows)",
    "out.weight = _part(out.weight, 1, rows.flip(0))",
)
@pytest.mark.kills(
    "pruning: the bias stays that of another head",
    "compress/heads.py",
    "None if proj.bias is None else _part(proj.bias, 0, kept)",
    "None if proj.bias is None else _part(proj.bias, 0, kept.flip(0))",
)
@pytest.mark.parametrize("name", MODELS)
def test_a_pruned_model_is_the_masked_one(name: str) -> None:
    model = MODELS[name][0]()
    heads = chosen(model)
    args, named = small.given(model)
    whole = small.real(model, model(*args, **named))
    with mask_heads(model, heads):
        want = small.real(model, model(*args, **named))
    assert_close(small.real(model, model(*args, **named)), whole)  # nothing remains of the mask
    assert (want - whole).abs().max() > 1e-3
    prune_heads(model, heads)
    assert_close(small.real(model, model(*args, **named)), want, **CLOSE)


def test_the_matrices_are_smaller_and_learn() -> None:
    model, before = small.bert(), sum(p.numel() for p in small.bert().parameters())
    twin = deepcopy(model)
    prune_heads(model, chosen(model))
    lost = 3 * (4 * small.E * small.D + 3 * small.E)  # rows of three matrices, columns of one
    assert sum(p.numel() for p in model.parameters()) == before - lost
    first = model.encoder.layers[0].attention
    assert tuple(first.query_proj.weight.shape) == (2 * small.E, small.D)  # type: ignore[union-attr]
    assert (first.num_heads, first.output_proj.in_features) == (2, 2 * small.E)  # type: ignore[union-attr]
    tokens = small.tokens()
    with mask_heads(twin, chosen(twin)):
        twin(tokens).square().sum().backward()
    model(tokens).square().sum().backward()
    theirs = twin.encoder.layers[1].attention.value_proj.weight.grad  # type: ignore[union-attr]
    mine = model.encoder.layers[1].attention.value_proj.weight.grad  # type: ignore[union-attr]
    assert_close(mine, theirs[: 3 * small.E], **CLOSE)
    assert theirs[3 * small.E :].eq(0).all()


def test_a_pruned_model_writes_with_a_cache_and_shows_its_maps() -> None:
    model = small.gpt()
    prune_heads(model, chosen(model))
    tokens = small.tokens()
    cache = KVCache()
    steps = torch.cat([model(tokens[:, t : t + 1], cache=cache) for t in range(small.T)], dim=1)
    assert_close(steps, model(tokens), **CLOSE)
    with record_attention(model) as maps:
        model(tokens)
    assert [m.shape[1] for m in maps.values()] == [2, 3]
    written = generate(model, tokens[:1, :3], max_new_tokens=4)
    assert_close(model(written)[:, 2:-1].argmax(-1), written[:, 3:])  # each is the likeliest


@pytest.mark.plain
def test_heads_that_share_a_key_head_go_together() -> None:
    model = small.llama(num_kv_heads=2)
    path = "decoder.layers.0.attention"
    with pytest.raises(ValueError, match=r"should be whole groups of the 2 that share a key head"):
        prune_heads(model, {path: [0, 2]})
    with mask_heads(model, {path: [0, 1]}):
        want = model(tokens := small.tokens())
    prune_heads(model, {path: [0, 1]})
    assert model.get_submodule(path).num_kv_heads == 1
    assert_close(model(tokens), want, **CLOSE)


def test_one_layer_in_many_places_is_pruned_in_all() -> None:
    model = small.bert(share_layers=True, num_layers=3, embedding_dim=5)
    heads = {"encoder.layers.0.attention": [1]}
    with mask_heads(model, heads):
        want = model(tokens := small.tokens())
    prune_heads(model, heads)
    assert_close(model(tokens), want, **CLOSE)


@pytest.mark.plain
@pytest.mark.parametrize(
    ("heads", "message"),
    [
        ({"encoder": [0]}, r"heads should name attentions of \['encoder.layers.0.attention'"),
        ({"encoder.layers.0.attention": [4]}, r"whole numbers in \[0, num_heads=4\), got \[4\]"),
        ({"encoder.layers.0.attention": [0, 1, 2, 3]}, r"should leave at least one, got all 4"),
        ([0], r"heads should map paths of attentions to numbers of heads, got list"),
    ],
)
def test_heads_that_cannot_go_are_refused_and_nothing_changes(heads: Any, message: str) -> None:
    model = small.bert()
    before = model(tokens := small.tokens())
    with pytest.raises(ValueError, match=message):
        prune_heads(
            model,
            {"encoder.layers.1.attention": [0], **heads} if isinstance(heads, dict) else heads,
        )
    assert_close(model(tokens), before)


@pytest.mark.plain
def test_positions_that_know_each_head_are_refused() -> None:
    sizes = {**small.SIZES, "head_dim": 4}
    sizes.pop("max_len")
    model = T5(T5Config(**sizes))
    with pytest.raises(ValueError, match=r"should have positions that are the same for every head"):
        prune_heads(model, {"encoder.layers.0.attention": [0]})
    with pytest.raises(ValueError, match=r"got ALiBi at"):
        prune_heads(small.bert(positions="alibi"), {"encoder.layers.0.attention": [0]})


@pytest.mark.plain
def test_a_model_without_attention_is_refused() -> None:
    with pytest.raises(ValueError, match=r"should hold a txlite.nn.MultiHeadAttention"):
        prune_heads(nn.Linear(2, 2), {})
