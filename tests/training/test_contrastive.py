"""The contrastive loss: two directions by hand, its bounds, one gradient for all processes."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional
from torch.testing import assert_close

from tests.training.contrasted import Towers, pairs
from txlite.training import contrastive_loss, contrastive_losses


def vectors(rows: int, width: int = 6, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = torch.randn(2, rows, width, generator=torch.Generator().manual_seed(seed)).double()
    one, other = functional.normalize(drawn, dim=-1)
    return one, other


def by_hand(scores: list[list[float]]) -> float:
    """Return minus the mean logarithm of the diagonal, after a softmax over each row."""
    rows = [math.log(sum(math.exp(s) for s in row)) - row[i] for i, row in enumerate(scores)]
    return sum(rows) / len(rows)


def test_the_two_directions_are_not_the_same():
    """SLIP #31 and CLIP #83: where one direction is taken for both, the loss is another one."""
    scores = torch.tensor([[2.0, 2.0], [0.0, 0.0]])
    per_picture, per_text = contrastive_losses(scores, scores.mT)
    assert_close(per_picture.mean().item(), 0.6931, rtol=0, atol=5e-5)
    assert_close(per_text.mean().item(), 1.1269, rtol=0, atol=5e-5)
    assert_close(torch.stack([per_picture, per_text]).mean().item(), 0.9100, rtol=0, atol=5e-5)
    assert_close(per_text.tolist(), [math.log(1 + math.exp(-2)), 2 + math.log(1 + math.exp(-2))])


def test_the_loss_is_that_of_the_formula():
    pictures, texts = vectors(5)
    scores = [[7 * float(p @ t) for t in texts] for p in pictures]
    wanted = (by_hand(scores) + by_hand([list(column) for column in zip(*scores, strict=True)])) / 2
    got = contrastive_loss(pictures, texts, torch.tensor(7.0).double())
    assert_close(got.item(), wanted)


def test_pairs_can_be_a_part_of_the_columns():
    scores = torch.randn(6, 6, generator=torch.Generator().manual_seed(1)).double()
    whole = contrastive_losses(scores, scores.mT)
    parts = [contrastive_losses(scores[a:b], scores.mT[a:b], first=a) for a, b in ((0, 4), (4, 6))]
    for direction, loss in enumerate(whole):
        assert_close(torch.cat([part[direction] for part in parts]), loss)


def test_equal_vectors_cost_the_logarithm_of_the_batch():
    same = torch.ones(8, 3) / 3**0.5
    for scale in (1.0, 100.0):
        loss = contrastive_loss(same, same, torch.tensor(scale))
        assert_close(loss.item(), math.log(8), rtol=0, atol=1e-4)


def test_right_pairs_of_orthogonal_vectors_cost_what_the_scale_allows():
    """With a scale of 1 the loss cannot be small, however good the towers are."""
    right = torch.eye(16)
    for scale in (1.0, 1 / 0.07):
        loss = contrastive_loss(right, right, torch.tensor(scale))
        assert_close(loss.item(), math.log(1 + 15 * math.exp(-scale)), rtol=1e-5, atol=1e-7)
    assert contrastive_loss(right, right.flip(0), torch.tensor(14.0)) > 13


def test_order_of_the_pairs_does_not_count_and_pairing_does():
    pictures, texts = vectors(7)
    scale = torch.tensor(3.0).double()
    loss = contrastive_loss(pictures, texts, scale)
    order = torch.tensor([3, 1, 6, 0, 2, 5, 4])
    assert_close(contrastive_loss(pictures[order], texts[order], scale), loss)
    assert (contrastive_loss(pictures[order], texts, scale) - loss).abs() > 1e-3
    assert_close(contrastive_loss(texts, pictures, scale), loss)  # both directions count alike


def test_gradients_are_right():
    pictures, texts = vectors(4, 3)
    scale = torch.tensor(2.0, dtype=torch.double)
    inputs = tuple(x.clone().requires_grad_() for x in (pictures, texts, scale))
    assert torch.autograd.gradcheck(contrastive_loss, inputs)


def alone() -> dict[str, Any]:
    model = Towers()
    loss = contrastive_loss(*model(*pairs()), model.log_scale.exp())
    loss.backward()
    gradients = {name: p.grad.tolist() for name, p in model.named_parameters()}
    return {"loss": loss.item(), "gradients": gradients}


@pytest.mark.kills(
    "contrastive: the gradients for the rows of others are lost",
    "training/contrastive.py",
    "        dist.all_reduce(total)\n",
    "",
)
@pytest.mark.plain
@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_pairs_on_several_processes_give_the_loss_and_gradient_of_one(tmp_path: Path, count: int):
    """SLIP #31, pylate PR #156: a ratio of 1, neither less nor the number of processes."""
    file = tmp_path / "found.json"
    run = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(count)]
    command = [sys.executable, *run, "-m", "tests.training.contrasted", str(file)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    found, wanted = json.loads(file.read_text()), alone()
    assert_close(found["loss"], wanted["loss"], rtol=0, atol=1e-12)
    for name, gradient in wanted["gradients"].items():
        got, want = torch.tensor(found["gradients"][name]), torch.tensor(gradient)
        assert want.norm() > 1e-3
        assert_close(got, want, rtol=0, atol=1e-6)


@pytest.mark.plain
def test_errors_name_what_came():
    one = torch.zeros(3, 4)
    with pytest.raises(ValueError, match=r"per_text should have shape \(B=3, N=4\), got \(4, 3\)"):
        contrastive_losses(one, one.mT)
    with pytest.raises(ValueError, match=r"first \+ B = 5 pairs, got 4"):
        contrastive_losses(one, one, first=2)
    with pytest.raises(ValueError, match="first should be a whole number"):
        contrastive_losses(one, one, first=-1)
    with pytest.raises(ValueError, match=r"texts should have shape \(B=3, E=4\), got \(2, 4\)"):
        contrastive_loss(one, one[:2], torch.tensor(1.0))
