"""Refuse notebooks that hold more than git keeps: ``python -m txbook.kept NOTEBOOK …``."""

import sys
from collections.abc import Iterable
from pathlib import Path

import nbformat

from txbook.outputs import COMPARED, strip


def faults(path: Path) -> list[str]:
    """Return what a notebook holds and should not, and what it lacks; empty if all is well."""
    notebook, kept = (nbformat.read(path, as_version=4) for _ in range(2))
    strip(kept)
    found = []
    if notebook.metadata != kept.metadata:
        found.append(f"{path}: metadata that a run has left")
    for number, (cell, wanted) in enumerate(zip(notebook.cells, kept.cells, strict=True)):
        compared = COMPARED in cell.metadata.get("tags", [])
        if cell != wanted:
            what = "more than the text of an output" if compared else "what a run has left"
            found.append(f"{path}: cell {number} holds {what}")
        elif compared and not cell.outputs:
            found.append(f"{path}: cell {number} is compared and has no output")
    return found


def main(names: Iterable[str]) -> int:
    """Print the faults of the named notebooks; return an exit status."""
    found = [fault for name in names for fault in faults(Path(name))]
    for fault in found:
        print(fault)
    if found:
        print("make outputs writes them as git keeps them")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
