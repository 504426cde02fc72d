"""The paired bootstrap: what chance would do, and what makes items hard for both."""

import pytest
import torch

from txlite.training.paired import paired_bootstrap


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_difference_is_that_of_the_means() -> None:
    assert paired_bootstrap([1, 0, 1, 1], [0, 0, 1, 0], generator=dice())[0] == 0.5


def test_the_interval_is_the_normal_one_where_items_are_many() -> None:
    gaps = torch.randn(2_000, generator=dice(1), dtype=torch.double)
    difference, low, high = paired_bootstrap(
        gaps.tolist(), [0.0] * 2_000, generator=dice(), samples=4_000
    )
    wide = 1.96 * float(gaps.std()) / 2_000**0.5
    assert low == pytest.approx(difference - wide, abs=0.1 * wide)
    assert high == pytest.approx(difference + wide, abs=0.1 * wide)


@pytest.mark.kills(
    "paired: the two are drawn apart",
    "training/paired.py",
    "    means = gaps[drawn].mean(1)",
    "    a, b = (torch.tensor(x, dtype=torch.double) for x in (first, second))\n"
    "    means = (a[drawn] - b[drawn.roll(1, 0)]).mean(1)",
)
def test_what_is_hard_for_both_does_not_count() -> None:
    hard = torch.randn(500, generator=dice(2)).mul(100).tolist()
    difference, low, high = paired_bootstrap([x + 1 for x in hard], hard, generator=dice())
    assert difference == pytest.approx(1, abs=1e-4)
    assert low == pytest.approx(1, abs=1e-4)
    assert high == pytest.approx(1, abs=1e-4)


def test_more_coverage_is_a_wider_interval() -> None:
    marks = [float(i % 2) for i in range(100)]
    narrow, wide = (
        paired_bootstrap(marks, [0.3] * 100, generator=dice(), coverage=share)
        for share in (0.5, 0.99)
    )
    assert wide[1] < narrow[1] < narrow[0] < narrow[2] < wide[2]


def test_the_generator_decides() -> None:
    marks = [float(i % 3) for i in range(50)]
    one, again = (paired_bootstrap(marks, [1.0] * 50, generator=dice(7)) for _ in range(2))
    assert one == again


@pytest.mark.parametrize(
    ("first", "second", "more", "message"),
    [
        ([], [], {}, r"^first and second should hold a score .* got 0 and 0 scores"),
        ([1.0], [1.0, 2.0], {}, r"^first and second should hold a score .* got 1 and 2 scores"),
        ([1.0], [1.0], {"samples": 0}, r"^samples should be a positive whole number, got 0"),
        ([1.0], [1.0], {"coverage": 1.5}, r"^coverage should be .*got 1.5"),
    ],
)
def test_what_cannot_be_compared(
    first: list[float], second: list[float], more: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        paired_bootstrap(first, second, generator=dice(), **more)
