"""Time and money are proportions."""

from typing import Any

import pytest

from txlite.counting import training_cost, training_days, training_seconds

MACHINE: dict[str, Any] = {"peak_flops_per_second": 4e12, "utilisation": 0.25}


def test_a_second_is_what_the_peak_times_its_share_does() -> None:
    assert training_seconds(1e12, **MACHINE) == 1.0
    assert training_seconds(6e12, **MACHINE, num_devices=3) == 2.0


def test_days_are_seconds() -> None:
    assert training_days(86_400e12, **MACHINE) == 1.0


def test_the_price_does_not_know_how_many_share_the_work() -> None:
    assert training_cost(7200e12, **MACHINE, price_per_device_hour=1.5) == 3.0


def test_gpt3_took_thousands_of_days_of_one_device() -> None:
    """Brown et al., table D.1: 3640 days of a device that does 10^15 operations a second."""
    days = training_days(3.14e23, peak_flops_per_second=1e15, utilisation=1.0)
    assert days == pytest.approx(3640, rel=0.005)
