"""Axial positions: row by row of a table, as the published model lays them out."""

import pytest
import torch
from torch.testing import assert_close

from txlite.nn.positions import Axial
from txlite.nn.positions.scheme import PositionScheme

ROWS, COLUMNS, WIDTHS = 3, 5, (2, 4)


def test_a_position_has_its_row_s_vector_and_its_column_s() -> None:
    axial = Axial((ROWS, COLUMNS), WIDTHS)
    got = axial(torch.arange(ROWS * COLUMNS))
    position = 0
    for row in range(ROWS):
        for column in range(COLUMNS):
            want = torch.cat([axial.rows[row], axial.columns[column]])
            assert_close(got[position], want)
            position += 1
    assert len({tuple(v.tolist()) for v in got}) == ROWS * COLUMNS


def test_it_looks_up_any_shape_and_learns() -> None:
    axial = Axial((ROWS, COLUMNS), WIDTHS)
    at = torch.tensor([[14, 0], [7, 7]])
    assert axial(at).shape == (2, 2, 6)
    axial(at).sum().backward()
    assert axial.rows.grad is not None
    assert axial.rows.grad[:, 0].tolist() == [1, 2, 1]
    assert repr(axial) == "Axial(3 × 5, widths=(2, 4))"


def test_it_stands_in_a_scheme_of_learned_positions() -> None:
    axial = Axial((ROWS, COLUMNS), WIDTHS)
    scheme = PositionScheme("learned", 6, 2, part=axial)
    x = torch.zeros(2, 4, 6)
    keep = torch.tensor([[True] * 4, [False, True, True, True]])
    placed, _ = scheme(x, keep)
    assert_close(placed[1, 1:], axial(torch.arange(3)))
    with pytest.raises(ValueError, match="part should be"):
        PositionScheme("rotary", 6, 2, part=axial)


@pytest.mark.plain
@pytest.mark.parametrize(
    ("shape", "widths", "message"),
    [
        ((3, 0), (2, 4), r"shape\[1\] should be a positive whole number, got 0"),
        ((3, 5, 2), (2, 4), r"shape should be two whole numbers, got \(3, 5, 2\)"),
        (15, (2, 4), "shape should be two whole numbers, got 15"),
        ((3, 5), (2, 1.5), r"widths\[1\] should be a positive whole number, got 1.5"),
    ],
)
def test_what_makes_no_table_is_refused(shape: object, widths: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Axial(shape, widths)  # type: ignore[arg-type]


@pytest.mark.plain
def test_a_position_outside_is_refused() -> None:
    axial = Axial((ROWS, COLUMNS), WIDTHS)
    with pytest.raises(ValueError, match=r"positions should lie in \[0, max_len=15\), got 15"):
        axial(torch.tensor([15]))
    with pytest.raises(ValueError, match="positions should hold"):
        axial(torch.tensor([0.5]))
