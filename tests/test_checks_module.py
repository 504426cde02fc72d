"""The argument checks themselves: what they let through, and what they return."""

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


def test_numbers_are_pythons_and_numpys_but_not_truth_values() -> None:
    assert all(_checks.is_number(x) for x in (3, -0.5, np.float32(0.5), np.int64(2)))
    assert not any(_checks.is_number(x) for x in (True, "0.1", None, 1j, X))


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
