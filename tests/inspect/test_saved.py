"""What is kept for the backward pass is counted once, and weights are not."""

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from txlite.inspect import SavedTensor, record_saved


def test_what_two_operations_keep_counts_once() -> None:
    x = torch.randn(6, 7, dtype=torch.float64, requires_grad=True)
    with record_saved(nn.Identity()) as saved:
        y = x.exp()  # keeps its result
        y * y.roll(1, 0)  # keeps both factors, of which one is there
    assert saved.tensors == [SavedTensor((6, 7), torch.float64, 336)] * 2
    assert saved.nbytes == 2 * 6 * 7 * 8


def test_weights_buffers_and_views_of_them_are_free() -> None:
    first = nn.Linear(3, 5)
    model = nn.Sequential(first, nn.BatchNorm1d(5).eval())
    with record_saved(model) as saved:
        model(torch.randn(4, 3))
        first.weight.T @ torch.randn(5, 2)
    shapes = [tensor.shape for tensor in saved.tensors]
    assert (4, 3) in shapes
    assert (4, 5) in shapes
    assert not {(3, 5), (5, 3), (5,)} & set(shapes)


def test_the_gradients_are_those_without_looking() -> None:
    model, x = nn.Sequential(nn.Linear(3, 5), nn.GELU(), nn.Linear(5, 2)), torch.randn(4, 3)
    model(x).square().sum().backward()
    plain = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    with record_saved(model):
        loss = model(x).square().sum()
    loss.backward()
    for p, wanted in zip(model.parameters(), plain, strict=True):
        torch.testing.assert_close(p.grad, wanted, rtol=0.0, atol=0.0)


def test_nothing_is_kept_where_no_gradient_is_wanted() -> None:
    model = nn.Linear(3, 5)
    with record_saved(model) as saved, torch.no_grad():
        model(torch.randn(4, 3))
    assert saved.tensors == []


def test_after_the_block_nothing_is_counted_and_nothing_held() -> None:
    model = nn.Linear(3, 5)
    with record_saved(model) as saved:
        pass
    model(torch.randn(4, 3))
    assert saved.nbytes == 0
    recording = record_saved(model)
    saved = recording.__enter__()
    model(torch.randn(4, 3))
    assert not recording.__exit__(RuntimeError, RuntimeError(), None)
    assert saved.nbytes == 48
    assert saved._alive == []
    model(torch.randn(4, 3))
    assert saved.nbytes == 48


def test_a_checkpoint_keeps_its_input() -> None:
    model, x = nn.Sequential(nn.Linear(3, 50), nn.Linear(50, 3)), torch.randn(4, 3)
    x.requires_grad_()
    with record_saved(model) as saved:
        checkpoint(model, x, use_reentrant=False)
    assert 48 <= saved.nbytes < 4 * 50 * 4


def test_on_meta_nothing_is_computed_and_all_is_counted() -> None:
    with torch.device("meta"):
        model, x = nn.Linear(3_000, 5), torch.zeros(400_000, 3_000)
    with record_saved(model) as saved:
        model(x)
    assert saved.nbytes == 400_000 * 3_000 * 4
