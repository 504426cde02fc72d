"""The choice of a kernel: it changes the speed and the memory, and never the result."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.nn import definition, zoo
from tests.nn.tensors import LONG_SQUARE, ONE, SMALL, SQUARE, E, array, distance, qkv
from tests.nn.zoo import Sizes
from txlite.nn import _kernels, masks, scaled_dot_product_attention
from txlite.nn.masks._rules import as_mask


class Largest(TorchDispatchMode):
    """Remember the size of the largest tensor that is made."""

    numel = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for x in torch.utils._pytree.tree_leaves(out):
            if isinstance(x, Tensor):
                self.numel = max(self.numel, x.untyped_storage().nbytes() // x.element_size())
        return out


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Record what torch's kernel is called with."""
    seen: list[dict[str, Any]] = []
    real = F.scaled_dot_product_attention

    def spy(query: Tensor, key: Tensor, value: Tensor, **kwargs: Any) -> Tensor:
        seen.append({"query": query, "key": key, **kwargs})
        return real(query, key, value, **kwargs)

    monkeypatch.setattr(F, "scaled_dot_product_attention", spy)
    return seen


# ------------------------------------------------------------------ the same result


@pytest.mark.kills(
    "chunks start at the wrong key",
    "nn/_kernels.py",
    "first = num_keys - num_queries - band.back",
    "first = -band.back",
)
@pytest.mark.parametrize("T", [23, 64, 67, 100])
@pytest.mark.parametrize("more", [0, 1, 16, 40, -10])
@pytest.mark.parametrize(
    "rule",
    [
        masks.sliding_window(1),
        masks.sliding_window(2),
        masks.sliding_window(9),
        masks.blocks(1),
        masks.blocks(5),
        masks.causal() & masks.sliding_window(1),
        masks.causal() & masks.sliding_window(4),
        masks.causal() & masks.blocks(7),
        ~masks.causal() & masks.sliding_window(4),
    ],
    ids=str,
)
def test_a_band_is_the_same_attention(rule: masks.Mask, T: int, more: int) -> None:
    """Every rule and size, also those for which a band would not be chosen."""
    sizes = Sizes(2, 3, T, T + more)
    q, k, v = qkv(sizes)
    back, ahead = rule.reach
    assert back is not None
    assert ahead is not None
    got = _kernels._banded(q, k, v, rule, _kernels.Band(back, ahead), 0.0, E**-0.5)
    table = rule.to_tensor(sizes.T, sizes.S).numpy()
    assert distance(got, definition.attention(array(q), array(k), array(v), table)) <= 1e-12
    upstream = torch.randn_like(got)
    got.backward(upstream)
    want = definition.gradient(array(upstream), array(q), array(k), array(v), table)
    assert distance(q.grad, want.query) <= 1e-12
    assert distance(k.grad, want.key) <= 1e-12
    assert distance(v.grad, want.value) <= 1e-12


@given(st.data())
def test_any_expression_in_a_band_is_the_same_attention(data: st.DataObject) -> None:
    T, more = data.draw(st.integers(1, 60)), data.draw(st.integers(0, 30))
    sizes = Sizes(2, 3, T, T + more)
    tree, table = data.draw(zoo.trees(sizes))
    assert tree is not None
    size = data.draw(st.integers(1, 8))
    rule = as_mask(tree) & masks.sliding_window(size)
    near = zoo.window(sizes, None, size).table  # type: ignore[arg-type]
    q, k, v = (x.detach() for x in qkv(sizes))
    back, ahead = rule.reach
    assert back is not None
    assert ahead is not None
    got = _kernels._banded(q, k, v, rule, _kernels.Band(back, ahead), 0.0, E**-0.5)
    want = definition.attention(array(q), array(k), array(v), table & near)
    assert distance(got, want) <= 1e-12


@given(st.data())
def test_any_expression_is_the_same_attention_on_the_chosen_kernel(data: st.DataObject) -> None:
    T, S = data.draw(st.integers(0, 40)), data.draw(st.integers(0, 40))
    sizes = Sizes(data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3)), T, S)
    assume(sizes.B and sizes.H)
    tree, table = data.draw(zoo.trees(sizes))
    q, k, v = (x.detach() for x in qkv(sizes))
    got = scaled_dot_product_attention(q, k, v, tree)
    want = definition.attention(array(q), array(k), array(v), table)
    assert distance(got, want) <= 1e-12


@pytest.mark.kills(
    "shared heads tiled instead of repeated",
    "nn/_kernels.py",
    "key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)",
    "key.repeat(1, groups, 1, 1), value.repeat(1, groups, 1, 1)",
)
@pytest.mark.parametrize("length", [67, 91])  # as five chunks, and as six: as many as heads
def test_a_band_shares_a_key_head_among_neighbours(length: int) -> None:
    query, key, value = (torch.randn(2, heads, length, E) for heads in (6, 2, 2))
    rule = masks.sliding_window(3)
    assert _kernels._band(rule, length, length) is not None
    got = _kernels.weighted_sum(query, key, value, rule, None, 0.0, 0.5)
    allowed = rule.table(length, length, query.device)
    for head in range(6):  # three query heads for each key head, side by side
        scores = (0.5 * query[:, head] @ key[:, head // 3].mT).masked_fill(~allowed, -torch.inf)
        torch.testing.assert_close(got[:, head], scores.softmax(-1) @ value[:, head // 3])


def test_a_wider_band_than_needed_is_harmless() -> None:
    q, k, v = qkv(LONG_SQUARE)
    rule = masks.sliding_window(3)
    narrow = _kernels._banded(q, k, v, rule, _kernels.Band(2, 2), 0.0, 0.5)
    wide = _kernels._banded(q, k, v, rule, _kernels.Band(20, 31), 0.0, 0.5)
    assert distance(wide, array(narrow)) <= 1e-12


# ------------------------------------------------------------------ the choice


@pytest.mark.parametrize("sizes", [SMALL, SQUARE], ids=str)
def test_without_a_mask_the_kernel_gets_none(calls: list[dict[str, Any]], sizes: Sizes) -> None:
    scaled_dot_product_attention(*qkv(sizes))
    assert calls[0]["attn_mask"] is None
    assert calls[0]["is_causal"] is False


def test_causal_over_as_many_keys_as_queries_needs_no_table(calls: list[dict[str, Any]]) -> None:
    scaled_dot_product_attention(*qkv(SQUARE), masks.causal())
    assert calls[0]["attn_mask"] is None
    assert calls[0]["is_causal"] is True


def test_one_causal_query_sees_everything(calls: list[dict[str, Any]]) -> None:
    """A step of decoding: the newest query stands at the last key."""
    scaled_dot_product_attention(*qkv(ONE), masks.causal())
    assert calls[0]["attn_mask"] is None
    assert calls[0]["is_causal"] is False


def test_causal_with_a_cache_is_not_left_to_the_kernel(calls: list[dict[str, Any]]) -> None:
    """The kernel would line the first query up with the first key."""
    scaled_dot_product_attention(*qkv(SMALL), masks.causal())
    assert calls[0]["is_causal"] is False
    assert calls[0]["attn_mask"].dtype == torch.bool


def test_padding_stays_one_row(calls: list[dict[str, Any]]) -> None:
    keep = torch.rand(2, 7) < 0.6
    scaled_dot_product_attention(*qkv(SMALL), masks.padding(keep))
    assert calls[0]["attn_mask"].shape == (2, 1, 1, 7)


@pytest.mark.parametrize("lead", [(), (5,), (2, 3, 5)])
def test_the_kernel_always_gets_four_axes(
    calls: list[dict[str, Any]], lead: tuple[int, ...]
) -> None:
    x = torch.randn(*lead, 7, 4)
    scaled_dot_product_attention(x, x, x, masks.causal())
    assert calls[0]["query"].ndim == calls[0]["key"].ndim == 4


def pick(rule: masks.Mask, T: int, S: int) -> _kernels.Band | None:
    return _kernels._band(rule, T, S)


@pytest.mark.kills(
    "band never chosen",
    "nn/_kernels.py",
    "narrow = BAND_GAIN * (back + ahead + 1) <= num_keys",
    "narrow = False",
)
def test_a_band_is_chosen_when_it_is_narrow() -> None:
    window = masks.sliding_window(3)
    assert pick(window, 20, 20) == (2, 2)
    assert pick(window, 19, 19) is None  # 4 · 5 keys are more than there are
    assert pick(window, 5, 100) is None  # no more queries than the band is wide
    assert pick(window, 6, 100) == (2, 2)
    assert pick(masks.causal() & window, 12, 12) == (2, 0)
    assert pick(masks.causal(), 100, 100) is None
    assert pick(~window, 100, 100) is None
    assert pick(masks.sliding_window(10**9), 100, 100) is None


MANY = 4096


@pytest.mark.parametrize(
    "rule",
    [masks.sliding_window(8), masks.causal() & masks.sliding_window(8), masks.blocks(8)],
    ids=str,
)
def test_a_window_over_a_long_sequence_makes_no_square_table(rule: masks.Mask) -> None:
    x = torch.randn(1, 1, MANY, 2, requires_grad=True)
    with Largest() as largest:
        scaled_dot_product_attention(x, x, x, rule).sum().backward()
    assert largest.numel <= 64 * MANY
    with Largest() as largest:  # the test can see a square
        rule.to_tensor(MANY, MANY)
    assert largest.numel >= MANY * MANY


@pytest.mark.parametrize("make", [lambda: None, masks.causal], ids=["none", "causal"])
def test_a_plain_or_causal_sequence_makes_no_square_table(
    make: Callable[[], masks.Mask | None],
) -> None:
    x = torch.randn(1, 1, MANY, 2, requires_grad=True)
    with Largest() as largest:
        scaled_dot_product_attention(x, x, x, make()).sum().backward()
    assert largest.numel <= 64 * MANY


def test_padding_over_a_long_sequence_makes_no_square_table() -> None:
    x, keep = torch.randn(1, 1, MANY, 2), torch.rand(1, MANY) < 0.6
    with Largest() as largest:
        scaled_dot_product_attention(x, x, x, masks.padding(keep))
    assert largest.numel <= 64 * MANY


# ------------------------------------------------------------------ what a GPU's kernels can read


def column(*shape: int) -> Tensor:
    """One column that stands for all seven keys, as ``expand`` makes it."""
    return torch.randn(*shape, 1, dtype=torch.float64).expand(*shape, 7)


def turned(*shape: int) -> Tensor:
    """A table that is stored column by column."""
    return torch.randn(*shape[:-1], 7, shape[-1], dtype=torch.float64).mT


TABLES = {
    "one column for all keys": lambda: column(2, 3, 5),
    "one column, one batch": lambda: column(5),
    "one column of size one": lambda: column(2, 3, 5)[..., :1],
    "stored column by column": lambda: turned(2, 3, 5),
    "column by column, for all heads": lambda: turned(2, 1, 5).expand(2, 3, 5, 7),
    "one row for all queries": lambda: torch.randn(2, 1, 1, 7).double().expand(2, 3, 5, 7),
    "every second key": lambda: torch.randn(5, 14).double()[:, ::2],
    "backwards in memory": lambda: torch.randn(7, 5).double().T,
    "one number for everything": lambda: torch.randn(()).double().expand(2, 3, 5, 7),
    "as it comes": lambda: torch.randn(2, 3, 5, 7).double(),
}


@pytest.mark.parametrize("kind", ["bias", "mask", "both"])
@pytest.mark.parametrize("name", TABLES)
def test_the_last_axis_of_every_table_lies_entry_by_entry(
    name: str, kind: str, calls: list[dict[str, Any]]
) -> None:
    table = TABLES[name]()
    mask = None if kind == "bias" else table > 0
    bias = None if kind == "mask" else table
    if mask is not None and mask.shape[-1] == 1:
        mask = mask.expand(*mask.shape[:-1], 7)  # a mask names every key
    q, k, v = (x.detach() for x in qkv(Sizes(2, 3, 5, 7)))
    got = scaled_dot_product_attention(q, k, v, mask, bias=bias)
    (call,) = calls
    assert call["attn_mask"].stride(-1) == 1
    assert call["attn_mask"].shape[-1] == 7
    scores = q @ k.mT * E**-0.5 + (0.0 if bias is None else bias)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    assert distance(got, array(scores.softmax(-1).nan_to_num(0.0) @ v)) <= 1e-12


@pytest.mark.parametrize("kind", ["mask", "bias"])
@pytest.mark.parametrize(
    ("base", "stored"),
    [
        ((2, 3, 5, 1), 2 * 3 * 5 * 7),
        ((2, 1, 5, 7), 2 * 5 * 7),
        ((2, 1, 5, 1), 2 * 5 * 7),
        ((1, 3, 1, 7), 3 * 7),
        ((1, 1, 1, 1), 7),
        ((2, 3, 5, 7), 2 * 3 * 5 * 7),
    ],
    ids=str,
)
def test_what_stands_for_several_is_not_copied(
    base: tuple[int, ...], stored: int, kind: str, calls: list[dict[str, Any]]
) -> None:
    numbers = torch.randn(base, dtype=torch.float64)
    table = (numbers > 0 if kind == "mask" else numbers).expand(2, 3, 5, 7)
    q, k, v = (x.detach() for x in qkv(Sizes(2, 3, 5, 7)))
    scaled_dot_product_attention(q, k, v, **{kind: table})
    (call,) = calls
    assert call["attn_mask"].untyped_storage().nbytes() == stored * table.element_size()


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
def test_derivatives_of_derivatives_need_the_kernel_that_has_them() -> None:
    from torch.nn.attention import SDPBackend, sdpa_kernel

    q, k, v = (x.detach().requires_grad_() for x in qkv(Sizes(1, 2, 3, 4)))

    def attend(*given: Tensor) -> Tensor:
        return scaled_dot_product_attention(*given, masks.causal())

    with sdpa_kernel(SDPBackend.MATH):
        assert torch.autograd.gradgradcheck(attend, (q, k, v))
        _, slope = torch.func.jvp(attend, tuple(x.detach() for x in (q, k, v)), (q, k, v))
    step = 1e-6
    ahead, behind = (attend(*(x.detach() * (1 + s) for x in (q, k, v))) for s in (step, -step))
    assert distance(slope.detach(), array((ahead - behind) / (2 * step))) <= 1e-7
