"""A feed-forward layer by stretches: the same numbers, a smaller hidden layer at a time."""

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.nn import ChunkedFeedForward, FeedForward

B, T, D, F = 2, 7, 6, 20


@pytest.mark.parametrize("chunk", [1, 3, 7, 50])
@pytest.mark.parametrize("activation", ["relu", "swiglu"])
def test_it_is_the_feed_forward_layer(chunk: int, activation: str) -> None:
    whole = FeedForward(D, F, activation=activation).double()  # type: ignore[arg-type]
    part = ChunkedFeedForward(D, F, chunk, activation=activation).double()
    for p in whole.parameters():
        nn.init.normal_(p, std=0.5)
    part.load_state_dict(whole.state_dict())
    x = torch.randn(B, T, D, dtype=torch.float64, requires_grad=True)
    got, want = part(x), whole(x)
    assert_close(got, want, rtol=0.0, atol=1e-12)
    (mine,), (other,) = (torch.autograd.grad(out.sin().sum(), x) for out in (got, want))
    assert_close(mine, other, rtol=0.0, atol=1e-12)


def test_no_hidden_layer_is_longer_than_a_stretch() -> None:
    part, seen = ChunkedFeedForward(D, F, 3), []
    part.down_proj.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[-2]))
    part(torch.zeros(B, T, D))
    assert seen == [3, 3, 1]
    assert "chunk_length=3" in repr(part)


@pytest.mark.parametrize("x", [torch.zeros(B, 0, D), torch.zeros(5, D), torch.zeros(D)])
def test_other_shapes_go_through(x: Tensor) -> None:
    assert ChunkedFeedForward(D, F, 3)(x).shape == x.shape


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="chunk_length should be a positive whole number, got 0"):
        ChunkedFeedForward(D, F, 0)
    with pytest.raises(ValueError, match=r"x should have shape \(\*B, D=6\)"):
        ChunkedFeedForward(D, F, 3)(torch.zeros(B, T, D + 1))
