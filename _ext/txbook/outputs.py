"""Write into the notebooks the outputs that nbval compares, and nothing else.

The outputs are those of the stored run; a chapter that has none is run first. In git a notebook
holds the outputs and execution counts of the cells tagged ``nbval-check-output``, as text: no
pictures, no widget state.
"""

from pathlib import Path
from typing import Any

import nbformat

from txbook.runner import Runner, chapters
from txbook.store import Run, joined, merged, write_whole

COMPARED = "nbval-check-output"


def strip(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Remove all that a build or a run has left, except the texts that are compared."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        if COMPARED in cell.metadata.get("tags", []):
            cell.outputs = joined([kept for output in cell.outputs if (kept := as_text(output))])
        else:
            cell.outputs, cell.execution_count = [], None
    return notebook


def as_text(output: Any) -> Any:
    """Return the output with its text alone, or None where it has none."""
    if "data" not in output:
        return output
    text = {kind: data for kind, data in output.data.items() if kind == "text/plain"}
    output.data, output.metadata = text, {}
    return output if text else None


def refresh(path: Path, run: Run) -> None:
    """Write the outputs of a run that are compared into its notebook."""
    notebook = nbformat.read(path, as_version=4)
    write_whole(path, nbformat.writes(strip(merged(notebook, run))) + "\n")


def refresh_all(root: Path, names: list[str]) -> int:
    """Refresh the named notebooks, or every chapter; return an exit status.

    A chapter with a failing cell stays as it was.
    """
    paths = [Path(name).resolve() for name in names] or chapters(root)
    outcomes = Runner(root).run(paths)
    for outcome in outcomes:
        if outcome.run is not None:
            refresh(outcome.path, outcome.run)
    return int(any(outcome.run is None for outcome in outcomes))
