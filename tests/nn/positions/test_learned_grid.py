"""Learned places on a grid: looked up at their own size, stretched to any other."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close

from txlite.nn.positions import LearnedGrid

ROWS, COLUMNS, D, BEFORE = 2, 3, 5, 1


def grid(rows: int = ROWS, columns: int = COLUMNS, **options: Any) -> LearnedGrid:
    return LearnedGrid(rows, columns, D, **{"num_before": BEFORE, **options}).double()


def numbered(rows: int, columns: int) -> LearnedGrid:
    """A table whose entry is its row's number, then its column's."""
    positions = LearnedGrid(rows, columns, 2).double()
    places = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
    with torch.no_grad():
        positions.table.copy_(places)
    return positions


def test_at_its_own_size_it_is_the_table_bit_by_bit() -> None:
    positions = grid()
    assert torch.equal(positions(ROWS, COLUMNS), positions.table)
    assert positions.table.shape == (BEFORE + ROWS * COLUMNS, D)


def test_the_interpolation_at_the_same_size_is_the_identity() -> None:
    """So that the short way is no other way."""
    table = grid(4, 7).table[BEFORE:]
    picture = table.T.reshape(1, D, 4, 7)
    same = functional.interpolate(picture, size=(4, 7), mode="bicubic", align_corners=False)
    assert_close(same, picture, rtol=0.0, atol=1e-14)


@pytest.mark.kills(
    "grid: rows and columns swapped",
    "nn/positions/learned_grid.py",
    "size=(rows, columns)",
    "size=(columns, rows)",
)
@pytest.mark.kills(
    "grid: corners held fast",
    "nn/positions/learned_grid.py",
    "align_corners=False",
    "align_corners=True",
)
@pytest.mark.parametrize("size", [(4, 6), (2, 6), (5, 3), (1, 1), (3, 2)])
def test_rows_grow_downwards_and_columns_across(size: tuple[int, int]) -> None:
    """The table of a row's number has equal entries across, of a column's equal ones down."""
    rows, columns = size
    down, across = numbered(ROWS, COLUMNS)(*size).T.reshape(2, rows, columns)
    assert_close(down, down[:, :1].expand(rows, columns), rtol=0.0, atol=1e-12)
    assert_close(across, across[:1].expand(rows, columns), rtol=0.0, atol=1e-12)
    assert down[:, 0].diff().gt(0).all()
    assert across[0].diff().gt(0).all()
    centre = torch.tensor([(ROWS - 1) / 2, (COLUMNS - 1) / 2]).double()
    assert_close(torch.stack([down.mean(), across.mean()]), centre)  # half pixels on either side


def cubic(x: float) -> float:
    """Keys' kernel with a = −¾, as image libraries have it."""
    x, a = abs(x), -0.75
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0


def stretched(values: Tensor, count: int) -> Tensor:
    """Stretch along the first axis by the definition: half pixels, edges repeated."""
    length, out = len(values), []
    for i in range(count):
        at = (i + 0.5) * length / count - 0.5
        near = range(int(at // 1) - 1, int(at // 1) + 3)
        out.append(sum(cubic(at - j) * values[min(max(j, 0), length - 1)] for j in near))
    return torch.stack(out)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(5, 4), (7, 2), (2, 3)])
def test_it_is_bicubic_by_the_definition(size: tuple[int, int]) -> None:
    positions = grid(3, 4)
    table = positions.table[BEFORE:].reshape(3, 4, D)
    want = stretched(stretched(table, size[0]).transpose(0, 1), size[1]).transpose(0, 1)
    assert_close(positions(*size)[BEFORE:], want.reshape(-1, D), rtol=0.0, atol=1e-12)


def test_what_stands_before_the_grid_stays() -> None:
    positions = grid(num_before=2)
    assert torch.equal(positions(5, 4)[:2], positions.table[:2])
    assert positions(5, 4).shape == (2 + 20, D)
    assert grid(num_before=0)(4, 4).shape == (16, D)


@pytest.mark.parametrize(("side", "patches"), [(976, 61), (1840, 115), (1952, 122)])
def test_no_rounding_loses_a_row(side: int, patches: int) -> None:
    """A factor instead of a size gives 60, 114 and 121."""
    positions = LearnedGrid(14, 14, 1)
    assert len(positions(side // 16, 2)) == 2 * patches


def test_an_antialiased_reduction_averages_what_the_other_leaves_out() -> None:
    plain, smooth = grid(12, 12), grid(12, 12, antialias=True)
    smooth.load_state_dict(plain.state_dict())
    with torch.no_grad():
        for positions in (plain, smooth):
            positions.table[BEFORE:] = torch.tensor([1.0, -1.0]).repeat(72)[:, None]
    assert plain(4, 4)[BEFORE:].abs().max() > 0.9
    assert smooth(4, 4)[BEFORE:].abs().max() < 0.5
    assert torch.equal(smooth(12, 12), plain(12, 12))


def test_in_half_precision_it_is_the_rounded_result() -> None:
    positions = grid(4, 4).bfloat16()
    want = positions.double()(7, 5).to(torch.bfloat16)
    assert_close(positions.bfloat16()(7, 5), want, rtol=0.01, atol=0.0)
    assert positions(7, 5).dtype == torch.bfloat16


def test_every_place_is_learned_at_any_size() -> None:
    positions = grid(3, 3)
    positions(4, 5).sin().sum().backward()
    assert positions.table.grad is not None
    assert positions.table.grad.abs().amax(1).gt(0).all()


@pytest.mark.plain
def test_a_size_that_is_none_is_refused() -> None:
    for given, message in (
        ({"rows": 0}, "rows should be a positive whole number, got 0"),
        ({"columns": 1.5}, "columns should be a positive whole number, got 1.5"),
        ({"num_before": -1}, "num_before should be a whole number of at least zero, got -1"),
    ):
        arguments: dict[str, Any] = {"rows": 2, "columns": 2, "d_model": D, **given}
        with pytest.raises(ValueError, match=message):
            LearnedGrid(**arguments)
    with pytest.raises(ValueError, match="columns should be a positive whole number, got 0"):
        grid()(3, 0)
