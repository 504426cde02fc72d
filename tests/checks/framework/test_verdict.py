import dataclasses

import pytest

from txlite.checks import Verdict

RIGHT = Verdict(True, None, "Right.")
WRONG = Verdict(False, "no scale", "Not yet.")


def test_a_verdict_is_shown_as_its_message():
    assert repr(RIGHT) == str(RIGHT) == "Right."
    assert repr(WRONG) == "Not yet."


def test_a_verdict_is_true_when_the_answer_is_right():
    assert bool(RIGHT) is True
    assert bool(WRONG) is False


def test_require_returns_a_right_verdict_and_raises_a_wrong_one():
    assert RIGHT.require() is RIGHT
    with pytest.raises(AssertionError, match=r"^Not yet\.$"):
        WRONG.require()


def test_a_verdict_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        WRONG.passed = True


def test_ipython_shows_the_message_too():
    pretty = pytest.importorskip("IPython.lib.pretty")
    assert pretty.pretty(WRONG) == "Not yet."
