import math
from statistics import fmean

import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.forecasting import mase

check = checks.scaled_error


def apart(values, steps, first=0):
    """How far each value lies from the one ``steps`` before it, from a place on."""
    return [abs(values[i] - values[i - steps]) for i in range(max(steps, first), len(values))]


def scored(scale, error=None, ratio=None):
    def answer(past, future, forecast, season):
        past, future, forecast = past.tolist(), future.tolist(), forecast.tolist()
        off = [a - b for a, b in zip(future, forecast, strict=True)]
        above = error(off) if error else fmean(map(abs, off))
        below = scale(past, future, season)
        if ratio:
            return ratio(above, below)
        return above / below if below else math.nan

    return answer


def rule(past, future, season):
    return fmean(apart(past, season))


def twice(past, future, season):
    found = apart(past[season:], season)
    return fmean(found) if found else math.nan


WRITTEN = {
    "scaled by the test set": scored(lambda p, f, m: fmean(apart(p + f, m, len(p)))),
    "scaled by the steps of the test set": scored(lambda p, f, m: fmean(apart(f, 1))),
    "past and future together": scored(lambda p, f, m: fmean(apart(p + f, m))),
    "yesterday's value": scored(lambda p, f, m: fmean(apart(p, 1))),
    "one season too far": scored(lambda p, f, m: fmean(apart(p, m + 1))),
    "trimmed twice": scored(twice),
    "divided by all of T": scored(lambda p, f, m: sum(apart(p, m)) / len(p)),
    "scaled by the spread": scored(lambda p, f, m: fmean(abs(x - fmean(p)) for x in p)),
    "squared errors": scored(rule, error=lambda off: fmean(x * x for x in off)),
    "errors that cancel": scored(rule, error=lambda off: abs(sum(off)) / len(off)),
    "a small number below": scored(rule, ratio=lambda a, b: a / max(b, 1e-8)),
    "upside down": scored(rule, ratio=lambda a, b: b / a),
    "not scaled": lambda past, future, forecast, season: torch.nn.functional.l1_loss(
        forecast, future
    ),
    "in per cent": scored(rule, ratio=lambda a, b: 100 * a / b if b else math.nan),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_right_answers_in_other_words_pass():
    check(scored(rule)).require()


@pytest.mark.parametrize("season", [1, 2, 7])
def test_the_naive_rule_itself_has_a_score_of_one(season):
    """One step after another over its own sample; trimmed twice it would not."""
    past = torch.rand(60, generator=torch.Generator().manual_seed(season)).double() * 30
    score = check.reference(past, past[season:], past[:-season], season)
    assert float(score) == pytest.approx(1.0, abs=1e-12)
    wrong = next(m.wrong for m in check.bank if m.name == "trimmed twice")
    assert float(wrong(past, past[season:], past[:-season], season)) != pytest.approx(1.0, abs=1e-4)


def test_a_constant_past_has_no_score():
    constant = torch.full((9,), 4.0).double()
    assert math.isnan(check.reference(constant, constant[:2], constant[:2] + 1, 3))


@pytest.mark.parametrize("case", check.cases, ids=lambda case: f"season {case[3]}")
def test_it_is_what_the_package_scores(case):
    past, future, forecast, season = case
    packaged = mase([future], [forecast], [past], season=season).value
    assert float(check.reference(*case)) == pytest.approx(packaged, nan_ok=True)
