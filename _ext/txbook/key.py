"""What a run of a chapter depends on beside the package's files: its cells and its surroundings."""

import hashlib
import json
import os
import platform
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import nbformat

TOOLS = {"book", "test"}  # extras that build and check, and that no cell imports
DEFAULT_BUDGET = "laptop"
SEED = "TXLITE_SEED"


def version(name: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return metadata.version(name).partition("+")[0]
    except metadata.PackageNotFoundError:
        return None


def packages(root: Path) -> dict[str, str | None]:
    """Return what is installed of all that the package and its extras for readers ask for.

    That a package is absent counts too: a cell may show less where the weights are not there, which
    ``weights.txt`` names.
    """
    file = root / "pyproject.toml"
    if not file.exists():
        return {}
    project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
    extras = project.get("optional-dependencies", {})
    wanted = [*project.get("dependencies", ())]
    wanted += [text for name, texts in extras.items() if name not in TOOLS for text in texts]
    weights = root / "weights.txt"
    if weights.exists():
        lines = weights.read_text(encoding="utf-8").splitlines()
        wanted += [line for line in lines if line[:1].isalnum()]
    names = {re.split(r"[^\w.-]", text, maxsplit=1)[0].lower() for text in wanted}
    return {name: version(name) for name in sorted(names - {project["name"]})}


def fetched(environ: Mapping[str, str]) -> dict[str, str]:
    """Return which sets of data ``make data`` has brought: cells show less where one is not there.

    Where they lie is said by :mod:`txlite.data.fetched`, which loads torch.
    """
    named = environ.get("TXLITE_DATA")
    folder = Path(named) if named else Path.home() / ".cache" / "txlite"
    return {f"data {path.name}": "there" for path in sorted(folder.glob("[!.]*")) if path.is_dir()}


def device(environ: Mapping[str, str]) -> str:
    """Return the kind of device that a chapter will choose, without loading torch to ask it."""
    if environ.get("TXLITE_DEVICE"):
        return environ["TXLITE_DEVICE"]
    if shutil.which("nvidia-smi") or Path("/dev/nvidiactl").exists():
        return "cuda"
    return "mps" if (sys.platform, platform.machine()) == ("darwin", "arm64") else "cpu"


def shift(environ: Mapping[str, str]) -> int:
    """Return the seed that an environment asks for; 0 is the page's own, and so is none.

    Everything here asks this; :mod:`txlite.runtime`, which loads torch, reads it alike.

    Raises
    ------
    ValueError
        If it is no whole number of at least 0.
    """
    text = environ.get(SEED) or "0"
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"{SEED} should be a whole number of at least 0, got {text!r}")
    return int(text)


@contextmanager
def shifted(seed: int) -> Iterator[None]:
    """Set the variable for what is started meanwhile; for 0 it is not set, as for the book."""
    before = os.environ.pop(SEED, None)
    if seed:
        os.environ[SEED] = str(seed)
    try:
        yield
    finally:
        os.environ.pop(SEED, None)
        if before is not None:
            os.environ[SEED] = before


@dataclass(frozen=True)
class Conditions:
    """The surroundings of a run."""

    budget: str
    device: str
    seed: str
    python: str
    torch: str | None
    system: str
    constraints: str
    packages: tuple[tuple[str, str | None], ...]

    @property
    def kind(self) -> str:
        """The kind of device, whichever of its kind: ``cuda`` for ``cuda:1``."""
        return self.device.partition(":")[0]

    @classmethod
    def here(cls, root: Path, environ: Mapping[str, str] | None = None) -> "Conditions":
        """Return the surroundings of this process, for the repository at ``root``."""
        environ = os.environ if environ is None else environ
        pins = root / "constraints.txt"
        return cls(
            budget=environ.get("TXLITE_BUDGET") or DEFAULT_BUDGET,
            device=device(environ),
            seed=str(shift(environ) or ""),
            python=platform.python_version(),
            torch=version("torch"),
            system=f"{sys.platform} {platform.machine()}",
            constraints=pins.read_text(encoding="utf-8") if pins.exists() else "",
            packages=tuple({**packages(root), **fetched(environ)}.items()),
        )


def cells(notebook: nbformat.NotebookNode) -> list[Any]:
    """Return the code cells of a notebook."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def key(notebook: nbformat.NotebookNode, conditions: Conditions) -> str:
    """Return 16 hexadecimal digits that change when a code cell, a tag or a condition does.

    Prose, outputs, and the pictures' captions do not count: they change no run.
    """
    code = [[cell.source, sorted(cell.metadata.get("tags", []))] for cell in cells(notebook)]
    text = json.dumps([code, asdict(conditions)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
