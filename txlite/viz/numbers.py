"""Numbers for the prose: measured in a cell, quoted by name, never typed by hand."""

import os
import sys
from pathlib import Path

import torch

from txlite.viz.output import emit_bundle

__all__ = ["glue", "peak_gpu_memory", "peak_memory"]

_MIME = "application/papermill.record/"


def glue(name: str, value: int | float | str, *, cost: bool = False) -> None:
    """Give a number to the prose, which quotes it as ``{glue:text}`name:.2f```.

    In Jupyter and Colab nothing appears; the value travels in the cell's output, where the
    book's build finds it.

    Parameters
    ----------
    name : str
        Unique within the notebook, without a colon.
    value : int, float or str
        What to quote. Round here, or by a format in the quotation.
    cost : bool
        Whether it is a time or an amount of memory, which every machine measures anew. Of all other
        numbers the book shows how far they move with the seeds.

    Raises
    ------
    ValueError
        If ``name`` is empty or holds a colon, which would begin a format.
    """
    if not name or ":" in name:
        raise ValueError(f"name should be non-empty and without a colon, got {name!r}")
    emit_bundle(
        {f"{_MIME}text/plain": str(value)},
        {"scrapbook": {"name": name, "mime_prefix": _MIME}, **({"cost": True} if cost else {})},
    )


def peak_memory() -> float:
    """Return the most memory this process has held at one time, in MiB.

    Returns
    -------
    float
        The peak of the resident set since the process began, as the system counts it.
    """
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count the parent's memory, inherited at the start
        line = next(s for s in status.read_text().splitlines() if s.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    if os.name == "nt":
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / 2**20
    import resource

    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def peak_gpu_memory() -> float:
    """Return the most memory that tensors have held on the current CUDA device, in MiB.

    Returns
    -------
    float
        Zero if this process has not used CUDA.
    """
    if not torch.cuda.is_available():
        return 0.0
    return torch.cuda.max_memory_allocated() / 2**20  # 0 before the first use
