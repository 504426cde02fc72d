"""The names of checkpoints: one writer, one reader, and nothing else is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txlite.training._names import free_name, is_checkpoint, saved, step_of

pytestmark = pytest.mark.plain
FOREIGN = [
    "step-2",
    "step-00000400.1",
    "step-00000400.01",
    "step-00000400.2",
    "step-000000400",
    "step-00000400.002",
    "step-00000400-old",
    "step-by-step",
    "step-0000040०",
    "my-step-00000400",
    "step-00000400.02.03",
]


@given(st.integers(0, 10**9), st.integers(0, 3))
def test_what_is_written_is_read(tmp_path_factory, step, times):
    folder = tmp_path_factory.mktemp("run")
    for _ in range(times):
        (folder / free_name(folder, step)).mkdir()
    assert step_of(folder / free_name(folder, step)) == step
    assert [step_of(path) for path in saved(folder)] == [step] * times


def test_a_step_that_was_saved_again_is_the_same_step(tmp_path):
    assert step_of(tmp_path / "step-00000400.02") == 400


@pytest.mark.parametrize("name", FOREIGN)
def test_nothing_else_is_a_checkpoint(tmp_path, name):
    (tmp_path / name).mkdir()
    assert saved(tmp_path) == []
    assert not is_checkpoint(tmp_path / name)
    with pytest.raises(ValueError, match=r"^path should be called like step-00000400, got"):
        step_of(tmp_path / name)


def test_a_file_is_no_checkpoint(tmp_path):
    (tmp_path / "step-00000003").touch()
    assert saved(tmp_path) == []
    assert not is_checkpoint(tmp_path / "step-00000003")


def test_they_come_in_the_order_in_which_they_were_saved(tmp_path):
    names = ["step-00000009", "step-00000010", "step-00000010.02", "step-00000010.99"]
    names += ["step-00000010.100", "step-00000011", "step-100000000"]
    for name in reversed(names):
        (tmp_path / name).mkdir()
    assert [path.name for path in saved(tmp_path)] == names
    assert free_name(tmp_path, 10) == "step-00000010.03"
