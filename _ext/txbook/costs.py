"""What each chapter may cost: ``book/costs.json``, and how a new measurement is held against it.

A cost is a chapter's CPU time, its children's included, as a multiple of the metronome's beat on
the same machine in the same minutes (`metronome.py`). Time on a clock would grow with whatever else
runs; CPU time does so much less, and the beat, which slows down with it, takes out most of the
rest. What is left is seen in the beats themselves: the more they scatter, the less exactly is their
mean known, and twice its standard error is allowed on top. A machine of another make does not even
keep the ratios: a beat that took .20 s on one took .05 s on another, on which the chapters took as
long as ever. There a chapter is too dear if it is so in beats and in seconds alike; the bound is
wide, and finds only what went badly wrong. A chapter's entry may name a machine of its own.
"""

import json
import math
import platform
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from txbook.store import Run, Store, write_whole

RECORD = Path("book", "costs.json")
MARGIN = 1.15  # of its recorded cost, on the machine that recorded it
ELSEWHERE = 1.75  # on another one


def machine() -> str:
    """Return the make of this machine's processor: costs compare best between equal ones."""
    if sys.platform == "linux":
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        names = [line.partition(":")[2] for line in text.splitlines() if "model name" in line]
        if names:
            return " ".join(names[0].split())
    return f"{sys.platform} {platform.machine()} {platform.processor()}".strip()


def read(root: Path) -> dict[str, Any]:
    """Return the record, or an empty one."""
    file = root / RECORD
    if not file.exists():
        return {"machine": "", "chapters": {}}
    return json.loads(file.read_text(encoding="utf-8"))


def recorded_seconds(root: Path) -> dict[str, float]:
    """Return how many seconds each chapter took when the record was made."""
    return {name: entry["seconds"] for name, entry in read(root)["chapters"].items()}


def beats(cost: dict[str, Any]) -> float:
    """Return a run's cost in beats."""
    return cost["core_seconds"] / statistics.mean(cost["beats"])


def unrest(cost: dict[str, Any]) -> float:
    """Return how inexact the mean of the beats is: twice its standard error, over itself."""
    readings = cost["beats"]
    error = statistics.stdev(readings) / math.sqrt(len(readings)) if len(readings) > 1 else 0.1
    return 2 * error / statistics.mean(readings)


def entry(cost: dict[str, Any]) -> dict[str, float]:
    """Return what the record keeps of a run."""
    return {
        "beats": round(beats(cost)),
        "core_seconds": round(cost["core_seconds"], 1),
        "seconds": round(cost["seconds"], 1),
        "memory_mib": round(cost["memory_mib"] or 0),
    }


def write(root: Path, runs: Sequence[Run]) -> None:
    """Write the record of these runs; chapters that are not among them are dropped."""
    made = {run.chapter: entry(run.cost) for run in runs if run.cost.get("beats")}
    beat = statistics.mean(b for run in runs for b in run.cost["beats"])
    text = {
        "machine": machine(),
        "budget": runs[0].cost["budget"],
        "beat_seconds": round(beat, 4),
        "core_seconds": round(sum(e["core_seconds"] for e in made.values()), 1),
        "chapters": dict(sorted(made.items())),
    }
    write_whole(root / RECORD, json.dumps(text, indent=1) + "\n")


def excess(name: str, cost: dict[str, Any], record: dict[str, Any], here: str) -> str | None:
    """Return why a run costs too much, or None.

    Parameters
    ----------
    name : str
        The chapter.
    cost : dict
        What its run cost.
    record : dict
        The record.
    here : str
        The machine the run was made on.
    """
    if name not in record["chapters"]:
        return f"{name} has no recorded cost: make costs writes it"
    entry = record["chapters"][name]
    allowed, found = entry["beats"], beats(cost)
    same = here == entry.get("machine", record["machine"])
    margin = (MARGIN if same else ELSEWHERE) * (1 + unrest(cost))
    in_seconds = cost["core_seconds"] / entry["core_seconds"]
    dearer = found / allowed if same else min(found / allowed, in_seconds)
    if dearer <= margin:
        return None
    return (
        f"{name} costs {found:.0f} beats ({cost['core_seconds']:.0f} core-seconds), "
        f"recorded are {allowed:.0f}: more than {margin - 1:.0%} above"
    )


def measured(store: Store, paths: Sequence[Path]) -> list[Run]:
    """Return the stored runs of chapters whose cost can be compared: on a CPU, with beats."""
    found = (store.find(path) for path in paths)
    return [run for run in found if run and run.cost.get("beats") and not run.cost["device_mib"]]
