from functools import partial

import pytest
import torch

from tests.checks.detr.boxes import edges
from tests.checks.written import earns
from txlite import checks

check = checks.relative_boxes


def four(left, top, right, bottom):
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top


def boxes(corners, size, padded, numbers=four, by=None):
    x, y = by(size, padded) if by else (size[1], size[0])
    rows = [numbers(*row) for row in corners.tolist()]
    return torch.tensor([[a / x, b / y, c / x, d / y] for a, b, c, d in rows])


def test_right_answers_in_other_words_pass():
    check(boxes).require()

    def by_a_matrix(corners, size, padded):
        turn = torch.tensor([[0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5], [-1, 0, 1, 0], [0, -1, 0, 1.0]])
        return corners @ turn.T / torch.tensor([size[1], size[0]] * 2)

    check(by_a_matrix).require()


def moved(corners, size, padded):
    right, below = (padded[1] - size[1]) / 2, (padded[0] - size[0]) / 2
    return boxes(corners, size, padded) - torch.tensor([right / size[1], below / size[0], 0, 0])


def rows_first(corners, size, padded):
    return torch.stack([boxes(corners, size, padded)[:, i] for i in (1, 0, 3, 2)], dim=1)


WRITTEN = {
    "height and width exchanged": partial(boxes, by=lambda size, padded: (size[0], size[1])),
    "shares of the padded picture": partial(boxes, by=lambda size, padded: (padded[1], padded[0])),
    "the padded picture, height and width exchanged": partial(
        boxes, by=lambda size, p: (p[0], p[1])
    ),
    "shares of the longer side": partial(boxes, by=lambda size, padded: (max(size), max(size))),
    "pixels": partial(boxes, by=lambda size, padded: (1, 1)),
    "the corner for the centre": partial(boxes, numbers=lambda a, b, c, d: (a, b, c - a, d - b)),
    "corners": partial(boxes, numbers=lambda *row: row),
    "half of the size": partial(
        boxes, numbers=lambda a, b, c, d: ((a + c) / 2, (b + d) / 2, (c - a) / 2, (d - b) / 2)
    ),
    "right and bottom for width and height": partial(
        boxes, numbers=lambda a, b, c, d: (a + c / 2, b + d / 2, c, d)
    ),
    "a pixel more": partial(
        boxes, numbers=lambda a, b, c, d: ((a + c) / 2, (b + d) / 2, c - a + 1, d - b + 1)
    ),
    "y before x": rows_first,
    "padding on all sides": moved,
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


@pytest.mark.parametrize("case", check.cases, ids=lambda case: str(case[1]))
def test_back_in_pixels_they_are_where_they_were(case):
    corners, (height, width), _ = case
    rows = [edges(row) for row in check.reference(*case).tolist()]
    back = torch.tensor(rows) * torch.tensor([width, height, width, height])
    assert torch.allclose(back, corners, atol=1e-4)


def test_an_object_over_the_whole_picture_is_the_whole_picture_in_any_batch():
    whole = torch.tensor([[0.0, 0.0, 200.0, 100.0]])
    for padded in ((100, 200), (200, 200), (640, 480)):
        assert check.reference(whole, (100, 200), padded).tolist() == [[0.5, 0.5, 1.0, 1.0]]
