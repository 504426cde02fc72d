import math

import pytest
import torch

import txlite
from tests.checks.exercises import EXERCISES, name_of
from txlite import checks
from txlite.checks.framework._outcome import Outcome, as_tensor, as_texts, run, same


def test_an_answer_gets_copies():
    x, n = torch.zeros(2), [1]
    outcome = run(lambda a, b: (a.add_(1), b.append(2)), (x, n))
    assert outcome.changed == (0, 1)
    assert x.tolist() == [0, 0]
    assert n == [1]


def test_the_lists_within_a_list_are_copies_too():
    pairs = [([1, 2], [3])]
    outcome = run(lambda x: x[0][0].append(0), (pairs,))
    assert outcome.changed == (0,)
    assert pairs == [([1, 2], [3])]


def test_a_nan_in_an_input_is_no_change():
    assert run(lambda x: x, (torch.tensor([math.nan]),)).changed == ()


def test_an_error_becomes_an_outcome():
    outcome = run(lambda: 1 / 0, ())
    assert isinstance(outcome.error, ZeroDivisionError)
    assert outcome.result is None


@pytest.mark.parametrize(
    ("result", "wanted"),
    [
        (3, [3.0]),
        (0.5, [0.5]),
        ([1, 2.5], [1.0, 2.5]),
        ((torch.tensor(1.0), 2), [1.0, 2.0]),
        (torch.tensor([1, 2], dtype=torch.int32), [1.0, 2.0]),
        (torch.tensor([1.5], dtype=torch.bfloat16), [1.5]),
    ],
)
def test_numbers_in_any_form_become_float64(result, wanted):
    x = as_tensor(result)
    assert x.dtype == torch.float64
    assert x.flatten().tolist() == wanted


def test_what_is_no_array_of_numbers_becomes_none():
    for result in (None, "1", [torch.zeros(2)], [[1]], object(), torch.zeros(1) * 1j):
        assert as_tensor(result) is None


def test_truth_stays_truth():
    assert as_tensor(True).dtype == torch.bool
    assert as_tensor(torch.tensor([True])).dtype == torch.bool
    assert not same(Outcome(torch.tensor([True])), Outcome(torch.tensor([1.0])))


def test_nan_equals_nan_and_rounding_is_forgiven():
    a = torch.tensor([math.nan, 1.0])
    assert same(Outcome(a), Outcome(a + 5e-5))
    assert not same(Outcome(a), Outcome(a + 5e-4))
    assert not same(Outcome(a), Outcome(a.nan_to_num(0)))


def test_texts_are_compared_letter_by_letter():
    for right in ("ab", ["ab"], ["ab", "c"]):
        for other in ("ab", ["ab"], ["ab", "c"], ["ab", "d"], [], 2, ["ab", 2], None):
            assert same(Outcome(right), Outcome(other)) == (right == other)
            assert same(Outcome(other), Outcome(right)) == (right == other)
    assert same(Outcome(["ab", "c"]), Outcome(("ab", "c")))
    assert as_texts(()) is None


def test_shapes_are_never_broadcast():
    assert not same(Outcome(torch.ones(3)), Outcome(torch.ones(1, 3)))
    assert not same(Outcome(torch.ones(())), Outcome(torch.ones(1)))


def test_only_misfits_are_alike():
    misfit, typo = Outcome(None, RuntimeError("a")), Outcome(None, NameError("b"))
    assert same(misfit, Outcome(None, IndexError("c")))
    assert not same(misfit, typo)
    assert not same(typo, typo)
    assert not same(misfit, Outcome(torch.ones(1)))


@pytest.fixture
def elsewhere(monkeypatch):
    """Another device is the default, as a GPU would be, and is there; meta stands for it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("TXLITE_DEVICE", "cuda")
    with torch.device("meta"):
        yield


def test_arguments_lie_on_the_cpu_whatever_the_session_computes_on(elsewhere):
    assert txlite.device().type == "cuda"
    x, places = torch.ones(2, device="cpu"), []
    run(lambda x, y: places.extend([x.device.type, y[0].device.type]), (x, (x,)))
    assert places == ["cpu", "cpu"]


def test_what_an_answer_makes_lies_beside_its_arguments(elsewhere):
    x = torch.ones(3, device="cpu")
    assert run(lambda x: (x + torch.arange(3)).tolist(), (x,)).result == [1.0, 2.0, 3.0]
    assert torch.get_default_device().type == "meta"


def test_an_index_out_of_range_is_an_error_of_the_answer_alone(elsewhere):
    verdict = checks.order_gap(lambda layer, x, order: layer(x[:, order + 9]))
    assert not verdict
    assert "raised an IndexError" in verdict.message


@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_an_exercise_is_the_same_whatever_the_default_device_is(exercise, elsewhere):
    exercise(exercise.reference).require()
    with torch.device("cpu"):
        wanted = exercise(exercise.bank[0].wrong)
    assert exercise(exercise.bank[0].wrong) == wanted


@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_answers_may_live_on_the_readers_device(exercise):
    where = txlite.device()

    def answer(*args):
        moved = [x.to(where) if isinstance(x, torch.Tensor) else x for x in args]
        return exercise.reference(*moved)

    answer.__wrapped__ = exercise.reference
    exercise(answer).require()
