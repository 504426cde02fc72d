import math
from itertools import pairwise
from statistics import fmean, linear_regression

import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.power_law


def same(x):
    return x


def fitted(x=math.log, y=math.log, off=lambda loss, floor: loss - floor, back=math.exp, line=None):
    def answer(sizes, losses, floor):
        across = [x(size) for size in sizes.tolist()]
        up = [y(off(loss, floor)) for loss in losses.tolist()]
        slope, intercept = (line or linear_regression)(across, up)
        return [back(intercept), -slope]

    return answer


def from_nothing(across, up):
    return linear_regression(across, up, proportional=True)


def first_to_last(across, up):
    slope = (up[0] - up[-1]) / (across[0] - across[-1])
    return slope, up[-1] - slope * across[-1]


def mean_slope(across, up):
    both = list(zip(across, up, strict=True))
    slope = fmean((d - b) / (c - a) for (a, b), (c, d) in pairwise(both))
    return slope, fmean(up) - slope * fmean(across)


def sizes_on_losses(across, up):
    slope, intercept = linear_regression(up, across)
    return 1 / slope, -intercept / slope


def from_the_first(across, up):
    slope = linear_regression(across, up).slope
    return slope, up[0] - slope * across[0]


def rising(sizes, losses, floor):
    factor, exponent = fitted()(sizes, losses, floor)
    return [factor, -exponent]


WRITTEN = {
    "not in logarithms": fitted(x=same, y=same, back=same),
    "only the sizes in logarithms": fitted(y=same, back=same),
    "only the losses in logarithms": fitted(x=same),
    "intercept lost": fitted(line=from_nothing),
    "the factor as a logarithm": fitted(back=same),
    "ten and e mixed": fitted(x=math.log10, y=math.log10),
    "the sign": rising,
    "the floor left in": fitted(off=lambda loss, floor: loss),
    "the floor added": fitted(off=lambda loss, floor: floor + loss),
    "the floor as a share": fitted(off=lambda loss, floor: loss / floor),
    "the ends alone": fitted(line=first_to_last),
    "the mean of the slopes": fitted(line=mean_slope),
    "turned round": fitted(line=sizes_on_losses),
    "through the first point": fitted(line=from_the_first),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_right_answers_in_other_words_pass():
    check(fitted()).require()


def test_without_noise_the_law_is_found():
    sizes = torch.tensor([3.0, 7.0, 40.0], dtype=torch.float64)
    factor, exponent = check.reference(sizes, 1.25 + 6 * sizes**-0.375, 1.25)
    assert float(factor) == pytest.approx(6)
    assert float(exponent) == pytest.approx(0.375)
