"""A pytest plugin: nbval compares the stored runs, so that a notebook is not executed again.

    python -m pytest -p nbval -p txbook.stored --nbval --nbval-sanitize-with … chapters

The cells, the comparison, the report and the flags are nbval's. Where it asks a kernel for outputs,
a replay of the runner's execution answers; what the store lacks is run first, several notebooks at
a time. The other way round, with nbval as the one that executes, the book would have no live
figures: nbval keeps no widget's state, and runs one notebook after the other.

In the smallest budget nothing is compared: its numbers are others, and every cell has to run.
"""

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from txbook.execute import Outcome
from txbook.key import cells
from txbook.runner import Runner

OUTCOMES = pytest.StashKey[dict[Path, Outcome]]()


class Replay:
    """Answers nbval as a kernel would, with what each cell has put out when it was run."""

    def __init__(self, outcome: Outcome):
        self.outcome = outcome
        self._cells = cells(outcome.notebook) if outcome.notebook is not None else []
        self._position = 0
        self._messages: Iterator[dict[str, Any]] = iter(())

    def execute_cell_input(self, source: str, allow_stdin: bool | None = None) -> str:
        """Find the next cell with this source; return the name of the answer."""
        sources = [cell.source for cell in self._cells]
        try:
            found = sources.index(source, self._position)
        except ValueError:  # it was edited meanwhile, or cells were chosen out of order
            found = None
        self._position = self._position if found is None else found + 1
        self._messages = iter(self._answer(found, name := f"cell {found}"))
        return name

    def _answer(self, number: int | None, name: str) -> list[dict[str, Any]]:
        contents = [*self._outputs(number), ("status", {"execution_state": "idle"})]
        return [
            {"msg_type": kind, "parent_header": {"msg_id": name}, "content": content}
            for kind, content in contents
        ]

    def _outputs(self, number: int | None) -> list[tuple[str, dict[str, Any]]]:
        if number is None:
            return [_error("NotRun", "the run that is compared holds no such cell")]
        if self.outcome.run is None and number > self.outcome.cell:
            return [_error("NotRun", f"cell {self.outcome.cell} has failed before")]
        outputs = [(output.output_type, output) for output in self._cells[number].outputs]
        failed = self.outcome.run is None and number == self.outcome.cell
        if failed and "error" not in dict(outputs):  # the kernel died, or took too long
            outputs.append(_error("Failed", self.outcome.error))
        return outputs

    def await_reply(self, msg_id: str, timeout: float | None = None) -> None:
        """Return at once: the cell was run before."""

    def await_idle(self, msg_id: str, timeout: float | None = None) -> None:
        """Return at once."""

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        """Return the next message about the cell."""
        for message in self._messages:
            return message
        raise Empty

    def is_alive(self) -> bool:
        """Return True: a replay does not die."""
        return True

    def interrupt(self) -> None:
        """Do nothing: nothing runs."""

    def stop(self) -> None:
        """Do nothing: nothing runs."""


def _error(name: str, text: str) -> tuple[str, dict[str, Any]]:
    return "error", {"ename": name, "evalue": text, "traceback": text.splitlines()}


class StoredFile(IPyNbFile):
    """A notebook whose cells are compared with its stored run."""

    def setup(self) -> None:
        """Take the run of this notebook in place of a kernel."""
        self.kernel = Replay(self.config.stash[OUTCOMES][self.path])
        self.setup_sanitize_files()


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Generator[None, Any, Any]:
    """Put our file in the place of nbval's."""
    found = yield
    return [
        StoredFile.from_parent(parent, path=node.path) if type(node) is IPyNbFile else node
        for node in found
    ]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Compare no output in the smallest budget."""
    if os.environ.get("TXLITE_BUDGET") == "smoke":
        for item in items:
            if isinstance(item, IPyNbCell):
                item.options["check"] = False


def pytest_collection_finish(session: pytest.Session) -> None:
    """Run the notebooks of which a cell was chosen and that the store does not hold."""
    parents = [item.parent for item in session.items]
    paths = list(dict.fromkeys(node.path for node in parents if isinstance(node, StoredFile)))
    if not paths or session.config.option.collectonly:
        return
    runner = Runner(session.config.rootpath, timeout=session.config.option.nbval_cell_timeout)
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        outcomes = runner.run(paths)
    session.config.stash[OUTCOMES] = {outcome.path: outcome for outcome in outcomes}
