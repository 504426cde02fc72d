"""A vocabulary in pieces: the same vectors, the same scores, the same loss, the same gradients."""

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from tests.distributed import jobs
from tests.distributed.test_tensor_parallel import ITEM, same
from txlite.distributed import tensor_parallel_bytes, vocabulary_bytes, vocabulary_cross_entropy
from txlite.training import cross_entropy

pytestmark = pytest.mark.plain


@pytest.mark.slow
@pytest.mark.parametrize("smooth", [0.0, 0.1])
@pytest.mark.parametrize("keep", [None, jobs.KEEP, torch.zeros_like(jobs.KEEP)])
def test_the_loss_is_that_of_the_whole(smooth: float, keep: Any, found: list[Any]) -> None:
    scores = jobs.SCORES.clone().requires_grad_()
    want = cross_entropy(scores, jobs.tokens(jobs.T), keep, label_smoothing=smooth)
    want.backward()
    name = f"{smooth} {None if keep is None else int(keep.sum())}"
    for rank in found:
        got = rank["losses"]
        assert_close(got[name], want.detach(), rtol=1e-12, atol=1e-10)
        assert_close(got[f"{name} gradient"], scores.grad, rtol=0, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt", "llama", "transformer"])
def test_a_model_trains_as_one(name: str, found: list[Any]) -> None:
    want = jobs.alone_with_vocabulary(name)
    for rank in found:
        same(rank[f"vocabulary {name}"], want)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt", "llama"])
def test_the_bytes_are_the_formulas(name: str, found: list[Any]) -> None:
    said = found[0][f"vocabulary {name}"]
    layer = tensor_parallel_bytes(jobs.D, jobs.B * jobs.T, itemsize=ITEM)
    ends = vocabulary_bytes(jobs.D, jobs.B * jobs.T, itemsize=ITEM)
    for way in ("forward", "backward"):
        whole = jobs.LAYERS * layer[way] + ends[way]
        assert sum(message for _, message, _ in said[way]) == whole


@pytest.mark.slow
def test_tokens_are_looked_up_where_they_are(found: list[Any]) -> None:
    for rank in found:
        got = rank["embedded"]
        assert got["rows"] == jobs.V // len(found)
        for scale in (True, False):
            table: Any = jobs.redrawn(jobs.TokenEmbedding(jobs.V, jobs.D, scale=scale))
            assert_close(got[str(scale)], table(jobs.tokens(jobs.T)).detach(), rtol=0, atol=1e-12)


@pytest.mark.slow
def test_what_has_no_row_is_refused(found: list[Any]) -> None:
    got, size = found[-1]["embedded"], len(found)
    assert got["range"] == "tokens should lie in [0, vocab_size=36), got 1 to 36"
    assert got["dtype"] == "tokens should hold int32 or int64 numbers, got bool"
    want = f"vocab_size=37 should be a multiple of mesh.size()={size}"
    assert got["rows do not divide"] == want


def test_shapes_are_checked_before_anybody_is_asked() -> None:
    scores, right = torch.zeros(2, 3, 4), torch.zeros(2, 3, dtype=torch.long)
    for given, message in (
        ((scores.long(), right), "logits should hold floating-point numbers, got int64"),
        ((scores, right[:1]), "targets should have the logits' axes before the last"),
        ((scores, right, right), "keep should hold bool in the targets' shape"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            vocabulary_cross_entropy(*given)
    with pytest.raises(ValueError, match=r"^label_smoothing should be a probability"):
        vocabulary_cross_entropy(scores, right, label_smoothing=1.0)
