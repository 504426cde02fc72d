"""The argument checks themselves: what they let through, and what they return."""

import math
import re
from enum import IntEnum
from fractions import Fraction

import numpy as np
import pytest
import torch

from txlite import _checks

X = torch.ones(2, 5, 8)


def test_a_shape_gives_its_sizes() -> None:
    assert _checks.check_shape("x", X, "B T D") == {"B": 2, "T": 5, "D": 8}
    assert _checks.check_shape("x", X, "B T D", D=8) == {"D": 8, "B": 2, "T": 5}
    assert _checks.check_shape("x", X, "*B T D", S=3) == {"S": 3, "T": 5, "D": 8}
    assert _checks.check_shape("x", X, "*B D") == {"D": 8}
    assert _checks.check_shape("x", X[0, 0], "*B D") == {"D": 8}
    assert _checks.check_shape("x", torch.ones(()), "") == {}


def test_leading_axes_may_be_none() -> None:
    assert _checks.check_shape("x", X[0], "*B T D") == {"T": 5, "D": 8}
    _checks.check_batch("x", X[0], ())
    _checks.check_batch("x", X, (2,))
    _checks.check_batch("x", X, (2, 5), trailing=1)


@pytest.mark.parametrize("n", [1, 7, 10**12])
def test_positive_numbers_pass(n: int) -> None:
    _checks.check_positive("n", n)


@pytest.mark.parametrize("p", [0.0, 0.5, 0.999])
def test_probabilities_pass(p: float) -> None:
    _checks.check_probability("p", p)


SAME_NUMBERS = [  # 3 and 0.5, from whoever makes numbers
    (3, 0.5),
    (np.int64(3), np.float64(0.5)),
    (np.uint8(3), np.float32(0.5)),
    (np.array(3), np.float16(0.5)),
    (torch.tensor(3), torch.tensor(0.5)),
    (torch.tensor(3, dtype=torch.int16), torch.tensor(0.5, dtype=torch.bfloat16)),
    (IntEnum("Size", {"SMALL": 3}).SMALL, Fraction(1, 2)),
]


@pytest.mark.parametrize(("whole", "half"), SAME_NUMBERS)
def test_a_number_comes_in_as_pythons_whoever_made_it(whole, half) -> None:
    for check in (_checks.check_positive, _checks.check_length, _checks.check_whole):
        found = check("n", whole)
        assert (type(found), found) == (int, 3)
    for check in (
        _checks.check_rate,
        _checks.check_finite,
        _checks.check_share,
        _checks.check_probability,
    ):
        found = check("x", half)
        assert (type(found), found) == (float, 0.5)
    found = _checks.check_rate("x", whole)  # a whole number is a number, too
    assert (type(found), found) == (float, 3.0)


NO_NUMBERS = [
    True,
    np.True_,
    torch.tensor(True),
    "3",
    None,
    3j,
    torch.tensor(3j),
    [3],
    torch.tensor([3]),
    np.array([3]),
    torch.tensor(3.0, requires_grad=True),
    math.nan,
    np.float32("nan"),
    torch.tensor(math.inf),
]


@pytest.mark.parametrize("x", NO_NUMBERS)
def test_what_is_no_number_is_refused_with_what_came(x) -> None:
    for check, wanted in (
        (_checks.check_positive, "a positive whole number"),
        (_checks.check_length, "a whole number of at least zero"),
        (_checks.check_whole, "a whole number"),
        (_checks.check_rate, "a positive number"),
        (_checks.check_finite, "a finite number"),
        (_checks.check_share, "a number in [0, 1]"),
        (_checks.check_probability, "a probability in [0, 1)"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(f'x should be {wanted}, got {x!r}')}$"):
            check("x", x)


@pytest.mark.parametrize("x", [3.0, np.float64(3), torch.tensor(3.0), Fraction(3)])
def test_a_whole_number_is_not_written_with_a_point(x) -> None:
    for check in (_checks.check_positive, _checks.check_length, _checks.check_whole):
        with pytest.raises(ValueError, match="whole number"):
            check("x", x)


@pytest.mark.parametrize(
    ("check", "inside", "outside"),
    [
        (_checks.check_positive, [1], [0, -1]),
        (_checks.check_length, [0, 1], [-1]),
        (_checks.check_whole, [-1, 0, 2**70], []),
        (_checks.check_rate, [5e-324, 1e308], [0.0, -1e-9, math.inf]),
        (_checks.check_finite, [0.0, -1e308], [math.inf, -math.inf]),
        (_checks.check_share, [0.0, 1.0, 1], [-1e-9, 1.0000001]),
        (_checks.check_probability, [0.0, 0.9999999], [1.0, -1e-9]),
    ],
)
def test_where_a_range_ends(check, inside, outside) -> None:
    for x in inside:
        assert check("x", x) == x
    for x in outside:
        with pytest.raises(ValueError, match=r"^x should be"):
            check("x", x)


def test_divisors_pass() -> None:
    _checks.check_divides("num_heads", 3, "d_model", 12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_floating_point_numbers_pass(dtype: torch.dtype) -> None:
    _checks.check_floating("x", X.to(dtype))


def test_equal_dtypes_and_devices_pass() -> None:
    _checks.check_alike("x", X, X + 1)
    _checks.check_device("x", X, None)
    _checks.check_device("x", X.to("meta"), torch.device("meta"))


def test_autocast_unites_dtypes_so_they_may_differ() -> None:
    with pytest.raises(ValueError, match="x should have the dtype of y, float32, got float64"):
        _checks.check_dtype("x", X.double(), "y", X)
    with torch.autocast("cpu", torch.bfloat16):
        _checks.check_dtype("x", X.double(), "y", X)


def test_a_dtype_is_said_as_one_says_it() -> None:
    assert _checks.dtype_name(X) == "float32"
    assert _checks.dtype_name(X.bool()) == "bool"


@pytest.mark.parametrize("shape", [(5, 8), (2, 5, 8, 1), (2, 5, 9), (3, 5, 8)])
def test_a_wrong_shape_is_said_in_letters(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"x should have shape \(B=2, T, D=8\), got \("):
        _checks.check_shape("x", torch.ones(shape), "B T D", B=2, D=8)


def test_the_axis_that_disagrees_is_named() -> None:
    with pytest.raises(ValueError, match=r"got \(2, 5, 8\); axis T disagrees$"):
        _checks.check_shape("x", X, "B T D", T=4)
    with pytest.raises(ValueError, match=r"got \(2, 5, 8\)$"):  # no axis is to blame
        _checks.check_shape("x", X, "B D", D=8)


def test_a_batch_must_be_equal_axis_by_axis() -> None:
    for batch in ((), (3,), (2, 5)):
        with pytest.raises(ValueError, match=r"x should have the query's leading axes \*B="):
            _checks.check_batch("x", X, batch)
