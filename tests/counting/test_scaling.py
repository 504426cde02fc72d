"""The published laws, their optimum by search, and what their papers say of them."""

import math

import pytest

from txlite.counting import BESIROGLU, HOFFMANN, ScalingFit, kaplan_loss


@pytest.mark.parametrize("fit", [HOFFMANN, BESIROGLU])
@pytest.mark.parametrize("flops", [1e18, 5.76e23])
def test_no_other_division_of_the_budget_is_better(fit: ScalingFit, flops: float) -> None:
    size, read = fit.optimal(flops)
    assert 6 * size * read == pytest.approx(flops)
    best = fit.loss(round(size), round(read))
    for factor in (0.5, 0.9, 1.1, 2.0):
        assert fit.loss(round(size * factor), round(read / factor)) > best


def test_the_exponents_of_the_optimum() -> None:
    for fit, wanted in ((HOFFMANN, 0.28 / 0.62), (BESIROGLU, 0.3658 / 0.7136)):
        small, large = (fit.optimal(c)[0] for c in (1e20, 1e22))
        assert math.log(large / small) / math.log(100) == pytest.approx(wanted)


def test_the_surface_by_hand() -> None:
    fit = ScalingFit(E=2.0, A=30.0, B=500.0, alpha=0.5, beta=1.0)
    assert fit.loss(100, 250) == 2.0 + 3.0 + 2.0
    assert HOFFMANN.loss(70_000_000_000, 1_400_000_000_000) == pytest.approx(1.937, abs=0.001)


def test_the_two_fits_disagree_about_the_tokens_of_a_parameter() -> None:
    published, again = ((d / n) for n, d in (f.optimal(5.76e23) for f in (HOFFMANN, BESIROGLU)))
    assert published > 90
    assert 15 < again < 25


def test_kaplan_by_hand() -> None:
    assert kaplan_loss(num_parameters=88_000_000_000_000) == 1.0
    assert kaplan_loss(num_tokens=54_000_000_000_000) == 1.0
    half = kaplan_loss(num_parameters=44_000_000_000_000)
    assert half == pytest.approx(2**0.076)
    both = kaplan_loss(num_parameters=64_000_000_000_000, num_tokens=18_000_000_000_000)
    assert both == pytest.approx(2**0.103)


def test_kaplan_with_data_enough_is_the_law_of_size() -> None:
    near = kaplan_loss(num_parameters=10**8, num_tokens=10**30)
    assert near == pytest.approx((6.4e13 / 1e8) ** 0.076)
