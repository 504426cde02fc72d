"""A source of batches says where it stands, and is set there again, at every place."""

from collections.abc import Sequence
from typing import Any

import pytest

from txlite._epochs import Epochs, Resumable


class Turning(Epochs):
    """Six rows in batches of two, turned by one row in each epoch."""

    def _plan(self) -> Sequence[Sequence[int]]:
        rows = [(row + self.epoch) % 6 for row in range(6)]
        return [rows[i : i + 2] for i in range(0, 6, 2)]

    def _batch(self, rows: Sequence[int]) -> Any:
        return tuple(rows)

    def _identity(self) -> dict[str, Any]:
        return {"seed": self.seed, "rows": 6}


def turning(seed: int = 3) -> Turning:
    return Turning(seed, shuffle=False)


def run(source: Turning, epochs: int) -> list[Any]:
    return [batch for _ in range(epochs) for batch in source]


def test_an_epoch_ends_and_the_next_one_has_its_own_plan() -> None:
    source = turning()
    assert list(source) == [(0, 1), (2, 3), (4, 5)]
    assert list(source) == [(1, 2), (3, 4), (5, 0)]
    assert isinstance(source, Resumable)


@pytest.mark.parametrize("done", range(7))
def test_set_to_a_place_it_goes_on_from_there(done: int) -> None:
    whole, source, again = run(turning(), 3), turning(), turning()
    got: list[Any] = []
    while len(got) < done:
        for batch in source:
            got.append(batch)
            if len(got) == done:
                break
    again.load_state_dict(source.state_dict())
    rest = run(again, 3)
    assert [*got, *rest][: len(whole)] == whole


@pytest.mark.plain
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 4}, r"^batches should have seed 4, got 3"),
        ({"rows": None}, r"^batches should have rows None, got 6"),
        ({"epoch": -1}, r"^epoch should be a whole number"),
        ({"position": 1.5}, r"^position should be a whole number"),
    ],
)
def test_another_place_is_refused_and_moves_nothing(change: dict[str, Any], message: str) -> None:
    source = turning()
    next(iter(source))
    before = source.state_dict()
    with pytest.raises(ValueError, match=message):
        source.load_state_dict({**before, **change})
    assert source.state_dict() == before
