import pytest

from tests.checks.written import earns
from txlite import checks

check = checks.optimal_moves


def written(right, counted=lambda numbers, best: True, over=None):
    """``right(numbers, row, move, best)``, position by position; numbers are the legal moves'."""

    def answer(values, legal, moves):
        told = []
        for row, open_, move in zip(values.tolist(), legal.tolist(), moves.tolist(), strict=True):
            numbers = {a: v for a, v in enumerate(row) if open_[a]}
            best = [a for a in numbers if numbers[a] == max(numbers.values())]
            if counted(numbers, best):
                told.append(float(right(numbers, row, move, best)))
        return sum(told) / (over or len(told))

    return answer


def any_best(numbers, row, move, best):
    return move in best


def test_right_answers_in_other_words_pass():
    check(written(any_best)).require()

    def by_comparison(values, legal, moves):
        mine = values.gather(1, moves[:, None])
        better = ((values > mine) & legal).any(1)
        return (legal.gather(1, moves[:, None])[:, 0] & ~better).double().mean()

    check(by_comparison).require()


def lowest(numbers, row, move, best):
    return move in numbers and numbers[move] == min(numbers.values())


WRITTEN = {
    "one best move only": written(lambda numbers, row, move, best: move == best[0]),
    "illegal moves compared": written(lambda numbers, row, move, best: row[move] == max(row)),
    "an illegal move is right": written(
        lambda numbers, row, move, best: row[move] >= numbers[best[0]]
    ),
    "winning moves": written(lambda numbers, row, move, best: numbers.get(move) == 1),
    "moves that do not lose": written(lambda numbers, row, move, best: numbers.get(move, -1) > -1),
    "the lowest value": written(lowest),
    "positions without ties": written(any_best, lambda numbers, best: len(best) == 1),
    "positions with something to lose": written(
        any_best, lambda numbers, best: len(best) < len(numbers)
    ),
    "shared among the best": written(lambda numbers, row, move, best: (move in best) / len(best)),
    "counted, not shared": written(any_best, over=1),
    "legal moves": written(lambda numbers, row, move, best: move in numbers),
    "what is lost": written(
        lambda numbers, row, move, best: numbers[best[0]] - numbers.get(move, -9)
    ),
    "the value of the moves": written(lambda numbers, row, move, best: numbers.get(move, -9)),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)
