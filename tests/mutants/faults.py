"""Faults that no small change expresses: planted by hand, each named beside the test that sees it.

    @pytest.mark.kills("heads interleaved", "nn/attention.py", "old text", "new text")
    def test_…

The text must occur exactly once in the file; where it has vanished, that fault fails, alone.
"""

import ast
from collections import Counter
from pathlib import Path
from typing import NamedTuple


class Fault(NamedTuple):
    """A fault: its name, the file in ``txlite/``, what replaces what, and the test that sees it."""

    name: str
    file: str
    old: str
    new: str
    test: str

    def planted(self, root: Path) -> str:
        """Return the file with the fault in it."""
        source = (root / "txlite" / self.file).read_text(encoding="utf-8")
        return source.replace(self.old, self.new)

    def trouble(self, root: Path) -> str:
        """Return why it cannot be planted, nothing where it can."""
        path = root / "txlite" / self.file
        if not path.exists():
            return f"there is no {self.file}"
        count = path.read_text(encoding="utf-8").count(self.old)
        if count != 1 or self.old == self.new:
            return f"its text occurs {count} times in {self.file}, not once"
        return ""


def faults(root: Path) -> list[Fault]:
    """Return every fault that a test names, found in the text of the tests."""
    found = []
    for path in sorted((root / "tests").rglob("test_*.py")):
        source = path.read_text(encoding="utf-8")
        if "mark.kills(" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef):
                test = f"{path.relative_to(root).as_posix()}::{node.name}"
                found += [
                    Fault(*words, test) for words in map(_words, node.decorator_list) if words
                ]
    twice = [name for name, count in Counter(f.name for f in found).items() if count > 1]
    if twice:
        raise ValueError(f"the name of each fault must be its own, got twice: {', '.join(twice)}")
    return found


def _words(node: ast.expr) -> list[str]:
    """Return what a decorator says where it is ``pytest.mark.kills``."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.kills":
        return [ast.literal_eval(argument) for argument in node.args]
    return []
