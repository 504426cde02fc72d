import math

import pytest
import torch
from torch.nn.functional import grid_sample, interpolate
from torch.testing import assert_close

from tests.checks.written import earns
from txlite import checks
from txlite.nn.positions import LearnedGrid

check = checks.stretch_positions


def cubic(t):
    """How much a point counts at distance t: Keys (1981) with a = -0.75, as torch has it."""
    t, a = abs(t), -0.75
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t < 2 else 0.0


def along(old, new, where=None, weigh=cubic):
    """Return the matrix (new, old) of one axis; what lies beyond the border is the border."""
    matrix = torch.zeros(new, old)
    for i in range(new):
        at = (i + 0.5) * old / new - 0.5 if where is None else where(i)
        for k in range(math.floor(at) - 1, math.floor(at) + 3):
            matrix[i, min(max(k, 0), old - 1)] += weigh(at - k)
    return matrix


def stretched(places, grid, wanted, **how):
    rows, columns = (along(a, b, **how) for a, b in zip(grid, wanted, strict=True))
    x = places.view(*grid, -1)
    return torch.einsum("ir,jc,rcd->ijd", rows, columns, x).flatten(0, 1)


def by_hand(stretch):
    return lambda table, grid, wanted: torch.cat([table[:1], stretch(table[1:], grid, wanted)])


def test_right_answers_in_other_words_pass():
    check(by_hand(stretched)).require()

    def with_the_package(table, grid, wanted):
        positions = LearnedGrid(*grid, table.shape[1], num_before=1)
        return torch.func.functional_call(positions, {"table": table}, wanted)

    check(with_the_package).require()


def by_factor(places, grid, wanted):
    lost = [math.floor(a * (b / a)) for a, b in zip(grid, wanted, strict=True)]
    where = [
        lambda i, a=a, b=b: (i + 0.5) / (b / a) - 0.5 for a, b in zip(grid, wanted, strict=True)
    ]
    rows, columns = (along(a, b, where=w) for a, b, w in zip(grid, lost, where, strict=True))
    return torch.einsum("ir,jc,rcd->ijd", rows, columns, places.view(*grid, -1)).flatten(0, 1)


def as_the_rows(places, grid, wanted):
    return stretched(places, grid, (wanted[0], round(grid[1] * wanted[0] / grid[0])))


def in_memory(places, grid, wanted):
    return stretched(places.reshape(-1, *grid).permute(1, 2, 0).flatten(0, 1), grid, wanted)


def from_a_square(places, grid, wanted):
    side = int(len(places) ** 0.5)
    return stretched(places, (side, side), wanted)


def down_the_columns(places, grid, wanted):
    x = stretched(places, grid, wanted).unflatten(0, wanted)
    return torch.cat([x[:, c] for c in range(wanted[1])])


def line(table, grid, wanted):
    new, old = 1 + wanted[0] * wanted[1], len(table)
    at = ((torch.arange(new) + 0.5) * old / new - 0.5).clamp(0, old - 1)
    low = at.floor().long()
    share = (at - low)[:, None]
    return table[low] * (1 - share) + table[(low + 1).clamp(max=old - 1)] * share


def on_the_corners(places, grid, wanted):
    x = places.T.reshape(1, -1, *grid)
    axes = [torch.linspace(-1, 1, n) for n in wanted]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij")[::-1], dim=-1)[None]
    options = {"mode": "bicubic", "padding_mode": "border", "align_corners": True}
    return grid_sample(x, points, **options)[0].flatten(1).T


def copied(places, grid, wanted):
    x = places.view(*grid, -1)
    rows, columns = (torch.arange(b) * a // b for a, b in zip(grid, wanted, strict=True))
    return x[rows][:, columns].flatten(0, 1)


def averaged(places, grid, wanted):
    rows, columns = (
        interpolate(torch.eye(a)[None, None], size=(b, a), mode="bicubic", antialias=True)[0, 0]
        for a, b in zip(grid, wanted, strict=True)
    )
    return torch.einsum("ir,jc,rcd->ijd", rows, columns, places.view(*grid, -1)).flatten(0, 1)


WRITTEN = {
    "a factor for the size": by_hand(by_factor),
    "one factor for both sides": by_hand(as_the_rows),
    "height and width exchanged": by_hand(lambda x, g, w: stretched(x, g, (w[1], w[0]))),
    "old grid's sides exchanged": by_hand(lambda x, g, w: stretched(x, (g[1], g[0]), w)),
    "reshaped, not transposed": by_hand(in_memory),
    "a square taken for granted": by_hand(from_a_square),
    "column by column": by_hand(down_the_columns),
    "as a line": line,
    "corners aligned": by_hand(on_the_corners),
    "bilinear": by_hand(lambda x, g, w: stretched(x, g, w, weigh=lambda t: max(0.0, 1 - abs(t)))),
    "nearest": by_hand(copied),
    "averaged where it shrinks": by_hand(averaged),
    "class token's row lost": lambda t, g, w: stretched(t[1:], g, w),
    "class token's row last": lambda t, g, w: torch.cat([stretched(t[1:], g, w), t[:1]]),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


@pytest.mark.parametrize("side", [61, 115, 122])
def test_fourteen_rows_by_factor_lose_one_where_the_size_does_not(side):
    places = torch.randn(14 * 14, 2)
    table = torch.cat([torch.zeros(1, 2), places])
    (wrong,) = [m.wrong for m in check.bank if m.name == "a factor for the size"]
    assert len(wrong(table, (14, 14), (side, side))) == 1 + (side - 1) ** 2
    assert len(check.reference(table, (14, 14), (side, side))) == 1 + side**2


def test_the_tables_own_size_is_the_table():
    table = torch.randn(1 + 2 * 3, 4)
    assert_close(check.reference(table, (2, 3), (2, 3)), table, rtol=0, atol=0)


def test_a_row_that_counts_its_grid_row_stays_the_same_along_a_row():
    rows = torch.arange(5.0)[:, None, None].expand(5, 3, 1).reshape(15, 1)
    table = torch.cat([torch.tensor([[-9.0]]), rows])
    new = check.reference(table, (5, 3), (8, 7))[1:].view(8, 7)
    assert_close(new, new[:, :1].expand(8, 7))
    assert (new[1:, 0] > new[:-1, 0]).all()
