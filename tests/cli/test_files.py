"""How far a folder has come, read from the name of its newest checkpoint."""

from pathlib import Path

import pytest

from txlite.cli._files import CHECKPOINTS, steps_done

pytestmark = pytest.mark.plain


@pytest.mark.parametrize(
    ("name", "steps"),
    [("step-00000400", 400), ("step-00000400.02", 400), ("step-00000007.113", 7)],
)
def test_a_checkpoint_that_was_saved_again_has_its_step(
    tmp_path: Path, name: str, steps: int
) -> None:
    assert steps_done(tmp_path) == 0
    (tmp_path / CHECKPOINTS / name).mkdir(parents=True)
    assert steps_done(tmp_path) == 0
    (tmp_path / CHECKPOINTS / "latest").write_text(f"{name}\n")
    assert steps_done(tmp_path) == steps


def test_a_name_that_says_no_step_is_refused(tmp_path: Path) -> None:
    (tmp_path / CHECKPOINTS / "best-3").mkdir(parents=True)
    (tmp_path / CHECKPOINTS / "latest").write_text("best-3\n")
    with pytest.raises(ValueError, match=r"latest should name a checkpoint .* got 'best-3'"):
        steps_done(tmp_path)
