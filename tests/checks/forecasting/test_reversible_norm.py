import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tests.checks.written import earns
from txlite import checks
from txlite.nn.instance_norm import ReversibleNorm

check = checks.reversible_norm


def series_by_series(centre=None, spread=None, back=None, known=None):
    """Build an answer that goes through the series one by one."""

    def answer(window, length, outputs, eps):
        rows = []
        for whole, told in zip(window, outputs, strict=True):
            read = whole[:length]
            of = known(whole, length) if known else read
            m = centre(of, window[:, :length]) if centre else of.sum() / len(of)
            own = ((of - of.sum() / len(of)) ** 2).sum() / len(of)
            s = spread(of, own, eps, window[:, :length]) if spread else (own + eps) ** 0.5
            rows.append(torch.cat([(read - m) / s, back(told, m, s) if back else m + s * told]))
        return torch.stack(rows)

    return answer


def by_step(window, length, outputs, eps):
    read = window[:, :length].T
    m = read.mean(1)
    s = (((read - m[:, None]) ** 2).mean(1) + eps) ** 0.5
    return torch.hstack([(window[:, :length] - m) / s, outputs * s + m])


def batch_spread(of, own, eps, batch):
    return (((batch - batch.mean()) ** 2).mean() + eps) ** 0.5


WRITTEN = {
    "the future is in the statistics": series_by_series(known=lambda whole, n: whole),
    "the statistics of the future": series_by_series(known=lambda whole, n: whole[n:]),
    "one mean for the batch": series_by_series(centre=lambda of, batch: batch.mean()),
    "one variance for the batch": series_by_series(spread=batch_spread),
    "step by step over the batch": by_step,
    "not undone": series_by_series(back=lambda y, m, s: y.clone()),
    "undone by halves: no mean": series_by_series(back=lambda y, m, s: s * y),
    "undone by halves: no scale": series_by_series(back=lambda y, m, s: m + y),
    "undone in the wrong order": series_by_series(back=lambda y, m, s: s * m + s * y),
    "normalised once more": series_by_series(back=lambda y, m, s: y / s - m / s),
    "eps outside the root": series_by_series(spread=lambda of, own, eps, batch: own**0.5 + eps),
    "without eps": series_by_series(spread=lambda of, own, eps, batch: own**0.5),
    "Bessel's correction": series_by_series(
        spread=lambda of, own, eps, batch: (own * len(of) / (len(of) - 1) + eps) ** 0.5
    ),
    "by the variance": series_by_series(spread=lambda of, own, eps, batch: own + eps),
    "the last value for the mean": series_by_series(centre=lambda of, batch: of[-1]),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_right_answers_in_other_words_pass():
    check(series_by_series()).require()

    def with_torch(window, length, outputs, eps):
        read = window[:, :length]
        norm = nn.LayerNorm(length, eps=eps, elementwise_affine=False)
        own = ((read - read.mean(-1, True)) ** 2).mean(-1, True)
        return torch.cat([norm(read), outputs * (own + eps) ** 0.5 + read.mean(-1, True)], -1)

    check(with_torch).require()


def test_what_a_model_repeats_comes_back_as_it_was():
    """Outputs that are the normalised values are the values again."""
    draw = torch.Generator().manual_seed(4)
    window = torch.randn(3, 10, generator=draw).double() * 40 + 900
    normed = check.reference(window, 5, torch.zeros(3, 5).double(), 1e-5)[:, :5]
    back = check.reference(window, 5, normed, 1e-5)[:, 5:]
    assert_close(back, window[:, :5])
    assert normed.mean(1).abs().max() < 1e-9


def test_the_future_changes_nothing():
    window = torch.randn(2, 9, generator=torch.Generator().manual_seed(5)).double()
    poisoned = window.clone()
    poisoned[:, 6:] = torch.nan
    given = 6, torch.ones(2, 3).double(), 1e-5
    assert torch.equal(check.reference(window, *given), check.reference(poisoned, *given))


@pytest.mark.parametrize("case", check.cases, ids=lambda case: tuple(case[0].shape))
def test_it_is_what_the_package_does(case):
    window, length, outputs, eps = case
    norm = ReversibleNorm("std", eps=eps)
    z, level = norm(window[:, :length, None])
    packaged = torch.cat([z, norm.restore(outputs[..., None], level)], 1)[..., 0]
    assert_close(check.reference(*case), packaged)
