from functools import partial

import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.training.detection import Found, average_precision

check = checks.average_precision


def ranked(scores, overlaps, key=lambda pair: -pair[0]):
    pairs = zip(scores.tolist(), overlaps.tolist(), strict=True)
    return [row for _, row in sorted(pairs, key=key)]


def own_object(rows, threshold):
    """Each takes, of what is left, the object with which it has most in common."""
    left, marks = set(range(len(rows[0]))), []
    for row in rows:
        fits = [n for n in left if row[n] >= threshold]
        marks.append(bool(fits))
        left -= {max(fits, key=lambda n: row[n])} if fits else set()
    return marks


def curve(marks, objects):
    """Return recall and precision after each box."""
    return [
        (sum(marks[: i + 1]) / objects, sum(marks[: i + 1]) / (i + 1)) for i in range(len(marks))
    ]


def from_here(points, level):
    return max((p for r, p in points if r >= level - 1e-9), default=0.0)


def mean_of(points, levels=101, height=from_here, first=0):
    steps = range(first, levels)
    return sum(height(points, i / (levels - 1)) for i in steps) / len(steps)


def precision(scores, overlaps, threshold, marks=own_object, total=None, **how):
    found = marks(ranked(scores, overlaps), threshold)
    return mean_of(curve(found, total(found) if total else overlaps.shape[1]), **how)


def test_a_right_answer_in_other_words_passes():
    check(precision).require()


def unsorted(scores, overlaps, threshold):
    return precision(-torch.arange(float(len(scores))), overlaps, threshold)


def voc(rows, threshold):
    taken, marks = set(), []
    for row in rows:
        n = max(range(len(row)), key=row.__getitem__)
        marks.append(row[n] >= threshold and n not in taken)
        taken |= {n} if marks[-1] else set()
    return marks


def by_objects(rows, threshold):
    best = [max(range(len(rows)), key=lambda i: rows[i][n]) for n in range(len(rows[0]))]
    return [
        any(b == i and rows[i][n] >= threshold for n, b in enumerate(best))
        for i in range(len(rows))
    ]


def just_there(points, level):
    return next((p for r, p in points if r >= level - 1e-9), 0.0)


def up_to_there(points, level):
    for i, (r, _) in enumerate(points):
        if r >= level - 1e-9:
            return max(p for _, p in points[: i + 1])
    return 0.0


def hits(scores, overlaps, threshold):
    return own_object(ranked(scores, overlaps), threshold)


def of_hits(scores, overlaps, threshold):
    marks = hits(scores, overlaps, threshold)
    points = curve(marks, overlaps.shape[1])
    return sum(p for (_, p), mark in zip(points, marks, strict=True) if mark) / overlaps.shape[1]


WRITTEN = {
    "a second box of one object is right": partial(
        precision, marks=lambda rows, t: [max(row) >= t for row in rows]
    ),
    "the best object, though it is taken": partial(precision, marks=voc),
    "objects choose their boxes": partial(precision, marks=by_objects),
    "any overlap will do": lambda s, o, t: precision(s, o, 0.01),
    "the order of the table": unsorted,
    "the lowest score first": lambda s, o, t: precision(-s, o, t),
    "a share of the boxes": partial(precision, total=len),
    "a share of what is found": partial(precision, total=sum),
    "the precision at each recall": partial(precision, height=just_there),
    "the best so far": partial(precision, height=up_to_there),
    "eleven recalls": partial(precision, levels=11),
    "recall 0 left out": partial(precision, first=1),
    "the precision of each right box": of_hits,
    "the precision of all": lambda *case: sum(hits(*case)) / len(case[0]),
    "the recall of all": lambda *case: sum(hits(*case)) / case[1].shape[1],
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_it_is_what_the_package_counts():
    """Boxes of one size in a row: the overlap of two is a matter of how far they are apart."""
    torch.manual_seed(0)
    at, there = torch.rand(9).double(), torch.tensor([0.2, 0.45, 0.8]).double()
    apart = (at[:, None] - there).abs().clamp(max=0.3)
    overlaps, scores = (0.3 - apart) / (0.3 + apart), torch.rand(9).double()

    def row_of(x):
        return torch.stack([x, 0.5 + 0 * x, 0.3 + 0 * x, 0.2 + 0 * x], dim=1)

    for threshold in (0.3, 0.5, 0.75):
        found = Found(torch.zeros(9).long(), scores, row_of(at))
        objects = [(torch.zeros(3).long(), row_of(there))]
        wanted = average_precision([found], objects, thresholds=[threshold]).mean
        assert 0 < wanted < 1
        assert float(check.reference(scores, overlaps, threshold)) == pytest.approx(wanted)
