import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.generation import cheapest_path

check = checks.token_begins
BOTH, DOWN, RIGHT = (1, 1), (1, 0), (0, 1)


def ways(rows, columns, steps=(BOTH, DOWN, RIGHT), starts=((0, 0),)):
    """Yield every way to the last cell."""
    open_ways = [[start] for start in starts]
    while open_ways:
        way = open_ways.pop()
        if way[-1] == (rows - 1, columns - 1):
            yield way
            continue
        for down, right in steps:
            at = (way[-1][0] + down, way[-1][1] + right)
            if at[0] < rows and at[1] < columns:
                open_ways.append([*way, at])


def best_of_all(tell=min, pick=max, starts=lambda rows, columns: ((0, 0),), **how):
    """Build an answer that tries every way; too slow for anything but these maps."""

    def answer(strength):
        values, (rows, columns) = strength.tolist(), strength.shape
        if rows * columns > 30:  # five million ways and more
            return by_table(strength, tell, pick, starts(rows, columns), **how)
        tried = list(ways(rows, columns, starts=starts(rows, columns), **how))
        if not tried:
            return torch.zeros(rows, dtype=torch.long)
        way = pick(tried, key=lambda cells: sum(values[t][s] for t, s in cells))
        return torch.tensor([told(tell, way, t) for t in range(rows)])

    return answer


def told(tell, way, row):
    columns = [s for t, s in way if t == row]
    return tell(columns) if columns else 0


def by_table(strength, tell, pick, starts, steps=(BOTH, DOWN, RIGHT)):
    """The same from the last cell: what is still to be had from each cell on, and where it goes."""
    values, (rows, columns) = strength.tolist(), strength.shape
    rest, goes = {(rows - 1, columns - 1): values[-1][-1]}, {}
    for t in reversed(range(rows)):
        for s in reversed(range(columns)):
            after = [(t + a, s + b) for a, b in steps if (t + a, s + b) in rest]
            if after:
                goes[t, s] = pick(after, key=rest.get)
                rest[t, s] = values[t][s] + rest[goes[t, s]]
    possible = [start for start in starts if start in rest]
    way = [pick(possible, key=rest.get)]
    while way[-1] in goes:
        way.append(goes[way[-1]])
    return torch.tensor([told(tell, way, t) for t in range(rows)])


def in_the_middle(columns):
    return (columns[0] + columns[-1]) // 2


def one_by_one(strength):
    return torch.tensor([row.index(max(row)) for row in strength.tolist()])


def held(strength):
    found = [0]
    for row in strength.tolist():
        found.append(max(found[-1], row.index(max(row))))
    return torch.tensor(found[1:])


def neighbour_by_neighbour(strength):
    rows, columns = strength.shape
    t = s = 0
    begins = {0: 0}
    while (t, s) != (rows - 1, columns - 1):
        near = [(strength[a, b].item(), a, b) for a in (t, t + 1) for b in (s, s + 1)
                if (a, b) != (t, s) and a < rows and b < columns]  # fmt: skip
        _, t, s = max(near)
        begins.setdefault(t, s)
    return torch.tensor([begins[t] for t in range(rows)])


def one_later(strength):
    ends = best_of_all(tell=max)(strength)
    return torch.cat([torch.zeros(1), ends[:-1] + 1])


WRITTEN = {
    "each token by itself": one_by_one,
    "held by the one before": held,
    "the best token of each moment": lambda x: one_by_one(x.T),
    "evenly spread": lambda x: torch.tensor([i * x.shape[1] // len(x) for i in range(len(x))]),
    "the best next step": neighbour_by_neighbour,
    "the weakest way": best_of_all(pick=min),
    "no step to both sides": best_of_all(steps=(DOWN, RIGHT)),
    "one token a moment": best_of_all(steps=(BOTH, RIGHT)),
    "begins anywhere": best_of_all(starts=lambda rows, columns: [(0, s) for s in range(columns)]),
    "begins with any token": best_of_all(
        starts=lambda rows, columns: [(t, 0) for t in range(rows)]
    ),
    "where it ends": best_of_all(tell=max),
    "its middle": best_of_all(tell=in_the_middle),
    "after the one before has ended": one_later,
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def packaged(strength):
    path = cheapest_path(-strength)
    return torch.stack([path[path[:, 0] == t, 1].min() for t in range(len(strength))])


def test_right_answers_in_other_words_pass():
    check(best_of_all()).require()
    check(packaged).require()


def test_it_is_the_best_of_all_ways_on_any_map():
    for seed in range(20):
        strength = torch.randn(4, 5, generator=torch.Generator().manual_seed(seed))
        wanted = best_of_all()(strength)
        assert check.reference(strength).tolist() == wanted.tolist()
        assert packaged(strength).tolist() == wanted.tolist()
        assert by_table(strength, min, max, ((0, 0),)).tolist() == wanted.tolist()
