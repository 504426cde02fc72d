"""Run chapters under several seeds, and keep what their numbers do: ``make seeds``.

Every chapter is run as the book runs it, with ``TXLITE_SEED`` from 0, the page's own, upwards. The
runs are stored as all others are, in a folder for each seed: an interrupted measurement goes on
where it was. An assert that fails under a seed is a sentence that does not hold.
"""

import datetime
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from txbook import spread
from txbook.chapters import number
from txbook.costs import machine
from txbook.key import Conditions, shifted, version
from txbook.runner import Runner, chapters, say
from txbook.spread import Spread, glued
from txbook.store import Run, Store


def run(root: Path, named: Sequence[str], *, seeds: int) -> int:
    """Run the named chapters, or all, under several seeds; return an exit status."""
    wanted = {int(text) for text in named}
    paths = [path for path in chapters(root) if not wanted or number(path.stem) in wanted]
    if missing := wanted - {number(path.stem) for path in paths}:
        print(f"there is no chapter {', '.join(map(str, sorted(missing)))}", file=sys.stderr)
        return 1
    found: dict[Path, dict[int, Run]] = {path: {} for path in paths}
    failed: list[str] = []
    for seed in range(seeds):
        with shifted(seed):
            say(f"seed {seed}")
            for outcome in Runner(root).run(paths):
                if outcome.run is None:
                    failed.append(f"{outcome.chapter} under seed {seed}")
                else:
                    found[outcome.path][seed] = outcome.run
    for path, runs in found.items():
        if len(runs) == seeds:
            say(_keep(root, path, runs))
    if failed:
        print(f"These failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


def _keep(root: Path, path: Path, runs: dict[int, Run]) -> str:
    """Write what the runs of a chapter found; return a line about it."""
    numbers = {seed: glued(run.notebook) for seed, run in sorted(runs.items())}
    names = [name for name in numbers[0] if all(name in n for n in numbers.values())]
    own = runs[0].cost
    with shifted(0):
        key = Store(root).key(path)
    measured = Spread(
        seeds=list(numbers),
        values={name: [n[name] for n in numbers.values()] for name in names},
        key=key,
        machine=machine(),
        device=own["device"],
        versions=versions(),
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
    )
    kind = Conditions.here(root).kind
    file = spread.save(root, path.stem, kind, measured)
    return f"{file.relative_to(root)} holds {len(names)} numbers over {len(numbers)} seeds"


def versions() -> dict[str, str | None]:
    """Return the versions that decide what a number is."""
    return {"python": platform.python_version(), "torch": version("torch")}


def tell(root: Path) -> int:
    """Say which chapters have no spread, or one of earlier cells; return an exit status."""
    old = []
    with shifted(0):
        store = Store(root)
        kind = store.conditions.kind
        for path in chapters(root):
            kept = spread.load(root, path.stem).get(kind)
            stored = store.find(path)
            if kept is None:
                old.append(f"{path.stem} was not measured on this kind of device")
            elif stored is not None:
                found = glued(stored.notebook)
                names = kept.stale(found, {name: ["s"] for name in found})
                if names:
                    old.append(f"{path.stem} prints other numbers: {', '.join(names)}")
            elif kept.key != store.key(path):
                old.append(f"{path.stem} has other cells, and no stored run")
    for line in old or ["every spread is up to date"]:
        say(line)
    return int(bool(old))
