import pytest

from tests.checks.written import earns
from txlite import checks
from txlite.forecasting import origins

check = checks.forecast_origins


def tried(begins, ends=None, apart=None, fixed=-1):
    """Build an answer that tries every place of the series."""

    def answer(length, start, context, horizon, step):
        found = []
        for t in range(3 * length):
            inside = ends(t, length, horizon) if ends else t + horizon <= length
            if inside and begins(t, start, context, horizon):
                found.append(t)
        wide = apart(step, horizon) if apart else step
        return [t for t in found if (t - found[fixed]) % wide == 0]

    return answer


def whole(t, start, context, horizon):
    return t >= start and t - context >= 0


right = tried(whole)

WRITTEN = {
    "the last window is missing": tried(whole, lambda t, n, h: t + h < n),
    "one too many": tried(whole, lambda t, n, h: t + h <= n + 1),
    "to the end of the series": tried(whole, lambda t, n, h: t < n),
    "a horizon lost at the end": tried(whole, lambda t, n, h: t + 2 * h <= n),
    "test and training overlap": tried(lambda t, s, c, h: t + h > s and t >= c),
    "the context kept inside the test": tried(lambda t, s, c, h: t - c >= s),
    "start is not looked at": tried(lambda t, s, c, h: t >= c),
    "the context is not whole": tried(lambda t, s, c, h: t >= s),
    "one later": tried(lambda t, s, c, h: t > s and t > c),
    "a horizon for a step": tried(whole, apart=lambda step, h: h),
    "every origin": tried(whole, apart=lambda step, h: 1),
    "counted from the beginning": tried(whole, fixed=0),
    "where the contexts begin": lambda n, s, c, h, k: [t - c for t in right(n, s, c, h, k)],
    "the last value read": lambda n, s, c, h, k: [t - 1 for t in right(n, s, c, h, k)],
    "one forecast": lambda n, s, c, h, k: [n - h],
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_right_answers_in_other_words_pass():
    check(right).require()


def test_of_a_hundred_values_every_origin_is_65():
    """n - context - horizon + 1, and the last one ends on the last value."""
    found = check.reference(100, 24, 24, 12, 1)
    assert len(found) == 65
    assert found[-1] + 12 == 100


def test_it_is_what_the_package_walks_over():
    for length, start, context, horizon, step in check.cases:
        packaged = origins(
            length, context=context, horizon=horizon, stride=step, within=range(start, length)
        )
        assert check.reference(length, start, context, horizon, step) == packaged
