"""A small model in a file comes back as it was, and a file that does not fit is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from tests.compress import small
from txlite.compress import (
    QuantizedLinear,
    load_compressed,
    model_bytes,
    prune_heads,
    quantize,
    save_compressed,
)

WAYS: dict[str, dict[str, Any] | None] = {
    "pruned only": None, "8 bits": {}, "dynamic": {"dynamic": True},
    "4 bits": {"bits": 4, "group_size": 5, "embeddings": True},
}  # fmt: skip
HEADS = {"encoder.layers.0.attention": [0, 3], "encoder.layers.1.attention": [2]}


def made(way: dict[str, Any] | None) -> Any:
    model = small.bert(share_layers=False).float()
    prune_heads(model, HEADS)
    if way is not None:
        quantize(model, **way)
    return model


@pytest.mark.parametrize("name", WAYS)
def test_a_small_model_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    model, empty = made(WAYS[name]), small.bert().float()
    path = tmp_path / "small.safetensors"
    save_compressed(model, path)
    before = {n: x.clone() for n, x in empty.state_dict().items()}
    same = load_compressed(path, empty)
    tokens = small.tokens()
    assert torch.equal(same(tokens, keep=small.kept()), model(tokens, keep=small.kept()))
    assert model_bytes(same) == model_bytes(model)
    assert path.stat().st_size < model_bytes(model) + 8000  # names, shapes and choices
    assert all(torch.equal(x, before[n]) for n, x in empty.state_dict().items())
    assert same.encoder.layers[0].attention.num_heads == 2
    prune_heads_again = {"encoder.layers.1.attention": [0]}
    if WAYS[name] is None:
        prune_heads(same, prune_heads_again)


def test_layers_in_many_places_and_tied_weights_come_back(tmp_path: Path) -> None:
    model = small.masked_lm(share_layers=True, num_layers=3, embedding_dim=5).float()
    prune_heads(model, {"bert.encoder.layers.0.attention": [1]})
    quantize(model, embeddings=True)
    save_compressed(model, tmp_path / "a")
    empty = small.masked_lm(share_layers=True, num_layers=3, embedding_dim=5).float()
    same = load_compressed(tmp_path / "a", empty)
    tokens = small.tokens()
    assert torch.equal(same(tokens), model(tokens))
    assert same.bert.encoder.layers[0] is same.bert.encoder.layers[2]
    assert model_bytes(same) == model_bytes(model)


def test_grouped_heads_and_other_dtypes_come_back(tmp_path: Path) -> None:
    model = small.llama(num_kv_heads=2).bfloat16()
    prune_heads(model, {"decoder.layers.1.attention": [2, 3]})
    quantize(model)
    save_compressed(model, tmp_path / "a")
    same = load_compressed(tmp_path / "a", small.llama(num_kv_heads=2).bfloat16())
    tokens = small.tokens()
    assert torch.equal(same(tokens), model(tokens))
    layer = same.decoder.layers[0].feed_forward.up_proj
    assert isinstance(layer, QuantizedLinear)
    assert layer.scales.dtype == torch.float32


def told(path: Path, **changed: Any) -> None:
    """Write a file anew with another header."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        said = json.loads(file.metadata()["txlite"])
    for name, value in changed.items():
        said[name] = {**said[name], **value} if isinstance(value, dict) else value
    header = {"format": "txlite compressed 1", "txlite": json.dumps(said)}
    save_file(load_file(path), path, metadata=header)


@pytest.mark.plain
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"heads": {"decoder": [1, 1]}}, r"should have the model's attentions"),
        ({"heads": {"encoder.layers.0.attention": [5, 5]}}, r"should be a part of the model's 4"),
        ({"heads": {"encoder.layers.0.attention": [2, 1]}}, r"should be a part of the model's 4"),
        ({"heads": {"encoder.layers.0.attention": "2"}}, r"should say two numbers of heads"),
        ({"heads": {"encoder.layers.0.attention": [3, 3]}}, r"query_proj.bias should have shape"),
        ({"heads": 3}, r"should say its heads, rounded layers and aliases, and does not"),
        ({"rounded": {"nowhere": {}}}, r"rounds 'nowhere', which the model has not"),
        ({"rounded": {"pooler": {"bits": 8}}}, r"should say \['bits', 'dynamic', 'group_size'\]"),
        (
            {"rounded": {"pooler": {"bits": 3, "group_size": None, "dynamic": False}}},
            r"pooler: bits should be 4 or 8, got 3",
        ),
        (
            {"rounded": {"embedding_norm": {"bits": 8, "group_size": None}}},
            r"rounds 'embedding_norm', which should be a Linear or a TokenEmbedding",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    changed: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "a"
    save_compressed(made({}), path)
    told(path, **changed)
    with pytest.raises(ValueError, match=message):
        load_compressed(path, small.bert().float())


@pytest.mark.plain
def test_other_files_are_refused(tmp_path: Path) -> None:
    model = small.bert().float()
    with pytest.raises(ValueError, match=r"path should lead to a file of save_compressed"):
        load_compressed(tmp_path / "none", model)
    (tmp_path / "text").write_text("not tensors")
    with pytest.raises(ValueError, match=r"should be a file of safetensors, and is damaged"):
        load_compressed(tmp_path / "text", model)
    save_file({"a": torch.zeros(1)}, tmp_path / "tensors")
    with pytest.raises(ValueError, match=r"should be a file of save_compressed"):
        load_compressed(tmp_path / "tensors", model)
    with pytest.raises(ValueError, match=r"model should hold tensors"):
        save_compressed(nn.ReLU(), tmp_path / "b")
    save_compressed(made(None), tmp_path / "c")
    with pytest.raises(ValueError, match=r"should have shape"):
        load_compressed(tmp_path / "c", small.bert(d_ff=28).float())
