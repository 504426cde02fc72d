"""Measure every chapter while it is executed, and find the measurement again on a later build.

The last thing a chapter's kernel does is to answer `probe.py`; the answer is kept in the cached
notebook's metadata, beside jupyter-cache's own count of seconds. Nobody types a number.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from jupyter_cache import get_cache
from myst_nb.core.execute import cache as myst_cache
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx
from sphinx.config import Config

from txbook.fingerprint import PACKAGE, fingerprint

KEY = "txbook"
PROBE = Path(__file__).with_name("probe.py").read_text(encoding="utf-8")
CELL = PROBE + "\n\nimport json\nprint(json.dumps(probe()))\n"


@dataclass(frozen=True)
class Cost:
    """What a chapter took: ``seconds``, ``memory_mib`` and so on, as `probe.probe` names them."""

    seconds: float
    memory_mib: float | None = None
    device: str = ""
    device_mib: float | None = None
    torch: str | None = None
    python: str = ""
    system: str = ""
    budget: str = "laptop"


def measured(execute: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``single_nb_execution`` so that the kernel is probed after the last cell."""

    def execute_and_probe(nb: nbformat.NotebookNode, *args: Any, **kwargs: Any) -> Any:
        nb.cells.append(nbformat.v4.new_code_cell(CELL))
        kwargs.setdefault("extra_arguments", ["--log-level=ERROR"])  # no lecture about encryption
        try:
            result = execute(nb, *args, **kwargs)
        finally:
            cell = nb.cells.pop()
        if result.err is None:
            nb.metadata[KEY] = json.loads(
                "".join(out.text for out in cell.outputs if "text" in out)
            )
        return result

    return execute_and_probe


def install(app: Sphinx, config: Config) -> None:
    """Give the cache a name that holds the package's fingerprint, and measure what is executed.

    jupyter-cache looks at a notebook's cells only: without the name, a change in txlite would leave
    old outputs on the page.
    """
    import os

    root = Path(app.confdir or app.srcdir)
    budget = os.environ.get("TXLITE_BUDGET", "laptop") + os.environ.get("TXLITE_DEVICE", "")
    name = fingerprint(root, PACKAGE, extra=budget + CELL)
    folder = Path(config.nb_execution_cache_path or root / "_build" / ".jupyter_cache")
    config.nb_execution_cache_path = str((root / folder / name).resolve())
    if not hasattr(myst_cache.single_nb_execution, "__wrapped__"):
        wrapped = measured(myst_cache.single_nb_execution)
        wrapped.__wrapped__ = myst_cache.single_nb_execution  # type: ignore[attr-defined]
        myst_cache.single_nb_execution = wrapped


def cost(app: Sphinx, docname: str) -> Cost | None:
    """Return what the chapter took when it was executed, or None if it was not."""
    data = NbMetadataCollector.get_exec_data(app.env, docname)
    if not data or data["runtime"] is None:
        return None
    probed = _probed(app, docname)
    return Cost(seconds=data["runtime"], **probed)


def _probed(app: Sphinx, docname: str) -> dict[str, Any]:
    cache = get_cache(app.config.nb_execution_cache_path)
    try:
        record = cache.match_cache_file(app.env.doc2path(docname))
    except KeyError:
        return {}
    return dict(cache.get_cache_bundle(record.pk).nb.metadata.get(KEY, {}))
