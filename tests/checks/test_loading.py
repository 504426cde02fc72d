"""An exercise is a file of its name, loaded when it is asked for and typed without."""

import ast
import copy
import importlib
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import txlite
from txlite import checks
from txlite.checks import Exercise
from txlite.checks.framework._lazy import exercise_files

FOLDER = Path(checks.__file__).parent
FILES = exercise_files("txlite.checks", checks.__path__)
FRAMEWORK = ("Exercise", "Mistake", "Verdict")
LONGEST = 0.05  # seconds on the processor that importing the checkers may cost
RUNS = 5  # at most; the shortest counts, as others may be busy on the processor

EACH_ALONE = """
import sys
import txlite.checks as checks
files = lambda: {name for name in sys.modules if name.startswith("txlite.")}
first = files()
print("checks", *first)
for name in sys.argv[1:]:
    getattr(checks, name)
    print(name, *(files() - first))
    for file in files() - first:
        if file.startswith("txlite.checks."):
            del sys.modules[file]  # so that the next one starts alone
        else:
            first.add(file)
"""
COST = """
import time, txlite
start = time.process_time()
import txlite.checks
print(time.process_time() - start)
"""
UNPICKLE = """
import pickle, sys
found = pickle.loads(bytes.fromhex(sys.argv[1]))
from txlite import checks
print(found is checks.gelu, found(lambda x: x).passed)
"""


def python(code: str, *arguments: str) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


# ------------------------------------------------------------------ names, files and the stub agree


def test_every_file_of_a_topic_is_an_exercise():
    found = {
        path.stem: f"txlite.checks.{path.parent.name}.{path.stem}"
        for path in FOLDER.glob("*/*.py")
        if path.parent.name != "framework" and not path.stem.startswith("_")
    }
    assert found == FILES
    assert len(FILES) >= 49
    assert checks.__all__ == [*FRAMEWORK, *sorted(FILES)]


@pytest.mark.parametrize("name", FILES)
def test_a_file_holds_the_exercise_of_its_name_and_no_other(name):
    module = importlib.import_module(FILES[name])
    assert module.__all__ == [name]
    exercises = [key for key, value in vars(module).items() if isinstance(value, Exercise)]
    assert exercises == [name]
    assert getattr(module, name) is getattr(checks, name)
    assert getattr(checks, name).name == name


def test_the_stub_names_what_the_files_hold():
    """It is imports and nothing else, each with the alias that makes a name public."""
    tree = ast.parse((FOLDER / "__init__.pyi").read_text(encoding="utf-8"))
    said = [
        (node.module, alias.name, alias.asname)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    wanted = [(FILES[name], name, name) for name in FILES]
    wanted += [("txlite.checks.framework", name, name) for name in FRAMEWORK]
    assert sorted(said) == sorted(wanted)
    assert len(said) == len(tree.body)


def test_no_folder_takes_the_name_of_an_exercise():
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir()}
    assert not folders & {*checks.__all__}


def test_every_exercise_has_tests_of_its_own():
    tests = Path(__file__).parent
    for name, module in FILES.items():
        assert (tests / module.split(".")[2] / f"test_{name}.py").exists(), name


# ------------------------------------------------------------------ what is loaded, what it costs


@pytest.mark.plain
def test_nothing_is_loaded_before_it_is_asked_for():
    lines = python(EACH_ALONE, *FILES).splitlines()
    loaded = {line.split()[0]: set(line.split()[1:]) for line in lines}
    first = {name for name in loaded.pop("checks") if "txlite.checks.framework" not in name}
    assert first == {"txlite._numbers", "txlite.runtime", "txlite.checks"}
    assert set(loaded) == set(FILES)
    exercises = set(FILES.values())
    for name, files in loaded.items():
        assert files & exercises == {FILES[name]}, f"{name} loads {files & exercises}"
    assert loaded["bleu"] == {
        "txlite.checks.translation",
        "txlite.checks.translation._ngrams",
        "txlite.checks.translation.bleu",
    }


@pytest.mark.plain
def test_the_import_costs_little():
    costs: list[float] = []
    while len(costs) < RUNS and min(costs, default=1.0) > LONGEST:
        costs.append(float(python(COST)))
    assert min(costs) <= LONGEST, costs


# ------------------------------------------------------------------ the ways to ask


def test_everything_is_listed():
    assert {*checks.__all__} <= {*dir(checks)}
    assert "__doc__" in dir(checks)


def test_a_name_can_be_imported_alone_or_with_all_others():
    namespace: dict[str, object] = {}
    exec("from txlite.checks import stable_softmax", namespace)
    assert namespace["stable_softmax"] is checks.stable_softmax
    exec("from txlite.checks import *", namespace)
    assert {*checks.__all__} <= {*namespace}
    assert isinstance(namespace["attention"], Exercise)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("softmax", "no attribute 'softmax'; the nearest: stable_softmax"),
        ("causal_masks", "no attribute 'causal_masks'; the nearest: causal_mask, "),
        ("qqq", r"no attribute 'qqq'; dir\(\) lists what there is"),
        ("__wrapped__", "no attribute '__wrapped__'$"),
        ("_ngrams", "no attribute '_ngrams'"),
    ],
)
def test_a_wrong_name_is_told_the_nearest(name, words):
    with pytest.raises(AttributeError, match=words):
        getattr(checks, name)
    with pytest.raises(ImportError, match=name):
        exec(f"from txlite.checks import {name}", {})


def test_a_fault_inside_an_exercise_is_not_hidden(tmp_path, monkeypatch):
    """A file that cannot be imported says why, and is not taken for a wrong name."""
    package = tmp_path / "shelf_with_a_broken_file"
    (package / "topic").mkdir(parents=True)
    (package / "topic" / "__init__.py").touch()
    (package / "topic" / "broken.py").write_text("import nothing_of_this_name\n")
    (package / "__init__.py").write_text(
        "from txlite.checks.framework._lazy import loaded_when_asked\n"
        "__all__, __getattr__, __dir__ = loaded_when_asked(__name__, __path__)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    shelf = importlib.import_module("shelf_with_a_broken_file")
    assert shelf.__all__ == ["broken"]
    with pytest.raises(ModuleNotFoundError, match="nothing_of_this_name"):
        _ = shelf.broken


def test_reloading_the_package_keeps_its_exercises():
    kept = checks.rotate
    assert vars(checks)["rotate"] is kept  # the second time nobody has to look for it
    assert importlib.reload(checks) is txlite.checks
    assert checks.rotate is kept


def test_an_exercise_is_copied_and_pickled_as_itself():
    assert copy.copy(checks.gelu) is copy.deepcopy(checks.gelu) is checks.gelu
    assert pickle.loads(pickle.dumps(checks.gelu)) is checks.gelu
    verdict = checks.gelu(lambda x: x)
    assert pickle.loads(pickle.dumps(verdict)) == verdict


@pytest.mark.plain
def test_another_process_finds_an_exercise_by_its_pickled_name():
    assert python(UNPICKLE, pickle.dumps(checks.gelu).hex()).split() == ["True", "False"]
