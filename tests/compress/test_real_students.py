"""A student that is really published, MiniLM-L6: pruned, rounded, and still of the same opinion."""

from copy import deepcopy
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from txlite.compress import mask_heads, model_bytes, prune_heads, quantize
from txlite.data.weights import missing_weights, weights_folder
from txlite.interop import PublishedTokenizer, load, load_tokenizer
from txlite.models import BERT

pytestmark = [
    pytest.mark.plain,
    pytest.mark.skipif(bool(missing_weights("minilm")), reason=missing_weights("minilm")),
]
SENTENCES = [
    "A cat sleeps on the warm window sill.",
    "The kitten is dozing in the sun by the window.",
    "The bank raised its interest rates again.",
    "Shares fell after the central bank's decision.",
]


@cache
def published() -> tuple[BERT, PublishedTokenizer]:
    folder = weights_folder("minilm")
    model = load(folder)
    assert isinstance(model, BERT)
    return model, load_tokenizer(folder)


@torch.no_grad()
def vectors(model: BERT) -> Tensor:
    """Return each sentence's mean state, of length one."""
    tokenizer = published()[1]
    rows = [tokenizer.encode(sentence) for sentence in SENTENCES]
    longest, pad = max(map(len, rows)), tokenizer.token_id("pad")
    tokens = torch.tensor([row + [pad] * (longest - len(row)) for row in rows])
    keep = torch.arange(longest) < torch.tensor([len(row) for row in rows])[:, None]
    means = (model(tokens, keep=keep) * keep[..., None]).sum(1) / keep.sum(1, keepdim=True)
    return torch.nn.functional.normalize(means, dim=-1)


@pytest.mark.parametrize(
    ("way", "nearest", "share"),
    [
        ({"embeddings": True}, 0.999, 0.27),
        ({"dynamic": True, "embeddings": True}, 0.99, 0.27),
        ({"bits": 4, "group_size": 32}, 0.9, 0.62),
    ],
)
def test_a_rounded_student_says_almost_the_same(
    way: dict[str, Any], nearest: float, share: float
) -> None:
    model = deepcopy(published()[0])
    want, before = vectors(model), model_bytes(model)
    quantize(model, **way)
    found = vectors(model)
    assert (found * want).sum(-1).min() > nearest
    assert not torch.equal(found, want)
    near = found @ found.T - 2 * torch.eye(4)
    assert near.argmax(-1).tolist() == [1, 0, 3, 2]
    assert model_bytes(model) / before < share


def test_groups_are_nearer_than_whole_rows() -> None:
    want, apart = vectors(published()[0]), []
    for size in (None, 128, 32):
        model = deepcopy(published()[0])
        quantize(model, bits=4, group_size=size)
        apart.append(float((1 - (vectors(model) * want).sum(-1)).mean()))
    assert apart[0] > apart[1] > apart[2] > 0


def test_a_pruned_student_is_the_masked_one() -> None:
    model = deepcopy(published()[0])
    heads = {f"encoder.layers.{i}.attention": [i, 11 - i] for i in range(6)}
    with mask_heads(model, heads):
        want = vectors(model)
    before = model_bytes(model)
    prune_heads(model, heads)
    torch.testing.assert_close(vectors(model), want, rtol=1e-4, atol=1e-5)
    lost = 6 * 2 * (4 * 32 * 384 + 3 * 32)  # layers, heads, numbers of a head of width 32
    assert before - model_bytes(model) == 4 * lost
