"""Run the chapters and keep in the notebooks only what nbval compares.

In git a notebook holds the outputs and execution counts of the cells tagged
``nbval-check-output``, as text, and nothing else: no pictures, no widget state.
"""

import os
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

COMPARED = "nbval-check-output"
CELL_SECONDS = 300


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


def joined(outputs: list[Any]) -> list[Any]:
    """Join what one stream wrote in several pieces: where it is cut depends on the machine."""
    whole: list[Any] = []
    for output in outputs:
        last = whole[-1] if whole else {}
        if output.get("name") is not None and output.get("name") == last.get("name"):
            last["text"] += output["text"]
        else:
            whole.append(output)
    return whole


def refresh(path: Path) -> None:
    """Run one notebook, and write it back stripped; a failing cell leaves the file as it was."""
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=CELL_SECONDS, resources=resources).execute()
    scratch = path.with_suffix(".part")
    nbformat.write(strip(notebook), scratch)
    os.replace(scratch, path)


def refresh_all(root: Path, names: list[str]) -> int:
    """Run the named notebooks, or every chapter; return an exit status."""
    paths = [Path(name) for name in names] or sorted((root / "chapters").glob("[0-9]*.ipynb"))
    for path in paths:
        print(f"+ run {path.name}", flush=True)
        refresh(path)
    return 0
