"""Batch normalisation of sequences: by hand, against torch's, and what it lets through."""

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.nn import BatchNorm, EncoderLayer

B, T, D = 3, 5, 7  # all different


def drawn(**options: Any) -> tuple[BatchNorm, nn.BatchNorm1d]:
    """Return ours and torch's, with the same weights."""
    ours, theirs = BatchNorm(D, **options).double(), nn.BatchNorm1d(D, **options).double()
    with torch.no_grad():
        for mine, name in (
            (ours.weight, "weight"), (ours.bias, "bias"), (ours.mean, "running_mean"),
        ):  # fmt: skip
            nn.init.normal_(mine, std=0.5)
            getattr(theirs, name).copy_(mine)
        ours.variance.uniform_(0.3, 2.0)
        assert theirs.running_var is not None
        theirs.running_var.copy_(ours.variance)
    return ours, theirs


def states() -> Tensor:
    return 3.0 * torch.randn(B, T, D, dtype=torch.float64) + torch.randn(D)


def test_by_hand() -> None:
    """Two vectors (1, 5) and (3, 5): the first entry has mean 2 and variance 1."""
    norm = BatchNorm(2, eps=1e-12, momentum=0.5).double()
    x = torch.tensor([[[1.0, 5.0]], [[3.0, 5.0]]], dtype=torch.float64)
    assert_close(norm(x), torch.tensor([[[-1.0, 0.0]], [[1.0, 0.0]]]).double())
    assert_close(norm.mean.detach(), torch.tensor([1.0, 2.5]).double())
    assert_close(norm.variance.detach(), torch.tensor([1.5, 0.5]).double())  # unbiased: 2, not 1


@pytest.mark.parametrize("options", [{}, {"eps": 0.3, "momentum": 1.0}])
def test_equals_torch_in_training_and_after_it(options: dict[str, Any]) -> None:
    ours, theirs = drawn(**options)
    for training in (True, True, False):
        ours.train(training)
        theirs.train(training)
        x, y = (states().requires_grad_() for _ in range(2))
        y.data.copy_(x.data)
        got, want = ours(x), theirs(y.mT).mT
        assert_close(got, want)
        for out in (got, want):
            out.sin().sum().backward()
        assert_close(x.grad, y.grad)
        assert_close(ours.mean.data, theirs.running_mean)
        assert_close(ours.variance.data, theirs.running_var)
    assert_close(ours.weight.grad, theirs.weight.grad)
    assert_close(ours.bias.grad, theirs.bias.grad)


def test_statistics_are_stored_and_want_no_gradient() -> None:
    norm = BatchNorm(D)
    norm(torch.randn(B, T, D))
    kept = norm.state_dict()
    assert set(kept) == {"weight", "bias", "mean", "variance"}
    again = BatchNorm(D)
    again.load_state_dict(kept)
    x = torch.randn(B, T, D)
    assert torch.equal(again.eval()(x), norm.eval()(x))
    assert [n for n, p in norm.named_parameters() if p.requires_grad] == ["weight", "bias"]
    norm.reset_parameters()
    assert torch.equal(norm.variance, torch.ones(D))
    assert torch.equal(norm.mean, torch.zeros(D))


def test_in_training_a_vector_depends_on_its_neighbours_and_later_not() -> None:
    norm, x = drawn()[0].train(), states()
    moved = x.clone()
    moved[1:] += 1.0 + torch.randn(B - 1, T, D)
    assert (norm(x)[0] - norm(moved)[0]).abs().max() > 0.01
    norm.eval()
    assert torch.equal(norm(x)[0], norm(moved)[0])


def test_fits_a_layer() -> None:
    layer = EncoderLayer(
        D + 1, 2, 5, attention_norm=BatchNorm(D + 1), feed_forward_norm=BatchNorm(D + 1)
    )
    assert layer(torch.randn(B, T, D + 1)).shape == (B, T, D + 1)
    with pytest.raises(ValueError, match="attention_norm should have d_model=8, got a part with"):
        EncoderLayer(D + 1, 2, 5, attention_norm=BatchNorm(D))


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    norm = BatchNorm(D)
    for x, message in (
        (
            torch.randn(B, T, D + 1),
            "x should have shape (*B, D=7), got (3, 5, 8); axis D",
        ),
        (torch.ones(B, D, dtype=torch.long), "x should hold floating-point numbers, got int64"),
        (torch.ones(B, D).double(), "x should have the dtype of the weights, float32, got float64"),
        (
            torch.randn(1, 1, D),
            "x should hold at least two vectors in training, got shape (1, ",
        ),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            norm(x)
    assert norm.eval()(torch.randn(1, 1, D)).shape == (1, 1, D)
    for options, message in (
        ({"eps": 0.0}, "eps should be a positive number, got 0.0"),
        ({"momentum": 0.0}, "momentum should be in (0, 1], got 0.0"),
        ({"momentum": 1.5}, "momentum should be in (0, 1], got 1.5"),
        ({"d_model": 0}, "d_model should be a positive whole number, got 0"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            BatchNorm(**{"d_model": D, **options})  # type: ignore[arg-type]
