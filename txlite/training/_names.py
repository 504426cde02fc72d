"""What checkpoints are called: ``step-00000400``; ``step-00000400.02`` where that was there."""

import re
from pathlib import Path

__all__ = ["free_name", "is_checkpoint", "saved", "step_of"]

_NAME = re.compile(r"step-([0-9]{8,})(?:\.([0-9]{2,}))?")


def _name(step: int, time: int) -> str:
    return f"step-{step:08d}" if time == 1 else f"step-{step:08d}.{time:02d}"


def _parsed(path: Path) -> tuple[int, int] | None:
    """Return the step of a checkpoint and which time it was saved, if that is the path's name."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    found = int(match[1]), int(match[2] or 1)
    return found if _name(*found) == path.name else None


def is_checkpoint(path: Path) -> bool:
    """Whether there is a folder that is called as a checkpoint is."""
    return _parsed(path) is not None and path.is_dir()


def step_of(path: Path) -> int:
    """Return after how many steps a checkpoint was written, as its name says it."""
    found = _parsed(path)
    if found is None:
        raise ValueError(f"path should be called like step-00000400, got {path.name!r}")
    return found[0]


def saved(folder: Path) -> list[Path]:
    """Return the checkpoints of a folder, the oldest first; what else is there is no business."""
    found = {path: _parsed(path) for path in folder.glob("step-*") if path.is_dir()}
    return [path for _, path in sorted((key, path) for path, key in found.items() if key)]


def free_name(folder: Path, step: int) -> str:
    """Return a name that no checkpoint has, and that sorts behind all of the same step."""
    time = 1
    while (folder / _name(step, time)).exists():
        time += 1
    return _name(step, time)
