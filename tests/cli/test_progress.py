"""The lines of a log: when they come, and that they are the mean of what was since the last."""

import pytest

from txlite.cli._progress import LossLines
from txlite.training import History

pytestmark = pytest.mark.plain


def told(capsys: pytest.CaptureFixture[str], done: int, steps: int, every: int) -> list[str]:
    """Return the lines of a training that has done some steps before."""
    history = History()
    lines = LossLines(done, steps, every)
    for step in range(1, steps + 1):
        history.add(float(step), 0.1, 1.0, step)
        if step > done:
            lines(history)
    return capsys.readouterr().out.splitlines()


def test_a_mean_counts_every_token_once(capsys: pytest.CaptureFixture[str]) -> None:
    means = [(1 + 4 + 9) / 6, (16 + 25 + 36) / 15, 7.0]
    wanted = [f"step {n} of 7: loss {mean:.3f}" for n, mean in zip((3, 6, 7), means, strict=True)]
    assert told(capsys, 0, 7, 3) == wanted


def test_what_was_done_before_is_not_told_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, 4, 7, 3) == [f"step 6 of 7: loss {61 / 11:.3f}", "step 7 of 7: loss 7.000"]
    assert told(capsys, 7, 7, 3) == []
