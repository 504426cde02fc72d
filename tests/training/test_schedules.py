"""Schedules against the paper's equation (3), against torch's cosine, and at their ends."""

import math
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from txlite.training import constant, warmup_cosine, warmup_inverse_sqrt


@given(st.integers(1, 4096), st.integers(1, 10_000), st.integers(1, 200_000))
def test_is_equation_3_of_the_paper(d_model, warmup, step):
    wanted = d_model**-0.5 * min(step**-0.5, step * warmup**-1.5)
    assert warmup_inverse_sqrt(d_model, warmup)(step) == wanted
    assert warmup_inverse_sqrt(d_model, warmup, 2.5)(step) == pytest.approx(2.5 * wanted)


def test_the_papers_numbers():
    rate = warmup_inverse_sqrt(512, 4000)
    assert rate(4000) == pytest.approx(6.987712e-4, rel=1e-6)
    assert rate(1) == pytest.approx(rate(4000) / 4000)
    assert rate(100_000) == pytest.approx(rate(4000) / 5)  # √(4000/100000)
    assert max(range(1, 20_000), key=rate) == 4000


@pytest.mark.kills(
    "training: the step counted from zero in the cosine",
    "training/schedules.py",
    "(step - warmup_steps) / (total_steps - warmup_steps)",
    "(step - 1 - warmup_steps) / (total_steps - warmup_steps)",
)
def test_cosine_equals_torchs_after_the_rise():
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=40, eta_min=0.01)
    ours = warmup_cosine(0.3, 10, 50, floor=0.01)
    for step in range(10, 51):
        assert ours(step) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()


def test_cosine_rises_in_a_straight_line_and_stays_at_the_floor():
    rate = warmup_cosine(0.3, 10, 50, floor=0.01)
    assert [rate(s) for s in (1, 5, 10)] == pytest.approx([0.03, 0.15, 0.3])
    assert rate(50) == rate(51) == rate(5000) == pytest.approx(0.01)
    assert warmup_cosine(0.3, 0, 50)(1) < 0.3


def test_a_schedule_travels_to_another_process():
    for rate in (warmup_inverse_sqrt(8, 5), warmup_cosine(1.0, 2, 9), constant(0.1)):
        again = pickle.loads(pickle.dumps(rate))
        assert [again(s) for s in range(1, 12)] == [rate(s) for s in range(1, 12)]


@pytest.mark.plain
def test_errors_name_the_argument():
    with pytest.raises(ValueError, match=r"^warmup_steps should be a positive .* got 0"):
        warmup_inverse_sqrt(8, 0)
    with pytest.raises(ValueError, match=r"^warmup_steps should be from 0 to .* 8, got 9"):
        warmup_cosine(1.0, 9, 9)
    for wrong in (-1, 2.5, True, "3"):
        with pytest.raises(ValueError, match=r"^warmup_steps should be a whole number .* got"):
            warmup_cosine(1.0, wrong, 9)
    for rate in (warmup_inverse_sqrt(8, 5), warmup_cosine(1.0, 2, 9), constant(0.1)):
        for wrong in (0, 1.5):
            with pytest.raises(ValueError, match=r"^step should be a positive .* got"):
                rate(wrong)


@pytest.mark.plain
@pytest.mark.parametrize("wrong", [0, -0.1, math.nan, math.inf, True, "0.1", None])
def test_a_rate_is_a_positive_number(wrong):
    for name, make in {
        "factor": lambda: warmup_inverse_sqrt(8, 5, wrong),
        "peak": lambda: warmup_cosine(wrong, 2, 9),
        "rate": lambda: constant(wrong),
    }.items():
        with pytest.raises(ValueError, match=rf"^{name} should be a positive number, got "):
            make()


@pytest.mark.plain
@pytest.mark.parametrize("wrong", [-0.1, 0.4, math.nan, False, "0"])
def test_a_floor_lies_below_the_peak(wrong):
    with pytest.raises(ValueError, match=r"^floor should be a number in \[0, peak=0.3\], got "):
        warmup_cosine(0.3, 2, 9, floor=wrong)
    assert warmup_cosine(0.3, 2, 9, floor=0.3)(9) == 0.3
