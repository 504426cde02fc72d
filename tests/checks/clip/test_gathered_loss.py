import math
from functools import partial

import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.gathered_loss


def cost(one, candidates, right, scale):
    """Of one vector that looks for candidate ``right``."""
    scores = [scale * sum(a * b for a, b in zip(one, other, strict=True)) for other in candidates]
    most = max(scores)
    return math.log(sum(math.exp(x - most) for x in scores)) + most - scores[right]


def one_side(sides, others, scale, rank, everyone=True, first=None):
    """The mean cost of what this process has on one side."""
    candidates = [x for part in others for x in part] if everyone else others[rank]
    pairs = len(sides[rank])
    begin = (first(rank, pairs) if first else rank * pairs) if everyone else 0
    return sum(cost(x, candidates, begin + i, scale) for i, x in enumerate(sides[rank])) / pairs


def both_sides(pictures, texts, scale, texts_of_all=True, pictures_of_all=True, first=None):
    pictures, texts = pictures.tolist(), texts.tolist()
    return [
        [
            one_side(pictures, texts, scale, rank, texts_of_all, first),
            one_side(texts, pictures, scale, rank, pictures_of_all, first),
        ]
        for rank in range(len(pictures))
    ]


def losses(*case, share=(0.5, 0.5), factor=1.0, **how):
    rows = both_sides(*case, **how)
    return torch.tensor([factor * (share[0] * a + share[1] * b) for a, b in rows])


def in_one_table(pictures, texts, scale):
    """Of the scores of all, take the rows and columns of each process."""
    (ranks, pairs), width = pictures.shape[:2], pictures.shape[2]
    table = scale * pictures.reshape(-1, width) @ texts.reshape(-1, width).T
    rows, columns = (-x.log_softmax(1).diag() for x in (table, table.T))
    return (rows + columns).view(ranks, pairs).mean(1) / 2


def test_a_right_answer_in_other_words_passes():
    check(in_one_table).require()


def whole(*case):
    found = losses(*case)
    return torch.full_like(found, float(sum(found)) / len(found))


WRITTEN = {
    "nothing gathered": partial(losses, texts_of_all=False, pictures_of_all=False),
    "pictures not gathered": partial(losses, pictures_of_all=False),
    "texts not gathered": partial(losses, texts_of_all=False),
    "the first process's targets": partial(losses, first=lambda rank, pairs: 0),
    "moved by the rank": partial(losses, first=lambda rank, pairs: rank),
    "the loss of the whole batch": whole,
    "divided by the processes": lambda *case: losses(*case, factor=1 / len(case[0])),
    "multiplied by the processes": lambda *case: losses(*case, factor=len(case[0])),
    "pictures only": partial(losses, share=(1, 0)),
    "texts only": partial(losses, share=(0, 1)),
    "both directions added": partial(losses, factor=2),
    "divided by the scale": lambda p, t, scale: losses(p, t, 1 / scale),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_vectors_gathered_without_their_gradient_are_noticed():
    """The numbers are right, and what other processes have to say about a vector is lost."""

    def as_all_gather_does(pictures, texts, scale):
        found = []
        for r in range(len(pictures)):
            p, t = (x.detach().clone() for x in (pictures, texts))
            p[r], t[r] = pictures[r], texts[r]
            found.append(in_one_table(p, t, scale)[r])
        return torch.stack(found)

    earns(check, as_all_gather_does, "wrong gradient")


def test_the_mean_over_processes_is_the_loss_of_the_batch():
    pictures, texts, scale = check.cases[-1]
    together = check.reference(pictures.view(1, 8, 3), texts.view(1, 8, 3), scale)
    apart = check.reference(pictures, texts, scale)
    assert apart.mean().item() == pytest.approx(together.item())
    assert apart.std() > 0.01
