"""What numbers do over seeds: read from runs, kept in one file, held against the page."""

import json
import os
from pathlib import Path

import nbformat
import pytest
import tiny
from nbformat.v4 import new_code_cell, new_notebook, new_output
from txbook import ranges, seeds, spread
from txbook.key import shifted
from txbook.spread import Spread, glued, number, said, summary

GLUE = """import os
from IPython.display import display
shift = int(os.environ.get("TXLITE_SEED", 0))
def glue(name, text, **more):
    about = {"scrapbook": {"name": name, "mime_prefix": "application/papermill.record/"}}
    display({f"application/papermill.record/text/plain": text}, raw=True, metadata=about | more)
glue("moved", str(0.5 + shift / 10))
glue("still", "7")
glue("seconds", "12.5", cost=True)
glue("word", "'twice'")
open("runs.txt", "a").write(f"{shift} ")"""


def measured(**values: list[float]) -> Spread:
    return Spread([0, 1, 2], values, "key", "here", "CPU", {"torch": "2"}, "2026-01-01")


def output(name: str, text: str, **more: object) -> nbformat.NotebookNode:
    about = {"scrapbook": {"name": name, "mime_prefix": spread.PREFIX}, **more}
    return new_output("display_data", {f"{spread.PREFIX}text/plain": text}, metadata=about)


def test_the_glued_numbers_of_a_run_are_those_that_a_seed_may_move() -> None:
    outputs = [
        output("share", "0.25"),
        output("count", "'12'"),
        output("which", "'rotary'"),
        output("gone", "nan"),
        output("seconds", "3", cost=True),
        new_output("stream", text="0.5\n"),
    ]
    cell = new_code_cell("", outputs=outputs)
    assert glued(new_notebook(cells=[cell])) == {"share": 0.25, "count": 12.0}


@pytest.mark.parametrize(("text", "value"), [("-1e3", -1000.0), ("inf", None), ("one", None)])
def test_a_text_is_a_number_or_it_is_not(text: str, value: float | None) -> None:
    assert number(text) == value


def test_a_value_may_lie_one_range_beyond_what_was_measured() -> None:
    found = measured(x=[2.0, 4.0, 3.0], still=[5.0, 5.0, 5.0])
    assert [found.outside("x", v) for v in (-0.1, 0.0, 3.0, 6.0, 6.1)] == [True, *3 * [False], True]
    assert [found.outside("still", v) for v in (5.0, 5.0 + 1e-12, 5.1)] == [False, False, True]
    assert summary(found.values["x"]) == (2.0, 3.0, 4.0)


def test_a_spread_is_stale_where_the_page_prints_something_else() -> None:
    found = measured(x=[0.501, 0.7, 0.9], y=[1.0, 2.0, 3.0])
    page = {"x": 0.499, "y": 1.0, "new": 1.0}
    assert found.stale(page, {"x": [".1f"], "y": ["s"]}) == []
    assert found.stale(page, {"x": [".1f", ".3f"], "new": ["s"]}) == ["x", "new"]
    assert found.stale({}, {"word": ["s"]}) == []


def test_it_was_measured_here_or_elsewhere() -> None:
    found = measured(x=[0.0, 1.0, 2.0])
    assert found.here("here", {"torch": "2"})
    assert not found.here("there", {"torch": "2"})
    assert not found.here("here", {"torch": "3"})


def test_a_file_holds_both_kinds_of_device(tmp_path: Path) -> None:
    cpu, cuda = measured(x=[1.0, 2.0, 9.0]), measured(x=[1.5, 2.5, 3.0])
    assert spread.load(tmp_path, "01_one") == {}
    spread.save(tmp_path, "01_one", "cpu", measured(x=[0.0, 0.0, 0.0]))
    spread.save(tmp_path, "01_one", "cuda", cuda)
    file = spread.save(tmp_path, "01_one", "cpu", cpu)
    assert file == tmp_path / "book" / "spread" / "01_one.json"
    assert spread.load(tmp_path, "01_one") == {"cpu": cpu, "cuda": cuda}
    row = json.loads(file.read_text())["cpu"]["values"]["x"]
    assert row == {"minimum": 1.0, "median": 2.0, "maximum": 9.0, "values": [1.0, 2.0, 9.0]}


@pytest.mark.parametrize(
    ("form", "value", "words"),
    [
        (".0f", 83.6, "80 to 91 over 3 seeds"),
        (".2f", 83.6, "80.00 to 91.00 over 3 seeds"),
        ("s", 83.6, "80 to 91 over 3 seeds"),
    ],
)
def test_a_range_is_said_as_the_prose_quotes_the_number(
    form: str, value: float, words: str
) -> None:
    assert ranges.range_in_words(measured(x=[value, 80.0, 91.0]), "x", form) == words


def test_a_number_that_no_seed_moves_is_said_to_be_the_same() -> None:
    found = measured(x=[83.61, 83.62, 83.63])
    assert ranges.range_in_words(found, "x", ".1f") == "the same with all 3 seeds"
    assert said(83.6149, "s") == "83.615"
    assert said(1175.0, ",") == "1,175"
    assert said(1175.5, ",") == "1,175.5"


# ---------------------------------------------------------------------- running under seeds


def test_chapters_are_run_under_seeds_once(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tiny.write_notebook(repository / "chapters" / "01_one.ipynb", GLUE)
    assert seeds.run(repository, ["1"], seeds=3) == 0
    assert "book/spread/01_one.json holds 2 numbers over 3 seeds" in capfd.readouterr().out
    (found,) = spread.load(repository, "01_one").values()
    assert found.seeds == [0, 1, 2]
    assert found.values == {"moved": [0.5, 0.6, 0.7], "still": [7.0, 7.0, 7.0]}
    assert seeds.run(repository, [], seeds=3) == 0
    assert (repository / "chapters" / "runs.txt").read_text() == "0 1 2 "


def test_an_assert_that_a_seed_breaks_is_named(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    cell = f"{GLUE}\nassert shift < 2"
    tiny.write_notebook(repository / "chapters" / "01_one.ipynb", cell)
    assert seeds.run(repository, [], seeds=3) == 1
    assert "These failed: 01_one under seed 2" in capfd.readouterr().err
    assert spread.load(repository, "01_one") == {}


def test_a_chapter_that_is_not_there_is_said(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert seeds.run(repository, ["7"], seeds=2) == 1
    assert "there is no chapter 7" in capfd.readouterr().err


def test_what_is_out_of_date_is_told(repository: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = repository / "chapters" / "01_one.ipynb"
    tiny.write_notebook(path, GLUE)
    assert seeds.tell(repository) == 1
    assert "01_one was not measured" in capfd.readouterr().out
    assert seeds.run(repository, [], seeds=2) == 0
    assert seeds.tell(repository) == 0
    tiny.write_notebook(path, GLUE.replace("0.5 +", "0.4 +"))
    assert seeds.tell(repository) == 1
    assert "01_one has other cells" in capfd.readouterr().out
    assert tiny.run(repository)["01_one"].run is not None
    assert seeds.tell(repository) == 1
    assert "01_one prints other numbers: moved" in capfd.readouterr().out


def test_the_variable_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TXLITE_SEED", "9")
    with shifted(0):
        assert "TXLITE_SEED" not in os.environ
    with shifted(3):
        assert os.environ["TXLITE_SEED"] == "3"
    assert os.environ["TXLITE_SEED"] == "9"
