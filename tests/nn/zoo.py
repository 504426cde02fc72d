"""Every kind of mask, each with the table that its definition gives, position by position.

The tables are filled by plain loops over (b, i, j), from the words of the definition and not from
any code of txlite: i = S − T + t is where query t stands.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from txlite.nn import Mask, masks
from txlite.nn.masks._rules import as_mask

Rule = Callable[[int, int, int], bool]


class Sizes(NamedTuple):
    """Batch, heads, queries, keys."""

    B: int
    H: int
    T: int
    S: int


class Case(NamedTuple):
    """A mask as txlite takes it, and its table (B or 1, H or 1, T, S)."""

    mask: Mask | Tensor | None
    table: NDArray[np.bool_]


def by_rule(sizes: Sizes, rule: Rule) -> NDArray[np.bool_]:
    """Fill the table (B, 1, T, S) with rule(b, i, j)."""
    B, _, T, S = sizes
    first = S - T
    rows = [[[rule(b, first + t, j) for j in range(S)] for t in range(T)] for b in range(B)]
    return np.array(rows, dtype=bool).reshape(B, 1, T, S)


def random_bool(generator: np.random.Generator, *shape: int) -> NDArray[np.bool_]:
    """About three in five are True."""
    return generator.random(shape) < 0.6


def none(sizes: Sizes, generator: np.random.Generator) -> Case:
    return Case(None, by_rule(sizes, lambda b, i, j: True))


def causal(sizes: Sizes, generator: np.random.Generator) -> Case:
    return Case(masks.causal(), by_rule(sizes, lambda b, i, j: j <= i))


def window(sizes: Sizes, generator: np.random.Generator, size: int = 3) -> Case:
    return Case(masks.sliding_window(size), by_rule(sizes, lambda b, i, j: abs(i - j) < size))


def wide_window(sizes: Sizes, generator: np.random.Generator) -> Case:
    return window(sizes, generator, size=10_000)


def blocks(sizes: Sizes, generator: np.random.Generator, size: int = 2) -> Case:
    return Case(masks.blocks(size), by_rule(sizes, lambda b, i, j: i // size == j // size))


def padding(sizes: Sizes, generator: np.random.Generator) -> Case:
    keep = random_bool(generator, sizes.B, sizes.S)
    mask = masks.padding(torch.from_numpy(keep))
    return Case(mask, by_rule(sizes, lambda b, i, j: bool(keep[b, j])))


def left_padding(sizes: Sizes, generator: np.random.Generator) -> Case:
    length = generator.integers(min(1, sizes.S), sizes.S + 1, sizes.B)
    keep = np.arange(sizes.S) >= sizes.S - length[:, None]
    mask = masks.padding(torch.from_numpy(keep))
    return Case(mask, by_rule(sizes, lambda b, i, j: j >= sizes.S - length[b]))


def nothing_real(sizes: Sizes, generator: np.random.Generator) -> Case:
    """The keys of the first sequence are all padding."""
    keep = random_bool(generator, sizes.B, sizes.S)
    keep[0] = False
    mask = masks.padding(torch.from_numpy(keep))
    return Case(mask, by_rule(sizes, lambda b, i, j: b > 0 and bool(keep[b, j])))


def documents(sizes: Sizes, generator: np.random.Generator) -> Case:
    name = generator.integers(0, 3, (sizes.B, sizes.S))
    mask = masks.blocks(torch.from_numpy(name))
    return Case(mask, by_rule(sizes, lambda b, i, j: name[b, i] == name[b, j]))


def dilated(sizes: Sizes, generator: np.random.Generator) -> Case:
    steps = (0, 3)  # a window of two, three positions apart
    return Case(
        masks.dilated_window(2, 3),
        by_rule(sizes, lambda b, i, j: any(abs(i - j) == s for s in steps)),
    )


def strided(sizes: Sizes, generator: np.random.Generator) -> Case:
    multiples = range(0, 100, 3)
    return Case(masks.strided(3), by_rule(sizes, lambda b, i, j: abs(i - j) in multiples))


def block_window(sizes: Sizes, generator: np.random.Generator) -> Case:
    return Case(
        masks.block_window(2, before=2, after=1),
        by_rule(sizes, lambda b, i, j: -1 <= i // 2 - j // 2 <= 2),
    )


def first_tokens(sizes: Sizes, generator: np.random.Generator) -> Case:
    return Case(masks.global_tokens(2), by_rule(sizes, lambda b, i, j: min(i, j) < 2))


def chosen_tokens(sizes: Sizes, generator: np.random.Generator) -> Case:
    chosen = generator.random((sizes.B, sizes.S)) < 0.3
    mask = masks.global_tokens(torch.from_numpy(chosen))
    return Case(mask, by_rule(sizes, lambda b, i, j: bool(chosen[b, i] or chosen[b, j])))


def splitmix(x: int) -> int:
    """SplitMix64's output function, in whole numbers that wrap around."""
    x = (x + 0x9E3779B97F4A7C15) % 2**64
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    x = (x ^ x >> 27) * 0x94D049BB133111EB % 2**64
    return x ^ x >> 31


def random_blocks(sizes: Sizes, generator: np.random.Generator) -> Case:
    seed, blocks = int(generator.integers(0, 99)), -(-sizes.S // 2)

    def drawn(row: int) -> list[int]:
        start = splitmix(seed) + (row << 32)
        signed = [(splitmix(start + j) + 2**63) % 2**64 for j in range(blocks)]
        return sorted(range(blocks), key=signed.__getitem__)[:2]

    return Case(
        masks.random_blocks(2, 2, seed=seed),
        by_rule(sizes, lambda b, i, j: j // 2 in drawn(max(i, 0) // 2)),
    )


def table2(sizes: Sizes, generator: np.random.Generator) -> Case:
    table = random_bool(generator, sizes.T, sizes.S)
    return Case(torch.from_numpy(table), table[None, None])


def table3(sizes: Sizes, generator: np.random.Generator) -> Case:
    table = random_bool(generator, sizes.B, sizes.T, sizes.S)
    return Case(torch.from_numpy(table), table[:, None])


def table4(sizes: Sizes, generator: np.random.Generator) -> Case:
    table = random_bool(generator, *sizes)
    return Case(torch.from_numpy(table), table)


def one_row(sizes: Sizes, generator: np.random.Generator) -> Case:
    table = random_bool(generator, 1, sizes.H, 1, sizes.S)
    full = np.broadcast_to(table, (1, sizes.H, sizes.T, sizes.S))
    return Case(torch.from_numpy(table), full)


def one_column(sizes: Sizes, generator: np.random.Generator) -> Case:
    table = random_bool(generator, sizes.B, sizes.T, 1)
    full = np.broadcast_to(table[:, None], (sizes.B, 1, sizes.T, sizes.S))
    return Case(torch.from_numpy(table), full)


def blind_rows(sizes: Sizes, generator: np.random.Generator) -> Case:
    table = random_bool(generator, *sizes)
    table[:, :, ::2] = False
    return Case(torch.from_numpy(table), table)


def nobody(sizes: Sizes, generator: np.random.Generator) -> Case:
    return Case(masks.causal() & ~masks.causal(), by_rule(sizes, lambda b, i, j: False))


LEAVES: dict[str, Callable[[Sizes, np.random.Generator], Case]] = {
    "none": none,
    "causal": causal,
    "window": window,
    "wide_window": wide_window,
    "blocks": blocks,
    "padding": padding,
    "left_padding": left_padding,
    "nothing_real": nothing_real,
    "documents": documents,
    "dilated": dilated,
    "strided": strided,
    "block_window": block_window,
    "first_tokens": first_tokens,
    "chosen_tokens": chosen_tokens,
    "random_blocks": random_blocks,
    "table2": table2,
    "table3": table3,
    "table4": table4,
    "one_row": one_row,
    "one_column": one_column,
    "blind_rows": blind_rows,
    "nobody": nobody,
}
COMBINED = {
    "causal & padding": ("&", "causal", "padding"),
    "padding & causal": ("&", "padding", "causal"),
    "causal & left_padding": ("&", "causal", "left_padding"),
    "causal & window": ("&", "causal", "window"),
    "causal & documents": ("&", "causal", "documents"),
    "window & documents": ("&", "window", "documents"),
    "window & padding": ("&", "window", "padding"),
    "window & table2": ("&", "window", "table2"),
    "window & table3": ("&", "window", "table3"),
    "window & table4": ("&", "window", "table4"),
    "window & one_row": ("&", "window", "one_row"),
    "window & nothing_real": ("&", "window", "nothing_real"),
    "blocks & causal": ("&", "blocks", "causal"),
    "padding & table4": ("&", "padding", "table4"),
    "table3 & table4": ("&", "table3", "table4"),
    "window | blocks": ("|", "window", "blocks"),
    "causal & block_window": ("&", "causal", "block_window"),
    "window | chosen_tokens": ("|", "window", "chosen_tokens"),
    "dilated & padding": ("&", "dilated", "padding"),
    "block_window | random_blocks": ("|", "block_window", "random_blocks"),
    "causal | padding": ("|", "causal", "padding"),
    "window | one_column": ("|", "window", "one_column"),
    "~causal": ("~", "causal"),
    "~padding": ("~", "padding"),
    "~window": ("~", "window"),
    "~table4": ("~", "table4"),
}
NAMES = [*LEAVES, *COMBINED]
NEED_AN_ENTRY_FOR_EVERY_QUERY = ("documents", "chosen_tokens")


def combine(operator: str, *cases: Case) -> Case:
    """Combine masks by txlite's operators, and tables by NumPy's."""
    mask, table = cases[0]
    assert mask is not None
    rule = as_mask(mask)
    if operator == "~":
        return Case(~rule, ~table)
    other, other_table = cases[1]
    assert other is not None
    if operator == "&":
        return Case(rule & other, table & other_table)
    return Case(rule | other, table | other_table)


def make(name: str, sizes: Sizes, seed: int = 0) -> Case:
    """Build the mask of that name for these sizes."""
    generator = np.random.default_rng(seed)
    if name in LEAVES:
        return LEAVES[name](sizes, generator)
    operator, *leaves = COMBINED[name]
    return combine(operator, *(LEAVES[leaf](sizes, generator) for leaf in leaves))


def possible(name: str, sizes: Sizes) -> bool:
    """Whether the mask exists for these sizes: a query without a segment has no document."""
    return sizes.T <= sizes.S or not any(n in name for n in NEED_AN_ENTRY_FOR_EVERY_QUERY)


@st.composite
def trees(draw: st.DrawFn, sizes: Sizes) -> Case:
    """Any expression of masks, up to a depth of two."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = [n for n in LEAVES if n != "none" and possible(n, sizes)]
    makers: dict[str, Callable[[], Case]] = {
        "window": lambda: window(sizes, generator, draw(st.integers(1, 9))),
        "blocks": lambda: blocks(sizes, generator, draw(st.integers(1, 9))),
    }

    def grow(depth: int) -> Case:
        operator = draw(st.sampled_from("&|~.")) if depth else "."
        if operator == ".":
            name = draw(st.sampled_from(names))
            leaf = makers[name]() if name in makers else LEAVES[name](sizes, generator)
            assert leaf.mask is not None
            return Case(as_mask(leaf.mask), leaf.table)
        if operator == "~":
            return combine("~", grow(depth - 1))
        return combine(operator, grow(depth - 1), grow(depth - 1))

    return grow(2)
