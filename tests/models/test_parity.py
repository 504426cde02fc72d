"""The parity helper notices what it is there to notice."""

import pytest
import torch
from torch import Tensor, nn

from tests.models.parity import TRANSPOSED, Pair, Transform, back, linear, parity, scaled, trained

IN, OUT = 3, 5
X = torch.randn(2, IN, dtype=torch.float64)


class Theirs(nn.Module):
    """One fused weight, kept as (in, out), and a scale outside of it."""

    def __init__(self) -> None:
        super().__init__()
        self.fused = nn.Parameter(torch.empty(IN, 2 * OUT))
        self.norm = nn.LayerNorm(IN)
        self.gain = nn.Parameter(torch.empty(OUT))

    def forward(self, x: Tensor) -> Tensor:
        first, second = (self.norm(x) @ self.fused).chunk(2, -1)
        return first * second.tanh() * self.gain * 4


class Ours(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(IN, OUT, bias=False), nn.Linear(IN, OUT, bias=False)
        self.input_norm = nn.LayerNorm(IN)
        self.gain = nn.Parameter(torch.empty(OUT))

    def forward(self, x: Tensor) -> Tensor:
        y = self.input_norm(x)
        return self.first(y) * self.second(y).tanh() * self.gain


PARTS = ("first.weight", "second.weight")
TABLE = [
    Pair("fused", PARTS, TRANSPOSED),
    Pair("gain", "gain", scaled(4.0)),
    *linear("norm", "input_norm"),
]


def held(table: list[Pair], ours: nn.Module, theirs: nn.Module) -> None:
    mine, other = X.clone().requires_grad_(), X.clone().requires_grad_()
    parity(ours, theirs, table, lambda: (ours(mine), theirs(other)), (mine,), (other,))


def test_twins_pass() -> None:
    ours, theirs = Ours(), Theirs()
    held(TABLE, ours, theirs)
    returned = back(TABLE, ours)
    assert returned.keys() == trained(theirs).keys()
    assert torch.equal(returned["fused"], theirs.fused)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (TABLE[1:], r"of theirs it leaves out \['fused'\]"),
        (TABLE[:2], r"of theirs it leaves out \['norm.bias', 'norm.weight'\]"),
        ([*TABLE, TABLE[1]], r"of theirs it names twice \['gain'\]"),
        ([*TABLE, Pair("head", "head")], r"of theirs it invents \['head'\]"),
        (
            [TABLE[0], Pair("gain", "head"), *TABLE[2:]],
            r"of ours it leaves out \['gain'\]",
        ),
    ],
)
def test_a_table_names_each_weight_once(table: list[Pair], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        held(table, Ours(), Theirs())


def test_a_missing_transpose_is_refused_by_its_shape() -> None:
    with pytest.raises(ValueError, match=r"fused should have shape \(5, 3\) to become first"):
        held([Pair("fused", PARTS, axis=1), *TABLE[1:]], Ours(), Theirs())


@pytest.mark.parametrize(
    "wrong",
    [
        [Pair("fused", PARTS[::-1], TRANSPOSED), *TABLE[1:]],
        [TABLE[0], Pair("gain", "gain"), *TABLE[2:]],
        [TABLE[0], Pair("gain", "gain", scaled(4.0)._replace(gradient=lambda x: x)), *TABLE[2:]],
        [TABLE[0], Pair("gain", "gain", Transform(lambda x: x * 4)), *TABLE[2:]],
    ],
    ids=["parts swapped", "scale forgotten", "gradient of a scale", "no way back"],
)
def test_a_wrong_table_fails(wrong: list[Pair]) -> None:
    with pytest.raises(AssertionError):
        held(wrong, Ours(), Theirs())


def test_a_model_that_stops_a_gradient_fails() -> None:
    class Deaf(Ours):
        def forward(self, x: Tensor) -> Tensor:
            y = self.input_norm(x.detach())
            return self.first(y) * self.second(y).tanh() * self.gain

    with pytest.raises(AssertionError):
        held(TABLE, Deaf(), Theirs())
