"""``make study``: seeds are run once each, and a study knows what it is older than."""

import json
import re
from pathlib import Path

import nbformat
import pytest
import torch
from browsing import ROOT
from tiny import make, write
from torch.testing import assert_close
from txbook import studies
from txbook.runner import chapters

from studies import _kept, long_memory

MEASURE = '''"""A study."""
from pathlib import Path

from tiny.used import value


def measure(seed):
    """Count the calls."""
    with open("calls", "a") as file:
        file.write(str(seed))
    if Path("broken").exists() and seed == 1:
        raise ValueError("broken")
    return {"twice": 2.0 * seed * value}
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make(tmp_path)
    write(tmp_path, "studies/__init__.py", "")
    write(tmp_path, "studies/one.py", MEASURE)
    write(tmp_path, "calls", "")
    return tmp_path


def calls(root: Path) -> str:
    return "".join(sorted((root / "calls").read_text()))


def test_a_study_holds_a_value_for_each_seed(root: Path) -> None:
    assert studies.run(root, ["01"], seeds=3) == 0
    study = studies.load(root, 1)
    assert study.seeds == [0, 1, 2]
    assert study.values == {"twice": [0, 2, 4]}
    assert study.range("twice") == (0, 4)
    assert len(study.seconds) == 3
    assert study.versions["torch"]
    assert set(study.code) == {
        "studies/__init__.py",
        "studies/one.py",
        "tiny/__init__.py",
        "tiny/used.py",
        "tiny/later.py",
    }
    assert study.changed(root) == []


def test_a_seed_that_is_there_is_not_run_again(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(root, "broken", "")
    assert studies.run(root, [], seeds=2) == 1
    assert "failed with seed [1]" in capfd.readouterr().err
    assert not (root / "book/studies/01.json").exists()
    (root / "broken").unlink()
    assert studies.run(root, [], seeds=2) == 0
    assert calls(root) == "011"
    assert studies.run(root, [], seeds=3) == 0
    assert calls(root) == "0112"
    assert studies.load(root, 1).seeds == [0, 1, 2]


def test_a_study_is_older_than_code_that_does_something_else(root: Path) -> None:
    studies.run(root, [], seeds=1)
    words = '"""New words."""\n# why\n\nvalue = 1  # one\n\ndef late():\n    """More."""\n'
    write(root, "tiny/used.py", words + "    from tiny import later\n")
    assert studies.load(root, 1).changed(root) == []
    write(root, "tiny/used.py", "value = 3\n")
    assert studies.load(root, 1).changed(root) == ["tiny/used.py"]
    (root / "tiny/used.py").unlink()
    assert studies.load(root, 1).changed(root) == ["tiny/used.py"]
    write(root, "tiny/used.py", "value = 3\n")
    studies.run(root, [], seeds=1)
    assert calls(root) == "00"
    assert studies.load(root, 1).changed(root) == []


PARTS = """
from pathlib import Path

from studies._kept import folder, kept, kept_tensors
from tiny.used import value
import torch


def made(name, found):
    with open("calls", "a") as file:
        file.write(name)
    return found


def measure(seed):
    number = kept("part", seed, lambda: made("p", {"x": 2.0 * seed * value}))
    tensor = kept_tensors("all", lambda: made("t", {"x": torch.tensor(float(value))}))
    if Path("broken").exists():
        raise ValueError
    return {"twice": number["x"], "value": float(tensor["x"])}
"""


def test_parts_that_are_done_are_kept_for_one_state_of_the_code(root: Path) -> None:
    write(root, "studies/_kept.py", (ROOT / "studies/_kept.py").read_text())
    write(root, "studies/one.py", PARTS)
    write(root, "broken", "")
    assert studies.run(root, [], seeds=1) == 1
    assert calls(root) == "pt"
    (root / "broken").unlink()
    assert studies.run(root, [], seeds=2) == 0
    assert calls(root) == "ppt"  # the first seed's were there; tensors are for all seeds
    assert studies.load(root, 1).values == {"twice": [0, 2], "value": [1, 1]}
    before = (root / "tiny/used.py").read_text()
    write(root, "tiny/used.py", "value = 3\n")
    assert studies.run(root, [], seeds=2, confirming=True) == 1  # not by what was kept
    assert studies.run(root, [], seeds=2) == 0
    assert studies.load(root, 1).values == {"twice": [0, 6], "value": [3, 3]}
    known = calls(root)
    write(root, "tiny/used.py", before)
    assert studies.run(root, [], seeds=2) == 0
    assert studies.load(root, 1).values == {"twice": [0, 2], "value": [1, 1]}
    assert calls(root) == known  # of this state all were there


def test_a_state_is_that_of_the_code_and_of_its_surroundings(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = studies.state(root, "one")
    assert now == studies.state(root, "one")
    write(root, "tiny/later.py", "value = 1\n")
    later = studies.state(root, "one")
    monkeypatch.setenv("TXLITE_DEVICE", "meta")
    assert len({now, later, studies.state(root, "one")}) == 3


def test_without_a_folder_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(studies.PARTS, raising=False)
    assert _kept.FOLDER == studies.PARTS
    assert _kept.folder() is None
    numbers = iter((1.0, 2.0))
    assert [_kept.kept("x", 0, lambda: {"x": next(numbers)})["x"] for _ in range(2)] == [1, 2]


def test_one_seed_confirms_a_study_whose_code_has_changed(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    studies.run(root, [], seeds=3)
    write(root, "tiny/used.py", "value = 2 - 1\n")
    assert studies.load(root, 1).changed(root) == ["tiny/used.py"]
    assert studies.run(root, [], seeds=3, confirming=True) == 0
    assert calls(root) == "0012"
    study = studies.load(root, 1)
    assert study.changed(root) == []
    assert study.values == {"twice": [0, 2, 4]}
    assert study.confirmed
    assert study.confirmed["seed"] == 0
    assert studies.run(root, [], seeds=3, confirming=True) == 0
    assert calls(root) == "0012"
    assert "up to date" in capsys.readouterr().out


def test_a_seed_that_finds_something_else_confirms_nothing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, "studies/one.py", MEASURE.replace("2.0 * seed", "(2.0 + seed)"))
    studies.run(root, [], seeds=2)
    before = (root / "book/studies/01.json").read_text()
    write(root, "tiny/used.py", "value = 3\n")
    assert studies.run(root, [], seeds=2, confirming=True) == 1
    assert "seed 0 finds something else: twice: 6.0, it was 2.0" in capsys.readouterr().err
    assert (root / "book/studies/01.json").read_text() == before


def test_costs_may_differ_and_names_may_not() -> None:
    known = {"right": 0.5, "LSTM, seconds": 3.0, "RNN, ms a step": 1.0}
    now = {"right": 0.5 + 1e-8, "LSTM, seconds": 9.0, "RNN, ms a step": 7.0}
    assert studies.differences(known, now) == []
    assert studies.differences(known, now | {"right": 0.501}) == ["right: 0.501, it was 0.5"]
    assert studies.differences({"a": 1.0}, {"b": 1.0}) == ["a: not measured", "b: not known"]


ASKS = """import os

import {name}


def measure({takes}):
    return {{"variable": int(os.environ.get("TXLITE_SEED", -1))}}
"""


@pytest.mark.parametrize(
    ("takes", "found"), [("", [0, 1, 2]), ("seed", [-1, -1, -1])], ids=["shifted", "own"]
)
def test_a_study_that_takes_no_seed_is_shifted_as_its_chapter_is(
    root: Path, monkeypatch: pytest.MonkeyPatch, takes: str, found: list[int]
) -> None:
    monkeypatch.setenv("TXLITE_SEED", "9")
    write(root, "studies/one.py", ASKS.format(name="tiny.used", takes=takes))
    assert studies.run(root, ["01"], seeds=3) == 0
    assert studies.load(root, 1).values == {"variable": found}
    monkeypatch.delenv("TXLITE_SEED")
    before = (root / "_build/studies/01/seed-1.json").stat().st_mtime_ns
    assert studies.run(root, ["01"], seeds=3) == 0
    assert (root / "_build/studies/01/seed-1.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("module", studies.available(ROOT).values())
def test_a_study_has_no_chance_but_that_of_txlite_seed(module: str) -> None:
    code = (ROOT / studies.CODE / f"{module}.py").read_text(encoding="utf-8")
    assert "environ" not in code
    assert "1_000_003" not in code
    assert "torch.manual_seed" not in code


def test_a_chapter_without_a_study_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert studies.run(root, ["07"], seeds=1) == 1
    assert "no study in studies/ for 07; there are {'01': 'one'}" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError, match="make study CHAPTERS=01"):
        studies.load(root, 1)


def test_what_is_out_of_date_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    studies.run(root, [], seeds=1)
    studies.tell(root)
    assert "01: up to date" in capsys.readouterr().out
    write(root, "tiny/used.py", "value = 3\n")
    studies.tell(root)
    assert "01: older than tiny/used.py" in capsys.readouterr().out


@pytest.fixture
def two(root: Path) -> Path:
    write(root, "studies/one_more.py", MEASURE)
    write(root, "studies/oneself.py", MEASURE)  # of no chapter
    return root


def test_a_chapter_may_have_a_second_study_which_runs_with_it_or_alone(
    two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert studies.available(two) == {"01": "one", "01_more": "one_more"}
    assert studies.run(two, ["01_more"], seeds=2) == 0
    assert not (two / "book/studies/01.json").exists()
    assert studies.load(two, "01_more").values == {"twice": [0, 2]}
    assert "studies/one_more.py" in studies.load(two, "01_more").code
    for named in (["01"], ["1", "01_more"], []):
        assert studies.run(two, named, seeds=2) == 0
    assert calls(two) == "0011"  # each study has kept its own seeds
    assert studies.load(two, 1).values == {"twice": [0, 2]}
    assert studies.run(two, ["01_less"], seeds=1) == 1
    with pytest.raises(FileNotFoundError, match="make study CHAPTERS=01_less"):
        studies.load(two, "01_less")
    capsys.readouterr()
    write(two, "studies/one_more.py", MEASURE.replace("2.0", "3.0"))
    studies.tell(two)
    said = capsys.readouterr().out
    assert "01: up to date" in said
    assert "01_more: older than studies/one_more.py" in said


def test_a_study_is_that_of_the_longest_name(root: Path) -> None:
    (root / "chapters/01_one.ipynb").with_name("02_one_more.ipynb").write_bytes(
        (root / "chapters/01_one.ipynb").read_bytes()
    )
    write(root, "studies/one_more.py", MEASURE)
    assert studies.available(root) == {"01": "one", "02": "one_more"}


KEPT = sorted((ROOT / studies.FOLDER).glob("*.json"))


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_a_kept_study_is_whole(file: Path) -> None:
    study = studies.load(ROOT, file.stem)
    assert len(study.seeds) >= 5
    assert all(len(found) == len(study.seeds) for found in study.values.values())
    assert len(study.seconds) == len(study.seeds)
    assert f"studies/{studies.available(ROOT)[file.stem]}.py" in study.code
    stored = json.loads(file.read_text(encoding="utf-8")).keys()
    assert stored | {"confirmed"} == study.__dict__.keys()


@pytest.mark.parametrize("path", chapters(ROOT), ids=lambda path: path.stem)
def test_a_chapter_reads_its_study_in_one_way(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    assert not re.search(r"book.{1,5}studies|\d\d\.json|git clone", code)
    number = path.stem.partition("_")[0]
    read = re.findall(r"\bstudies\.read\(\"(\w+)\"\)", code)
    assert all(name[:2] <= number for name in read)  # its own, or what an earlier one has found
    own = any(name.startswith(number) for name in read)
    assert own == (ROOT / studies.FOLDER / f"{number}.json").exists()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_memory, "BUDGETS", (2, 3))
    monkeypatch.setattr(long_memory, "PAGES", 8)
    long_memory.exam.cache_clear()


@pytest.mark.usefixtures("small")
def test_the_study_of_chapter_1_measures_shares_and_gradients_for_each_memory_and_budget() -> None:
    found = long_memory.measure(0)
    shares = {
        f"{kind}, {steps} steps, distance {band}"
        for kind in long_memory.MEMORIES
        for steps in (2, 3)
        for band in long_memory.BANDS
    }
    gradients = {f"{kind}, {n} steps, gradient" for kind in long_memory.MEMORIES for n in (0, 2, 3)}
    costs = {f"{kind}, ms a step" for kind in long_memory.MEMORIES}
    assert set(found) == shares | gradients | costs
    assert all(0 <= found[name] <= 1 for name in shares)
    assert all(found[name] == 0 for name in gradients if name.startswith("CNN"))  # its window
    assert all(found[name] > 0 for name in gradients if not name.startswith("CNN"))
    again = long_memory.measure(0)
    assert all(found[name] == again[name] for name in shares | gradients)
    long_memory.exam.cache_clear()


def test_the_study_of_chapter_1_opens_the_gate_so_that_half_is_left_after_47_positions() -> None:
    torch.manual_seed(0)
    memory, width = long_memory.open_gate(), long_memory.WIDTH
    biases = [p for name, p in memory.cell.named_parameters() if name.startswith("bias")]
    gate = sum(biases)[width : 2 * width].sigmoid()
    assert_close(gate**47, torch.full((width,), 0.5))
    plain = long_memory.Recurrent(torch.nn.LSTM)
    names = [name for name, _ in plain.cell.named_parameters()]
    assert names == [name for name, _ in memory.cell.named_parameters()]
    assert max(b[:width].abs().max() for b in biases) < 1 / width**0.5  # the other gates: as torch


def test_the_gradient_of_the_study_is_that_of_the_right_value_at_its_note(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(long_memory, "PAGES", 3)
    long_memory.exam.cache_clear()
    torch.manual_seed(0)
    model = long_memory.Model(long_memory.Attention()).double()
    page, distance = long_memory.exam(5, torch.device("cpu")), 5
    wanted = []
    for names, values, targets in zip(page.names, page.values, page.targets, strict=True):

        def right(note: torch.Tensor, names=names, values=values, targets=targets) -> torch.Tensor:
            x = model.name(names) + model.value(values)
            x = torch.cat([x[: -1 - distance], note[None], x[-distance:]])
            return model.answer(model.memory(x[None]))[0, -1, targets[-1]]

        note = (model.name(names) + model.value(values))[-1 - distance]
        wanted.append(torch.autograd.functional.jacobian(right, note.detach()).norm())
    found = long_memory.gradient(model, distance, torch.device("cpu"))
    assert found == pytest.approx(float(sum(wanted)) / 3)
    long_memory.exam.cache_clear()
