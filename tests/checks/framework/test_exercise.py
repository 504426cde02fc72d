"""The framework on a toy: f(x) = 2x + 1, with steps to swap."""

import copy
import functools

import pytest
import torch

from txlite.checks import Exercise, Mistake


def recipe(x, grow=lambda x: 2 * x, shift=lambda x: x + 1):
    return shift(grow(x))


def named(name, **steps):
    return Mistake(name, f"It is {name}.", functools.partial(recipe, **steps))


CASES = (
    (torch.tensor([0.0]),),
    (torch.tensor([1.0, 3.0]),),
    (torch.tensor([[-1.0], [0.5]]),),
)

TOY = Exercise(
    name="toy",
    signature="f(x: (*B,)) -> (*B,)",
    task="Twice x, and one more.",
    inputs=("x",),
    reference=recipe,
    cases=CASES,
    bank=(
        named("no growth", grow=lambda x: x),
        named("too much growth", grow=lambda x: 3 * x),
        named("no shift", shift=lambda x: x),
        Mistake("flat", "It is flat.", lambda x: (2 * x + 1).flatten()),
    ),
    praise="Well grown.",
    differentiable=True,
)


def test_a_right_answer_passes_however_it_is_written():
    assert repr(TOY(lambda x: x + x + 1)) == "Right, on all 3 inputs, gradients too. Well grown."


def test_a_mistake_is_named_however_it_is_written():
    assert TOY(lambda x: x + x + x + 1).mistake == "too much growth"
    assert TOY(lambda x: x + x).mistake == "no shift"


def test_a_mistake_must_agree_on_all_inputs():
    verdict = TOY(lambda x: 3 * x + 1 if x.ndim == 1 else 4 * x + 1)
    assert not verdict
    assert verdict.mistake is None


def test_two_mistakes_at_once_are_both_named():
    verdict = TOY(lambda x: x)
    assert verdict.mistake == "no growth + no shift"
    assert "First: It is no growth. Second: It is no shift." in " ".join(verdict.message.split())


def test_two_mistakes_in_the_same_step_are_no_pair():
    assert TOY(lambda x: 6 * x + 1).mistake is None


def test_a_single_name_comes_before_a_pair():
    both = named("both", grow=lambda x: x, shift=lambda x: x)
    toy = Exercise("toy", "f(x)", "T.", ("x",), recipe, CASES, (*TOY.bank, both), "Well.", True)
    assert toy(lambda x: x).mistake == "both"


def test_the_smallest_failing_input_is_shown():
    message = TOY(lambda x: x + 1).message
    assert "x       [1, 3]" in message
    assert "wanted  [3, 7]" in message
    assert "got     [2, 4]" in message
    assert "[0]" not in message, "the smaller input is right and should not be shown"


def test_an_unknown_mistake_says_how_far_off_and_where():
    message = TOY(lambda x: 2 * x + 1 + 0.5 * (x > 2)).message
    assert "1 of 2 entries differs, the one at [1] most, by 0.5." in message


def test_smaller_inputs_that_pass_are_mentioned():
    message = TOY(lambda x: 2 * x + 1 if x.ndim == 1 else x * 0).message
    assert "It is right on the 2 smaller inputs." in message


def test_a_wrong_shape_is_explained():
    message = TOY(lambda x: (2 * x + 1)[None]).message
    assert "Your result has shape (1, 1); wanted is (1,)." in message


def test_not_a_number_is_explained():
    assert "The number is NaN" in TOY(lambda x: x / 0 * 0).message
    assert "infinite" in TOY(lambda x: x + torch.inf).message


def test_truth_values_are_not_numbers():
    message = TOY(lambda x: x > 0).message
    assert "Your result holds True and False; wanted are numbers." in message


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ((1, torch.zeros(2)), "a tuple of 2"),
        ("text", "a text"),
        (["a", "text"], "a list of texts"),
        ({1: 2}, "an object of type dict"),
    ],
)
def test_what_is_no_tensor_is_named(result, words):
    assert f"Your function returned {words}, not a tensor." in TOY(lambda x: result).message


def test_complex_numbers_are_refused_in_words():
    assert not TOY(lambda x: (2 * x + 1) * (1 + 1j))


@pytest.mark.plain
def test_a_result_instead_of_a_function():
    verdict = TOY(torch.ones(2))
    assert verdict.mistake == "not a function"
    assert "checks.toy(my_toy)" in verdict.message


def test_other_arguments_than_wanted():
    verdict = TOY(lambda x, y: x)
    assert verdict.mistake == "other arguments"
    assert TOY.signature in " ".join(verdict.message.split())


def test_more_arguments_with_defaults_are_welcome():
    TOY(lambda x, extra=1: 2 * x + extra).require()
    TOY(torch.nn.Identity()).message.startswith("Not yet")


def test_a_builtin_without_a_signature_is_run():
    assert TOY(torch.neg).mistake is None


def test_errors_that_merely_coincide_are_not_taken_for_a_mistake():
    def wrong(x):
        if x.ndim > 1:
            raise RuntimeError("one axis only")
        return 2 * x + 1

    bank = (Mistake("one axis", "It takes one axis.", wrong),)
    toy = Exercise("toy", "f(x)", "T.", ("x",), recipe, CASES, bank, "Well.")

    def other(x):
        if x.ndim > 1:
            raise RuntimeError("out of memory")
        return 2 * x + 1

    assert toy(wrong).mistake == "one axis"
    assert toy(other).mistake is None
    assert "RuntimeError: out of memory" in toy(other).message


def test_an_in_place_answer_with_the_right_result_is_told_so():
    def answer(x):
        x *= 2
        return x + 1

    verdict = TOY(answer)
    assert verdict.mistake == "changes its input"
    assert "Write x = x - m" in " ".join(verdict.message.split())


def test_a_new_shape_for_an_input_is_a_change_too():
    assert TOY(lambda x: 2 * x.unsqueeze_(0)[0] + 1).mistake == "changes its input"


def test_interrupting_is_not_swallowed():
    def answer(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TOY(answer)


def test_an_exercise_of_ones_own_is_copied_like_any_object():
    other = copy.copy(TOY)
    assert other is not TOY
    assert vars(other) == vars(TOY)
    other(lambda x: 2 * x + 1).require()
