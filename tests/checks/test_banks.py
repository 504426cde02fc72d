"""What every exercise must hold: the reference passes, every wrong answer dies by its own name."""

import functools
import itertools

import pytest
import torch

from tests.checks.exercises import EXERCISES, MISTAKES, name_of, scribbling
from txlite import checks
from txlite.checks.framework._outcome import run, same
from txlite.checks.framework._show import WIDTH

every = pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)


def test_there_are_three_exercises_a_chapter_or_more():
    assert len(EXERCISES) >= 13
    assert all(getattr(checks, exercise.name) is exercise for exercise in EXERCISES)


def test_there_are_many_named_mistakes():
    assert len(MISTAKES) >= 150


@every
def test_the_reference_passes(exercise):
    verdict = exercise(exercise.reference).require()
    assert verdict.mistake is None
    assert f"all {len(exercise.cases)} inputs" in verdict.message
    assert " ".join(verdict.message.split()).endswith(exercise.praise)


@every
def test_a_recipe_with_no_step_swapped_is_right(exercise):
    recipes = {m.wrong.func for m in exercise.bank if isinstance(m.wrong, functools.partial)}
    for recipe in recipes:
        exercise(recipe).require()


@pytest.mark.parametrize(("exercise", "mistake"), MISTAKES, ids=name_of)
def test_every_wrong_answer_dies_by_its_own_diagnosis(exercise, mistake):
    verdict = exercise(mistake.wrong)
    assert not verdict
    assert verdict.mistake == mistake.name
    flat = " ".join(verdict.message.split())
    assert mistake.sentence in flat
    for label in (*exercise.inputs, "wanted", "got"):
        assert f"\n    {label} " in verdict.message


@every
def test_no_two_wrong_answers_are_alike(exercise):
    outcomes = {m.name: exercise.outcomes(m.wrong) for m in exercise.bank}
    assert len(outcomes) == len(exercise.bank), "names repeat"
    alike = [
        pair
        for pair in itertools.combinations(outcomes, 2)
        if all(map(same, outcomes[pair[0]], outcomes[pair[1]]))
    ]
    assert alike == []


@every
def test_the_mistakes_are_named_in_order(exercise):
    assert exercise.mistakes == tuple(m.name for m in exercise.bank)
    assert len(exercise.mistakes) >= 8


@every
def test_sentences_are_whole_and_fit_the_page(exercise):
    for mistake in exercise.bank:
        assert mistake.sentence[-1] == "."
        assert mistake.sentence[0].isupper()
        width = max(len(line) for line in exercise(mistake.wrong).message.splitlines())
        assert width <= WIDTH
    right = exercise(exercise.reference).message
    assert max(map(len, right.splitlines())) <= WIDTH


@every
def test_the_ladder_begins_with_the_smallest_case(exercise):
    def size(case):
        return sum(x.numel() if isinstance(x, torch.Tensor) else 1 for x in case)

    sizes = [size(case) for case in exercise.cases]
    assert sizes[0] == min(sizes)


@every
def test_the_documentation_states_the_signature(exercise):
    assert exercise.signature in exercise.__doc__
    assert exercise.task in exercise.__doc__
    assert all(name in exercise.signature for name in exercise.inputs)
    assert repr(exercise) == f"checks.{exercise.name}: {exercise.signature}"


@every
def test_an_empty_answer_is_told_the_task(exercise):
    def unwritten(*args):
        raise NotImplementedError

    for answer in (lambda *args: None, lambda *args: ..., unwritten):
        verdict = exercise(answer)
        assert verdict.mistake == "nothing yet"
        assert exercise.task in " ".join(verdict.message.split())
        assert "wanted" in verdict.message


@every
def test_an_unknown_wrong_answer_gets_a_counterexample(exercise):
    verdict = exercise(lambda *args: torch.full((7,), 3.25))
    assert not verdict
    assert verdict.mistake is None
    assert "The smallest input that shows it:" in verdict.message


@every
def test_an_answer_that_raises_is_told_what_and_where(exercise):
    def answer(*args):
        return args[0] @ undefined_name

    verdict = exercise(answer)
    assert verdict.mistake is None
    assert "raised a NameError" in verdict.message
    assert "name 'undefined_name' is not defined" in verdict.message
    assert "in the line: return args[0] @ undefined_name" in verdict.message


@every
def test_overwriting_an_input_is_noticed(exercise):
    for position, name in enumerate(exercise.inputs):
        if isinstance(exercise.cases[0][position], torch.Tensor | list):
            if _is_bool(exercise.cases[0][position]):
                continue
            verdict = exercise(scribbling(exercise.reference, position))
            assert verdict.mistake == "changes its input"
            assert f"but {name} no longer holds" in " ".join(verdict.message.split())


def _is_bool(x):
    return isinstance(x, torch.Tensor) and x.dtype == torch.bool


@every
def test_the_cases_survive_whatever_an_answer_does(exercise):
    exercise(exercise.reference).require()
    for position, x in enumerate(exercise.cases[0]):
        if isinstance(x, torch.Tensor | list) and not _is_bool(x):
            exercise(scribbling(exercise.reference, position))
    exercise(exercise.reference).require()


@every
def test_checking_draws_no_random_number_of_the_readers(exercise):
    before = torch.get_rng_state()
    exercise(exercise.reference)
    exercise(exercise.bank[0].wrong)
    assert torch.equal(torch.get_rng_state(), before)


@every
def test_the_same_answer_gets_the_same_words_twice(exercise):
    wrong = exercise.bank[0].wrong
    assert exercise(wrong) == exercise(wrong)
    assert exercise(exercise.reference) == exercise(exercise.reference)


# ------------------------------------------------------------------ no case hangs on a rounding

# A case is a constant vector, whose variance is zero, or scores that are tied: equal entries stay
# equal there.
CONSTANT = {"layer_norm", "recall_at_k"}


def shaken(x, seed, alike):
    """Change numbers by at most a millionth, each by itself; ``alike``: equal ones equally."""
    if isinstance(x, float):
        return float(shaken(torch.tensor([x], dtype=torch.float64), seed, alike))
    if isinstance(x, list | tuple):
        return type(x)(shaken(y, seed + i, alike) for i, y in enumerate(x))
    if not (isinstance(x, torch.Tensor) and x.is_floating_point()):
        return x
    wide = x.double()
    noise = torch.rand(x.shape, generator=torch.Generator().manual_seed(seed)).double()
    noise = (wide * 12.9898 + seed).sin() if alike else 2 * noise - 1
    return (wide + 1e-6 * noise * wide.abs().clamp(max=1.0)).to(x.dtype)


@every
@pytest.mark.parametrize("seed", [1, 2])
def test_no_case_has_a_tie_or_a_value_within_rounding_of_one(exercise, seed):
    """A millionth decides nothing: neither for the reference nor for any wrong answer."""
    answers = {"the reference": exercise.reference} | {m.name: m.wrong for m in exercise.bank}
    near = [
        tuple(shaken(x, 100 * seed + i, exercise.name in CONSTANT) for i, x in enumerate(case))
        for case in exercise.cases
    ]
    differ = [
        (name, number)
        for name, answer in answers.items()
        for number, (case, close) in enumerate(zip(exercise.cases, near, strict=True))
        if not same(*(outcomes := (run(answer, case), run(answer, close))))
        and not all(outcome.error for outcome in outcomes)
    ]
    assert differ == []


def test_a_tie_would_be_seen():
    tied, apart = torch.tensor([0.3, 0.3]), torch.tensor([0.3, 0.4])

    def first(x):
        return x.argsort(descending=True)[:1]

    def moved(x):
        return {int(first(shaken(x, seed, False))) for seed in range(9)}

    assert moved(tied) == {0, 1}
    assert moved(apart) == {1}
    assert len(set(shaken(tied, 3, True).tolist())) == 1
