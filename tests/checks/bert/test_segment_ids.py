import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.data.masking import pair_tokens

check = checks.segment_ids


def row_by_row(tell):
    """Build an answer of what a row says: its tokens, and where its separators are."""

    def answer(tokens):
        rows = [[int(t) for t in row] for row in tokens]
        ends = [[i for i, t in enumerate(row) if t == 2] for row in rows]
        return torch.tensor([tell(row, where) for row, where in zip(rows, ends, strict=True)])

    return answer


def from_to(row, first, last):
    return [int(first <= i <= last) for i in range(len(row))]


def right(row, ends):
    return from_to(row, ends[0] + 1, ends[-1])


def halves(row, ends):
    real = ends[-1] + 1
    return [int(i < real and i >= real / 2) for i in range(len(row))]


def like_the_first(tokens):
    cut = int((tokens[0] == 2).nonzero()[0])
    return torch.stack([(row != 0) & (torch.arange(len(row)) > cut) for row in tokens]).long()


WRITTEN = {
    "the separator begins the second": row_by_row(
        lambda row, ends: from_to(row, ends[0], ends[-1])
    ),
    "a third segment": row_by_row(
        lambda row, ends: [sum(end < i for end in ends) for i in range(len(row))]
    ),
    "padding in the second": row_by_row(lambda row, ends: from_to(row, ends[0] + 1, len(row))),
    "padding after one sentence in the second": row_by_row(
        lambda row, ends: from_to(row, ends[0] + 1, ends[1] if len(ends) > 1 else len(row))
    ),
    "the last separator in the first": row_by_row(
        lambda row, ends: from_to(row, ends[0] + 1, ends[-1] - 1)
    ),
    "counted from one": row_by_row(lambda row, ends: [1 + x for x in right(row, ends)]),
    "the wrong way round": row_by_row(lambda row, ends: [int(not x) for x in right(row, ends)]),
    "all in one segment": row_by_row(lambda row, ends: [0] * len(row)),
    "true and false": row_by_row(lambda row, ends: [bool(x) for x in right(row, ends)]),
    "cut in the middle": row_by_row(halves),
    "every row like the first": like_the_first,
}


def test_right_answers_in_other_words_pass():
    check(row_by_row(right)).require()


@pytest.mark.parametrize(
    ("first", "second"), [([5, 6], [7]), ([5], [6, 7, 8]), ([9], None)], ids=str
)
def test_they_are_those_of_the_package(first, second):
    pair = pair_tokens(first, second, cls_id=1, sep_id=2, max_len=9)
    padded = torch.tensor([[*pair.tokens, 0, 0]])
    assert check.reference(padded).tolist() == [[*pair.segments, 0, 0]]


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)
