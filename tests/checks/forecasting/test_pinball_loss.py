import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.forecasting import pinball

check = checks.pinball_loss


def each(tell):
    """Build a table of losses, one for each moment and level."""

    def table(forecasts, actual, levels):
        return [
            [tell(y, q, level) for q, level in zip(row, levels, strict=True)]
            for row, y in zip(forecasts, actual, strict=True)
        ]

    return table


def cost(y, q, level):
    return (y - q) * level if y > q else (q - y) * (1 - level)


def mean_of(tell):
    table = each(tell)

    def answer(forecasts, actual, levels):
        rows = table(forecasts, actual, levels)
        return sum(sum(row) for row in rows) / (len(rows) * len(rows[0]))

    return answer


def reduced(how):
    table = each(cost)
    return lambda *given: how(torch.stack([torch.stack(row) for row in table(*given)]))


WRITTEN = {
    "the sign swapped": mean_of(lambda y, q, level: cost(q, y, level)),
    "twice as much": mean_of(lambda y, q, level: 2 * cost(y, q, level)),
    "the cheaper side": mean_of(
        lambda y, q, level: (1 - level) * (q - y) if y > q else level * (y - q)
    ),
    "one side costs nothing": mean_of(lambda y, q, level: level * torch.relu(y - q)),
    "negative below": mean_of(lambda y, q, level: (y - q) * (level if y > q else 1 - level)),
    "the same on both sides": mean_of(lambda y, q, level: level * abs(q - y)),
    "without levels": mean_of(lambda y, q, level: abs(y - q)),
    "squared": mean_of(lambda y, q, level: cost(y, q, level) * abs(y - q)),
    "added over levels": reduced(lambda x: x.sum() / len(x)),
    "added over moments": reduced(lambda x: x.sum() / x.shape[1]),
    "all added up": reduced(torch.sum),
    "one for each level": reduced(lambda x: x.sum(0) / len(x)),
    "the first level alone": reduced(lambda x: x[:, :1].mean()),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_right_answers_in_other_words_pass():
    check(mean_of(cost)).require()

    def by_the_larger(forecasts, actual, levels):
        off = actual.unsqueeze(1) - forecasts
        return torch.maximum(levels * off, (levels - 1) * off).mean()

    check(by_the_larger).require()


@pytest.mark.parametrize("level", [0.1, 0.5, 0.8])
def test_the_quantile_of_a_sample_costs_least(level):
    sample = torch.randn(1001, generator=torch.Generator().manual_seed(3)).double()
    levels = torch.tensor([level]).double()
    tried = torch.linspace(-2.5, 2.5, 1001).double()
    losses = [float(check.reference(q.expand(len(sample), 1), sample, levels)) for q in tried]
    best = tried[losses.index(min(losses))]
    assert float(best) == pytest.approx(float(sample.quantile(level)), abs=0.01)


@pytest.mark.parametrize("case", check.cases, ids=lambda case: tuple(case[0].shape))
def test_it_is_what_the_package_scores(case):
    forecasts, actual, levels = case
    packaged = pinball(actual, forecasts, levels.tolist()).mean()
    assert float(check.reference(*case)) == pytest.approx(float(packaged), rel=1e-6)
