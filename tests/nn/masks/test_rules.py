"""How masks are represented: tables lined up with scores, pytrees, positions."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close
from torch.utils import _pytree as pytree

from tests.nn import zoo
from tests.nn.tensors import SMALL
from txlite.nn import Mask, masks
from txlite.nn.masks._coordinates import Coordinates, Reach, align, farther, nearer
from txlite.nn.masks._kinds import Causal, EqualBlocks, NamedBlocks, Padding, SlidingWindow
from txlite.nn.masks._rules import And, Not, Or, TableRule, as_mask
from txlite.nn.masks._sparse import (
    BlockWindow,
    DilatedWindow,
    FirstTokens,
    NamedTokens,
    RandomBlocks,
    Strided,
)

KINDS = [
    Causal, SlidingWindow, EqualBlocks, Padding, NamedBlocks, TableRule, And, Or, Not,
    BlockWindow, DilatedWindow, FirstTokens, NamedTokens, RandomBlocks, Strided,
]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "batch_axes", "axes", "want"),
    [
        ((5, 7), 2, 2, (5, 7)),
        ((2, 5, 7), 2, 2, (2, 1, 5, 7)),
        ((2, 5, 7), 1, 2, (2, 5, 7)),
        ((2, 5, 7), 3, 2, (2, 1, 1, 5, 7)),
        ((2, 3, 5, 7), 2, 2, (2, 3, 5, 7)),
        ((2, 3, 5, 7), 3, 2, (2, 3, 1, 5, 7)),
        ((4, 5, 7), 2, 3, (4, 5, 7)),
        ((2, 4, 5, 7), 2, 3, (2, 1, 4, 5, 7)),
        ((2, 4, 5, 7), 0, 3, (2, 4, 5, 7)),
    ],
)
def test_leading_axes_line_up_from_the_left(
    shape: tuple[int, ...], batch_axes: int, axes: int, want: tuple[int, ...]
) -> None:
    table = torch.rand(shape) < 0.5
    lined = align(table, batch_axes, axes)
    assert lined.shape == want
    assert_close(lined.flatten(), table.flatten())


@pytest.mark.kills(
    "unlimited reach counts as none",
    "nn/masks/_coordinates.py",
    "return None if a is None or b is None else max(a, b)",
    "return max(a or 0, b or 0)",
)
@given(st.none() | st.integers(0, 9), st.none() | st.integers(0, 9))
def test_the_nearer_and_the_farther_bound(a: int | None, b: int | None) -> None:
    far = 10**6
    sizes = [far if x is None else x for x in (a, b)]
    assert (far if nearer(a, b) is None else nearer(a, b)) == min(sizes)
    assert (far if farther(a, b) is None else farther(a, b)) == max(sizes)


def test_positions_span_the_axes_of_both() -> None:
    at = Coordinates(torch.zeros(2, 3, 1), torch.zeros(1, 4), 3, 4)
    assert at.axes == 3
    assert Coordinates(torch.zeros(3, 1), torch.zeros(5, 1, 4), 3, 4).axes == 3


def test_an_unknown_rule_reaches_everywhere_and_holds_no_tensor() -> None:
    assert masks.causal().device is None
    assert TableRule(torch.ones(2, 3, dtype=torch.bool)).reach == Reach(None, None)


def test_only_tensors_become_tables() -> None:
    mask = masks.causal()
    assert as_mask(mask) is mask
    drawn = torch.ones(2, 3, dtype=torch.bool)
    table = as_mask(drawn)
    assert isinstance(table, TableRule)
    assert table.values is drawn  # not a copy


def test_a_table_of_batches_meets_a_table_of_heads() -> None:
    """(B, T, S) & (B, H, T, S): B must not be read as H."""
    three, four = torch.rand(3, 5, 7) < 0.5, torch.rand(3, 3, 5, 7) < 0.5
    for got, want in (
        (as_mask(three) & four, three[:, None] & four),
        (as_mask(four) | three, three[:, None] | four),
        (as_mask(three) & masks.causal() & four, (three & causal(5, 7))[:, None] & four),
    ):
        assert_close(got.to_tensor(5, 7), want)


def causal(T: int, S: int) -> Tensor:
    return torch.ones(T, S, dtype=torch.bool).tril(S - T)


@pytest.mark.parametrize("shape", [(1, 7), (5, 1), (1, 1), (2, 1, 7), (2, 3, 1, 1), (1, 3, 5, 7)])
def test_an_axis_of_one_stands_for_any_size(shape: tuple[int, ...]) -> None:
    drawn = torch.rand(shape) < 0.5
    want = drawn.expand(*drawn.shape[:-2], 5, 7)
    assert_close(as_mask(drawn).to_tensor(5, 7), want)
    assert_close((~~as_mask(drawn)).to_tensor(5, 7), want)  # by lookup
    assert_close((~as_mask(drawn)).to_tensor(5, 7), ~want)


def test_a_table_counts_its_rows_from_the_first_query() -> None:
    """A table's row is a query, wherever the queries stand; lookups undo the shift."""
    drawn = torch.rand(2, 5) < 0.5
    everything = masks.sliding_window(100)
    assert_close((drawn & everything).to_tensor(2, 5), drawn)
    tall = torch.rand(5, 2) < 0.5
    assert_close((tall & everything).to_tensor(5, 2), tall)


@pytest.mark.parametrize("name", [n for n in zoo.NAMES if n != "none"])
def test_a_mask_is_a_tree_of_its_tensors(name: str) -> None:
    case, _ = zoo.make(name, SMALL)
    assert case is not None
    mask = as_mask(case)
    leaves, spec = pytree.tree_flatten(mask)
    again = pytree.tree_unflatten(leaves, spec)
    assert type(again) is type(mask)
    assert_close(again.to_tensor(SMALL.T, SMALL.S), mask.to_tensor(SMALL.T, SMALL.S))
    assert isinstance(again, Mask)


def test_a_mask_moves_with_its_tensors() -> None:
    mask = masks.causal() & masks.padding(torch.ones(2, 7, dtype=torch.bool))
    moved = pytree.tree_map_only(Tensor, lambda x: x.to("meta"), mask)
    assert mask.device == torch.device("cpu")
    assert moved.device == torch.device("meta")
    assert (~moved).device == torch.device("meta")
    assert (moved & masks.causal()).device == torch.device("meta")
    assert moved.to_tensor(5, 7).is_meta


@pytest.mark.parametrize("kind", KINDS)
def test_the_name_in_an_exported_program_is_public(kind: type) -> None:
    _, spec = pytree.tree_flatten(masks.causal() & ~masks.sliding_window(3))
    assert "txlite.nn.masks." in pytree.treespec_dumps(spec)
    assert kind in pytree.SUPPORTED_NODES


@pytest.mark.parametrize("name", [n for n in zoo.NAMES if n != "none"])
def test_a_saved_mask_loads_without_trust(name: str, tmp_path: Path) -> None:
    """A file of masks is read as a file of weights is, with no code of its own executed."""
    case, _ = zoo.make(name, SMALL)
    assert case is not None
    torch.save(as_mask(case), tmp_path / "mask.pt")
    again = torch.load(tmp_path / "mask.pt", weights_only=True)
    assert_close(again.to_tensor(SMALL.T, SMALL.S), as_mask(case).to_tensor(SMALL.T, SMALL.S))


def test_a_single_rule_asks_for_nothing() -> None:
    for mask in (masks.causal(), masks.sliding_window(3), masks.blocks(2)):
        mask.check(5, 7, (2, 3), torch.device("cpu"))
