import math

import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.class_vectors


def unit(row, size=lambda row: math.hypot(*row)):
    return [x / size(row) for x in row]


def middle(rows):
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


def each(of_names):
    return lambda texts: torch.tensor([of_names(names) for names in texts.tolist()])


def right(names, **how):
    return unit(middle([unit(name, **how) for name in names]))


def test_right_answers_in_other_words_pass():
    check(each(right)).require()

    def by_sums(texts):
        summed = (texts / texts.norm(dim=-1, keepdim=True)).sum(dim=1)  # its length is free
        return summed / summed.square().sum(-1, keepdim=True) ** 0.5

    check(by_sums).require()


def across_names(names):
    columns = [unit(column) for column in zip(*names, strict=True)]
    return unit(middle([list(row) for row in zip(*columns, strict=True)]))


def of_one_length(names):
    lengths = [math.hypot(*name) for name in names]
    return [len(names) * x / sum(lengths) for x in middle(names)]


WRITTEN = {
    "averaged before normalising": each(lambda names: unit(middle(names))),
    "the mean not normalised": each(lambda names: middle([unit(name) for name in names])),
    "nothing normalised": each(middle),
    "over the things": lambda texts: torch.tensor(
        [right(column) for column in zip(*texts.tolist(), strict=True)]
    ),
    "the first name only": each(lambda names: unit(names[0])),
    "the last name only": each(lambda names: unit(names[-1])),
    "the largest of each number": each(
        lambda names: unit([max(c) for c in zip(*map(unit, names), strict=True)])
    ),
    "multiplied": each(
        lambda names: unit([math.prod(c) for c in zip(*map(unit, names), strict=True)])
    ),
    "normalised over the names": each(across_names),
    "divided by the squared length": each(
        lambda names: right(names, size=lambda row: sum(x * x for x in row))
    ),
    "the sum of absolute values": each(
        lambda names: right(names, size=lambda row: sum(map(abs, row)))
    ),
    "one length for all names": each(of_one_length),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_of_two_names_the_longer_vector_weighs_no_more():
    texts = torch.tensor([[[3.0, 0.0], [0.0, 0.1]]])
    vector = check.reference(texts)
    assert vector.norm().item() == pytest.approx(1)
    assert vector[0, 0].item() == pytest.approx(vector[0, 1].item())
