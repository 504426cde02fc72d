"""The changes themselves: which there are, how they are known, and that weak tests are seen."""

import ast
from pathlib import Path

import pytest

from tests.mutants import banks, choice, run
from tests.mutants.faults import Fault, faults
from tests.mutants.mutant import changes_something
from tests.mutants.operators import mutants
from tests.mutants.run import Task
from tests.mutants.survivors import Survivor, entry, judged

pytestmark = pytest.mark.plain  # forks of this process, which must not check shapes

SOURCE = '''"""A module."""
from math import inf

def f(a: int | None, b: bool = True) -> int:
    """Do not change this -1."""
    if a < 1 and b:
        raise ValueError(f"a must be {1 + 1}")
    return min(a, 2)
'''
TOY = """def total(numbers):
    n, i = 0, 0
    while i < len(numbers):
        n += numbers[i]
        i += 1
    return n
"""
SHARED = """def halved(x):
    return x / 2

def right(x):
    return x * 7
"""
EXERCISE = """from txlite.checks.framework import Exercise, Mistake, swapped
from txlite.checks.toy._shared import halved, right

TABLE = (("more", "Says more.", lambda x: x % 9),)

def _recipe(x, step=right):
    return step(x) + 1

def _wrong(x):
    return x - 2

toy = Exercise(
    reference=lambda x: right(x) + 3,
    bank=(
        swapped(_recipe, "less", "Says less.", step=_wrong),
        Mistake("half", "Says half.", lambda x: halved(x) + 5),
        *(Mistake(*words) for words in TABLE),
    ),
    cases=(4 * 5,),
)
"""
STRONG = "from txlite.nn.toy import total\ndef test_total():\n    assert total([1, 2, 4]) == 7\n"
WEAK = "from txlite.nn.toy import total\ndef test_total():\n    assert total([]) == 0\n"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A package of one file, with its test."""
    for folder in ("txlite/nn", "tests/nn"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("txlite/__init__.py", "txlite/nn/__init__.py", "pyproject.toml"):
        (tmp_path / name).touch()
    (tmp_path / "txlite/nn/toy.py").write_text(TOY)
    (tmp_path / "tests/nn/test_toy.py").write_text(STRONG)
    return tmp_path


def _try(house: Path, text: str) -> run.Result:
    task = Task("toy", "nn/toy.py", text, choice.tests_of(house, "nn/toy.py"))
    (result,) = run.run([task], house, workers=1)
    return result


# ---------------------------------------------------------------- which changes there are


def test_the_changes_of_a_small_source() -> None:
    got = {(m.line, m.change) for m in mutants(SOURCE, "x.py")}
    test, end = "if a < 1 and b:", "return min(a, 2)"
    assert got == {
        ("def f(a: int | None, b: bool = True) -> int:", "True → False"),
        *((test, change) for change in ("a < 1 and b → True", "a < 1 and b → False")),
        *((test, change) for change in ("< → <=", "< → >=", "1 → 2", "1 → 0", "and → or")),
        *((test, change) for change in ("no a < 1", "no b")),
        ('raise ValueError(f"a must be {1 + 1}")', 'raise ValueError(f"a must be {1 + 1}") → pass'),
        *((end, change) for change in ("min(a, 2) → None", "min → max", "a → None")),
        *((end, change) for change in ("2 → 3", "2 → 1", "a, 2 → 2, a")),
    }


@pytest.mark.parametrize(
    ("source", "change", "want"),
    [
        ("y = a if c else b", "a if c else b → b", "y = b"),
        ("y = x[1:n]", "no 1", "y = x[:n]"),
        ("y = f(a, k=1, m=2)", "no k=1", "y = f(a, m=2)"),
        ("y = f(a, k=1)", "no k=1", "y = f(a)"),
        ("y = (a + b) * c", "(a + b) * c → (a + b)", "y = a + b"),
        ("y = d - (a - b) * c", "(a - b) * c → (a - b)", "y = d - (a - b)"),
        ("y = -x", "-x → x", "y = x"),
        ("y = not x", "not x → x", "y = x"),
        ("y = x.clamp(min=0)", "x.clamp(min=0) → x", "y = x"),
        ("x = x + 1", "x = x + 1 → pass", "pass"),
        ("x += é - 1", "+= → -=", "x -= é - 1"),
        ("y = [a, b]", "a, b → b, a", "y = [b, a]"),
        ("y = {'a': 1, 'b': 2}", "no 1", "y = {'b': 2}"),
        ("y = a and b and c", "no b", "y = a and c"),
        ("y = [a for a in x if a > 0]", "a > 0 → True", "y = [a for a in x if True]"),
    ],
)
def test_what_a_change_makes_of_a_line(source: str, change: str, want: str) -> None:
    (mutant,) = [m for m in mutants(source, "x.py") if m.change == change]
    assert ast.dump(ast.parse(mutant.of(source))) == ast.dump(ast.parse(want))


def test_an_assertion_of_equal_lengths_is_not_changed() -> None:
    def about_strict(source: str) -> set[str]:
        changes = {m.change for m in mutants(source, "x.py")}
        return {change for change in changes if "True" in change or "strict" in change}

    assert not about_strict("y = zip(a, b, strict=True)")
    assert about_strict("y = zip(a, b, strict=False)") == {"False → True"}
    assert about_strict("y = f(a, b, strict=wanted)") == set()


def test_every_drawn_change_is_python_and_another_program() -> None:
    drawn = choice.sample(run.ROOT, ["runtime.py"], None, 0)
    source = (run.ROOT / "txlite/runtime.py").read_text(encoding="utf-8")
    assert len(drawn) > 50
    assert all(changes_something(mutant, source) for mutant in drawn)
    assert len({mutant.key for mutant in drawn}) == len(drawn)


def test_a_change_is_known_by_its_words_not_by_its_place() -> None:
    before = {m.key for m in mutants(SOURCE, "x.py")}
    moved = SOURCE.replace("def f", "X = ()\n\n\ndef f")
    assert {m.key for m in mutants(moved, "x.py")} == before
    assert len({m.nth for m in mutants("def f():\n    g(1)\n    g(1)", "x.py")}) == 2


# ---------------------------------------------------------------- which are drawn


def test_a_sample_is_the_same_in_every_run_and_another_for_another_seed(house: Path) -> None:
    def draw(seed: int, count: int | None = 4) -> list[str]:
        return [str(mutant) for mutant in choice.sample(house, ["nn/toy.py"], count, seed)]

    assert draw(0) == draw(0) == draw(0, None)[:4]
    assert draw(0) != draw(1)
    assert sorted(draw(0, None)) == sorted(draw(1, None))


def test_what_was_drawn_stays_drawn_while_other_lines_come(house: Path) -> None:
    before = choice.sample(house, ["nn/toy.py"], None, 0)
    (house / "txlite/nn/toy.py").write_text(f"OTHER = 5\n{TOY}")
    after = choice.sample(house, ["nn/toy.py"], None, 0)
    assert [m.key for m in after if m.scope == "total"] == [m.key for m in before]


def test_its_own_tests_come_first_and_refusals_soon() -> None:
    own, others = choice.tests_of(run.ROOT, "nn/_kernels.py")
    assert own == ("tests/nn/test_kernels.py",)
    assert "tests/test_errors.py" in others[:2]
    assert not set(own) & set(others)


def test_the_formulas_of_mistakes_are_told_from_what_is_right(house: Path) -> None:
    for folder in ("txlite/checks/toy", "tests/checks/toy"):
        (house / folder).mkdir(parents=True)
    for name, source in (("_shared", SHARED), ("toy", EXERCISE)):
        (house / f"txlite/checks/toy/{name}.py").write_text(source)
        (house / f"tests/checks/toy/test_{name}s.py").touch()
    (house / "tests/checks/toy/test_toy.py").touch()

    def lines(file: str) -> set[str]:
        return {m.line for m in choice.sample(house, [file], None, 0, banks.formulas(house))}

    assert lines("checks/toy/_shared.py") == {"return x / 2"}
    assert lines("checks/toy/toy.py") == {
        'TABLE = (("more", "Says more.", lambda x: x % 9),)',
        "return x - 2",
        'swapped(_recipe, "less", "Says less.", step=_wrong),',
        'Mistake("half", "Says half.", lambda x: halved(x) + 5),',
    }
    assert banks.tests_of(house, "checks/toy/toy.py") == (("tests/checks/toy/test_toy.py",),)
    assert banks.tests_of(house, "checks/toy/_shared.py")[0][-1] == "tests/checks/toy/test_toys.py"


# ---------------------------------------------------------------- what the tests notice


def test_a_strong_test_notices_and_a_weak_one_does_not(house: Path) -> None:
    fault = TOY.replace("n +=", "n -=")
    noticed = _try(house, fault)
    assert (noticed.verdict, noticed.said) == ("killed", "tests/nn/test_toy.py::test_total")
    (house / "tests/nn/test_toy.py").write_text(WEAK)
    assert _try(house, fault).verdict == "survived"
    assert (house / "txlite/nn/toy.py").read_text() == TOY


def test_an_endless_loop_ends(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "TEST_SECONDS", 1)
    assert _try(house, TOY.replace("        i += 1\n", "")).verdict == "killed"


def test_a_process_that_waits_for_ever_ends(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "STEP_SECONDS", 1)
    result = _try(house, TOY.replace("    n, i", "    import time; time.sleep(99)\n    n, i"))
    assert (result.verdict, result.said) == ("killed", "no end")


def test_what_takes_longer_than_there_is_time_is_left(house: Path) -> None:
    slow = TOY.replace("    n, i", "    import time; time.sleep(99)\n    n, i")
    task = Task("toy", "nn/toy.py", slow, choice.tests_of(house, "nn/toy.py"))
    assert list(run.run([task], house, workers=1, seconds=1)) == []


def test_what_does_not_import_is_noticed(house: Path) -> None:
    assert _try(house, "import nothing_of_this_name\n").verdict == "killed"


def test_a_change_whose_tests_are_never_run_is_told(house: Path) -> None:
    slow = STRONG.replace("def test", "import pytest\n@pytest.mark.slow\ndef test")
    (house / "tests/nn/test_toy.py").write_text(slow)
    result = _try(house, TOY.replace("n +=", "n -="))
    assert result.verdict == "trouble"
    assert "none of its tests" in result.said


def test_one_change_does_not_see_another(house: Path) -> None:
    tests = choice.tests_of(house, "nn/toy.py")
    texts = [TOY.replace("n +=", "n -="), TOY, TOY.replace("i += 1", "i += 2"), TOY]
    tasks = [Task(str(n), "nn/toy.py", text, tests) for n, text in enumerate(texts)]
    verdicts = {result.task.name: result.verdict for result in run.run(tasks, house, workers=1)}
    assert verdicts == {"0": "killed", "1": "survived", "2": "killed", "3": "survived"}


def test_a_test_that_fails_anyway_is_named(house: Path) -> None:
    assert not run.failing_anyway([_try(house, TOY.replace("n +=", "n -="))], house)
    (house / "tests/nn/test_toy.py").write_text(STRONG.replace("7", "8"))
    assert "test_total" in run.failing_anyway([_try(house, TOY.replace("n +=", "n -="))], house)


# ---------------------------------------------------------------- by hand, and judged


def _name(house: Path, *faults_of_it: tuple[str, str, str, str]) -> None:
    marks = "".join(f"@pytest.mark.kills{words}\n" for words in faults_of_it)
    (house / "tests/nn/test_toy.py").write_text(
        f"import pytest\n{marks}def test_total():\n    pass\n"
    )


def test_a_fault_stands_beside_its_test_and_fails_alone_where_its_text_vanished(
    house: Path,
) -> None:
    _name(house, ("less", "nn/toy.py", "n +=", "n -="), ("gone", "nn/toy.py", "q +=", "q -="))
    less, gone = faults(house)
    assert less.test == gone.test == "tests/nn/test_toy.py::test_total"
    assert not less.trouble(house)
    assert less.planted(house) == TOY.replace("n +=", "n -=")
    assert "its text occurs 0 times in nn/toy.py, not once" in gone.trouble(house)
    assert "no nn/lost.py" in gone._replace(file="nn/lost.py").trouble(house)
    assert "occurs 2 times" in gone._replace(old="numbers)").trouble(house)


def test_two_faults_of_one_name_are_refused(house: Path) -> None:
    _name(house, ("less", "nn/toy.py", "n +=", "n -="), ("less", "nn/toy.py", "i +=", "i -="))
    with pytest.raises(ValueError, match="got twice: less"):
        faults(house)


def test_a_judged_change_is_read_back_and_missed_when_its_line_is_gone(house: Path) -> None:
    mutant = choice.sample(house, ["nn/toy.py"], 1, 0)[0]
    kept = house / "survivors.toml"
    kept.write_text(entry(mutant).replace('why = ""', 'why = "it changes nothing"'))
    (survivor,) = judged(kept)
    assert (survivor.key, survivor.why) == (mutant.key, "it changes nothing")
    assert not survivor.vanished(house)
    (house / "txlite/nn/toy.py").write_text("")
    assert survivor.vanished(house)


def test_every_judgement_has_a_reason_and_a_line() -> None:
    every = judged()
    assert all(survivor.why.strip() for survivor in every)
    assert not [s for s in every if Survivor.vanished(s, run.ROOT)]


@pytest.mark.parametrize("fault", faults(run.ROOT), ids=lambda fault: fault.name)
def test_a_fault_planted_by_hand_still_finds_its_text(fault: Fault) -> None:
    assert not fault.trouble(run.ROOT)
