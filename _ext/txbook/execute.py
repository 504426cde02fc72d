"""Execute one notebook in a kernel of its own, from the first cell to the last."""

import ast
import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from ipykernel.kernelspec import RESOURCES
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from txbook.closure import closure, inside, snapshot
from txbook.kernel import LAUNCH, REPORT
from txbook.store import Run

COLOUR = re.compile(r"\x1b\[[\d;]*m")
EXTENSION = Path(__file__).resolve().parents[1]
CELL_SECONDS = 900  # patience; what a chapter may cost is told by book/costs.json


@dataclass
class Outcome:
    """What became of a chapter: a run, or the notebook as far as it came and what went wrong."""

    path: Path
    run: Run | None = None
    notebook: nbformat.NotebookNode | None = None
    cell: int = 0  # the code cell that failed, counted from 0
    error: str = ""
    stored: bool = field(default=False)  # it did not have to be executed

    @property
    def chapter(self) -> str:
        """The chapter's name, which is its file's."""
        return self.path.stem


class OurKernel(KernelSpecManager):
    """Knows one kernel: the Python that runs this, with `kernel.launch`."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return the one."""
        argv = [sys.executable, "-c", LAUNCH, "-f", "{connection_file}"]
        return KernelSpec(resource_dir=RESOURCES, argv=argv, language="python")


def environment(root: Path) -> dict[str, str]:
    """Return the surroundings of a kernel: the repository's package comes first."""
    paths = [str(root), str(EXTENSION), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


async def execute(
    root: Path, path: Path, *, timeout: float = CELL_SECONDS, at: Callable[[int], None]
) -> Outcome:
    """Execute the notebook at ``path``.

    Parameters
    ----------
    root : Path
        The repository; the files below it that the run used are noted.
    path : Path
        A notebook. The file is not written.
    timeout : float
        Seconds that a cell may take.
    at : callable
        Told the number of each code cell before it runs.

    Returns
    -------
    Outcome
        With a run if every cell succeeded.
    """
    begin, before = time.perf_counter(), snapshot(root)
    notebook = nbformat.read(path, as_version=4)
    manager = AsyncKernelManager(kernel_spec_manager=OurKernel())
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=timeout,
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--log-level=ERROR"],  # no lecture about encryption
    )
    try:
        await client.async_start_new_kernel(env=environment(root))
        await client.async_start_new_kernel_client()
        notebook.metadata["language_info"] = await _language(client)
        failed = await _cells(client, at)
        if failed is not None:
            return Outcome(path, notebook=notebook, cell=failed[0], error=failed[1])
        client.set_widgets_metadata()
        told = await _report(client)
    except RuntimeError as error:  # no kernel, or one that died as it was asked
        _raise_if_cancelled()
        return Outcome(path, notebook=notebook, error=str(error))
    finally:
        await _stop(client, manager)
    used = {name for file in told["files"] if (name := inside(root, file))}
    files = {name: before[name] for name in sorted(closure(root, used)) if name in before}
    spent = {"seconds": time.perf_counter() - begin, "core_seconds": told["core_seconds"]}
    run = Run(path.stem, notebook, files, {**told["cost"], **spent})
    return Outcome(path, run=run, notebook=notebook)


async def _cells(client: NotebookClient, at: Callable[[int], None]) -> tuple[int, str] | None:
    """Run the cells; return the number of the one that failed and its traceback, or None."""
    cells = [(i, cell) for i, cell in enumerate(client.nb.cells) if cell.cell_type == "code"]
    for _, cell in cells:
        cell.outputs, cell.execution_count = [], None
    for number, (index, cell) in enumerate(cells):
        at(number)
        try:
            await client.async_execute_cell(
                cell, index, execution_count=client.code_cells_executed + 1
            )
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            _raise_if_cancelled()
            return number, COLOUR.sub("", str(error))
    return None


async def _language(client: NotebookClient) -> dict[str, Any]:
    """Ask the kernel which language it speaks: how the pages colour its cells depends on it."""
    reply = await client.async_wait_for_reply(client.kc.kernel_info())
    return (reply or {})["content"]["language_info"]


async def _report(client: NotebookClient) -> dict[str, Any]:
    """Ask the kernel what it has used and what it has cost."""
    asked = {"report": REPORT}
    message = client.kc.execute("", store_history=False, user_expressions=asked)
    reply = await client.async_wait_for_reply(message)
    answer = (reply or {})["content"]["user_expressions"]["report"]
    if answer["status"] != "ok":
        raise RuntimeError(f"the kernel cannot say what it has used: {answer}")
    return json.loads(ast.literal_eval(answer["data"]["text/plain"]))


async def _stop(client: NotebookClient, manager: AsyncKernelManager) -> None:
    """End the kernel and all that it has started, at once."""
    if manager.has_kernel:
        await manager.shutdown_kernel(now=True)
    else:
        await manager.cleanup_resources()
    if client.kc is not None:
        client.kc.stop_channels()


def _raise_if_cancelled() -> None:
    """Raise where this task was cancelled: nbclient takes that for the death of the kernel."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
