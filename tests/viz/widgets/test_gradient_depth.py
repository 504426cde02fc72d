"""The figure of the layer, its Python side: what passes through a stack, and what comes back."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close
from traitlets import TraitError

from txlite.viz.widgets.gradient_depth import (
    HIDDEN,
    MAX_DEPTH,
    WIDTH,
    Flow,
    GradientDepth,
    _climb,
    _draw,
    _uniform,
    flow,
)


def mulberry(seed: int, count: int) -> list[float]:
    """One number after the other, with Python's whole numbers."""
    mask, out = 0xFFFFFFFF, []
    for _ in range(count):
        seed = (seed + 0x6D2B79F5) & mask
        t = (seed ^ seed >> 15) * (seed | 1) & mask
        t = (t + ((t ^ t >> 7) * (t | 61) & mask) & mask) ^ t
        out.append((t ^ t >> 14) / 2**31 - 1)
    return out


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_the_generator_is_mulberry32(seed: int) -> None:
    assert _uniform(seed, 50).tolist() == mulberry(seed, 50)


def test_the_numbers_are_uniform_and_the_layers_differ() -> None:
    numbers = _uniform(3, 100_000)
    assert numbers.abs().max() <= 1.0
    assert numbers.mean().item() == pytest.approx(0, abs=0.01)
    assert numbers.var().item() == pytest.approx(1 / 3, rel=0.02)
    _, _, layers = _draw(3, MAX_DEPTH)
    up, down = layers[0]
    assert (up.shape, down.shape) == ((WIDTH, HIDDEN), (HIDDEN, WIDTH))
    assert not torch.allclose(up, layers[1][0])
    assert torch.equal(up, _draw(3, 1)[2][0][0])  # whatever the depth


def test_a_silent_stack_with_residuals_hands_everything_through() -> None:
    got = flow(9, norm="none", scale=0.0)
    assert_close(got.signal, got.signal[:1].expand(10))
    assert_close(got.gradient, got.gradient[:1].expand(10))
    assert (got.weights == 0).all()
    lost = flow(9, residual=False, norm="none", scale=0.0)
    assert (lost.signal[1:] == 0).all()
    assert (lost.gradient[:-1] == 0).all()


def test_the_gradient_at_the_top_is_that_of_the_loss() -> None:
    got = flow(5, norm="none")
    assert got.gradient[-1].item() == pytest.approx(1 / np.sqrt(8 * WIDTH))  # length one, as r.m.s.
    assert [len(x) for x in got[:3]] == [6, 6, 5]


def test_gradients_are_those_of_finite_differences() -> None:
    """The weights' gradient is how fast the loss falls along itself: here for the first layer."""
    x, probe, layers = _draw(11, 3)
    up = layers[0][0].clone().requires_grad_()
    h = x
    for i, (a, b) in enumerate(layers):
        h = h + (h @ (up if i == 0 else a)).relu() @ b
    (first,) = torch.autograd.grad((h * probe).sum(), up)
    got = flow(3, norm="none", seed=11)
    assert got.weights[0] > first.norm()  # both matrices together
    assert_close(got.signal[-1], h.detach().square().mean().sqrt())


def test_what_the_chapter_says_of_forty_layers() -> None:
    def told(**options: object) -> Flow:
        return flow(40, **options)  # type: ignore[arg-type]

    plain = told(residual=False, norm="none")
    assert plain.signal[-1] < 1e-3 * plain.signal[0]
    assert plain.weights.max() < 1e-3
    loud = told(norm="none")
    assert loud.signal[-1] > 100 * loud.signal[0]
    assert loud.weights.min() > 100
    post = told(norm="post")
    assert_close(post.signal[1:], torch.ones(40).double(), rtol=0, atol=1e-4)
    pre = told(norm="pre")
    assert 1 < pre.signal[-1] < 10
    assert pre.weights[-1] < 0.4 * post.weights[-1]  # Xiong et al., theorem 1
    assert pre.step < min(post.step, loud.step, plain.step) / 1.7


def test_the_step_is_taken_against_the_gradient() -> None:
    """Of a loss that is linear in the output, so the loss must fall, by about the first order."""
    x, probe, layers = _draw(5, 4)
    matrices = [w.clone().requires_grad_() for pair in layers for w in pair]
    out = _climb(x, matrices, True, "pre")[1]
    grads = torch.autograd.grad((out * probe).sum(), matrices)
    moved = [w.detach() - 1e-4 * g.sign() for w, g in zip(matrices, grads, strict=True)]
    after = _climb(x, moved, True, "pre")[1]
    fall = ((out - after) * probe).sum().item()
    assert fall == pytest.approx(1e-4 * sum(g.abs().sum().item() for g in grads), rel=0.1)
    size = ((after - out).norm() / out.norm()).item()
    assert flow(4, seed=5).step == pytest.approx(size, rel=1e-9)


def test_what_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="depth should be at most 48, got 49"):
        flow(49)
    with pytest.raises(ValueError, match="depth should be a positive whole number, got 0"):
        flow(0)
    with pytest.raises(TraitError):
        GradientDepth(norm="sandwich")
    assert repr(GradientDepth()) == "GradientDepth: Signal up, gradient down"


@pytest.mark.plain
def test_a_norm_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="norm should be one of none, pre, post, got 'sandwich'"):
        flow(3, norm="sandwich")  # type: ignore[arg-type]
