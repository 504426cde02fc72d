"""``make new-chapter`` makes a chapter that holds every rule, and says why where it cannot."""

import inspect
import shutil
from collections.abc import Callable
from pathlib import Path

import browsing  # noqa: F401 (puts _ext on the path)
import exercising
import nbformat
import pytest
import test_exercises
import test_notebooks
import yaml
from browsing import ROOT
from nbclient import NotebookClient
from txbook import new_chapter, tables

RULES = [
    rule
    for name, rule in vars(test_notebooks).items()
    if name.startswith("test_") and "path" in inspect.signature(rule).parameters
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that a new chapter touches or reads, and all chapters."""
    for file in ("_toc.yml", "_config.yml", "README.md", "book/welcome.md"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    shutil.copytree(ROOT / "chapters", tmp_path / "chapters", ignore=shutil.ignore_patterns(".*"))
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new chapter in a file of its own."""
    path = tmp_path_factory.mktemp("chapter") / "77_some_name.ipynb"
    url = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
    nbformat.write(new_chapter.notebook(77, "some_name", "Some Name", url), path)
    return path


def test_the_rules_are_found() -> None:
    assert len(RULES) > 10


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_it_holds_every_rule_of_a_chapter(rule: Callable[[Path], None], made: Path) -> None:
    rule(made)


def test_its_exercises_pass_every_gate(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test_exercises.test_a_chapter_has_a_ladder(made)
    for exercise in exercising.of(made):
        test_exercises.test_an_exercise_has_hints_a_task_and_a_solution(made, exercise)
        test_exercises.test_an_exercise_can_be_checked(made, exercise)
        test_exercises.test_no_line_of_a_solution_is_given_away(made, exercise)
        test_exercises.test_a_starter_is_red_by_name_and_its_solution_right(
            made, exercise, monkeypatch
        )


def test_nothing_of_the_template_is_left_over(made: Path) -> None:
    text = made.read_text(encoding="utf-8")
    assert "# Some Name" in text
    assert "ex-some_name-softmax" in text
    assert "@title@" not in text
    assert "code-cell" not in text


def test_it_runs_and_prints_what_it_says(made: Path) -> None:
    before = nbformat.read(made, as_version=4)
    after = NotebookClient(nbformat.read(made, as_version=4), timeout=120).execute()
    compared = 0
    for old, new in zip(before.cells, after.cells, strict=True):
        if old.get("outputs"):
            compared += 1
            assert new.execution_count == old.execution_count
            assert [o.text for o in new.outputs] == [o.text for o in old.outputs]
    assert compared == 1


def test_it_is_listed_everywhere(copy: Path) -> None:
    parts = yaml.safe_load((copy / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    path = new_chapter.make(copy, 77, "some_name", "Some Name", "VI · Many fields")
    assert path == copy / "chapters/77_some_name.ipynb"
    toc = yaml.safe_load((copy / "_toc.yml").read_text(encoding="utf-8"))
    new = {"caption": "VI · Many fields", "numbered": 1}
    new["chapters"] = [{"file": "chapters/77_some_name"}]
    assert toc["parts"] == [*parts[:-1], new, parts[-1]], "before the reference, and nothing else"
    readme = (copy / "README.md").read_text(encoding="utf-8")
    assert "| [77 Some Name](chapters/77_some_name.ipynb) | What does Some Name do" in readme
    welcome = (copy / "book/welcome.md").read_text(encoding="utf-8")
    assert "| VI · Many fields | {doc}`Some Name </chapters/77_some_name>`" in welcome
    assert not tables.refresh(copy), "the tables are written already"


@pytest.mark.parametrize("named", [False, True])
def test_the_last_part_takes_it_where_none_is_named(copy: Path, named: bool) -> None:
    last = tables.listed(copy)[-1][0]
    new_chapter.make(copy, 77, "some_name", "Some Name", last if named else None)
    assert tables.listed(copy)[-1] == (last, "77_some_name")


def test_a_part_keeps_its_chapters_in_order() -> None:
    toc = (
        "  - caption: I\n    chapters:\n      - file: chapters/02_b\n      - file: chapters/04_d\n"
    )
    toc += "  - caption: II\n    chapters:\n      - file: chapters/06_f\n  - caption: III\n"
    for stem, part in (("01_a", "I"), ("03_c", "I"), ("05_e", "I"), ("07_g", None)):
        toc = new_chapter.listed(toc, stem, part)
    files = [entry["file"][-4:] for part in yaml.safe_load(toc)[:2] for entry in part["chapters"]]
    assert files == ["01_a", "02_b", "03_c", "04_d", "05_e", "06_f", "07_g"]
    with pytest.raises(ValueError, match="part should be one with chapters or a new one"):
        new_chapter.listed(toc, "08_h", "III")


@pytest.mark.parametrize(
    ("number", "name", "title", "says"),
    [
        (3, "bert", "BERT", "N should be a number without a chapter, got 3: 03_masks.ipynb"),
        (77, "masks", "Masks", "NAME should be one without a chapter, got 'masks': 03_masks"),
        (0, "bert", "BERT", "N should be from 1 to 99, got 0"),
        (77, "A b", "BERT", "NAME should be small letters, digits and _, got 'A b'"),
        (77, "bert", " ", "TITLE should be a line of plain words, got ' '"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    copy: Path, number: int, name: str, title: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {p: p.read_bytes() for p in copy.rglob("*") if p.is_file()}
    assert new_chapter.begin(copy, number, name, title, None) == 1
    assert says in capsys.readouterr().err
    assert {p: p.read_bytes() for p in copy.rglob("*") if p.is_file()} == before


def test_the_command_says_what_is_next(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new_chapter.begin(copy, 77, "some_name", "Some Name", "") == 0
    assert "make outputs" in capsys.readouterr().out
