"""How long each step took, in ``_build/times.json``, and what that says of a longer book."""

import json
from pathlib import Path

from txbook.progress import duration
from txbook.runner import chapters
from txbook.store import write_whole

FILE = Path("_build", "times.json")
# Steps whose time grows with the number of chapters; that of the others is taken as fixed.
PER_CHAPTER = {"book", "notebooks", "smoke", "site"}


def read(root: Path) -> dict[str, float]:
    """Return the seconds of each step that was recorded."""
    file = root / FILE
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def record(root: Path, step: str, seconds: float) -> None:
    """Keep how long a step took."""
    (root / FILE).parent.mkdir(exist_ok=True)
    write_whole(root / FILE, json.dumps({**read(root), step: round(seconds, 1)}, indent=1) + "\n")


def projected(steps: dict[str, float], have: int, want: int) -> float:
    """Return the seconds of all steps for ``want`` chapters, measured with ``have``."""
    growing = sum(seconds for step, seconds in steps.items() if step in PER_CHAPTER)
    return sum(steps.values()) - growing + growing * want / have


def summary(root: Path, want: int) -> str:
    """Return a line for each step, their sum, and the projection for ``want`` chapters."""
    steps, have = read(root), len(chapters(root))
    lines = [f"{step:<12}{duration(seconds):>14}" for step, seconds in steps.items()]
    lines.append(f"{'all':<12}{duration(sum(steps.values())):>14}")
    lines.append(
        f"with {want} chapters instead of {have}: about {projected(steps, have, want):.0f} s "
        f"({', '.join(sorted(PER_CHAPTER & set(steps)))} grow with their number)"
    )
    return "\n".join(lines)
