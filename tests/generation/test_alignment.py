"""When a word was said: against all ways there are, maps by hand, and Hugging Face's code."""

import itertools
import random
import re
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from txlite.generation import cheapest_path, token_times, word_times

STEPS = ((1, 1), (1, 0), (0, 1))


def ways(rows: int, columns: int) -> list[list[tuple[int, int]]]:
    """Every way there is from the first cell to the last."""
    if rows < 1 or columns < 1:
        return []
    if (rows, columns) == (1, 1):
        return [[(0, 0)]]
    last = (rows - 1, columns - 1)
    return [[*way, last] for down, right in STEPS for way in ways(rows - down, columns - right)]


def price(cost: Tensor, path: Any) -> float:
    return sum(cost[i, j].item() for i, j in path)


# ------------------------------------------------------------------ the cheapest way


@pytest.mark.parametrize(("rows", "columns"), list(itertools.product([1, 2, 3, 5], [1, 2, 4, 6])))
def test_no_way_is_cheaper(rows: int, columns: int) -> None:
    all_ways = ways(rows, columns)
    for _ in range(5):
        cost = torch.randn(rows, columns, dtype=torch.float64)
        path = [tuple(cell) for cell in cheapest_path(cost).tolist()]
        assert path in all_ways
        assert price(cost, path) == pytest.approx(min(price(cost, way) for way in all_ways))


def test_a_way_takes_every_row_and_every_column_and_never_runs_back() -> None:
    path = cheapest_path(torch.randn(9, 40))
    steps = {tuple(step) for step in path.diff(dim=0).tolist()}
    assert steps <= set(STEPS)
    assert path[0].tolist() == [0, 0]
    assert path[-1].tolist() == [8, 39]
    for axis, size in enumerate((9, 40)):
        assert sorted(set(path[:, axis].tolist())) == list(range(size))


def test_of_equal_ways_the_last_steps_go_both_ways() -> None:
    assert cheapest_path(torch.zeros(2, 4)).tolist() == [[0, 0], [0, 1], [0, 2], [1, 3]]


def test_it_is_the_way_of_the_published_code() -> None:
    from transformers.models.whisper.generation_whisper import _dynamic_time_warping

    chance = random.Random(0)
    for _ in range(20):
        cost = torch.randn(chance.randrange(1, 12), chance.randrange(1, 40), dtype=torch.float64)
        want = _dynamic_time_warping(cost.numpy())
        cells = [list(map(int, cell)) for cell in zip(*want, strict=True)]
        assert cheapest_path(cost).tolist() == cells


# ------------------------------------------------------------------ times of tokens


def spoken(lengths: list[int], heads: int = 2, noise: float = 0.0) -> Tensor:
    """Maps of tokens that were said one after the other, each for so many vectors."""
    rows = torch.eye(len(lengths), dtype=torch.float64)
    bright = rows.repeat_interleave(torch.tensor(lengths), 1)
    maps = bright + 0.05 + noise * torch.rand(heads, *bright.shape, dtype=torch.float64)
    return maps / maps.sum(-1, keepdim=True)


def test_each_token_is_where_its_weights_are() -> None:
    lengths = [12, 9, 20, 8]
    ends = torch.tensor(lengths, dtype=torch.float64).cumsum(0)
    want = torch.stack([ends - torch.tensor(lengths), ends], 1)
    for noise, seconds in ((0.0, 1.0), (0.3, 1.0), (0.3, 0.02)):
        got = token_times(spoken(lengths, noise=noise), seconds=seconds)
        assert_close(got, want * seconds, rtol=0, atol=1e-9)


@pytest.mark.kills(
    "alignment: no norm over the tokens",
    "generation/alignment.py",
    "even = (wide - mean) / spread.where(spread > 0, 1.0)",
    "even = wide",
)
def test_what_draws_every_token_counts_no_more_than_any_vector() -> None:
    """One vector draws nearly all weight of all tokens, and a little more of the second."""
    lengths = [12, 9, 20, 8]
    maps = 0.1 * spoken(lengths)
    maps[..., 5] = torch.tensor([0.85, 0.95, 0.85, 0.85], dtype=torch.float64)
    assert_close(token_times(maps, width=1), token_times(spoken(lengths), width=1))


@pytest.mark.kills(
    "alignment: no median",
    "generation/alignment.py",
    'return pad(x, (reach, reach), mode="reflect").unfold(-1, width, 1).median(-1).values',
    "return x",
)
def test_a_flash_of_one_vector_moves_nothing() -> None:
    """Two words with a silence between them, to which both attend alike; and one flash in it."""
    maps = spoken([20, 14])
    maps[:, :, 12:20] = 0.5
    want = token_times(maps)
    assert want[1, 0].item() == pytest.approx(0.02 * 20)
    maps[:, 1, 14] = 1.0
    assert_close(token_times(maps), want)
    assert token_times(maps, width=1)[1, 0].item() == pytest.approx(0.02 * 14)


def test_times_hang_together_and_do_not_depend_on_the_order_of_heads() -> None:
    maps = torch.rand(4, 7, 50)
    times = token_times(maps)
    assert times[0, 0] == 0
    assert times[-1, 1].item() == pytest.approx(1.0)
    assert_close(times[1:, 0], times[:-1, 1])
    assert times[:, 1].ge(times[:, 0]).all()
    assert_close(token_times(maps.flip(0)), times)
    assert_close(token_times(3.0 * maps), times)  # weights need no common sum


def test_times_are_those_of_the_published_steps() -> None:
    """Norm, median, mean and way, written with Hugging Face's functions."""
    from transformers.models.whisper.generation_whisper import (
        _dynamic_time_warping,
        _median_filter,
    )

    for tokens, length in ((5, 60), (3, 20), (9, 11), (4, 3)):
        maps = torch.rand(3, tokens, length, dtype=torch.float64)
        spread, mean = torch.std_mean(maps, dim=-2, keepdim=True, correction=0)
        even = _median_filter(((maps - mean) / spread)[None], 7)[0].mean(0)
        rows, columns = _dynamic_time_warping(-even.numpy())
        first = [columns[rows == token].min() for token in range(tokens)]
        got = token_times(maps)
        assert_close(got[:, 0], 0.02 * torch.tensor(first, dtype=torch.float64))


def test_a_vector_that_all_tokens_share_equally_gives_no_nan() -> None:
    assert token_times(torch.ones(1, 3, 9)).isfinite().all()


# ------------------------------------------------------------------ words


PIECES = [" ask", " not", ",", " my", " fel", "low", "!"]


def decode(ids: list[int]) -> str:
    return "".join(PIECES[i] for i in ids)


def test_words_are_put_together() -> None:
    times = torch.stack([torch.arange(8.0), torch.arange(1.0, 9.0)], 1)
    told = word_times(range(7), times, decode)
    assert [word.text for word in told] == ["ask", "not,", "my", "fellow!"]
    assert [word.tokens for word in told] == [(0, 1), (1, 3), (3, 4), (4, 7)]
    assert [(word.begin, word.end) for word in told] == [(0, 1), (1, 3), (3, 4), (4, 7)]


def test_the_first_token_begins_a_word_without_a_space() -> None:
    times = torch.tensor([[0.0, 1.0], [1.0, 2.0]])
    assert [word.text for word in word_times([5, 6], times, decode)] == ["low!"]
    assert word_times([], times, decode) == []


# ------------------------------------------------------------------ errors


@pytest.mark.plain
@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: cheapest_path(torch.zeros(3)), "cost should have shape"),
        (lambda: cheapest_path(torch.zeros(0, 3)), "cost should have at least one cell"),
        (lambda: cheapest_path(torch.tensor([[float("nan")]])), "cost should be finite"),
        (lambda: cheapest_path(torch.zeros(2, 2).long()), "cost should"),
        (lambda: token_times(torch.rand(2, 3)), "weights should have shape"),
        (
            lambda: token_times(torch.rand(1, 2, 3), width=4),
            "width should be a positive odd number, got 4",
        ),
        (
            lambda: token_times(torch.rand(1, 2, 3), seconds=0),
            "seconds should be a positive number, got 0",
        ),
        (
            lambda: word_times([1, 2], torch.zeros(1, 2), decode),
            "times should have one row for each of 2 tokens, got 1",
        ),
        (lambda: word_times([1], torch.zeros(1, 2), "text"), "decode should"),  # type: ignore[arg-type]
    ],
)
def test_errors(ask: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        ask()
