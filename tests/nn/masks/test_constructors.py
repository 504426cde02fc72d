"""What each mask means, position by position, and the algebra that combines them."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from tests.nn import zoo
from tests.nn.tensors import ALL_SIZES, SMALL
from tests.nn.zoo import Case, Sizes
from txlite.nn import Mask, masks
from txlite.nn.masks._rules import as_mask

SIZES = [Sizes(2, 3, 5, 7), Sizes(2, 3, 7, 7), Sizes(2, 3, 1, 7), Sizes(3, 2, 4, 19)]
sizes_drawn = st.builds(
    lambda B, T, more: Sizes(B, 3, T, T + more),
    st.integers(1, 3),
    st.integers(1, 9),
    st.integers(0, 9),
)


@st.composite
def expressions(draw: st.DrawFn) -> tuple[Sizes, Case]:
    """Sizes, and any expression of masks on them."""
    sizes = draw(sizes_drawn)
    return sizes, draw(zoo.trees(sizes))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Sizes, Case, Case]:
    """Sizes, and two expressions of masks on them."""
    sizes = draw(sizes_drawn)
    return sizes, draw(zoo.trees(sizes)), draw(zoo.trees(sizes))


def full(mask: Mask | Tensor, sizes: Sizes) -> Tensor:
    """Write a mask out as (B, H, T, S): its batch axes are the first of B, H."""
    table = as_mask(mask).to_tensor(sizes.T, sizes.S)
    lead = table.shape[:-2]
    table = table.reshape(*lead, *[1] * (2 - len(lead)), sizes.T, sizes.S)
    return table.expand(*sizes)


def expected(table: np.ndarray, sizes: Sizes) -> Tensor:
    return torch.from_numpy(np.broadcast_to(table, (*sizes,)).copy())


# ------------------------------------------------------------------ single rules


@pytest.mark.kills(
    "or is exclusive", "nn/masks/_rules.py", "return left | right", "return left ^ right"
)
@pytest.mark.kills(
    "named blocks compare keys with keys",
    "nn/masks/_kinds.py",
    "self.segments[:, at.queries] == self.segments[:, at.keys]",
    "self.segments[:, at.keys] == self.segments[:, at.keys]",
)
@pytest.mark.kills(
    "padding hides queries too",
    "nn/masks/_kinds.py",
    "return self.keep[:, at.keys]",
    "return self.keep[:, at.keys] & self.keep[:, at.queries.clamp(min=0)]",
)
@pytest.mark.kills(
    "padding inverted",
    "nn/masks/_kinds.py",
    "return self.keep[:, at.keys]",
    "return ~self.keep[:, at.keys]",
)
@pytest.mark.kills(
    "blocks round towards zero",
    "nn/masks/_coordinates.py",
    'positions.div(size, rounding_mode="floor")',
    'positions.div(size, rounding_mode="trunc")',
)
@pytest.mark.kills(
    "window looks back only",
    "nn/masks/_kinds.py",
    "(at.queries - at.keys).abs() < self.size",
    "((at.queries - at.keys) < self.size) & (at.keys <= at.queries)",
)
@pytest.mark.kills(
    "causal sees one key ahead",
    "nn/masks/_kinds.py",
    "return at.keys <= at.queries",
    "return at.keys <= at.queries + 1",
)
@pytest.mark.parametrize("name", [n for n in zoo.NAMES if n != "none"])
@pytest.mark.parametrize("sizes", ALL_SIZES, ids=str)
def test_every_mask_is_its_definition(name: str, sizes: Sizes) -> None:
    if zoo.possible(name, sizes):
        mask, table = zoo.make(name, sizes)
        assert mask is not None
        assert_close(full(mask, sizes), expected(table, sizes))


def test_causal_by_hand() -> None:
    assert_close(masks.causal().to_tensor(3, 3), torch.ones(3, 3).tril().bool())


@given(st.integers(1, 12), st.integers(0, 12))
def test_the_last_query_stands_at_the_last_key(T: int, more: int) -> None:
    table = masks.causal().to_tensor(T, T + more)
    assert table[-1].all()  # it has seen everything
    assert table.sum(-1).tolist() == [more + t + 1 for t in range(T)]
    exact = masks.sliding_window(1).to_tensor(T, T + more)
    assert exact.nonzero().tolist() == [[t, more + t] for t in range(T)]


def test_the_first_of_too_many_queries_stands_before_every_key() -> None:
    assert masks.causal().to_tensor(4, 2).int().tolist() == [[0, 0], [0, 0], [1, 0], [1, 1]]


@given(st.integers(1, 9), st.integers(1, 12))
def test_a_window_counts_positions_on_both_sides(size: int, n: int) -> None:
    table = masks.sliding_window(size).to_tensor(n, n)
    assert_close(table, table.T)
    assert int(table[0].sum()) == min(size, n)
    back = (masks.sliding_window(size) & masks.causal()).to_tensor(n, n)
    assert int(back[-1].sum()) == min(size, n)


@given(st.integers(1, 9), st.integers(1, 12))
def test_blocks_are_an_equivalence(size: int, n: int) -> None:
    table = masks.blocks(size).to_tensor(n, n)
    assert table.diagonal().all()
    assert_close(table, table.T)
    assert_close((table.int() @ table.int()) > 0, table)
    assert int(table[0].sum()) == min(size, n)


def test_named_blocks_may_come_back() -> None:
    table = masks.blocks(torch.tensor([[4, 0, 4], [1, 1, 1]])).to_tensor(2, 3)
    assert table.int().tolist() == [[[0, 1, 0], [1, 0, 1]], [[1, 1, 1], [1, 1, 1]]]


@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.int64, torch.uint8])
def test_blocks_may_be_named_by_any_whole_number(dtype: torch.dtype) -> None:
    table = masks.blocks(torch.tensor([[1, 1, 2]], dtype=dtype)).to_tensor(3, 3)
    assert table[0].int().tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


def test_padding_hides_keys_and_not_queries() -> None:
    table = masks.padding(torch.tensor([[False, True]])).to_tensor(2, 2)
    assert table.int().tolist() == [[[0, 1], [0, 1]]]


def test_a_table_is_made_where_it_is_asked_for() -> None:
    assert masks.causal().to_tensor(2, 3, device="meta").is_meta
    keep = torch.ones(1, 3, dtype=torch.bool)
    assert masks.padding(keep).to_tensor(2, 3, device="meta").device == keep.device


# ------------------------------------------------------------------ algebra


@given(expressions())
def test_any_expression_is_what_its_tables_say(drawn: tuple[Sizes, Case]) -> None:
    sizes, (mask, table) = drawn
    assert mask is not None
    assert_close(full(mask, sizes), expected(table, sizes))


@given(pairs())
def test_and_intersects_and_or_unites(drawn: tuple[Sizes, Case, Case]) -> None:
    sizes, a, b = drawn
    assert isinstance(a.mask, Mask)
    assert isinstance(b.mask, Mask)
    left, right = full(a.mask, sizes), full(b.mask, sizes)
    assert_close(full(a.mask & b.mask, sizes), left & right)
    assert_close(full(a.mask | b.mask, sizes), left | right)
    assert_close(full(~a.mask, sizes), ~left)


@given(pairs())
def test_de_morgan_and_double_negation(drawn: tuple[Sizes, Case, Case]) -> None:
    sizes, a, b = drawn
    assert isinstance(a.mask, Mask)
    assert isinstance(b.mask, Mask)
    assert_close(full(~(a.mask & b.mask), sizes), full(~a.mask | ~b.mask, sizes))
    assert_close(full(~(a.mask | b.mask), sizes), full(~a.mask & ~b.mask, sizes))
    assert_close(full(~~a.mask, sizes), full(a.mask, sizes))


@given(pairs(), st.data())
def test_order_and_grouping_do_not_matter(
    drawn: tuple[Sizes, Case, Case], data: st.DataObject
) -> None:
    sizes, a, b = drawn
    c = data.draw(zoo.trees(sizes))
    assert isinstance(a.mask, Mask)
    assert isinstance(b.mask, Mask)
    assert isinstance(c.mask, Mask)
    assert_close(full(a.mask & b.mask, sizes), full(b.mask & a.mask, sizes))
    assert_close(full(a.mask | b.mask, sizes), full(b.mask | a.mask, sizes))
    assert_close(full((a.mask & b.mask) & c.mask, sizes), full(a.mask & (b.mask & c.mask), sizes))
    distributed = (a.mask & b.mask) | (a.mask & c.mask)
    assert_close(full(a.mask & (b.mask | c.mask), sizes), full(distributed, sizes))


@pytest.mark.kills(
    "either rule reaches as far as the nearer",
    "nn/masks/_rules.py",
    "return Reach(farther(*back), farther(*ahead))",
    "return Reach(nearer(*back), nearer(*ahead))",
)
@pytest.mark.kills(
    "causal promises too much", "nn/masks/_kinds.py", "return Reach(None, 0)", "return Reach(0, 0)"
)
@given(expressions())
def test_reach_is_a_true_bound(drawn: tuple[Sizes, Case]) -> None:
    sizes, (mask, table) = drawn
    assert isinstance(mask, Mask)
    first = sizes.S - sizes.T
    _, _, queries, keys = np.nonzero(np.broadcast_to(table, (*sizes,)))
    back, ahead = mask.reach
    distance = queries + first - keys
    assert back is None or (distance <= back).all()
    assert ahead is None or (-distance <= ahead).all()


@pytest.mark.kills(
    "both rules reach as far as the farther",
    "nn/masks/_rules.py",
    "return Reach(nearer(*back), nearer(*ahead))",
    "return Reach(farther(*back), farther(*ahead))",
)
@pytest.mark.parametrize(
    ("mask", "back", "ahead"),
    [
        (masks.causal(), None, 0),
        (masks.sliding_window(4), 3, 3),
        (masks.blocks(4), 3, 3),
        (masks.causal() & masks.sliding_window(4), 3, 0),
        (masks.sliding_window(4) & masks.causal(), 3, 0),
        (masks.sliding_window(4) & masks.sliding_window(2), 1, 1),
        (masks.sliding_window(4) | masks.sliding_window(2), 3, 3),
        (masks.sliding_window(2) | masks.causal(), None, 1),
        (masks.causal() | masks.sliding_window(2), None, 1),
        (~masks.sliding_window(4), None, None),
        (masks.padding(torch.ones(1, 2, dtype=torch.bool)), None, None),
        (masks.padding(torch.ones(1, 2, dtype=torch.bool)) & masks.blocks(2), 1, 1),
    ],
    ids=str,
)
def test_reach_is_as_near_as_the_rules_say(mask: Mask, back: int | None, ahead: int | None) -> None:
    assert mask.reach == (back, ahead)


def test_a_tensor_may_stand_on_either_side() -> None:
    drawn = torch.rand(SMALL.T, SMALL.S) < 0.5
    causal = masks.causal().to_tensor(SMALL.T, SMALL.S)
    for mask, want in (
        (masks.causal() & drawn, causal & drawn),
        (drawn & masks.causal(), causal & drawn),
        (masks.causal() | drawn, causal | drawn),
        (drawn | masks.causal(), causal | drawn),
    ):
        assert isinstance(mask, Mask)
        assert_close(mask.to_tensor(SMALL.T, SMALL.S), want)


# ------------------------------------------------------------------ as an object


KEEP = torch.ones(2, 5, dtype=torch.bool)
C, W, B, P = masks.causal(), masks.sliding_window(3), masks.blocks(4), masks.padding(KEEP)


@pytest.mark.parametrize(
    ("mask", "text"),
    [
        (C, "causal()"),
        (W, "sliding_window(3)"),
        (B, "blocks(4)"),
        (P, "padding(keep: (2, 5))"),
        (masks.blocks(KEEP.int()), "blocks(segments: (2, 5))"),
        (C & KEEP, "causal() & tensor(2, 5)"),
        (KEEP & C, "tensor(2, 5) & causal()"),
        (KEEP | C, "tensor(2, 5) | causal()"),
        (C & P, "causal() & padding(keep: (2, 5))"),
        (C & W & B, "causal() & sliding_window(3) & blocks(4)"),
        (C & (W & B), "causal() & (sliding_window(3) & blocks(4))"),
        (C & W | B, "causal() & sliding_window(3) | blocks(4)"),
        (C & (W | B), "causal() & (sliding_window(3) | blocks(4))"),
        ((W | B) & C, "(sliding_window(3) | blocks(4)) & causal()"),
        (C | W | B, "causal() | sliding_window(3) | blocks(4)"),
        (C | (W | B), "causal() | (sliding_window(3) | blocks(4))"),
        (C | W & B, "causal() | sliding_window(3) & blocks(4)"),
        (~C, "~causal()"),
        (~~C, "~~causal()"),
        (~C & W, "~causal() & sliding_window(3)"),
        (~(C & W), "~(causal() & sliding_window(3))"),
        (~(C | W) | B, "~(causal() | sliding_window(3)) | blocks(4)"),
    ],
    ids=str,
)
def test_a_mask_prints_as_the_expression_that_made_it(mask: Mask, text: str) -> None:
    assert repr(mask) == text
    assert str(mask) == text


@given(expressions())
def test_what_is_printed_means_what_was_written(drawn: tuple[Sizes, Case]) -> None:
    """Evaluating the text gives the mask again, if it holds no tensor."""
    sizes, (mask, table) = drawn
    if mask is not None and as_mask(mask).device is None:
        names = {n: getattr(masks, n) for n in masks.__all__}
        assert_close(full(eval(repr(mask), names), sizes), expected(table, sizes))


@pytest.mark.parametrize("name", [n for n in zoo.NAMES if n != "none"])
def test_a_mask_can_be_copied_pickled_and_hashed(name: str) -> None:
    case, table = zoo.make(name, SMALL)
    assert case is not None
    mask = as_mask(case)
    for again in (copy.copy(mask), copy.deepcopy(mask), pickle.loads(pickle.dumps(mask))):
        assert_close(full(again, SMALL), expected(table, SMALL))
    assert mask == mask
    assert len({mask, mask}) == 1


def test_a_mask_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        masks.sliding_window(3).size = 4  # type: ignore[attr-defined]


def test_combining_leaves_the_parts_as_they_were() -> None:
    before = full(P & C, Sizes(2, 3, 4, 5))
    _ = ~(P & C) | W
    assert_close(full(P & C, Sizes(2, 3, 4, 5)), before)
