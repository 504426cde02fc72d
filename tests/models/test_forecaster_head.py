"""The head: its maps by hand, in normalised units and back."""

import re
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus
from torch.testing import assert_close

from txlite.models import ForecastHead
from txlite.nn import Level, ReversibleNorm

B, N, C, W = 2, 5, 3, 4  # all different
NORM = ReversibleNorm()
LEVEL = Level(torch.randn(B, 1, C).double(), torch.rand(B, 1, C).double() + 0.5)


def drawn(kind: Any, levels: Any = (0.5,)) -> ForecastHead:
    head = ForecastHead(W, N, kind, levels).double()
    for p in head.parameters():
        torch.nn.init.normal_(p, std=0.7)
    return head


def raw(head: ForecastHead, i: int, features: Tensor) -> Tensor:
    m: Any = head.maps[i]
    return torch.einsum("bcw,nw->bnc", features, m.weight) + m.bias[:, None]


def test_a_point() -> None:
    head, x = drawn("point"), torch.randn(B, C, W).double()
    assert_close(head(x, NORM, LEVEL).point, raw(head, 0, x) * LEVEL.scale + LEVEL.loc)


def test_distributions() -> None:
    x = torch.randn(B, C, W).double()
    normal, student = drawn("normal"), drawn("student_t")
    for head, first in ((normal, 0), (student, 1)):
        said = head(x, NORM, LEVEL)
        assert_close(said.loc, raw(head, first, x) * LEVEL.scale + LEVEL.loc)
        r = raw(head, first + 1, x)
        assert_close(said.scale, (r + (r * r + 4).sqrt()) / 2 * LEVEL.scale)
    r = raw(student, 0, x)
    df = student(x, NORM, LEVEL).df
    assert_close(df, 2 + (r + (r * r + 4).sqrt()) / 2)
    assert (df > 2).all()


def test_quantiles_by_hand() -> None:
    head, x = drawn("quantiles", [0.1, 0.2, 0.5, 0.9]), torch.randn(B, C, W).double()
    a, b, c, d = (raw(head, i, x) for i in range(4))
    wanted = [c - softplus(b) - softplus(a), c - softplus(b), c, c + softplus(d)]
    said = head(x, NORM, LEVEL)
    assert said.levels == (0.1, 0.2, 0.5, 0.9)
    want = torch.stack(wanted, -1) * LEVEL.scale[..., None] + LEVEL.loc[..., None]
    assert_close(said.values, want)
    assert torch.equal(said.point, said.values[..., 2])


def test_a_scale_never_vanishes() -> None:
    """In float32 squareplus of −1e8 is 0; a likelihood would divide by it."""
    head = ForecastHead(W, N, "normal").float()
    with torch.no_grad():
        head.maps[1].bias.fill_(-1e8)  # type: ignore[union-attr]
    level = Level(torch.zeros(B, 1, C), torch.ones(B, 1, C))
    assert (head(torch.zeros(B, C, W), NORM, level).scale > 0).all()


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    for options, message in (
        ({"kind": "laplace"}, "head should be one of point, quantiles, normal, student_t, got 'la"),
        ({"width": 0}, "width should be a positive whole number, got 0"),
        ({"horizon": 0}, "horizon should be a positive whole number, got 0"),
        ({"levels": (0.9, 0.1)}, "levels should rise, got (0.9, 0.1)"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            ForecastHead(**{"width": W, "horizon": N, **options})  # type: ignore[arg-type]
