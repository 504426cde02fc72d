import math

import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.nn import router_z_loss

check = checks.router_z_loss


def log_of_sum(row):
    return torch.log(torch.exp(row).sum())


def written(
    term=lambda row: log_of_sum(row) ** 2,
    counts=lambda real: real,
    over=lambda terms, keep: sum(terms) / len(terms),
):
    def answer(logits, keep):
        return over(
            [term(row) for row, real in zip(logits, keep, strict=True) if counts(real)], keep
        )

    return answer


def test_right_answers_in_other_words_pass():
    check(written()).require()
    check(lambda logits, keep: router_z_loss(logits[None], keep[None])).require()


def test_the_catalogued_case():
    logits = torch.tensor([[1.0, 0.0]]).repeat(5, 1)
    value = float(check.reference(logits, torch.ones(5, dtype=torch.bool)))
    assert round(value, 4) == 1.7247  # transformers since v5.0 has another number


def shares(row):
    return row.softmax(0)


WRITTEN = {
    "of the probabilities": written(lambda row: log_of_sum(shares(row)).square()),
    "not squared": written(log_of_sum),
    "the mean over the experts": written(lambda row: (log_of_sum(row) - math.log(len(row))) ** 2),
    "without the logarithm": written(lambda row: sum(x.exp() for x in row) ** 2),
    "the largest score": written(lambda row: max(row) ** 2),
    "the squares of the scores": written(lambda row: sum(x * x for x in row) / len(row)),
    "the sum over the tokens": written(over=lambda terms, keep: sum(terms)),
    "squared after the mean": written(
        log_of_sum, over=lambda terms, keep: (sum(terms) / len(terms)) ** 2
    ),
    "padding counted": written(counts=lambda real: True),
    "the mask inverted": written(
        counts=lambda real: not real,
        over=lambda terms, keep: sum(terms) / len(terms) if terms else keep.sum() * math.nan,
    ),
    "divided by all tokens": written(over=lambda terms, keep: sum(terms) / len(keep)),
    "the sign": lambda *given: -written()(*given),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)
