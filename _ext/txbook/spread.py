"""What a chapter's numbers do over seeds: ``book/spread/<chapter>.json``, and how a page uses it.

A number of the prose is glued by a cell, so that running the cells with other seeds gives the
spread of every number. Costs (seconds, memory) have none: every machine measures them anew.
"""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nbformat

from txbook.store import write_whole

FOLDER = Path("book", "spread")
PREFIX = "application/papermill.record/"


@dataclass(frozen=True)
class Spread:
    """What the numbers of a chapter did under several seeds, on one device.

    Parameters
    ----------
    seeds : list of int
        The values of ``TXLITE_SEED``; 0 is the page's own.
    values : dict
        For each glued number its value under each seed.
    key : str
        The fingerprint of the cells and of their surroundings, under the page's own seed.
    machine, device : str
        What ran it.
    versions : dict
        Of Python and torch.
    date : str
        When it was run last.
    """

    seeds: list[int]
    values: dict[str, list[float]]
    key: str
    machine: str
    device: str
    versions: dict[str, str | None]
    date: str

    def here(self, machine: str, versions: Mapping[str, str | None]) -> bool:
        """Tell whether it was measured on such a machine with these versions."""
        return self.machine == machine and self.versions == dict(versions)

    def outside(self, name: str, value: float) -> bool:
        """Tell whether a value is farther from the measured ones than they are from each other."""
        low, high = min(self.values[name]), max(self.values[name])
        width = high - low
        slack = 1e-9 * max(abs(low), abs(high))
        return not low - width - slack <= value <= high + width + slack

    def stale(self, found: Mapping[str, float], formats: Mapping[str, Sequence[str]]) -> list[str]:
        """Return the numbers that the page prints otherwise than it did under its own seed.

        Parameters
        ----------
        found : dict
            The page's numbers.
        formats : dict
            For each number the formats in which the prose quotes it.
        """
        own = self.seeds.index(0)
        return [
            name
            for name, quoted in formats.items()
            if name in found
            and (
                name not in self.values
                or any(said(found[name], f) != said(self.values[name][own], f) for f in quoted)
            )
        ]


def said(value: float, form: str) -> str:
    """Return a number as the prose quotes it; what is quoted as it is, in five digits."""
    if form == "s":
        return f"{value:.5g}"
    whole = form in ("", ",") and float(value).is_integer()  # a spread keeps 1175 as 1175.0
    return f"{int(value) if whole else value:{form}}"


def summary(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the least, the middle and the greatest value."""
    return min(values), statistics.median(values), max(values)


def glued(notebook: nbformat.NotebookNode) -> dict[str, float]:
    """Return the numbers that the cells of an executed notebook glue, but for costs and words."""
    found = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            about = output.get("metadata", {})
            if "scrapbook" not in about or about.get("cost"):
                continue
            value = number(output["data"].get(f"{PREFIX}text/plain", ""))
            if value is not None:
                found[about["scrapbook"]["name"]] = value
    return found


def number(text: str) -> float | None:
    """Return what a glued text is as a number, or None: words, and what is not finite."""
    try:
        value = float(text.strip("'\""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def path_of(root: Path, chapter: str) -> Path:
    """Return where the spread of a chapter is kept."""
    return root / FOLDER / f"{chapter}.json"


def load(root: Path, chapter: str) -> dict[str, Spread]:
    """Return the spreads of a chapter by kind of device, cpu or cuda; none if none was measured."""
    file = path_of(root, chapter)
    if not file.exists():
        return {}
    kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return {
        kind: Spread(**{**entry, "values": {n: v["values"] for n, v in entry["values"].items()}})
        for kind, entry in kept.items()
    }


def save(root: Path, chapter: str, kind: str, spread: Spread) -> Path:
    """Write the spread of one kind of device beside those of the others."""
    every = load(root, chapter) | {kind: spread}
    text = {name: _written(every[name]) for name in sorted(every)}
    file = path_of(root, chapter)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps(text, indent=1) + "\n")
    return file


def _written(spread: Spread) -> dict[str, Any]:
    rows = {}
    for name, values in sorted(spread.values.items()):
        low, middle, high = summary(values)
        rows[name] = {"minimum": low, "median": middle, "maximum": high, "values": values}
    return {**asdict(spread), "values": rows}
