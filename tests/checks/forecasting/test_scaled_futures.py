from statistics import fmean, pstdev, pvariance, stdev

import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.scaled_futures


def rows(seen=None, taken=None, middle=fmean, width=pstdev):
    """Build an answer out of lists of numbers; ``seen`` says from where to where."""

    def answer(series, origins, horizon):
        values = series.tolist()
        table = []
        for t in origins:
            begin, end = seen(t, origins, horizon, len(values)) if seen else (0, t)
            known = values[begin:end]
            a = taken(t, horizon) if taken else t
            window = values[a : a + horizon]
            table.append([(x - middle(known)) / width(known) for x in window])
        return torch.tensor(table)

    return answer


def own_window(series, origins, horizon):
    windows = torch.stack([series[t : t + horizon] for t in origins])
    return (windows - windows.mean(1, True)) / windows.std(1, correction=0, keepdim=True)


def too_few(series, origins, horizon):
    table = []
    for t in origins:
        known = series[: t - 1]
        centred = known - known.sum() / len(known)
        width = (centred.square().sum() / len(known)).sqrt()
        table.append((series[t : t + horizon] - known.mean()) / width)
    return torch.stack(table)


WRITTEN = {
    "fitted on everything": rows(lambda t, origins, h, n: (0, n)),
    "fitted on what is told": own_window,
    "fitted up to the window's end": rows(lambda t, origins, h, n: (0, t + h)),
    "one value too far": rows(lambda t, origins, h, n: (0, t + 1)),
    "one value too few": too_few,
    "never fitted again": rows(lambda t, origins, h, n: (0, origins[0])),
    "the last horizon alone": rows(lambda t, origins, h, n: (t - h, t)),
    "the values known": rows(taken=lambda t, h: t - h),
    "one step late": rows(taken=lambda t, h: t + 1),
    "not centred": rows(middle=lambda known: 0),
    "not divided": rows(width=lambda known: 1),
    "Bessel's correction": rows(width=stdev),
    "by the variance": rows(width=pvariance),
    "between least and most": rows(middle=min, width=lambda known: max(known) - min(known)),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_right_answers_in_other_words_pass():
    check(rows()).require()


def test_a_poisoned_future_changes_no_scale():
    """What comes after a window is made NaN: nothing of the window moves, but for the leaks."""
    series, origins, horizon = check.cases[2]
    poisoned = series.clone()
    poisoned[origins[0] + horizon :] = torch.nan
    given = [origins[0]], horizon
    assert torch.equal(check.reference(series, *given), check.reference(poisoned, *given))
    everything = next(m.wrong for m in check.bank if m.name == "fitted on everything")
    assert everything(poisoned, *given).isnan().all()
