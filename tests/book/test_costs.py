"""What a chapter may cost: each stored run is held against the record."""

import json
import os
from pathlib import Path

import nbformat
import pytest
import tiny  # noqa: F401 (puts _ext on the path)
from browsing import ROOT
from txbook import costs, runner
from txbook.metronome import Metronome
from txbook.store import Run, Store

HERE = "this machine"
ONE = {"beats": 100, "core_seconds": 50, "seconds": 10}
RECORD = {"machine": HERE, "chapters": {"01_one": ONE}}
CALM = [0.5, 0.5, 0.5]


def cost(core_seconds: float, beats: list[float] = CALM) -> dict[str, object]:
    return {
        "core_seconds": core_seconds,
        "seconds": 10.0,
        "memory_mib": 300.4,
        "device_mib": None,
        "beats": beats,
        "budget": "laptop",
    }


def excess(found: list[Run]) -> str | None:
    (stored,) = found
    return costs.excess(stored.chapter, stored.cost, costs.read(ROOT), costs.machine())


@pytest.mark.parametrize("path", runner.chapters(ROOT), ids=lambda path: path.stem)
def test_a_chapter_stays_within_its_recorded_cost(path: Path) -> None:
    found = costs.measured(Store(ROOT), [path])
    if not found:
        pytest.skip("not run in the laptop budget on a CPU: make notebooks runs it")
    complaint = excess(found)
    if complaint is not None:  # something else ran meanwhile, or it is true: measured once more
        Store(ROOT).drop(path)
        assert runner.run(ROOT, [path]) == 0
        complaint = excess(costs.measured(Store(ROOT), [path]))
    assert complaint is None, complaint


def test_every_chapter_has_a_recorded_cost() -> None:
    assert sorted(costs.read(ROOT)["chapters"]) == [path.stem for path in runner.chapters(ROOT)]


def test_fifteen_per_cent_above_the_record_are_allowed() -> None:
    assert costs.excess("01_one", cost(50 * 1.14), RECORD, HERE) is None
    complaint = costs.excess("01_one", cost(50 * 1.16), RECORD, HERE)
    assert complaint is not None
    assert "116 beats" in complaint
    assert "recorded are 100" in complaint


def test_a_slow_machine_is_no_dear_chapter() -> None:
    assert costs.excess("01_one", cost(150, [1.5, 1.5]), RECORD, HERE) is None


def test_a_restless_machine_is_allowed_what_it_cannot_measure() -> None:
    restless = [0.35, 0.65, 0.4, 0.6]
    assert costs.excess("01_one", cost(50 * 1.3, restless), RECORD, HERE) is None
    assert costs.excess("01_one", cost(50 * 1.6, restless), RECORD, HERE) is not None
    many = restless * 25  # the longer it is measured, the better its mean is known
    assert costs.excess("01_one", cost(50 * 1.3, many), RECORD, HERE) is not None


def test_another_machine_is_held_to_a_wider_bound() -> None:
    assert costs.excess("01_one", cost(50 * 1.5), RECORD, "another") is None
    assert costs.excess("01_one", cost(50 * 1.9), RECORD, "another") is not None


def test_on_another_machine_neither_beats_nor_seconds_are_believed_alone() -> None:
    quick, slow = [0.125] * 3, [0.5 * 4] * 3
    assert costs.excess("01_one", cost(50, quick), RECORD, "another") is None
    assert costs.excess("01_one", cost(50 * 4, slow), RECORD, "another") is None
    assert costs.excess("01_one", cost(50 * 1.9, quick), RECORD, "another") is not None
    assert costs.excess("01_one", cost(50, quick), RECORD, HERE) is not None


def test_a_chapter_may_have_been_measured_on_a_machine_of_its_own() -> None:
    record = {"machine": "another", "chapters": {"01_one": {**ONE, "machine": HERE}}}
    assert costs.excess("01_one", cost(50 * 1.14), record, HERE) is None
    assert costs.excess("01_one", cost(50 * 1.16), record, HERE) is not None


def test_a_chapter_without_a_record_is_said() -> None:
    complaint = costs.excess("02_two", cost(1), RECORD, HERE)
    assert complaint == "02_two has no recorded cost: make costs writes it"


def test_the_record_is_written_and_read(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    run = Run("01_one", nbformat.v4.new_notebook(), {}, cost(40))
    costs.write(tmp_path, [run])
    text = json.loads((tmp_path / "book" / "costs.json").read_text())
    assert text["machine"] == costs.machine()
    assert text["chapters"]["01_one"] == {
        "beats": 80,
        "core_seconds": 40,
        "seconds": 10,
        "memory_mib": 300,
    }
    assert costs.recorded_seconds(tmp_path) == {"01_one": 10}
    assert costs.excess("01_one", run.cost, costs.read(tmp_path), costs.machine()) is None


def test_the_metronome_beats_and_stops() -> None:
    metronome = Metronome({**os.environ, "PYTHONPATH": str(ROOT / "_ext")})
    beats = [metronome.read() for _ in range(3)]
    metronome.stop()
    assert all(beat is not None and 0.001 < beat < 5 for beat in beats)
    assert metronome.read() is None
