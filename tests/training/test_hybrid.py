"""Two losses of one encoder: CTC against the sum over every path, and what must not count."""

import itertools
import math
import re
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.training import HybridLoss, TeacherForcing, cross_entropy

V, S, T, BANDS = 3, 5, 4, 2
BEGIN, END = 1, 2  # the text is made of the tokens 0 and 1


class Stub(nn.Module):
    """A memory that is the source, one score table for the decoder and one for the frames."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.written = nn.Parameter(torch.randn(rows, T - 1, V, dtype=torch.float64))
        self.heard = nn.Parameter(torch.randn(rows, S, V + 1, dtype=torch.float64))
        self.asked = 0

    def encode(self, source: Tensor) -> Tensor:
        return source.mT

    def decode(self, target: Tensor, memory: Tensor) -> Tensor:
        assert target.shape == self.written.shape[:2]
        return self.written

    def frame_scores(self, memory: Tensor) -> Tensor:
        self.asked += 1
        return self.heard.float()

    def forward(self, source: Tensor, target: Tensor, **_: Any) -> Tensor:
        return self.decode(target, self.encode(source))


def batch() -> Any:
    """Texts ⟨0⟩ and ⟨0, 0⟩; the first sound is three vectors long."""
    return SimpleNamespace(
        source=torch.zeros(2, BANDS, S, dtype=torch.float64),
        vectors=torch.tensor([3, 5]),
        target=torch.tensor([[BEGIN, 0, END, END], [BEGIN, 0, 0, END]]),
        target_keep=torch.tensor([[True, True, True, False], [True] * 4]),
        source_keep=None,
    )


def by_every_path(scores: Tensor, text: list[int]) -> float:
    """The definition: the probabilities of all paths that read as the text, added up."""
    chances, blank = scores.softmax(-1), scores.shape[-1] - 1
    total = 0.0
    for path in itertools.product(range(blank + 1), repeat=len(scores)):
        read = [x for x, _ in itertools.groupby(path) if x != blank]
        if read == text:
            total += math.prod(chances[i, x].item() for i, x in enumerate(path))
    return -math.log(total)


@pytest.mark.kills(
    "hybrid: the end is asked of the frames",
    "training/hybrid.py",
    "lengths = batch.target_keep.sum(1) - 2",
    "lengths = batch.target_keep.sum(1) - 1",
)
def test_the_loss_is_the_weighted_sum_of_both_by_hand() -> None:
    model, data = Stub(2), batch()
    written = sum(
        float(cross_entropy(model.written[i, :n].detach(), data.target[i, 1 : n + 1])) * n
        for i, n in enumerate((2, 3))
    )
    heard = by_every_path(model.heard[0, :3].detach(), [0])
    heard += by_every_path(model.heard[1].detach(), [0, 0])
    for weight in (0.25, 0.6):
        total, count = HybridLoss(ctc_weight=weight)(model, data)
        assert count == 5
        assert total.item() == pytest.approx((1 - weight) * written + weight * heard, rel=1e-5)


def test_without_weight_the_frames_are_not_asked() -> None:
    model, data = Stub(2), batch()
    total, count = HybridLoss(ctc_weight=0.0, label_smoothing=0.1)(model, data)
    assert model.asked == 0
    want, number = TeacherForcing(label_smoothing=0.1)(model, data)
    assert_close((total, count), (want, number))


def test_what_is_padding_has_no_gradient() -> None:
    model = Stub(2)
    total, _ = HybridLoss()(model, batch())
    total.backward()
    assert model.heard.grad is not None
    assert model.written.grad is not None
    assert model.heard.grad[0, 3:].eq(0).all()
    assert model.heard.grad[0, :3].abs().amax(-1).gt(0).all()
    assert model.written.grad[0, 2].eq(0).all()


def test_a_text_that_does_not_fit_gives_no_infinity() -> None:
    """Two like tokens need a blank between them: three vectors."""
    model, data = Stub(2), batch()
    data.vectors = torch.tensor([3, 2])
    total, _ = HybridLoss()(model, data)
    total.backward()
    assert total.isfinite()
    assert model.heard.grad is not None
    assert model.heard.grad.isfinite().all()
    assert model.heard.grad[1].eq(0).all()


@pytest.mark.plain
@pytest.mark.parametrize("name", ["ctc_weight", "label_smoothing"])
@pytest.mark.parametrize("wrong", [-0.1, 1.0, "half"])
def test_errors(name: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{name} should")):
        HybridLoss(**{name: wrong})
