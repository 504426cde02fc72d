"""The loss: its definition first, then torch's, then what must not matter, then errors."""

import math
from typing import NamedTuple

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F
from torch.testing import assert_close

from txlite.training import TeacherForcing, cross_entropy, smoothed_targets, token_losses
from txlite.training.losses import SentencePairs

B, T, V = 3, 5, 7
EPSILONS = [0.0, 0.1, 0.5]


def draw(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    logits = torch.randn(B, T, V, dtype=torch.float64).mul(3).to(dtype).requires_grad_()
    return logits, torch.randint(V, (B, T)), torch.rand(B, T) < 0.6


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_smoothed_targets_are_szegedys(epsilon):
    targets = torch.tensor([[2, 0], [6, 3]])
    got = smoothed_targets(targets, V, epsilon)
    assert got.shape == (2, 2, V)
    assert_close(got.sum(-1), torch.ones(2, 2))
    assert got[1, 0, 6].item() == pytest.approx(1 - epsilon + epsilon / V)  # the target shares too
    assert got[1, 0, 5].item() == pytest.approx(epsilon / V)
    assert torch.equal(smoothed_targets(targets.int(), V, epsilon), got)


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_equals_the_cross_entropy_with_the_smoothed_targets(epsilon):
    logits, targets, _ = draw()
    wanted = -(smoothed_targets(targets, V, epsilon) * logits.log_softmax(-1)).sum(-1)
    assert_close(token_losses(logits, targets, label_smoothing=epsilon), wanted, rtol=1e-6, atol=0)


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_equals_torch_forward_and_gradient(epsilon):
    logits, targets, keep = draw()
    ours = cross_entropy(logits, targets, keep, label_smoothing=epsilon)
    (gradient,) = torch.autograd.grad(ours, logits)
    ignored = targets.masked_fill(~keep, -100)
    theirs = F.cross_entropy(logits.flatten(0, 1), ignored.flatten(), label_smoothing=epsilon)
    (wanted,) = torch.autograd.grad(theirs, logits)
    assert_close(ours, theirs, rtol=1e-13, atol=1e-13)
    assert_close(gradient, wanted, rtol=1e-13, atol=1e-13)


@given(st.integers(2, 9), st.floats(0.01, 0.9))
def test_the_best_a_model_can_do_is_the_entropy_of_the_target(vocabulary, epsilon):
    q = smoothed_targets(torch.tensor([1]), vocabulary, epsilon).double()
    best = token_losses(q.log(), torch.tensor([1]), label_smoothing=epsilon)
    assert best.item() == pytest.approx(-(q * q.log()).sum().item(), abs=1e-6)
    worse = token_losses(q.log() * 1.3, torch.tensor([1]), label_smoothing=epsilon)
    assert worse > best


def test_a_model_that_knows_nothing_pays_log_v():
    zeros = torch.zeros(B, T, V, dtype=torch.float64)
    for epsilon in EPSILONS:
        loss = cross_entropy(zeros, torch.randint(V, (B, T)), label_smoothing=epsilon)
        assert loss.item() == pytest.approx(math.log(V))


def test_what_stands_at_a_blank_does_not_matter_not_even_nan():
    logits, targets, keep = draw()
    clean = cross_entropy(logits, targets, keep, label_smoothing=0.1)
    (wanted,) = torch.autograd.grad(clean, logits)
    spoilt = logits.detach().masked_fill(~keep[..., None], math.nan).requires_grad_()
    loss = cross_entropy(spoilt, targets.masked_fill(~keep, -100), keep, label_smoothing=0.1)
    loss.backward()
    assert_close(loss, clean, rtol=0, atol=0)
    assert_close(spoilt.grad, wanted, rtol=0, atol=0)
    changed = cross_entropy(logits + 1.0 * torch.randn(B, T, V), targets, keep)
    assert not torch.allclose(changed, clean)  # the test can see a change


def test_padding_more_changes_nothing():
    logits, targets, keep = draw()
    wider = [F.pad(logits, (0, 0, 0, 4)), F.pad(targets, (0, 4)), F.pad(keep, (0, 4))]
    assert_close(cross_entropy(*wider), cross_entropy(logits, targets, keep))


def test_no_real_token_gives_zero_and_a_gradient_of_zeros():
    logits, targets, keep = draw()
    loss = cross_entropy(logits, targets, torch.zeros_like(keep))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_summed_in_float32(dtype):
    logits, targets, _ = draw(dtype)
    loss = cross_entropy(logits, targets)
    assert loss.dtype == torch.float32
    assert_close(loss, cross_entropy(logits.detach().float(), targets))


class Pairs(NamedTuple):
    source: Tensor
    source_keep: Tensor
    target: Tensor
    target_keep: Tensor


class Echo(nn.Module):
    """Scores that say which token the decoder was shown."""

    def forward(self, source, target, *, source_keep, target_keep):
        assert source_keep.shape == source.shape
        assert target_keep.shape == target.shape
        return F.one_hot(target, V).double() * 5.0


def pairs() -> Pairs:
    source = torch.randint(V, (2, 3))
    target = torch.tensor([[1, 4, 5, 2, 0], [1, 6, 2, 0, 0]])
    return Pairs(source, source > -1, target, target > 0)


@pytest.mark.kills(
    "training: the shown token asked for",
    "training/losses.py",
    "summed(logits, batch.target[:, 1:], batch",
    "summed(logits, batch.target[:, :-1], batch",
)
@pytest.mark.parametrize("epsilon", EPSILONS)
def test_teacher_forcing_shows_the_right_beginning_and_asks_for_the_next_token(epsilon):
    batch = pairs()
    assert isinstance(batch, SentencePairs)
    total, count = TeacherForcing(label_smoothing=epsilon)(Echo(), batch)
    shown, wanted = [1, 4, 5, 1, 6], torch.tensor([4, 5, 2, 6, 2])
    logits = F.one_hot(torch.tensor(shown), V).double() * 5.0
    assert count == 5  # bos is given, the padding is not asked
    assert_close(total, 5 * F.cross_entropy(logits, wanted, label_smoothing=epsilon))


@pytest.mark.plain
def test_errors_name_the_argument():
    logits, targets, keep = draw()
    with pytest.raises(ValueError, match=r"^label_smoothing should be a probability .* got 1.0"):
        cross_entropy(logits, targets, label_smoothing=1.0)
    with pytest.raises(ValueError, match=r"^label_smoothing .* got -0.1"):
        TeacherForcing(label_smoothing=-0.1)
    with pytest.raises(ValueError, match=r"^targets should have .* \(3, 5\), got \(3, 4\)"):
        cross_entropy(logits, targets[:, 1:])
    with pytest.raises(ValueError, match=r"^logits should have shape \(\*B, V\), got \(\)"):
        cross_entropy(torch.tensor(1.0), torch.tensor(0))
    for wrong in (targets.double(), targets > 0):
        with pytest.raises(ValueError, match=r"^targets should hold whole numbers, got"):
            cross_entropy(logits, wrong)
    with pytest.raises(ValueError, match=r"^keep should hold bool .* got float32 in \(3, 5\)"):
        cross_entropy(logits, targets, keep.float())
    with pytest.raises(ValueError, match=r"^logits should hold floating-point numbers, got int64"):
        token_losses(targets, targets[0])


@pytest.mark.parametrize("wrong", [-100, -1, 7, 2**40])
@pytest.mark.parametrize(
    "ask",
    [
        lambda logits, targets, keep: cross_entropy(logits, targets),
        lambda logits, targets, keep: cross_entropy(logits, targets, keep),
        lambda logits, targets, keep: token_losses(logits, targets, label_smoothing=0.1),
        lambda logits, targets, keep: smoothed_targets(targets, 7, 0.1),
    ],
    ids=["loss", "kept", "tokens", "smoothed"],
)
def test_a_target_outside_the_vocabulary_is_named(wrong, ask):
    logits, targets = torch.randn(3, 5, 7), torch.randint(7, (3, 5))
    targets[1, 2] = wrong
    keep = torch.ones(3, 5, dtype=torch.bool)
    with pytest.raises(ValueError, match=rf"^targets should lie in \[0, .*=7\), got .*{wrong}"):
        ask(logits, targets, keep)
    keep[1, 2] = False
    rest = cross_entropy(logits, targets.clamp(0, 6), keep)
    assert torch.equal(cross_entropy(logits, targets, keep), rest)


@pytest.mark.plain  # a compiler cannot see through the run-time type checks
def test_targets_that_cannot_be_looked_at_are_not():
    on_meta = cross_entropy(torch.randn(3, 7, device="meta"), torch.zeros(3, device="meta").long())
    assert on_meta.shape == ()
    logits, targets = torch.randn(4, 3, 7), torch.randint(7, (4, 3))
    each = torch.vmap(cross_entropy)(logits, targets)
    assert torch.allclose(each.mean(), cross_entropy(logits, targets))
    whole = torch.compile(cross_entropy, backend="eager", fullgraph=True)
    assert torch.equal(whole(logits, targets), cross_entropy(logits, targets))
    assert cross_entropy(torch.randn(0, 7), torch.zeros(0).long()) == 0.0


@pytest.mark.plain
def test_a_vocabulary_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"^vocab_size should be a positive whole number, got 0"):
        smoothed_targets(torch.tensor([0]), 0, 0.1)
