"""The figure of one vector in the layer, its Python side."""

import pytest
import torch
from torch.testing import assert_close
from traitlets import TraitError

from txlite.nn import FeedForward, layer_norm
from txlite.viz.widgets.layer_walk import LayerWalk, walk

D, F = 6, 10


@pytest.fixture
def parts() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return tuple(torch.randn(s, dtype=torch.float64) for s in ((D,), (D, F), (F, D)))


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("norm", ["none", "pre", "post"])
def test_the_walk_is_the_formula(parts, norm: str, residual: bool) -> None:
    vector, up, down = parts
    layer = FeedForward(D, F, activation="relu", bias=False).double()
    layer.load_state_dict({"up_proj.weight": up.T, "down_proj.weight": down.T})
    found = walk(*parts, norm=norm, residual=residual, scale=2.0, shift=0.5)
    x = 2 * vector + 0.5
    branch = layer(layer_norm(x) if norm == "pre" else x)
    out = x + branch if residual else branch
    assert_close(found.entering, x)
    assert_close(found.normed, layer_norm(x) if norm == "pre" else x)
    assert_close(found.hidden @ down, found.branch)
    assert (found.hidden >= 0).all()
    assert_close(found.branch, branch.detach())
    assert_close(found.out, (layer_norm(out) if norm == "post" else out).detach())


def test_in_pre_norm_the_branch_does_not_see_size_and_offset(parts) -> None:
    found = [walk(*parts, scale=s, shift=t).branch for s, t in ((1.0, 0.0), (8.0, 3.0))]
    assert_close(found[0], found[1], rtol=1e-4, atol=1e-4)
    found = [walk(*parts, norm="post", scale=s).branch for s in (1.0, 8.0)]
    assert_close(8 * found[0], found[1])


@pytest.mark.plain
def test_errors_name_what_is_wrong(parts) -> None:
    vector, up, down = parts
    with pytest.raises(ValueError, match="vector should have shape"):
        walk(vector[1:], up, down)
    with pytest.raises(ValueError, match="down should have shape"):
        walk(vector, up, down.T)
    with pytest.raises(ValueError, match="norm should be one of none, pre, post"):
        walk(vector, up, down, norm="before")  # type: ignore[arg-type]


@pytest.mark.plain
def test_the_figure_holds_its_numbers_and_its_limits(parts) -> None:
    figure = LayerWalk(*(part.tolist() for part in parts), scale=2.0)
    for got, want in zip(figure.walked(), walk(*parts, scale=2.0), strict=True):
        assert_close(got, want, rtol=1e-6, atol=1e-6)
    with pytest.raises(TraitError):
        figure.scale = 9.0
    with pytest.raises(ValueError, match="should have shape"):
        LayerWalk([1.0], [[1.0, 2.0]], [[1.0]])
